"""`phase`: what it writes, prints and returns."""

import functools
import json
import re
import tomllib
from typing import get_args

import numpy as np
import pytest

import jaxtal as jxt
from jaxtal import phasing
from jaxtal.cli import _phase
from jaxtal.cli.job import Example, example_text
from jaxtal.cli.job._examples import tables_by_name
from jaxtal.cli.job._tables import JobTables
from jaxtal.io.reflections._columns import read_reflection_csv

SHORT = ("--recipe", "sweep", "--iterations", 5, "--starts", 2)
JOB = """
[data]
model = "2d"
[run]
starts = 2
[[section]]
name = "cell"
lattice = [[1, 0], [0, 1]]
shape = 32
[output]
peaks = true
density = true
"""
#: A square cell of 6 A with two atoms, as a file of columns.
COLUMNS = """
[data]
file = "${FOLDER_OF_DATA}/data.txt"
format = "columns"
indices = ["h", "k"]
amplitude = "F"
sigma = "sigF"
min_i_over_sigma = 1
merge = "mean"
[space]
cell = [6, 6, 90]
[group]
generators = ["-x,-y"]
[sharpening]
composition = "CO"
b_iso = 0.5
[window]
parallel = "triangle"
[[section]]
physical = [[6, 0], [0, 6]]
shape = [8, 12]
"""


@functools.cache
def mesh():
    """A grid that needs no search."""
    return jxt.grids.mesh_for(phasing.model("2d").reflections.orbits.all_indices)


@pytest.fixture
def points(tmp_path):
    """A job that starts at once, as a file and its text."""
    text = '[data]\nmodel = "2d"\n[run]\ngrid = "grid.npz"\n'
    (tmp_path / "points.toml").write_text(text)
    mesh().with_origin(np.array([0.123, 0.456])).save(tmp_path / "grid.npz")
    return text


def names(folder):
    return {path.name for path in folder.iterdir()}


def write_columns(folder, extra=""):
    lines = ["# two atoms", "h k F sigF"]
    for h in range(-5, 6):
        for k in range(6):
            if (k, h) > (0, 0):
                F = 12 * np.cos(2 * np.pi * (0.1 * h + 0.2 * k)) + 16 * np.cos(2 * np.pi * 0.35 * h)
                lines.append(f"{h} {k} {abs(F):.4f} 0.01")
    (folder / "data.txt").write_text("\n".join(lines) + "\n" + extra)


def test_a_model_is_solved(run, tmp_path):
    (tmp_path / "points.toml").write_text(JOB)
    result = run("phase", "points.toml", "--json")
    found = result.json
    assert result.code == 0, result.err
    assert found["orbits"] == {"real": 0, "complex": 1404, "extinct": 0}
    assert found["reflections"] == 2808
    assert all(isinstance(n, int) and n >= 2808 for n in found["grid_points"])
    assert set(found["seconds"]) == {"compile", "grid", "run"}
    assert len(found["starts"]) == 2
    for start in found["starts"]:
        assert {"iterations", "converged", "ratio", "agreement", "seconds"} <= set(start)
        assert start["converged"] is True
        assert start["ratio"] > 50
        assert start["agreement"] > 0.99
        assert start["iterations"] > 0
        # Two homometric sets are equally right: either has been found, and which one is told.
        assert start["structure"] in (1, 2)
        assert start["true_agreement"] > 0.95
    assert found["converged"] is True
    folder = tmp_path / "phasing-points"
    files = {"phases.csv", "phases.npz", "cell.png", "cell.npz", "density.npz", "peaks.csv"}
    assert names(folder) == files | {"summary.json"}
    assert {path.split("/")[-1] for path in found["files"]} == names(folder)
    assert json.loads((folder / "summary.json").read_text()) == found

    table = read_reflection_csv(folder / "phases.csv")
    k, intensity, F = table.indices, table.intensity, table.structure_factors
    model = phasing.model("2d")
    np.testing.assert_array_equal(k, model.reflections.k)
    assert intensity is not None
    np.testing.assert_allclose(intensity, model.reflections.intensity, rtol=1e-4)
    archive = jxt.io.read_phases_npz(folder / "phases.npz")
    assert archive.f.shape == (2, 1404)
    assert archive.verified.all()
    assert archive.settings["job"] == JOB
    F_best = archive.F[archive.best]
    assert F is not None
    assert F_best is not None
    np.testing.assert_allclose(F / np.abs(F), F_best / np.abs(F_best), atol=1e-3)
    # Both homometric sets have nine equal points: the nine highest peaks, and nothing else.
    peaks = np.genfromtxt(folder / "peaks.csv", delimiter=",", names=True)
    assert peaks.dtype.names == ("x1", "x2", "height", "multiplicity")
    assert len(peaks) == 9
    assert peaks["height"].min() > 0.9 * peaks["height"].max()
    with np.load(folder / "density.npz") as stored, np.load(folder / "cell.npz") as cell:
        assert stored["values"].size == found["grid_points"][-1]
        assert cell["values"].shape == (32, 32)
        assert cell["values"].max() == pytest.approx(stored["values"].max(), rel=0.4)
    assert (folder / "cell.png").read_bytes().startswith(b"\x89PNG")


