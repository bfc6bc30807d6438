"""Phased reflections as text and archive, and density maps: what is written can be read back."""

import dataclasses
import os

import gemmi
import numpy as np
import pytest

from jaxtal._core import replacing, write_bytes
from jaxtal.io import read_ccp4, read_phases_npz, write_ccp4
from jaxtal.io.phases._csv import write_phases_csv
from jaxtal.io.phases._npz import PhaseArchive, write_phases_npz
from jaxtal.io.reflections._columns import read_reflection_csv
from jaxtal.lattice import Superspace
from jaxtal.symmetry import Orbits, SpaceGroup, SymOp


@pytest.fixture
def archive(rng):
    fourfold = SymOp([[0, -1, 0], [1, 0, 0], [0, 0, 1]], [0, 0, 1], 4)
    group = SpaceGroup.from_generators([fourfold])
    k = np.array([[1, 0, 0], [1, 2, 0], [1, 2, 3], [0, 0, 4], [2, 0, 1]])
    orbits = Orbits.build(group, k)
    f = rng.normal(size=(3, 5)) + 1j * rng.normal(size=(3, 5))
    f = np.where(orbits.real, f.real, f)
    return PhaseArchive(
        orbits=orbits,
        intensity=rng.random(5),
        observed=np.abs(f[0]),
        f=f,
        verified=np.array([True, False, True]),
        sigma=rng.random(5),
        best=2,
        records=[{"iterations": 10 * i, "ratio": 1.5, "stages": ["a", "b"]} for i in range(3)],
        space=Superspace.periodic([5.0, 5.0, 7.0, 90.0, 90.0, 90.0]),
        settings={"recipe": "default", "seed": 3},
    )


def test_csv_has_the_columns_of_the_reference_toolkit(tmp_path):
    k = np.array([[1, 0, -2, 3], [0, 0, 0, 12]])
    write_phases_csv(tmp_path / "a.csv", k, [1234567.0, 0.5], np.array([1 / 3 - 2e-7j, -0.0 + 5j]))
    assert (tmp_path / "a.csv").read_text() == (
        "k1, k2, k3, k4, I, real(ampl), imag(ampl)\n"
        "1, 0, -2, 3, 1.2346e+06, 0.33333, -2e-07\n"
        "0, 0, 0, 12, 0.5, 0, 5\n"
    )
    table = read_reflection_csv(tmp_path / "a.csv")
    np.testing.assert_array_equal(table.indices, k)
    assert table.intensity is not None
    assert table.structure_factors is not None
    np.testing.assert_allclose(table.intensity, [1234567.0, 0.5], rtol=5e-5)
    np.testing.assert_allclose(table.structure_factors, [1 / 3 - 2e-7j, 5j], rtol=5e-5)


def test_csv_refuses_what_does_not_fit(tmp_path):
    path = tmp_path / "a.csv"
    with pytest.raises(ValueError, match=r"expected integer k \(n, N\)"):
        write_phases_csv(path, np.eye(3), np.ones(3), np.ones(3))
    with pytest.raises(ValueError, match=r"F\[1\]: expected a finite"):
        write_phases_csv(path, np.eye(2, dtype=int), np.ones(2), np.array([1, np.nan + 1j]))
    assert not os.listdir(tmp_path)
    path.write_text("k1, k3, I\n1, 2, 3\n")
    with pytest.raises(ValueError, match="expected the columns"):
        read_reflection_csv(path)
    path.write_text("k1, I, real(ampl), imag(ampl)\n1, 2, 3, 4\n1, 2, x, 4\n")
    with pytest.raises(ValueError, match=r"a\.csv:3"):
        read_reflection_csv(path)


def test_archive_round_trip(archive, tmp_path):
    write_phases_npz(tmp_path / "a.npz", archive)
    back = read_phases_npz(tmp_path / "a.npz")
    assert back.orbits.group == archive.orbits.group
    for name in ("k", "kind", "angle", "members", "phase"):
        np.testing.assert_array_equal(getattr(back.orbits, name), getattr(archive.orbits, name))
    for name in ("intensity", "sigma", "observed", "f", "verified"):
        np.testing.assert_array_equal(getattr(back, name), getattr(archive, name))
    assert (back.best, back.records, back.settings) == (2, archive.records, archive.settings)
    np.testing.assert_array_equal(back.space.parallel, archive.space.parallel)
    with np.load(tmp_path / "a.npz") as data:
        np.testing.assert_allclose(
            np.abs(archive.f) * np.exp(1j * data["phase"]), archive.F, atol=1e-12
        )


