"""`reconstruct`: what it writes, prints and returns."""

import dataclasses
import errno
import gc
import os
import signal
import time

import ase.build
import jax.numpy as jnp
import numpy as np
import pytest
from matplotlib.figure import Figure

import jaxtal as jxt
from jaxtal.cli import _rebuilt, _reconstruct

SMALL = ("--starts", 4, "--steps", 50, "--n-max", 4, "--l-max", 4)
FILES = {"reconstructed.cif", "history.csv", "reconstruction.png"}


def names(folder):
    return {path.name for path in folder.iterdir()}


def altered(monkeypatch, **changes):
    """Let the search return something else than it found."""
    search = _reconstruct.from_descriptor

    def patched(*args, **kwargs):
        return dataclasses.replace(search(*args, **kwargs), **changes)

    monkeypatch.setattr(_reconstruct, "from_descriptor", patched)


def test_a_crystal_comes_back(run, tmp_path):
    result = run("reconstruct", "diamond", *SMALL, "--seed", 3, "--json")
    found = result.json
    assert result.code == 0
    assert "error" not in result.err
    assert found["success"] is True
    assert found["converged"] is True
    assert found["rmsd"] < 0.01
    assert found["cell_error"] < 1e-3
    assert found["best_loss"] < 1e-8
    assert found["starts"] == 4
    assert 1 <= found["converged_starts"] <= 4
    assert 0 < found["seconds"] < 600
    assert found["cif"] == "reconstruction-diamond/reconstructed.cif"
    folder = tmp_path / "reconstruction-diamond"
    assert names(folder) == FILES
    again = jxt.io.read(folder / "reconstructed.cif")
    assert again.group.number == 227
    match = jxt.match_crystals(jxt.prototype("diamond"), again)
    assert match.rmsd < 0.01
    assert match.cell_error < 1e-3
    table = np.genfromtxt(folder / "history.csv", delimiter=",", names=True)
    assert table.dtype.names == ("step", "start_0", "start_1", "start_2", "start_3")
    assert len(table) >= 50
    assert min(table[-1].tolist()[1:]) < 1e-8
    assert (folder / "reconstruction.png").read_bytes().startswith(b"\x89PNG")


def test_readable_output_and_perturbed_starts_of_a_file(run, tmp_path):
    jxt.io.write_cif(jxt.prototype("diamond"), tmp_path / "my diamond.cif")
    result = run(
        *("reconstruct", "my diamond.cif", *SMALL),
        *("--perturb", 0.1, 0.3, "-o", "deep/folder", "--quiet"),
    )
    assert (result.code, result.err) == (0, "")
    for text in ("F d -3 m:2 (227): C 8a", "RMSD", "of 4 (loss", "the crystal is rebuilt"):
        assert text in result.out
    assert "deep/folder/reconstructed.cif" in result.out
    assert names(tmp_path / "deep" / "folder") == FILES


def test_seeds_decide_the_result(run, tmp_path):
    histories = []
    for seed in (0, 0, 1):
        assert run("reconstruct", "diamond", *SMALL, "--seed", seed, "-o", "x").code == 0
        histories.append((tmp_path / "x" / "history.csv").read_text())
    assert histories[0] == histories[1] != histories[2]


def test_not_converged_is_exit_code_one(run, monkeypatch, tmp_path):
    converged = np.zeros(4, bool)
    altered(monkeypatch, success=False, converged=converged, solutions=(), loss=0.3)
    result = run("reconstruct", "diamond", *SMALL)
    assert result.code == 1
    assert "0 of 4" in result.out
    assert "not converged" in result.out
    # Nothing that has not converged is called reconstructed.
    folder = tmp_path / "reconstruction-diamond"
    assert names(folder) == (FILES - {"reconstructed.cif"}) | {"not-converged.cif"}


def test_a_failure_is_told_in_red(run, monkeypatch):
    drawn = {}

    def figure(*args, **options):
        drawn.update(options)
        return Figure()

    monkeypatch.setattr(_reconstruct, "reconstruction_figure", figure)
    assert run("reconstruct", "diamond", *SMALL).code == 0
    assert drawn["failure"] == ""
    altered(monkeypatch, best=jxt.prototype("silicon"))
    run("reconstruct", "diamond", *SMALL)
    assert drawn["failure"].startswith("another crystal with the same descriptor")


def test_the_cell_is_told_in_the_axes_of_the_reference():
    """A cell with a and b exchanged is the same one, and reads like it."""

    def brick(a, b):
        return jxt.crystal.WyckoffCrystal.build(47, (a, b, 5.0), [("Na", "1a", (0, 0, 0))])

    reference, best = brick(3.0, 4.0), brick(4.01, 3.0)
    match = _rebuilt.superposed(best, reference)
    text = _rebuilt.matched_cell(best, reference, match)
    assert text == "a = 3.0000 A, b = 4.0100 A, c = 5.0000 A"
    text = _rebuilt.matched_cell(best, reference, None)
    assert text == "a = 4.0100 A, b = 3.0000 A, c = 5.0000 A (as found: no superposition)"