def test_a_file_of_columns_and_readable_output(run, tmp_path, monkeypatch):
    monkeypatch.setenv("FOLDER_OF_DATA", "measured")
    (tmp_path / "jobs" / "measured").mkdir(parents=True)
    write_columns(tmp_path / "jobs" / "measured", "1 1 3.3 9.9\n")
    (tmp_path / "jobs" / "a.toml").write_text(COLUMNS)
    result = run("phase", "jobs/a.toml", *SHORT, "-o", "deep/out", "--quiet")
    assert result.err == ""
    assert result.code in (0, 1)
    for text in ("61 rows read", "1 left out: I <= 0 or I <= 1 sigma", "60 real, 0 complex"):
        assert text in result.out
    assert "deep/out/section1.png" in result.out
    assert names(tmp_path / "deep" / "out") == {
        *("phases.csv", "phases.npz", "summary.json", "section1.png", "section1.npz")
    }
    with np.load(tmp_path / "deep" / "out" / "section1.npz") as section:
        assert section["values"].shape == (8, 12)
    archive = jxt.io.read_phases_npz(tmp_path / "deep" / "out" / "phases.npz")
    s2 = archive.orbits.k.astype(float) ** 2 @ np.ones(2) / 144
    f = jxt.scattering.rms_form_factor("CO", s2, b_iso=0.5)
    x = np.sqrt(s2) / (np.sqrt(s2.max()) * (1 + 1 / 60))
    wanted = np.sqrt(archive.intensity) / f * (1 - x)
    np.testing.assert_allclose(archive.observed / archive.observed[0], wanted / wanted[0])


def test_the_command_line_counts_and_seeds_decide(run, tmp_path, points):
    job = points + 'recipe = "thorough"\nstarts = 7\nseed = 5\n'
    (tmp_path / "points.toml").write_text(job)
    found = []
    for seed in (0, 0, 1):
        one = run("phase", "points.toml", *SHORT, "--seed", seed, "-o", "x", "--json").json
        assert (one["recipe"], one["seed"], one["dtype"]) == ("sweep", seed, "float32")
        assert [start["iterations"] for start in one["starts"]] == [5, 5]
        found.append((tmp_path / "x" / "phases.csv").read_bytes())
    assert found[0] == found[1] != found[2]


@pytest.mark.usefixtures("float64_stays_as_it_is")
def test_double_precision(run, tmp_path, points):
    result = run("phase", "points.toml", *SHORT, "--dtype", "float64", "-o", "x", "--json")
    assert result.json["dtype"] == "float64"
    archive = jxt.io.read_phases_npz(tmp_path / "x" / "phases.npz")
    # Rounded to float32 it would be another number.
    assert (archive.f.astype(np.complex64) != archive.f).any()


