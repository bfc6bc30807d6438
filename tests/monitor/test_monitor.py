"""The live monitor without a browser: addresses, sections, control, pages, what it leaves alone."""

import base64
import contextlib
import dataclasses
import functools
import http.client
import re
import socket
import sys
import textwrap
import threading
import time
from typing import Any

import jax
import numpy as np
import pytest

from jaxtal import crystal, density, monitor, phasing, reconstruct, solution
from jaxtal.cli import main
from jaxtal.descriptors import Descriptor, describe
from jaxtal.grids import Grid
from jaxtal.lattice import Superspace
from jaxtal.monitor import _budget
from jaxtal.monitor._budget import Budget
from jaxtal.monitor._curve import Curve, Point
from jaxtal.monitor._plane_sum import PlaneSum, Waves
from jaxtal.phasing import Control, PhasingProblem, Recipe, Stage, SweepDown, phase
from jaxtal.reflections import Reflections
from jaxtal.symmetry import SpaceGroup, laue_unique

pytest.importorskip("bokeh", reason="the monitor needs bokeh: pip install 'jaxtal[monitor]'")

#: Short, and of two algorithms; the last cycle judges. Chunks of three cycles in all tests are
#: few programs to compile.
SHORT = Recipe(
    (Stage(phasing.RelaxedReflections(), 12), Stage(SweepDown(0.8, 0.97), 13)), restarts=0
)
CHUNK = 3.0
known_model = functools.cache(phasing.model)
QUIET = {"show": False, "tell": lambda line: None}


@pytest.fixture(scope="module")
def problem():
    return PhasingProblem.build(phasing.model("2d", q_max=20.0).reflections)


@pytest.fixture(scope="module")
def grid():
    return Grid(np.eye(2, dtype=int), (45, 48), np.array([0.31, 0.77]))


# --- sections --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["rational", "sheared", "physical", "mixed"])
def test_a_section_is_the_density(kind):
    known = known_model("2d" if kind in ("rational", "sheared") else "modulated")
    orbits, space = known.reflections.orbits, known.reflections.space
    N, d, p = space.dimension, space.n_physical, space.n_internal
    at, basis, edges = np.linspace(0.1, 0.4, N), np.eye(N, dtype=int), 9.0 * np.eye(d)
    plane = {
        "rational": lambda: density.Plane.rational(basis[0], basis[1], at, space),
        "sheared": lambda: density.Plane.rational([1, 2], [-1, 1], at, space),
        "physical": lambda: density.Plane.physical(space, edges[0], edges[1], at),
        "mixed": lambda: density.Plane.mixed(space, edges[0], [6.0] * p, at),
    }[kind]()
    f = known.F * np.exp(-2j * np.pi * orbits.angle)
    found = PlaneSum.build(Waves.of_orbits(orbits), plane, 48 * 48)
    values = found.values(f)
    assert values.shape == found.shape
    random = np.random.default_rng(0)
    i, j = (random.integers(n, size=60) for n in found.shape)
    x = found.left + (i + 0.5) * found.width / found.shape[0]
    y = found.bottom + (j + 0.5) * found.height / found.shape[1]
    points = plane.points((np.stack([x, y], axis=-1) - plane.offset) @ np.linalg.inv(plane.frame))
    expected = np.asarray(density.Density.from_orbits(orbits, f)(points))
    np.testing.assert_allclose(values[i, j], expected, atol=4e-3 * np.abs(expected).max())


def test_a_plane_of_another_dimension_is_refused():
    orbits = phasing.model("2d", q_max=10.0).reflections.orbits
    plane = density.Plane.rational([1, 0, 0], [0, 1, 0])
    with pytest.raises(ValueError, match="expected one in 2 dimensions, got 3"):
        PlaneSum.build(Waves.of_orbits(orbits), plane)


# --- address, token, origin -------------------------------------------------------------------


