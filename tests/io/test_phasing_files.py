"""The files of a phasing run."""

import dataclasses
import os

import numpy as np
import pytest

from jaxtal.density import Density
from jaxtal.grids import Grid
from jaxtal.io import read_ccp4, read_phases_npz, write_phasing
from jaxtal.io.reflections._columns import read_reflection_csv
from jaxtal.lattice import Superspace
from jaxtal.phasing import Phasing, PhasingProblem, recipe
from jaxtal.phasing._result import Start
from jaxtal.reflections import Reflections
from jaxtal.symmetry import SpaceGroup, SymOp

TRACE = [
    (0, [np.arange(22.0).reshape(2, 11), {"max": np.array([3.0, 4.0])}]),
    (1, [np.ones((1, 11)), {"max": np.array([5.0])}]),
]
CELL = [5.0, 6.0, 7.0, 90.0, 100.0, 90.0]


def run(rng, starts=3, unmeasured="zero"):
    """A made-up outcome: one start converged, one did not, one was cut short."""
    k = np.array([[1, 0, 0], [1, 1, 1], [0, 2, 1], [2, 1, 0], [-1, 1, 3], [0, 2, 0], [3, 1, -2]])
    intensity = rng.gamma(2.0, 50.0, size=len(k))
    data = Reflections.from_arrays(
        Superspace.periodic(CELL), "P 21", k, intensity, sigma=0.1 * intensity
    )
    problem = PhasingProblem.build(data, unmeasured=unmeasured)
    f = rng.normal(size=(starts, len(problem.lower))) + 1j * rng.normal(
        size=(starts, len(problem.lower))
    )
    f = np.where(problem.orbits.real, f.real, f)
    nan = float("nan")
    verdicts = [(False, 12.0, 0.3, 0.4), (True, 80.0, 0.995, 0.2), (False, nan, nan, nan)]
    return Phasing(
        problem=problem,
        recipe=recipe("default"),
        grid=Grid(np.eye(3, dtype=int), (8, 8, 8)),
        grid_points=[100, 512],
        starts=tuple(Start(60, 1, *v, 0.5, TRACE) for v in verdicts[:starts]),
        f=f,
        seconds={"compile": 1.0, "grid": 0.1, "run": 0.2},
        interrupted=True,
    )


def test_every_file_tells_of_the_best_start(rng, tmp_path):
    result = run(rng)
    paths = write_phasing(result, tmp_path / "new" / "folder", ["csv", "npz", "ccp4"])
    assert [path.name for path in paths] == ["phases.csv", "phases.npz", "density.ccp4"]
    data = result.problem.reflections
    table = read_reflection_csv(paths[0])
    k, intensity, F = table.indices, table.intensity, table.structure_factors
    np.testing.assert_array_equal(k, data.orbits.k)
    assert intensity is not None
    assert F is not None
    np.testing.assert_allclose(intensity, data.intensity, rtol=1e-4)
    np.testing.assert_allclose(F, result.structure_factors, rtol=1e-3, atol=1e-3)

    archive = read_phases_npz(paths[1])
    assert archive.best == 1
    np.testing.assert_array_equal(archive.verified, [False, True, False])
    np.testing.assert_array_equal(archive.f, result.f)
    assert archive.records[1]["ratio"] == 80.0
    assert archive.records[2] == {
        "cycles": 60, "attempts": 1, "converged": False, "seconds": 0.5,
        "ratio": None, "agreement": None, "r_factor": None,
    }  # fmt: skip
    assert archive.settings["interrupted"] is True
    assert sorted(archive.traces[2]) == ["0", "1['max']", "stage"]
    np.testing.assert_array_equal(archive.traces[2]["1['max']"], [3, 4, 5])
    np.testing.assert_array_equal(archive.traces[2]["stage"], [0, 0, 1])
    assert archive.traces[0]["0"].shape == (3, 11)
    np.testing.assert_allclose(
        archive.settings["scale"] * archive.F[archive.best], result.structure_factors
    )

    values, cell = read_ccp4(paths[2])
    np.testing.assert_allclose(cell, CELL, rtol=1e-6)
    volume = 5 * 6 * 7 * np.sin(np.radians(100))
    density = Density.from_orbits(result.problem.orbits, result.problem.scale * result.f[1], volume)
    at = np.array([2, 3, 1]) / values.shape
    assert values[2, 3, 1] == pytest.approx(float(density(at)), rel=1e-4)


def test_unmeasured_reflections_are_in_the_archive_and_not_in_the_table(rng, tmp_path):
    result = run(rng, unmeasured="free")
    csv, npz = write_phasing(result, tmp_path)
    assert len(read_reflection_csv(csv).indices) == 7
    archive = read_phases_npz(npz)
    assert len(archive.orbits.k) == len(result.problem.lower) > 7
    assert np.isfinite(archive.intensity[:7]).all()
    assert np.isnan(archive.intensity[7:]).all()
    assert np.isnan(archive.sigma[7:]).all()


def test_a_run_without_success_has_no_best_start(rng, tmp_path):
    result = run(rng, starts=1)
    assert read_phases_npz(write_phasing(result, tmp_path, ["npz"])[0]).best is None


def test_a_writer_is_any_callable(rng, tmp_path):
    result = run(rng)

    def count(result, folder):
        (folder / "count.txt").write_text(str(len(result.starts)))
        return len(result.starts)

    assert write_phasing(result, tmp_path, [count, "csv"])[0] == 3
    assert sorted(os.listdir(tmp_path)) == ["count.txt", "phases.csv"]


def test_bad_input(rng, tmp_path):
    result = run(rng)
    with pytest.raises(ValueError, match="expected a file among csv, npz, ccp4, got 'xml'"):
        write_phasing(result, tmp_path / "a", ["csv", "xml"])
    assert not (tmp_path / "a").exists()
    flat = Reflections.from_arrays(
        Superspace.periodic(np.eye(2) * 5),
        SpaceGroup.from_generators([SymOp([[-1, 0], [0, -1]])]),
        np.array([[1, 0], [2, 1]]),
        np.ones(2),
    )
    wrong = dataclasses.replace(result, problem=PhasingProblem.build(flat), f=np.ones((3, 2)) + 0j)
    with pytest.raises(ValueError, match=r"density\.ccp4: expected a crystal in 3 dimensions"):
        write_phasing(wrong, tmp_path, ["ccp4"])
