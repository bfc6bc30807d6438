"""Runs on eight devices of a CPU: equal numbers, nothing sent, few programs. Prints JSON.

`python eight_devices.py FOLDER [long]`, a folder to write to. The command line comes first: it
makes the devices.
"""

import json
import pathlib
import re
import sys

import equinox as eqx
import jax
import numpy as np
from short_phasing import GRID, SHORT, short_phasing, short_problem

import jaxtal as jxt
from jaxtal._core import dealt, mesh_of
from jaxtal.cli import main
from jaxtal.crystal import CrystalBatch, host_crystal
from jaxtal.losses import MetricLoss
from jaxtal.metric._size_classes import BATCH, _class_of, _padded, _program
from jaxtal.phasing import r_factor
from jaxtal.phasing._attempt import Attempt
from jaxtal.phasing._stage_tables import Workspace
from jaxtal.phasing._starts_on_mesh import StartsOnMesh, _scan_starts

SENDING = r"all-gather|all-reduce|all-to-all|collective-permute|reduce-scatter|collective-broadcast"
COMPILED = [0]
SMALL = {"n_max": 2, "l_max": 2, "q_max": 3.0}


def listen(event: str, seconds: float, **_: object) -> None:
    COMPILED[0] += event == "/jax/core/compile/backend_compile_duration"


def new_programs(run) -> int:
    before = COMPILED[0]
    jax.block_until_ready(run())
    return COMPILED[0] - before


def sent(f, *rows) -> list[str]:
    """What a compiled function of rows that have been dealt sends between devices."""
    placed = dealt(rows, mesh_of(8))
    text = str(jax.jit(f).lower(*placed).compile().as_text())
    return sorted(set(re.findall(SENDING, text)))


def farthest(one, other) -> float:
    """Largest difference of two trees, of the largest number of each array."""
    pairs = zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True)
    return max(
        float(np.max(np.abs(a - b)) / max(np.max(np.abs(a)), 1e-30))
        for a, b in ((np.asarray(a, complex), np.asarray(b, complex)) for a, b in pairs)
    )


def some_crystals(n: int, seed: int) -> list:
    rng = np.random.default_rng(seed)
    kinds = [jxt.prototype(name).expand() for name in ("alpha-quartz", "beta-quartz")]
    places = [np.asarray(kind.frac_coords) for kind in kinds]
    moves = 0.02 * rng.normal(size=(n, *places[0].shape)).astype(np.float32)
    return [
        eqx.tree_at(lambda c: c.frac_coords, kinds[i % 2], places[i % 2] + moves[i])
        for i in range(n)
    ]


def of_plans(report: dict) -> None:
    batch = CrystalBatch.from_crystals(some_crystals(19, 0))
    # The first half of a plan of descriptors; what devices do to the second is that of `describe`.
    plan = jxt.Descriptor(**SMALL).plan(batch).reflections
    plan(batch, mesh=8)
    # The program that 19 crystals were filled up for.
    other = CrystalBatch.from_crystals(some_crystals(24, 1))
    report["plan again"] = new_programs(lambda: plan(other, mesh=8))
    found = plan(other, mesh=8)
    report["dealt"] = len({s.device for s in found.intensity.addressable_shards})
    report["sent"] = sent(lambda b: plan(b, mesh=8), other)


def of_losses(report: dict) -> None:
    batch = CrystalBatch.from_crystals(some_crystals(19, 0))
    whole, plan = batch[:16], jxt.Descriptor(**SMALL).plan(batch)
    explicit = jax.make_mesh((4, 2), ("a", "b"))
    one, two = plan(batch, mesh=1), plan(batch, mesh=explicit)
    report["plan"] = farthest(plan(batch), plan(batch, mesh=8))
    report["meshes"] = [farthest(one, two), farthest(plan(whole, mesh=explicit), one[:16])]
    loss = MetricLoss(jxt.CrystalMetric(n_max=2, l_max=2, q_max=6.0).plan(batch))
    wanted = loss.represent(whole, mesh=8)

    def slopes(matrix, mesh):
        moved = eqx.tree_at(lambda b: b.matrix, batch[1:17], matrix)
        values, back = jax.vjp(lambda m: values_of(moved, m, mesh), matrix)
        return values, back(values)[0]

    def values_of(moved, matrix, mesh):
        return loss(eqx.tree_at(lambda b: b.matrix, moved, matrix), wanted, mesh=mesh)[0]

    matrix = batch[1:17].matrix
    found = [jax.jit(slopes, static_argnums=1)(matrix, mesh) for mesh in (None, mesh_of(8))]
    report["loss"] = farthest(*found)
    report["sent by gradients"] = sent(lambda m: slopes(m, mesh_of(8)), matrix)