def get(port, path, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    with contextlib.closing(connection):
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace")


def handshake(port, path, origin):
    """The first line that a websocket gets."""
    key = base64.b64encode(b"0123456789abcdef").decode()
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key}",
        "Sec-WebSocket-Version: 13",
        f"Origin: {origin}",
        # Bokeh's own protocol, with a session that there is not.
        "Sec-WebSocket-Protocol: bokeh, e30.e30",
    ]
    with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
        line.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        return line.recv(4096).decode(errors="replace").splitlines()[0]


@pytest.fixture(scope="module")
def shown():
    with monitor.PhasingMonitor(**QUIET) as made:
        yield made


def test_the_page_is_behind_a_token_and_needs_no_network(shown):
    match = re.fullmatch(r"http://127\.0\.0\.1:(\d+)/([\w-]{30,})/", shown.address)
    assert match
    port, token = int(match[1]), match[2]
    status, text = get(port, f"/{token}/")
    assert status == 200
    # Scripts come from the same server, below the token.
    sources = re.findall(r'(?:src|href)="([^"]+)"', text)
    scripts = [one for one in sources if one.endswith(".js") or ".js?" in one]
    assert scripts
    assert all(one.startswith(f"/{token}/static/") for one in scripts)
    assert all(one.startswith((f"/{token}/", "data:")) for one in sources)
    assert get(port, scripts[0])[0] == 200
    other = token[:-1] + ("y" if token[-1] == "x" else "x")
    for path in ("/", "/static/js/bokeh.min.js", "/ws", f"/{other}/"):
        assert get(port, path)[0] == 404, path


def port_and_token(shown):
    words = shown.address.split("/")
    return int(words[2].split(":")[1]), words[3]


def test_resources_do_not_follow_the_environment(monkeypatch, shown):
    monkeypatch.setenv("BOKEH_RESOURCES", "cdn")
    port, token = port_and_token(shown)
    assert "cdn.bokeh.org" not in get(port, f"/{token}/")[1]


def test_foreign_origins_are_refused(shown):
    port, token = port_and_token(shown)
    assert "403" in handshake(port, f"/{token}/ws", "http://example.org")
    assert "403" in handshake(port, f"/{token}/ws", f"http://127.0.0.1:{port + 1}")
    assert "403" not in handshake(port, f"/{token}/ws", f"http://127.0.0.1:{port}")


def test_only_this_machine_is_listened_to(shown):
    port, _ = port_and_token(shown)
    own = {
        str(info[4][0]) for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)
    }
    for address in own - {"127.0.0.1"}:
        if not address.startswith("127."):
            with pytest.raises(OSError, match=r"refused|unreachable|timed out"):
                socket.create_connection((address, port), timeout=2)


# --- the run does not know --------------------------------------------------------------------


def run(problem, grid, **options):
    return phase(problem, grid=grid, recipe=SHORT, starts=3, seed=5, batch=1, **options)


def test_the_run_is_the_same_bit_for_bit(problem, grid):
    from bokeh.document import Document

    from jaxtal.monitor._density_page import DensityPage

    alone = run(problem, grid)
    # Eight chunks of each start.
    with monitor.PhasingMonitor(**QUIET) as made:
        made.news.control._work = CHUNK * grid.size
        page = DensityPage(Document(), made)
        found = run(problem, grid, control=made.control, observers=made.observers)
        made.finish(found.message)
        np.testing.assert_array_equal(found.f, alone.f)
        assert found.message == alone.message
        # What the page shows of it.
        made.news.work(20.0)
        page._push(None, 2, False)
        page.show(page.prepare())
        assert page.begun
        tables = [curve.table() for curve in made.news.curves.values()]
    assert len(tables) == 3
    for start, table in enumerate(tables):
        assert len(table["cycle"]) >= 4
        assert (np.diff(table["cycle"]) > 0).all()
        deciles = np.stack([table[f"d{i}"] for i in range(11)])
        assert (np.diff(deciles, axis=0) >= 0).all()
        assert table["r_factor"][-1] == pytest.approx(found.starts[start].r_factor)
        inner = np.isfinite(table["flipped"])
        assert inner.sum() >= 2
        assert ((table["flipped"][inner] > 0) & (table["flipped"][inner] < 1)).all()
    np.testing.assert_array_equal(made.news.amplitudes(0), found.f[0])
    assert made.news.families.starts == [0, 1, 2]
    assert not any("monitor:" in line for line in made.news.lines)


