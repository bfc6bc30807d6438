"""From rows of a file to a refined crystal, in Python and from a terminal."""

import dataclasses
import json
import signal
import threading
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.figure import Figure
from random_crystals import ORGANIC, crystal, structure_factors
from variants import slow_but

import jaxtal as jxt
from jaxtal import io
from jaxtal.cli import main
from jaxtal.lattice import Superspace
from jaxtal.phasing._wave_vectors import wave_vectors_within
from jaxtal.plot._style import RED
from jaxtal.refinement import Measurements, Model, complete_model
from jaxtal.refinement._flack import Flack
from jaxtal.reflections import ReflectionTable
from jaxtal.solution import FreeStructure, Rung, Solution
from jaxtal.solution._attempt import Attempt, _of_the_hand, rise
from jaxtal.solution._cell_by_bonds import doubtful_cell, wrong_cell
from jaxtal.solution._metric_by_bonds import metric_by_bonds
from jaxtal.symmetry import SpaceGroup

CELL = [7.1, 9.3, 10.2, 90, 98, 90]
KEYS = {
    *(
        "solved",
        "interrupted",
        "message",
        "space_group",
        "alternatives",
        "r1",
        "wr2",
        "gof",
        "atoms",
    ),
    *("families", "seconds", "cif", "files", "warnings"),
}


def rows(d_min=0.85, noise=0.02, seed=0):
    """Half of the sphere, with the errors of a detector."""
    group, matrix, x = crystal("P 21", CELL, ORGANIC)
    k = wave_vectors_within(Superspace.periodic(CELL), 2 * np.pi / d_min)
    k = k[k.any(axis=1)]
    intensity = np.abs(structure_factors(k, group, matrix, ORGANIC, x)) ** 2
    rng = np.random.default_rng(seed)
    sigma = noise * intensity + 0.02 * intensity.mean()
    return k, intensity + sigma * rng.standard_normal(len(k)), sigma


def table(**stated):
    k, intensity, sigma = rows()
    found = ReflectionTable(k, intensity, sigma=sigma, wavelength=0.71073)
    return found.stating(**{"cell": CELL, "composition": "C10 N2 O2", **stated})


@pytest.fixture(scope="module")
def solved():
    return jxt.solve(table(), seed=1)


def test_rows_become_a_refined_crystal(solved):
    assert solved.solved, solved.message
    assert solved.message.startswith("solved in P 1 21 1: R1 0.0")
    assert solved.refinement.R1 < 0.06
    assert len(solved.refinement.model) == 14
    counts = {e: solved.refinement.model.species.count(e) for e in "CNO"}
    assert counts == {"C": 10, "N": 2, "O": 2}
    assert solved.crystal.group.number == 4
    assert set(solved.seconds) == {"read", "phase", "symmetry", "refine"}
    assert solved.log[-1] == solved.message
    # The structure that made the data, whatever its origin and hand.
    group, matrix, x = crystal("P 21", CELL, ORGANIC)
    W, w = group.rotations, group.translations / group.denominator
    images = np.concatenate([W @ point + w for point in x])
    truth = jxt.Crystal.from_arrays(matrix, images, np.repeat([8, 8, 7, 7] + [6] * 10, len(W)))
    match = jxt.match_crystals(truth, solved.crystal)
    assert match is not None
    assert match.rmsd < 0.05


def test_noise_is_not_solved():
    k, intensity, sigma = rows()
    rng = np.random.default_rng(3)
    wrong = table()
    wrong = ReflectionTable(
        k, rng.exponential(intensity.mean(), len(k)), sigma=sigma, cell=wrong.cell
    )
    found = jxt.solve(wrong, "C10 N2 O2", ladder=[Rung(cycles=300)], starts=3)
    assert not found.solved
    assert found.message.startswith("not ")
    if found.refinement is None:
        with pytest.raises(ValueError, match="refined model"):
            _ = found.crystal
    assert "not " in repr(found)


def test_what_is_missing_is_named():
    k, intensity, sigma = rows(1.5)
    with pytest.raises(ValueError, match="cell"):
        jxt.solve(ReflectionTable(k, intensity, sigma=sigma), "C10 N2 O2")
    with pytest.raises(ValueError, match="expected"):
        jxt.solve(table(), "Xx2")