def test_not_converged_says_so_and_leaves_nothing_stale(run, tmp_path, points):
    (tmp_path / "points.toml").write_text(points + "[output]\nnpz = false\n")
    (tmp_path / "x").mkdir()
    for stale in ("density.npz", "phases.npz", "mine.txt"):
        (tmp_path / "x" / stale).write_text("old")
    result = run("phase", "points.toml", *SHORT, "-o", "x", "--json")
    assert result.code == 1
    assert result.json["converged"] is False
    assert "none of 2 starts converged" in result.json["message"]
    # Random phases agree by chance, far from what a structure takes.
    assert all(start["agreement"] < 0.9 for start in result.json["starts"])
    assert names(tmp_path / "x") == {"phases.csv", "summary.json", "mine.txt"}


def test_grids_and_checkpoints_are_kept_and_used(run, tmp_path):
    (tmp_path / "jobs").mkdir()
    job = '[data]\nmodel = "2d"\n[run]\ngrid = "grid.npz"\n'
    (tmp_path / "jobs" / "a.toml").write_text(job)
    arguments = ("phase", "jobs/a.toml", *SHORT, "--json", "--checkpoint", "work.npz", "-o", "x")
    first = run(*arguments).json
    grid = jxt.grids.Grid.load(tmp_path / "jobs" / "grid.npz")
    assert grid.size == first["grid_points"][-1]
    assert (tmp_path / "work.npz").exists()
    again = run(*arguments).json
    assert again["starts"] == first["starts"]  # their seconds too: nothing was run again
    other = run(*arguments, "--seed", 9)
    assert (other.code, other.out) == (2, "")
    assert "work.npz" in other.err
    assert names(tmp_path / "x")


def test_interrupted_runs_write_what_they_have(run, monkeypatch, tmp_path, points):
    real = _phase.find_phases

    class Stopped(phasing.Control):
        def report(self, group, workspace, recipe):
            raise KeyboardInterrupt

    def interrupted(*args, **kwargs):
        return real(*args, **(kwargs | {"control": Stopped(), "chunk": 1}))

    monkeypatch.setattr(_phase, "find_phases", interrupted)
    result = run("phase", "points.toml", *SHORT, "-o", "x", "--json")
    assert result.code == 130
    assert result.json["interrupted"] is True
    assert result.json["best"] is None
    assert [start["ratio"] for start in result.json["starts"]] == [None, None]
    assert names(tmp_path / "x") == {"summary.json"}


def test_ctrl_c_before_anything_is_found(run, monkeypatch, tmp_path):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(_phase, "find_phases", interrupted)
    result = run("phase", "--demo", "2d", "-o", "x/y")
    assert (result.code, result.out) == (130, "")
    assert names(tmp_path) == set()


@pytest.mark.parametrize("name", get_args(Example))
def test_examples_are_jobs_and_name_every_key(run, name, monkeypatch):
    result = run("phase", "--example", name)
    assert (result.code, result.err) == (0, "")
    assert result.out == example_text(name)
    parsed = tomllib.loads(result.out)
    monkeypatch.setenv("JAXTAL_DATA", "x")
    monkeypatch.setenv("ZNMGTM_DATA", "x")
    JobTables.model_validate(parsed)
    words = set(re.findall(r"\w+", result.out))
    for table, kinds in tables_by_name().items():
        assert {table, *(key for kind in kinds for key in kind.model_fields)} <= words
    if name not in ("icosahedral", "zn-mg-tm"):
        assert parsed["data"] == {"model": name}
    for line in result.out.splitlines():
        assert len(line) <= 100


def test_data_that_are_missing_are_named(run, tmp_path, monkeypatch):
    monkeypatch.setenv("JAXTAL_DATA", "/nowhere")
    (tmp_path / "cdyb.toml").write_text(example_text("icosahedral"))
    result = run("phase", "cdyb.toml")
    assert (result.code, result.out) == (2, "")
    assert "/nowhere/quasicrystal/cdyb/cdyb_integrated_bck: no such file" in result.err
    assert names(tmp_path) == {"cdyb.toml"}


def test_every_key_is_explained_where_it_is_first_said():
    for table, kinds in tables_by_name().items():
        explained = set()
        for kind in kinds:
            explained |= {key for key, field in kind.model_fields.items() if field.description}
            assert set(kind.model_fields) <= explained, table