def test_observed_points_are_those_of_every_cycle(problem, grid, monkeypatch):
    from jaxtal.monitor import _observer

    monkeypatch.setattr(_observer, "INSIDE", 0)
    made: Any = monitor.PhasingMonitor(**QUIET)
    observers = (_observer.look_inside, phasing.deciles, phasing.r_factor)
    found = run(problem, grid, control=made.control, observers=observers)
    table = made.news.curves[0].table()
    assert table["cycle"].tolist() == list(range(24))
    records = [values for _, values in found.starts[0].records]
    expected = np.concatenate([values[2] for values in records])
    np.testing.assert_allclose(table["r_factor"], expected, rtol=1e-5)
    whole = np.concatenate([values[1] for values in records])
    np.testing.assert_allclose(table["d10"], whole[:, 10], rtol=1e-5)
    # Of a subsample, and of all points.
    spread = whole[:, 9] - whole[:, 1]
    assert (np.abs(table["d5"] - whole[:, 5]) < 0.1 * spread).all()


def test_a_budget_is_kept(monkeypatch):
    now = [0.0, 0.0]  # wall time, processor time
    monkeypatch.setattr(_budget, "_clocks", lambda: tuple(now))
    budget = Budget(0.5, credit=0.1)
    assert budget.left == pytest.approx(0.1)
    budget.pay(0.2)
    assert budget.left == pytest.approx(-0.1)
    now[0] += 0.3
    assert budget.left == pytest.approx(0.05)
    now[0] += 100.0
    assert budget.left == pytest.approx(0.3)
    with pytest.raises(ValueError, match=r"share: expected a number in \(0, 1\], got 0"):
        Budget(0)
    # A run that computes on processors earns only what they have given it.
    waiting = Budget(0.5, credit=0.0, processors=lambda: True)
    now[0] += 0.4
    now[1] += 0.1
    assert waiting.left == pytest.approx(0.05)


def test_a_thread_pays_for_what_it_computes(monkeypatch):
    own = [1.0]
    monkeypatch.setattr(_budget.time, "thread_time", lambda: own[0])
    budget = Budget(0.01, credit=0.0)
    budget.settle()
    assert budget.spent == 0
    own[0] += 0.1
    budget.settle(free=True)
    assert budget.spent == 0
    own[0] += 0.2
    budget.settle()
    assert budget.spent == pytest.approx(0.2)


class Tab:
    """What the thread that waits for pages knows of one."""

    def __init__(self, seen=False, opening=float("inf")):
        self.seen_the_end, self.opening = seen, opening