def write_hkl(path, k, intensity, sigma):
    lines = [
        f"{h:4d}{m:4d}{l:4d}{I:8.2f}{s:8.2f}"
        for (h, m, l), I, s in zip(k, intensity, sigma, strict=True)
    ]
    path.write_text("\n".join([*lines, f"{0:4d}{0:4d}{0:4d}{0:8.2f}{0:8.2f}"]) + "\n")


@pytest.mark.slow
def test_from_a_terminal(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_hkl(tmp_path / "some.hkl", *rows())
    options = ["--cell", *map(str, CELL), "--composition", "C10 N2 O2", "--wavelength", "0.71073"]
    assert main(["solve", "some.hkl", *options, "--json", "--quiet"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found) == KEYS
    assert found["solved"]
    assert found["space_group"] == "P 1 21 1"
    assert len(found["atoms"]) == 14
    assert set(found["atoms"][0]) == {"element", "xyz", "u"}
    names = {path.name for path in (tmp_path / "solve-some").iterdir()}
    endings = (".cif", ".res", "-density.ccp4", "-difference.ccp4", ".png", ".log")
    assert names == {f"some{ending}" for ending in endings}
    assert io.read(found["cif"]).group.number == 4
    assert "R1" in (tmp_path / "solve-some" / "some.log").read_text()


class Interrupter:
    """Progress whose first line that begins so is followed by Ctrl-C, and waits until it came."""

    def __init__(self, beginning):
        self.beginning, self.lines = beginning, []
        self.heard = threading.Event()

    def __call__(self, line):
        self.lines.append(line)
        if line.startswith("interrupted"):
            self.heard.set()
        elif line.startswith(self.beginning) and not self.heard.is_set():
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
            assert self.heard.wait(60)


def test_an_interrupt_ends_the_phasing_with_what_there_is():
    progress = Interrupter("phase:")
    found = jxt.solve(table(), progress=progress)
    assert found.interrupted
    assert not found.solved
    assert found.message.startswith("interrupted during phasing: ")
    assert found.structure.F.shape[0] == 4
    assert np.isfinite(found.structure.values).all()
    assert found.search is found.refinement is None
    assert not any(line.startswith("refine") for line in progress.lines)


def test_an_interrupt_ends_the_refinement_with_the_best_model():
    found = jxt.solve(table(), seed=1, progress=Interrupter("isotropic"))
    assert found.interrupted
    assert not found.solved
    assert "interrupted during refinement" in found.message
    assert "R1" in found.message
    assert len(found.refinement.model) == 14
    assert "stopped before the model was complete" in found.refinement.warnings
    assert not found.refinement.model.anisotropic.any()


def test_an_interrupt_before_anything_is_one():
    with pytest.raises(KeyboardInterrupt):
        jxt.solve(table(), progress=Interrupter("read"))


def test_time_that_is_up_ends_the_stage():
    found = jxt.solve(table(), time_limit=1e-6)
    assert not found.interrupted
    assert not found.solved
    assert found.message.startswith("time is up during phasing: ")
    with pytest.raises(ValueError, match="time_limit"):
        jxt.solve(table(), time_limit=0)


def pretend(monkeypatch, tmp_path, found, *options):
    """The command with a solution that was found before."""
    monkeypatch.chdir(tmp_path)
    write_hkl(tmp_path / "some.hkl", *rows())
    monkeypatch.setattr("jaxtal.cli._solve.solve_structure", lambda *_, **__: found)
    monkeypatch.setattr("jaxtal.cli._solve.solution_figure", lambda *_: Figure())
    return main(["solve", "some.hkl", "--cell", *map(str, CELL), "-o", "out", "--json", *options])


def test_the_cif_holds_the_reflections_on_request(solved, tmp_path, monkeypatch, capsys):
    assert pretend(monkeypatch, tmp_path, solved, "--embed") == 0
    cif = json.loads(capsys.readouterr().out)["cif"]
    again = io.read_reflection_table(cif)
    k, intensity, _ = rows()
    np.testing.assert_array_equal(again.indices, k)
    kept = intensity > 100 * intensity.max() / 99999
    ratio = (again.intensity / intensity)[kept]
    assert np.ptp(ratio) < 1e-2 * ratio[0]
    assert again.cell.tolist() == CELL
    assert again.composition is not None


def test_files_tell_what_was_interrupted(solved, tmp_path, monkeypatch, capsys):
    """What an earlier run left is not taken for a result of this one."""
    assert pretend(monkeypatch, tmp_path, solved) == 0
    cut = dataclasses.replace(
        solved, refinement=None, candidate=None, solved=False, interrupted=True, message="cut"
    )
    capsys.readouterr()
    assert pretend(monkeypatch, tmp_path, cut) == 130
    told = json.loads(capsys.readouterr().out)
    assert told["interrupted"]
    assert told["cif"] is None
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"some-p1.ccp4", "some.png", "some.log"}
    values, cell = io.read_ccp4(tmp_path / "out" / "some-p1.ccp4")
    np.testing.assert_allclose(cell, CELL, rtol=1e-5)
    assert values.max() > 5 * values.std()


def texts(figure):
    shown = [text.get_text() for ax in figure.axes for text in ax.texts]
    return "\n".join([figure.get_suptitle(), *shown, *(ax.get_title() for ax in figure.axes)])


def test_the_picture_tells_the_verdict(solved):
    figure = jxt.plot.solution_figure(solved, "some")
    told = texts(figure)
    for part in ("some: solved in P 1 21 1", f"R1 = {solved.refinement.R1:.4f}", "families: 4"):
        assert part in told
    assert "NOT SOLVED" not in told
    wrong = dataclasses.replace(solved, solved=False, message="not solved: R1 is too high")
    figure = jxt.plot.solution_figure(wrong)
    assert figure.get_suptitle().startswith("NOT SOLVED\nR1 is too high")
    assert figure._suptitle.get_color() == RED
    bare = dataclasses.replace(wrong, refinement=None, candidate=None)
    assert "no refined model" in texts(jxt.plot.solution_figure(bare))


CELL_GIVEN = ("--cell", *map(str, CELL))


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ((), "cell"),
        ((*CELL_GIVEN, "--time", "0"), "--time"),
        ((*CELL_GIVEN, "-o", "."), "-o: expected another folder than that of the data"),
        (("--cell", *["5"] * 3, *["90"] * 3, "--composition", "Q3"), "Q"),
        ((*CELL_GIVEN, "--wavelength", "9"), "cell or wavelength wrong: 9 A reach spacings"),
        ((*CELL_GIVEN, "--composition", "C400 H2"), "400 atoms beside hydrogen in"),
        ((*CELL_GIVEN, "--spacegroup", "P 4/m m m"), "the cell does not have P 4/m m m"),
        ((*CELL_GIVEN, "--spacegroup", "P q"), "P q"),
    ],
)
def test_bad_input_leaves_nothing(tmp_path, monkeypatch, capsys, options, named):
    monkeypatch.chdir(tmp_path)
    write_hkl(tmp_path / "some.hkl", *rows(2.0))
    assert main(["solve", "some.hkl", *options]) == 2
    err = capsys.readouterr().err.splitlines()
    assert len(err) == 1
    assert named in err[0]
    assert [path.name for path in tmp_path.iterdir()] == ["some.hkl"]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "some.hkl"),
        ("1 0 0 12.5 0.3\n0 12 0 3.25 0.5\n", "some.hkl"),
        ("some words\n", "some.hkl"),
        ("   0   0   0    0.00    0.00\n", "some.hkl"),
    ],
    ids=["empty", "free format", "words", "end mark alone"],
)
def test_files_that_hold_no_reflections_are_refused(tmp_path, monkeypatch, capsys, text, named):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "some.hkl").write_text(text)
    assert main(["solve", "some.hkl", *CELL_GIVEN]) == 2
    err = capsys.readouterr().err.splitlines()
    assert len(err) == 1
    assert named in err[0]
    assert [path.name for path in tmp_path.iterdir()] == ["some.hkl"]