def of_metrics(report: dict) -> None:
    metric = jxt.CrystalMetric(n_max=2, l_max=2, q_max=6.0, composition=1)
    crystals = some_crystals(11, 2)
    lone, eight = metric(crystals), metric(crystals, mesh=8)
    assert lone.complete.all()
    report["metric"] = farthest(lone, eight)
    others = some_crystals(20, 3)
    report["metric again"] = new_programs(lambda: metric(others, mesh=8))
    kind = _class_of(host_crystal(crystals[0]), metric)
    plan, program = _program(metric, kind, "float32", mesh_of(8))
    rows = _padded([], kind.size, np.arange(8 * BATCH), np.float32)
    report["sent by fingerprints"] = sent(lambda *rows: program(plan, rows), *rows)


def of_phasing(report: dict) -> None:
    problem = short_problem()
    lone, eight = short_phasing(problem), short_phasing(problem, mesh=8)
    report["phase"] = farthest(lone.f, eight.f)
    report["verdicts"] = [[s.converged for s in one.starts] for one in (lone, eight)]
    report["phase again"] = new_programs(
        lambda: short_phasing(problem, mesh=8, starts=10, seed=7).f
    )
    workspace = Workspace.build(problem, SHORT, GRID, 0, np.float32)
    attempts = [Attempt.new(0, start, 0) for start in range(8)]
    for attempt in attempts:
        attempt.enter(workspace, SHORT)
    states = jax.tree.map(lambda *x: jax.numpy.stack(x), *[a.state for a in attempts])
    on_mesh = StartsOnMesh.of_several(mesh_of(8), workspace)
    shared = on_mesh._transforms[0], on_mesh._observed, SHORT.stages[0].algorithm
    report["sent by phasing"] = sent(
        lambda states: _scan_starts(shared, states, on_mesh._mesh, 3, (), False), states
    )


def of_records(report: dict) -> None:
    problem = short_problem()
    one, eight = (short_phasing(problem, mesh=n, observers=(r_factor,)) for n in (1, 8))
    records = [[start.records for start in found.starts] for found in (one, eight)]
    report["records"] = [farthest(*records), len(jax.tree.leaves(records[1]))]


def of_commands(report: dict, folder: pathlib.Path) -> None:
    out = [str(folder / name) for name in ("lone.npz", "eight.npz")]
    small = ["--n-max", "2", "--l-max", "2", "--q-max", "3", "--quiet"]
    names = ["alpha-quartz", "beta-quartz"]
    codes = [main(["describe", *names, "-o", out[1], "--devices", "8", *small])]
    report["devices"] = jax.local_device_count()
    codes.append(main(["describe", *names, "-o", out[0], *small]))
    codes.append(main(["describe", *names, "-o", out[0], "--devices", "9", *small]))
    report["commands"] = codes
    lone, eight = (jxt.io.read_descriptions(name)[0] for name in out)
    report["describe"] = farthest(lone, eight)


if __name__ == "__main__":
    place, facts = pathlib.Path(sys.argv[1]), {}
    jax.monitoring.register_event_duration_secs_listener(listen)
    of_commands(facts, place)
    of_plans(facts)
    of_metrics(facts)
    of_phasing(facts)
    if sys.argv[2:] == ["long"]:
        of_losses(facts)
        of_records(facts)
    (place / "report.json").write_text(json.dumps(facts))