@pytest.mark.parametrize(
    ("tabs", "longest", "least"),
    [
        ([], 0.0, 0.0),
        ([Tab(seen=True)], 0.0, 0.0),
        ([Tab(), Tab(seen=True)], 60.0, 60.0),
        ([Tab(seen=True, opening=2.0)], 5.0, 4.0),
    ],
    ids=["none", "seen or gone", "slow", "loading"],
)
def test_a_page_that_is_open_is_waited_for_but_not_for_ever(monkeypatch, tabs, longest, least):
    from jaxtal.monitor import _painter

    now, told = [0.0], []

    def sleep(seconds):
        now[0] += seconds
        for tab in tabs:
            tab.opening += seconds

    news = monitor.PhasingMonitor(**QUIET).news
    painter = _painter.Painter(news, Budget(0.1), 0.3)
    for tab in tabs:
        painter.add(tab)
    monkeypatch.setattr(_painter.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(_painter.time, "sleep", sleep)
    painter.farewell("", False, told.append)
    assert least <= now[0] <= longest + 1.0
    assert len(told) == (2 if longest == 60.0 else 0)


def test_the_last_picture_does_not_wait_for_the_one_before():
    from bokeh.document import Document

    from jaxtal.monitor._density_page import DensityPage

    made: Any = monitor.PhasingMonitor(**QUIET)
    page = DensityPage(Document(), made)
    page.pictures = 1
    tasks: list[Any] = []
    page._later = lambda task: tasks.append(task)
    assert page.waits
    page.draw()
    assert not page.waits
    assert not page.wants_the_end  # on its way through the server
    tasks.pop()()
    assert not page.waits
    assert page.wants_the_end
    page.draw(True)
    tasks.pop()()
    assert not page.wants_the_end
    assert not page.seen_the_end
    page._drawn("", "1", "3")
    assert page.seen_the_end


def test_changes_of_one_turn_are_one_message():
    import asyncio

    from jaxtal.monitor._server import _Connection

    sent: list[Any] = []

    class Line:
        async def send_message(self, message):
            sent.append(message)

    made: Any = object.__new__(_Connection)
    made._changes, made._socket = [], Line()
    made._protocol = type("P", (), {"create": lambda self, kind, events: (kind, events)})()

    async def turn():
        for one in [made.send_patch_document(event) for event in "abc"]:
            await one

    asyncio.run(turn())
    assert sent == [("PATCH-DOC", ["a", "b", "c"])]


def test_states_that_wait_are_thinned_and_points_sorted():
    curve = Curve(0)
    curve.begin(0)
    for i in range(1000):
        curve.wait(i)
    assert curve.waiting <= 64
    assert curve.newest() == 999
    for i in range(5):
        curve.wait(i, 1 << 40)
    assert curve.newest() == 4
    assert curve.waiting <= 2
    for cycle in (5, 3, 9):
        curve.add(0, Point(cycle, np.arange(11.0)))
    curve.add(1, Point(1, np.arange(11.0)))  # of another attempt
    assert curve.table()["cycle"].tolist() == [3, 5, 9]
    curve.know(0, 9, "late")
    curve.know(0, 5, "early")
    assert curve.amplitudes == "late"


# --- control ----------------------------------------------------------------------------------


def test_a_run_is_held_stepped_and_stopped_from_another_thread(problem, grid):
    cycles = []
    control = Control(lambda now: cycles.append(now.attempt.cycle), work=CHUNK * grid.size)
    control.pause()
    found = []
    thread = threading.Thread(
        target=lambda: found.append(run(problem, grid, control=control)), daemon=True
    )
    thread.start()

    def until(count):
        end = time.monotonic() + 60
        while len(cycles) < count:
            assert time.monotonic() < end
            time.sleep(0.01)
        time.sleep(0.3)
        assert len(cycles) == count

    until(1)
    control.step()
    until(2)
    control.step()
    until(3)
    assert control.paused
    control.stop()
    thread.join(60)
    assert found[0].interrupted
    assert len(cycles) == 3


def test_numbers_change_between_chunks_and_the_checkpoint_stays(problem, grid, tmp_path):
    control = Control(work=CHUNK * grid.size)
    values = []

    def watch(now):
        state = now.attempt.state
        if state is None:
            return
        algorithm = now.recipe.stages[now.attempt.stage].algorithm
        values.append((now.attempt.stage, now.attempt.cycle, algorithm.changeable(state.memory)))
        if now.attempt.stage == 0 and now.attempt.cycle == 3:
            control.change("beta", 0.25)
            control.change("unknown", 1.0)
        if now.attempt.stage == 1 and now.attempt.cycle == 3:
            control.change("fraction", 5.0)

    control._on_chunk = watch
    kept = tmp_path / "run.npz"
    changed = phase(
        problem, grid=grid, recipe=SHORT, starts=1, seed=5, control=control, checkpoint=kept
    )
    betas = [numbers["beta"][2] for stage, _, numbers in values if stage == 0]
    assert betas[:3] == [0.5, 0.25, 0.25]
    fractions = [numbers["fraction"][2] for stage, _, numbers in values if stage == 1]
    # Within the limits, and sinking again from there.
    assert fractions[0] == pytest.approx(0.8 * 0.97**3, rel=1e-5)
    assert fractions[1] == pytest.approx(0.98 * 0.97**3, rel=1e-5)
    plain = phase(problem, grid=grid, recipe=SHORT, starts=1, seed=5)
    assert not np.array_equal(changed.f, plain.f)
    # The result tells what was changed, and when; done again, it is the same.
    told = [(one.name, one.starts, one.attempt, one.stage, one.cycle) for one in changed.changes]
    assert told == [("beta", (0,), 0, 0, 3), ("fraction", (0,), 0, 1, 3)]
    assert [one.value for one in changed.changes] == pytest.approx([0.25, 0.98])
    assert plain.changes == ()

    def repeat(now):
        for one in changed.changes:
            if (now.attempt.stage, now.attempt.cycle) == (one.stage, one.cycle):
                second.change(one.name, one.value)

    second = Control(repeat, work=CHUNK * grid.size)
    repeated = phase(problem, grid=grid, recipe=SHORT, starts=1, seed=5, control=second)
    np.testing.assert_array_equal(repeated.f, changed.f)
    assert repeated.changes == changed.changes
    if kept.exists():
        again = phase(problem, grid=grid, recipe=SHORT, starts=1, seed=5, checkpoint=kept)
        np.testing.assert_array_equal(again.f, plain.f)


@pytest.mark.parametrize(
    ("algorithm", "names"),
    [
        (phasing.ChargeFlipping(), ["sigmas"]),
        (phasing.ChargeFlipping(threshold=1.0), []),
        (phasing.RandomisedMedian(), ["threshold", "decrement"]),
        (phasing.LowDensityElimination(), ["peak"]),
    ],
)
def test_every_algorithm_says_what_can_be_changed(problem, algorithm, names):
    observed = problem.observed()
    f = np.asarray(observed.lower, np.complex64)
    state = algorithm.init(observed, jax.numpy.asarray(f), jax.random.key(0))
    limits = algorithm.changeable(state)
    assert list(limits) == names
    for name, (low, high, _) in limits.items():
        middle = jax.numpy.asarray((low + high) / 2, observed.lower.dtype)
        other, after = algorithm.changed(name, middle, state)
        assert other.changeable(after)[name][2] == pytest.approx((low + high) / 2)


# --- solution ---------------------------------------------------------------------------------


def test_runs_in_p1_are_the_same_and_shown():
    from bokeh.document import Document

    from jaxtal.monitor._density_page import DensityPage

    group, space = SpaceGroup.find("P -1"), Superspace.periodic([5.0, 6.0, 7.0, 80, 95, 100])
    k = np.stack(np.meshgrid(*[np.arange(-4, 5)] * 3), axis=-1).reshape(-1, 3)
    k = np.unique(laue_unique(k[k.any(axis=1)], group.laue_rotations)[0], axis=0)
    intensity = np.random.default_rng(1).exponential(size=len(k))
    reflections = Reflections.from_arrays(space, group, k, intensity)
    ladder = (solution.Rung(cycles=120),)
    alone = solution.phase_in_p1(reflections, starts=2, ladder=ladder)
    with monitor.SolutionMonitor(**QUIET) as made:
        page = DensityPage(Document(), made)
        found = solution.phase_in_p1(
            reflections, starts=2, ladder=ladder, progress=made.said, on_chunk=made.take
        )
        made.finish(found.message)
        np.testing.assert_array_equal(found.F, alone.F)
        made.news.work(20.0)
        page._push(None, 2, False)
        page.show(page.prepare())
    assert not any("monitor:" in line for line in made.news.lines)
    for curve in made.news.curves.values():
        table = curve.table()
        assert table["cycle"].tolist() == [100, 120]
        assert (table["r_factor"] > 0).all()
        # Of two neighbouring looks.
        assert np.isfinite(table["phase_change"]).tolist() == [False, True]
    assert made.news.families.starts == [0, 1]
    assert page._panels[0]._image.data["image"][0].std() > 0


def test_a_solution_logs_what_is_changed():
    from jaxtal.solution._job import Job
    from jaxtal.solution._phase_in_p1 import FreeNews
    from jaxtal.solution._stop import Stop

    job, rung = Job(None, Stop(None)), solution.Rung()
    wanted: list[Any] = [None, (rung.beta, rung.support), (0.3, 0.2), (0.3, 0.2)]
    hear = job.hearing(lambda news: wanted.pop(0))
    assert hear is not None
    nothing: Any = None
    for cycle in (100, 200, 300, 400):
        hear(FreeNews(1, rung, cycle, *[nothing] * 6))
    assert job.log == ["phase: run 1, from cycle 300 on: beta 0.3, support 0.2"]


# --- reconstruction ---------------------------------------------------------------------------


def test_a_reconstruction_is_the_same_and_shown(tmp_path):
    from bokeh.document import Document

    from jaxtal.monitor._reconstruction_page import ReconstructionPage

    like = crystal.prototype("alpha-quartz")
    target = describe(like, Descriptor(4, 4, 4.0, n_bins=20))
    options = {"starts": 4, "perturbation": (0.02, 0.1), "progress": False}
    options["optimiser"] = reconstruct.Adam(steps=60, learning_rate=0.02)
    alone = reconstruct.from_descriptor(target, like, **options)
    with monitor.ReconstructionMonitor(folder=tmp_path, **QUIET) as made:
        page = ReconstructionPage(Document(), made)
        found = reconstruct.from_descriptor(target, like, on_chunk=made.take, **options)
        made.finish(found.message)
        np.testing.assert_array_equal(found.variables, alone.variables)
        np.testing.assert_array_equal(found.history, alone.history)
        assert made.news.work(5.0)
        page._push(None, 2, False)
        page.show(page.prepare())
        files = made.save(page)
    assert not any("monitor:" in line for line in made.news.lines)
    assert made.news.losses.shape[0] == 4
    assert made.news.best.loss <= np.nanmin(found.history[:, -1]) * (1 + 1e-6)
    assert len(page._crystal._atoms.data["x"]) >= 9
    assert [path.suffix for path in files] == [".csv", ".cif", ".html"]
    assert len(files[0].read_text().splitlines()) == 1 + made.news.losses.shape[1]
    assert "cdn.bokeh" not in files[2].read_text()


def test_a_search_from_a_composition_is_the_same_and_shown(tmp_path):
    from bokeh.document import Document

    from jaxtal.monitor._composition_page import CompositionPage

    like = crystal.prototype("cesium-chloride")
    target = describe(like, Descriptor(4, 4, 6.0, n_bins=61))
    options: Any = {"atoms": 2, "groups": (221,), "progress": False}
    alone = reconstruct.from_composition(target, "CsCl", **options)
    assert alone.success
    with monitor.CompositionMonitor(folder=tmp_path, **QUIET) as made:
        page = CompositionPage(Document(), made)
        found = reconstruct.from_composition(target, "CsCl", on_chunk=made.take, **options)
        made.finish(found.message)
        assert made.news.work(1.0)
        page._push(None, 2, False)
        page.show(page.prepare())
        files = made.save(page)
    assert [one.loss for one in found.solutions] == [one.loss for one in alone.solutions]
    assert found.tried == alone.tried == len(made.news.losses)
    assert made.news.closest.loss == found.solutions[0].loss
    assert not any("monitor:" in line for line in made.news.lines)
    # G by the lattice alone is the target's.
    x, y = (np.asarray(page._explained.data[name]) for name in "xy")
    known = np.interp(x, target.specification.rdf_centres, np.asarray(target.rdf))
    np.testing.assert_allclose(y, known, atol=1e-4 * known.max())
    assert min(page._tried.data["y"]) <= 1e-8
    assert len(page._crystal._atoms.data["x"]) == 9
    names = ["monitor-001.csv", "monitor-001-lattices.csv", "monitor-001.cif", "monitor-001.html"]
    assert [path.name for path in files] == names
    assert len(files[0].read_text().splitlines()) == 1 + found.tried
    assert len(files[1].read_text().splitlines()) == 1 + found.lattices


# --- the cell of a notebook -------------------------------------------------------------------


def test_a_notebook_shows_the_page_in_its_cell(monkeypatch):
    from jaxtal.monitor import _opened, _painter

    shown: list[str] = []
    monkeypatch.setattr(_opened, "_cell", lambda: shown.append)
    monkeypatch.setattr(_painter, "_OPENING", 0.1)
    with monitor.PhasingMonitor(tell=lambda line: None) as made:
        assert shown == [made.address]
        assert _opened.opened(made.address)


@pytest.mark.slow
def test_a_notebook_that_is_executed_shows_the_page_in_its_cell():
    nbformat = pytest.importorskip("nbformat")
    client = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    code = """
    import urllib.request
    import jaxtal as jxt
    from jaxtal import monitor
    with monitor.PhasingMonitor() as shown:
        with urllib.request.urlopen(shown.address) as page:
            print(page.status, shown.address)
        found = jxt.phase(
            jxt.phasing.model("2d", q_max=10.0).reflections,
            recipe=jxt.phasing.Recipe((jxt.phasing.Stage(jxt.phasing.SweepDown(), 4),)),
            starts=2,
            control=shown.control,
            observers=shown.observers,
        )
    print(len(found.starts), shown.news.curves[0].waiting)
    """
    cell = nbformat.v4.new_code_cell(textwrap.dedent(code))
    book = nbformat.v4.new_notebook(cells=[cell])
    client.NotebookClient(book, timeout=300, kernel_name="python3").execute()
    outputs = book.cells[0].outputs
    said = "".join(one.text for one in outputs if one.get("name") == "stdout")
    status, address = said.split()[:2]
    assert status == "200"
    (frame,) = [one for one in outputs if one.output_type == "display_data"]
    assert f'src="{address}"' in frame.data["text/html"]


# --- the command line and bad input -----------------------------------------------------------


@pytest.mark.parametrize("option", [["--port", "8000"], ["--no-open"]])
def test_options_of_a_monitor_need_one(option, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["phase", "--demo", "icosahedral", *option]) == 2
    assert f"{option[0]}: no use without --monitor" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_port_that_is_taken_is_refused():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(ValueError, match=f"port: expected one that is free, got {port}"),
            monitor.PhasingMonitor(port=port, **QUIET),
        ):
            pass
    with pytest.raises(ValueError, match="port: expected a number from 0 to 65535, got 70000"):
        monitor.PhasingMonitor(port=70000, **QUIET)