def test_the_ladder_is_climbed_until_a_model_is_believed(monkeypatch):
    ladder = [Rung(cycles=n) for n in (5, 6, 7, 8)]
    asked = []

    def phased(reflections, *, radiation, starts, seed, ladder, progress, stop, on_chunk):
        assert on_chunk is None
        # Runs agree on the first rung, and on the third, but not on the second.
        rung = ladder[0] if ladder[0].cycles != 6 else ladder[1]
        asked.append((seed, rung.cycles))
        k, orbit = reflections.orbits.members, reflections.orbits.orbit
        F = np.ones(len(k), complex)
        return FreeStructure(
            *(reflections, k, orbit, np.abs(F), np.stack([F, F]), np.zeros(2), [[0, 1]]),
            *(np.full((2, 2), 0.8), rung, None, False, 0.0, F),
        )

    def tried(given, structure):
        solved = structure.rung.cycles == 7
        return Attempt(structure, None, None, "solved in P 1" if solved else "not solved: R1")

    monkeypatch.setattr("jaxtal.solution._solve.phase_in_p1", phased)
    monkeypatch.setattr("jaxtal.solution._solve.attempt", tried)
    found = jxt.solve(table(), ladder=ladder, seed=3)
    assert found.solved
    assert [cycles for _, cycles in asked] == [5, 7]
    assert asked[0][0] == 3
    assert asked[1][0] != 3
    asked.clear()
    found = jxt.solve(table(), ladder=ladder[:1])
    assert not found.solved
    assert found.message.startswith("not solved: R1")