def test_another_crystal_is_no_success(run, monkeypatch):
    """Converged on something that is not the reference: said, and not called a success."""
    other = jxt.prototype("silicon")
    altered(monkeypatch, best=other)
    result = run("reconstruct", "diamond", *SMALL, "--json")
    assert result.code == 0
    assert result.json["converged"] is True
    assert result.json["success"] is False
    assert result.json["rmsd"] is None
    assert "another crystal" in run("reconstruct", "diamond", *SMALL).out


def test_interrupted_searches_write_what_they_have(run, monkeypatch, tmp_path):
    altered(monkeypatch, interrupted=True, history=np.zeros((4, 0)))
    result = run("reconstruct", "diamond", *SMALL, "-o", "x", "--json")
    assert result.code == 130
    assert result.json["interrupted"] is True
    assert names(tmp_path / "x") == FILES
    # Of what was stopped before it had converged there is the history alone, also of old files.
    altered(monkeypatch, interrupted=True, success=False, solutions=())
    result = run("reconstruct", "diamond", *SMALL, "-o", "x")
    assert result.code == 130
    assert names(tmp_path / "x") == {"history.csv"}


def test_an_invalid_crystal_leaves_no_files_of_an_earlier_run(run, monkeypatch, tmp_path):
    assert run("reconstruct", "diamond", *SMALL, "-o", "x").code == 0
    x = jnp.asarray([1e-4], jnp.float32)  # oxygen on titanium
    crushed = dataclasses.replace(jxt.prototype("rutile"), site_parameters=x)
    altered(monkeypatch, best=crushed, success=False)
    result = run("reconstruct", "diamond", *SMALL, "-o", "x", "--json")
    assert result.code == 1
    assert result.json["cif"] is None
    assert names(tmp_path / "x") == {"history.csv"}
    assert "no valid one" in result.err


def test_ctrl_c_before_anything_is_finished(run, monkeypatch, tmp_path):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(_reconstruct, "from_descriptor", interrupted)
    result = run("reconstruct", "diamond", *SMALL, "-o", "x", "--json")
    assert (result.code, result.out) == (130, "")
    assert "interrupted" in result.err
    assert not (tmp_path / "x").exists()


def test_files_come_together_or_not_at_all(run, monkeypatch, tmp_path):
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "not-converged.cif").write_text("of an earlier run")

    def full(path, write):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), os.fspath(path))

    monkeypatch.setattr(_reconstruct, "write_bytes", full)
    result = run("reconstruct", "diamond", *SMALL, "-o", "x", "--json", "--quiet")
    assert (result.code, result.out) == (2, "")
    assert result.err == "jaxtal: error: x/reconstruction.png: No space left on device\n"
    assert names(tmp_path / "x") == {"not-converged.cif"}


def test_ctrl_c_that_falls_into_the_garbage_collector(run, monkeypatch):
    """An exception in a callback of the collector is swallowed; the interrupt must not be."""
    reached_the_end = []

    def callback(*args):
        gc.callbacks.remove(callback)
        raise KeyboardInterrupt

    def busy(*args, **kwargs):
        gc.callbacks.append(callback)
        gc.collect()
        for _ in range(1000):
            time.sleep(0.01)
        reached_the_end.append(True)

    monkeypatch.setattr(_reconstruct, "from_descriptor", busy)
    # A process in the background of a shell is born deaf to Ctrl-C.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        code = run("reconstruct", "diamond", *SMALL).code
    finally:
        signal.signal(signal.SIGINT, before)
    assert code == 130
    assert not reached_the_end


@pytest.mark.parametrize("dtype", ["float32", pytest.param("float64", marks=pytest.mark.slow)])
def test_precision(run, dtype):
    result = run("reconstruct", "diamond", *SMALL, "--dtype", dtype, "--json")
    assert (result.code, "error" in result.err) == (0, False), result.err
    limit = {"float32": 1e-4, "float64": 1e-7}[dtype]
    assert result.json["cell_error"] < limit


def test_a_stored_descriptor_is_enough_with_group_and_sites(run, tmp_path):
    described = run("describe", "rutile", "-o", "t.npz", "--n-max", 6, "--l-max", 6, "--q-max", 6)
    assert described.code == 0
    known = ("--group", 136, "--sites", "Ti:2a", "O:4f", "--cell", 4.4, 3.1)
    result = run("reconstruct", "t.npz", *known, "--starts", 8, "-o", "x", "--json")
    assert result.code == 0, result.err
    assert result.json["converged"] is True
    found = jxt.io.read(tmp_path / "x" / "reconstructed.cif")
    match = jxt.match_crystals(jxt.prototype("rutile"), found)
    assert match.rmsd < 0.01
    text = run("reconstruct", "t.npz", *known[:5], "--starts", 4).out
    assert "a crystal with this descriptor is found" in text
    text = run("reconstruct", "t.npz", "--like", "rutile", "--starts", 8).out
    assert "a crystal with this descriptor is found" in text
    assert "reference" not in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("rutile", "--group", 136), "--group: only of use with a stored descriptor"),
        (("t.npz", "--group", 136), "--sites missing"),
        (("t.npz", "--like", "rutile", "--group", 136), "expected no --group beside it"),
        (("t.npz", "--like", "rutile", "--q-max", 5), "--q-max: no use with a stored descriptor"),
        (("t.npz", "--group", 136, "--sites", "Ti2a", "--cell", 4, 3), "as Si:3a O:6c, got 'Ti2a'"),
        (("t.npz", "--group", 136, "--sites", "Ti:9z", "--cell", 4, 3), "9z"),
        (("none.npz", "--like", "rutile"), "none.npz"),
    ],
)
def test_what_a_stored_descriptor_needs(run, arguments, message):
    result = run("reconstruct", *arguments)
    assert (result.code, result.out) == (2, "")
    assert message in result.err