def test_without_bokeh_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "bokeh", None)
    with pytest.raises(ValueError, match=r"pip install 'jaxtal\[monitor\]'"):
        monitor.PhasingMonitor(**QUIET)


def test_a_server_that_dies_lets_a_paused_run_go_on():
    with monitor.PhasingMonitor(refresh=0.05, **QUIET) as made:
        made.pause()
        made._server.close()
        end = time.monotonic() + 20
        while made.control.paused:
            assert time.monotonic() < end
            time.sleep(0.02)


def test_planes_that_are_none_are_refused_and_the_last_one_stays():
    from jaxtal.monitor._plane_panel import PlanePanel

    space = known_model("modulated").reflections.space
    panel = PlanePanel()
    panel.begin(space)
    first = panel.plane
    panel._kind.value = "rational"
    panel._u.value = "1 0 x"
    assert "first: expected 4 numbers" in panel._said.text
    panel._u.value = "1 0 0 0"
    panel._v.value = "2 0 0 0"
    assert "independent" in panel._said.text
    panel._v.value = "0 0 0 1"
    assert panel._said.text == ""
    assert panel.plane is not first
    np.testing.assert_array_equal(panel.plane.edges, [[1, 0, 0, 0], [0, 0, 0, 1]])
    panel._kind.value = "mixed"
    assert panel._said.text == ""
    assert len(panel._v.value.split()) == 1
    assert dataclasses.is_dataclass(panel.plane)