def test_atoms_that_half_a_model_shows_faintly_are_found():
    group, _, x = crystal("P 21", CELL, ORGANIC)
    data = Measurements.from_table(CELL, group, table(), wavelength=0.71073)
    model = Model.build(data.matrix, group, ORGANIC[:6], x[:6], u_iso=0.03)
    found = complete_model(data, model, composition="C10 N2 O2", hydrogens=False)
    assert len(found.model) == 14
    assert found.R1 < 0.03


def chairs(stretch=(1.0, 1.0, 1.0), last="Na"):
    """Two rings of six carbon atoms, 1.54 A apart, and one more atom, in a cell."""
    a = np.arange(6) * np.pi / 3
    ring = np.stack([1.46 * np.cos(a), 1.46 * np.sin(a), 0.25 * (-1.0) ** np.arange(6)], axis=1)
    turned = ring[:, [2, 0, 1]] + [4.0, 4.0, 4.0]
    cell = np.diag([7.0, 7.2, 7.4])
    frac = np.concatenate([ring + 1.5, turned, [[5.6, 1.0, 5.6]]]) @ np.linalg.inv(cell)
    elements = ["C"] * 12 + [last]
    return Model.build(np.diag(stretch) @ cell, "P 1", elements, frac, u_iso=0.03)


def test_the_group_that_is_told_is_that_of_the_model():
    """Anomalous differences may have turned P 61 into P 65, and rule the other hand out."""
    one, other = (
        SimpleNamespace(group=SpaceGroup.find(name), inverted=inverted)
        for name, inverted in (("P 61", False), ("P 65", True))
    )
    search = SimpleNamespace(best=one, alternatives=(other,))
    model = SimpleNamespace(group=SpaceGroup.find("P 65"))
    for value, esd, named in ((0.02, 0.03, []), (0.4, 0.3, ["P 61"])):
        flack = Flack(value, esd, 100)
        found = SimpleNamespace(model=model, flack=flack)
        chosen = _of_the_hand(search, one, found)
        assert chosen is other
        told = dict.fromkeys(field.name for field in dataclasses.fields(Solution))
        told |= {"search": search, "candidate": chosen, "refinement": found}
        assert Solution(**told).alternatives == named
    found = SimpleNamespace(model=SimpleNamespace(group=one.group), flack=None)
    assert _of_the_hand(search, one, found) is one