def test_archive_refuses_strangers_and_newer_versions(archive, tmp_path):
    path = tmp_path / "a.npz"
    path.write_text("no archive")
    with pytest.raises(ValueError, match="expected an archive of phases"):
        read_phases_npz(path)
    np.savez(path, x=np.ones(2))
    with pytest.raises(ValueError, match="expected an archive of phases"):
        read_phases_npz(path)
    write_phases_npz(path, archive)
    with np.load(path) as data:
        stored = dict(data)
    np.savez(path, **stored | {"format_version": 99})
    with pytest.raises(ValueError, match="version 1 or older, got 99"):
        read_phases_npz(path)
    np.savez(path, **stored | {"angle": stored["angle"] + 0.25})
    with pytest.raises(ValueError, match="angle contradicts"):
        read_phases_npz(path)
    with pytest.raises(ValueError, match="best: expected a start from 0 to 2"):
        dataclasses.replace(archive, best=3)
    with pytest.raises(ValueError, match="records: expected one for each of 3"):
        dataclasses.replace(archive, records=[{}])


@pytest.mark.parametrize("group", [None, "P 21/c"])
def test_ccp4_is_read_by_gemmi_with_axes_in_order(rng, tmp_path, group):
    values = rng.normal(size=(4, 6, 8)).astype(np.float32)
    cell = [5.0, 6.0, 7.0, 90.0, 101.0, 90.0]
    named = None if group is None else SpaceGroup.find(group)
    write_ccp4(tmp_path / "a.ccp4", values, cell, named)
    ccp4 = gemmi.read_ccp4_map(str(tmp_path / "a.ccp4"))
    ccp4.setup(0.0)
    assert ccp4.grid.spacegroup.hm == ("P 1" if group is None else "P 1 21/c 1")
    assert ccp4.grid.get_value(1, 2, 5) == values[1, 2, 5]
    at = ccp4.grid.interpolate_value(gemmi.Fractional(3 / 4, 1 / 6, 7 / 8))
    assert at == pytest.approx(values[3, 1, 7], rel=1e-5)
    back, parameters = read_ccp4(tmp_path / "a.ccp4")
    np.testing.assert_array_equal(back, values)
    np.testing.assert_allclose(parameters, cell, rtol=1e-6)


def test_ccp4_takes_edges_and_refuses_nonsense(tmp_path):
    edges = np.array([[3.0, 0, 0], [0, 4.0, 0], [-1.0, 0, 5.0]])
    write_ccp4(tmp_path / "a.ccp4", np.zeros((2, 2, 2)), edges)
    parameters = read_ccp4(tmp_path / "a.ccp4")[1]
    np.testing.assert_allclose(parameters, [3, 4, 26**0.5, 90, 101.30993, 90], rtol=1e-6)
    with pytest.raises(ValueError, match="expected a map"):
        write_ccp4(tmp_path / "b.ccp4", np.zeros((2, 2)), edges)
    with pytest.raises(ValueError, match="finite"):
        write_ccp4(tmp_path / "b.ccp4", np.full((2, 2, 2), np.nan), edges)
    with pytest.raises(ValueError, match="cell"):
        write_ccp4(tmp_path / "b.ccp4", np.zeros((2, 2, 2)), [1, 2, 3])
    (tmp_path / "c.ccp4").write_text("no map")
    with pytest.raises(ValueError, match="expected a CCP4 map"):
        read_ccp4(tmp_path / "c.ccp4")
    assert sorted(os.listdir(tmp_path)) == ["a.ccp4", "c.ccp4"]


def test_binary_files_are_whole_or_absent(tmp_path):
    path = tmp_path / "a.bin"
    write_bytes(path, lambda file: file.write(b"old"))

    def fail(file):
        file.write(b"half")
        raise KeyError

    with pytest.raises(KeyError):
        write_bytes(path, fail)

    def replace():
        with replacing(path) as temporary:
            temporary.write_bytes(b"half")
            raise KeyError

    with pytest.raises(KeyError):
        replace()
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.bin"]