def test_a_crystal_of_which_nothing_is_known(run, tmp_path):
    result = run("reconstruct", "diamond", "--groups", "auto", "--json")
    found = result.json
    assert result.code == 0
    assert found["success"] is True
    assert found["space_group"] == 227
    assert found["candidates"]["counted"] >= found["candidates"]["tried"] > 0
    assert [one["space_group"] for one in found["solutions"]] == [227]
    again = jxt.io.read(tmp_path / found["solutions"][0]["cif"])
    match = jxt.match_crystals(jxt.prototype("diamond"), again)
    assert match.rmsd < 1e-3
    assert run("describe", "diamond", "-o", "diamond.npz", "--quiet").code == 0
    more = ("--atoms", 2, "--groups", 225, "--quiet")
    result = run("reconstruct", "diamond.npz", "--composition", "C", *more)
    assert result.code == 1
    assert "no lattice explains" in result.out or "not found" in result.out
    assert not (tmp_path / "reconstruction-diamond" / "reconstructed.cif").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--composition", "Qq"), "composition: expected an element"),
        (("--composition", "C", "--groups", "231"), "--groups: expected auto or numbers 1 to 230"),
        (("--composition", "CO2", "--atoms", "4"), "atoms: expected a multiple of the 3"),
    ],
)
def test_wrong_words_for_a_search_from_nothing(run, words, said):
    result = run("reconstruct", "diamond", *words)
    assert result.code == 2
    assert said in result.err


def test_molecules_of_a_stored_descriptor(run, tmp_path):
    shape = ase.build.molecule("C2H4")
    shape.write(tmp_path / "C2H4.xyz")
    shape.rotate(23, (1, 2, 0.5))
    cell = (4.626, 6.62, 4.067, 94.39)
    frame = jxt.WyckoffCrystal.build("P 1 21/n 1", cell, [("H", "2a", (0, 0, 0))])
    frac = (shape.positions - shape.positions.mean(axis=0)) @ np.linalg.inv(frame.to_host().matrix)
    sites = [(shape.symbols[i], "4e", frac[i]) for i in (0, 2, 3)]
    crystal = jxt.WyckoffCrystal.build("P 1 21/n 1", cell, sites)
    jxt.io.write_cif(crystal, tmp_path / "ethylene.cif")
    sizes = ("--n-max", 4, "--l-max", 4, "--q-max", 5)
    assert run("describe", "ethylene.cif", "-o", "t.npz", *sizes, "--quiet").code == 0
    group = ("--group", "P 1 21/n 1")
    known = (*group, "--molecule", "C2H4.xyz:2a", "--cell", *cell)
    result = run("reconstruct", "t.npz", *known, "--starts", 4, "--steps", 100, "--json")
    assert result.code == 0
    assert result.json["converged"] is True
    assert result.json["starts"] == 4
    match = jxt.match_crystals(crystal, jxt.io.read(result.json["cif"]))
    assert match.rmsd < 0.01
    # Nothing is left behind by what is refused.
    (tmp_path / "broken.xyz").write_text("two\n")
    before = names(tmp_path)
    for options, told in (
        (("--molecule", "C2H4.xyz:2a"), "--molecule: expected --group beside it"),
        ((*group, "--molecule", "C2H4.xyz"), "as mol.xyz:4a, got 'C2H4.xyz'"),
        ((*group, "--molecule", "none.xyz:2a"), "no such file: none.xyz"),
        ((*group, "--molecule", "broken.xyz:2a"), "ASE can't read broken.xyz"),
        ((*group, "--molecule", "C2H4.xyz:9z", "--cell", *cell), "no Wyckoff position '9z'"),
        ((*group, "--molecule", "C2H4.xyz:2a", "--sites", "C:4e"), "expected no --sites"),
        ((*group, "--torsions", "--sites", "C:4e"), "--torsions: expected --molecule"),
        ((*known, "--perturb", 0.1, 0.1), "--perturb: no use with --molecule"),
    ):
        refused = run("reconstruct", "t.npz", *options, "-o", "refused", "--quiet")
        assert refused.code == 2
        assert told in refused.err
        assert refused.err.count("\n") == 1
        assert names(tmp_path) == before
    refused = run("reconstruct", "diamond", "--molecule", "C2H4.xyz:2a")
    assert "--molecule: only of use with a stored descriptor" in refused.err