def test_bonds_tell_a_wrong_cell():
    assert wrong_cell(chairs()) is None
    assert doubtful_cell(chairs()) is None
    # One axis, and two of three: neither does what is typical tell which.
    assert "wrong: b 7.19(0.2) rather than 9.00 A" in str(wrong_cell(chairs((1.0, 1.25, 1.0))))
    both = str(wrong_cell(chairs((1.0, 1.08, 1.08))))
    assert both.endswith("b 7.14(0.18) rather than 7.78 A, c 7.34(0.19) rather than 7.99 A")
    assert "closer than any bond" in str(wrong_cell(chairs((0.68, 0.68, 0.68))))
    # Atoms at random places have no bonds.
    _, matrix, x = crystal("P 21", CELL, ORGANIC)
    assert wrong_cell(Model.build(matrix, "P 21", ORGANIC, x, u_iso=0.03)) is None
    # No covalent bonds, nothing to say.
    salt = Model.build(np.diag([4.0, 4.0, 9.0]), "P 1", ["Na", "Na"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    assert wrong_cell(salt) is None


def test_amplitudes_that_are_read_as_intensities_are_known_by_the_model():
    rng = np.random.default_rng(0)
    square, stol2 = rng.exponential(size=400), rng.uniform(0.0, 0.3, 400)
    for power in (1.0, 0.5):
        intensity = (square * np.exp(-9 * stol2)) ** power * rng.normal(1.0, 0.05, 400)
        data = SimpleNamespace(
            hkl=np.zeros((400, 3)), intensity=intensity, sigma=0.05 * intensity, stol2=stol2
        )
        found = SimpleNamespace(measured=data, calculated=SimpleNamespace(square=square))
        assert rise(found) == pytest.approx(power, rel=0.05)


@pytest.mark.parametrize("length", [0.94, 1.05])
def test_a_cell_that_is_off_by_some_per_cent_is_said_to_be(length):
    model = chairs((1.0, length, 1.0))
    told = f"rather than {7.2 * length:.2f} A"
    assert told in str(doubtful_cell(model))
    assert wrong_cell(model) is None
    # All claims have it.
    found = SimpleNamespace(model=model, warnings=("another",))
    parts = dict.fromkeys(field.name for field in dataclasses.fields(Solution))
    parts |= {"refinement": found, "report": SimpleNamespace(warnings=("one",))}
    one, another, cell = Solution(**parts).warnings
    assert (one, another) == ("one", "another")
    assert told in cell


def test_a_metric_has_the_symmetry_of_the_crystal():
    # Two chairs that a fourfold axis repeats tell a and b, which are tied, and c.
    single, cell = chairs(), np.diag([20.0, 20.0, 10.0])
    x = (single.frac[:12] @ single.matrix + 2.0) @ np.linalg.inv(cell)
    stretched = np.diag([1.12, 1.12, 1.0]) @ cell
    found = metric_by_bonds(Model.build(stretched, "P 4", ["C"] * 12, x, u_iso=0.03))
    assert found is not None
    assert found.doubt > 1
    np.testing.assert_allclose(found.cell[:3], [20.0, 20.0, 10.0], rtol=0.05)
    assert found.cell[0] == pytest.approx(found.cell[1])
    np.testing.assert_allclose(found.cell[3:], 90.0, atol=1e-6)


def test_a_fifth_of_the_data_is_not_enough_and_said_to_be():
    k, intensity, sigma = rows(1.0)
    # What is about one axis alone: equivalents fill nothing else.
    measured = np.abs(k[:, 1]) >= 6
    few = ReflectionTable(k[measured], intensity[measured], sigma=sigma[measured]).stating(
        cell=CELL
    )
    found = jxt.solve(few, "C10 N2 O2", ladder=[Rung(cycles=20)], starts=2)
    assert not found.solved
    assert " % of the reflections were measured" in found.message


@pytest.mark.parametrize(
    ("name", "number", "r1"),
    slow_but(
        ["ylid"],
        [
            ("ylid", 19, 0.035),
            ("nacl", 225, 0.02),
            ("neutron_c9h10br2", 14, 0.13),
            ("cs_twin_3a", None, 1.0),
        ],
    ),
)
def test_measured_crystals(data_dir, name, number, r1):
    """The twin is refused; R1 of the others with hydrogen atoms is about that of the references.

    Hydrogen atoms of the neutron set are holes in the difference density, half of them disordered.
    """
    folder = data_dir / "reflections" / name
    known = json.loads((folder / "meta.json").read_text())
    stated = {key: known[key] for key in ("cell", "wavelength", "radiation", "composition")}
    found = jxt.solve(io.read_reflection_table(folder / "data.hkl").stating(**stated))
    if number is None:
        assert not found.solved
        assert "twin" in found.message
        return
    assert found.solved, found.message
    assert found.crystal.group.number == number
    assert r1 > found.refinement.R1
