"""Files of PSCF 1.3.3: conversions agree with the program's, and files are the same bytes."""

import functools
import pathlib

import numpy as np
import pytest
from pscf_cases import NAMES, reference, table_after, text_of

from jaxtal import io
from jaxtal.fields import BasisField, Mesh, PeriodicField
from jaxtal.io.pscf._basis import bf_body
from jaxtal.io.pscf._grid import kf_body, read_kf, read_rf, write_kf, write_rf
from jaxtal.io.pscf._infer_mesh import infer_mesh
from jaxtal.io.pscf._rows import read_bf_rows


@functools.cache
def coefficients(path: pathlib.Path) -> np.ndarray:
    """The rows of a `.kf` file, their numbers first."""
    return table_after("mesh", path)


@functools.cache
def grid(path: pathlib.Path) -> PeriodicField:
    return (read_kf if ".kf" in path.name else read_rf)(path, dtype=np.float64)


@functools.cache
def basis_field(path: pathlib.Path) -> BasisField:
    return io.read_bf(path, dtype=np.float64)


def assert_close(found, expected, tolerance):
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= tolerance * max(1.0, np.abs(expected).max())


def assert_same_rows(found: pathlib.Path, expected: pathlib.Path, tolerance=1e-10):
    """Basis files agree row by row, rows compared by their waves."""
    a, b = read_bf_rows(found), read_bf_rows(expected)
    ours, theirs = (np.lexsort(rows.waves.T) for rows in (a, b))
    assert (a.waves[ours] == b.waves[theirs]).all()
    assert (a.sizes[ours] == b.sizes[theirs]).all()
    values, wanted = a.coefficients[ours], b.coefficients[theirs]
    assert (np.abs(values - wanted) <= tolerance * np.maximum(1, np.abs(wanted))).all()


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("name", NAMES)
class TestCases:
    def test_the_mesh_is_inferred_and_kept(self, data_dir, name):
        path = reference(data_dir, name, "w.bf")
        assert infer_mesh(path) == grid(reference(data_dir, name, "w.rf")).mesh

    def test_basis_to_mesh_and_coefficients(self, data_dir, tmp_path, name):
        field = basis_field(reference(data_dir, name, "w.bf")).field()
        assert_close(field.values, grid(reference(data_dir, name, "w.rf")).values, 1e-12)
        write_kf(tmp_path / "w.kf", field)
        found = table_after("mesh", tmp_path / "w.kf")
        assert_close(found, coefficients(reference(data_dir, name, "w.kf")), 1e-12)

    def test_mesh_to_basis(self, data_dir, tmp_path, name):
        rf = grid(reference(data_dir, name, "w.rf"))
        basis = basis_field(reference(data_dir, name, "w.bf")).basis
        io.write_bf(tmp_path / "w.bf", BasisField.from_field(rf, basis), f"{name}_name")
        text = (tmp_path / "w.bf").read_text()
        named = basis_header_name(reference(data_dir, name, "w.bf"))
        (tmp_path / "w.bf").write_text(text.replace(f"{name}_name", named))
        assert_same_rows(tmp_path / "w.bf", reference(data_dir, name, "w_from_rf.bf"))

    def test_mesh_and_coefficients_to_each_other(self, data_dir, tmp_path, name):
        rf, kf = (grid(reference(data_dir, name, f"w.{kind}")) for kind in ("rf", "kf"))
        write_kf(tmp_path / "w.kf", rf)
        expected = coefficients(reference(data_dir, name, "w.kf"))
        assert_close(table_after("mesh", tmp_path / "w.kf"), expected, 1e-12)
        write_rf(tmp_path / "w.rf", kf)
        found = read_rf(tmp_path / "w.rf", dtype=np.float64)
        assert_close(found.values, rf.values, 1e-12)

    def test_the_same_values_make_the_same_bytes(self, data_dir, tmp_path, name):
        path = reference(data_dir, name, "w.rf")
        write_rf(tmp_path / "w.rf", grid(path))
        named = basis_header_name(path)
        ours = (tmp_path / "w.rf").read_text()
        # PSCF has the operations of p 2 m g under the name of p 2 g g.
        ours = ours.replace("p_2_m_g", named)
        assert ours == text_of(path)

        path = reference(data_dir, name, "w.kf")
        table = coefficients(path)
        sizes = grid(path).mesh.sizes
        waves = np.empty((table.shape[1] // 2, len(table)), complex)
        waves.real, waves.imag = table[:, 1::2].T, table[:, 2::2].T
        assert text_of(path).endswith(f"N_monomer\n{'':10}{len(waves)}\n" + kf_body(waves, sizes))

        path = reference(data_dir, name, "w.bf")
        rows = read_bf_rows(path)
        body = bf_body(rows.coefficients, rows.waves, rows.sizes)
        assert rows.header.text() + body == text_of(path)

    def test_reports_of_stars_and_waves(self, data_dir, tmp_path, name):
        field = basis_field(reference(data_dir, name, "w.bf"))
        named = basis_header_name(reference(data_dir, name, "w.bf"))
        of = (field.basis, field.bravais, field.parameters, named)
        io.write_star_report(tmp_path / "stars.gz", *of)
        assert text_of(tmp_path / "stars.gz") == text_of(reference(data_dir, name, "stars"))

        io.write_wave_report(tmp_path / "waves", *of)
        found = table_after("N_wave", tmp_path / "waves")
        expected = table_after("N_wave", reference(data_dir, name, "waves"))
        assert (found[:, :-2] == expected[:, :-2]).all()
        assert np.abs(found[:, -2:] - expected[:, -2:]).max() <= 5e-8


def basis_header_name(path: pathlib.Path) -> str:
    return text_of(path).split("group_name\n", 1)[1].split("\n", 1)[0].strip()


@pytest.mark.usefixtures("x64")
def test_a_fortran_file_with_reversed_pairs(data_dir):
    folder = data_dir / "fields" / "altgyr_reversed_rows"
    expected = basis_field(folder / "w.bf")
    found = io.read_bf(folder / "w_reversed.bf", basis=expected.basis, dtype=np.float64)
    assert expected.basis.stars.n_open_pairs == 344
    change = np.abs(np.asarray(found.coefficients) - np.asarray(expected.coefficients))
    assert (change <= 1e-10 * np.maximum(1, np.abs(expected.coefficients))).all()
    kf = grid(folder / "w.kf.gz")
    assert_close(found.field().values, kf.values, 1e-12)


@pytest.mark.usefixtures("x64")
def test_a_gyroid_on_other_meshes(data_dir):
    """What PSCF does: 41 rows at the edge of 32^3 are no functions of 64^3."""
    path = data_dir / "fields" / "gyroid_Ia-3d" / "w.bf"
    fine, placement = io.resample_bf(path, Mesh((64, 64, 64)))
    assert len(placement.dropped_lines) == 41
    assert placement.text() == (
        "316 of 2761 basis functions read, 2445 set to zero, 41 rows left out"
    )
    coarse = basis_field(path)
    a, b = np.asarray(fine.coefficients), np.asarray(coarse.coefficients)
    # Parseval: the norm is that of the rows that went in.
    lines = read_bf_rows(path).lines
    kept = ~np.isin(lines, placement.dropped_lines)
    np.testing.assert_allclose((a**2).sum(axis=1), (b[:, kept] ** 2).sum(axis=1), rtol=1e-12)
    first = placement.dropped_lines[0]
    with pytest.raises(ValueError, match=rf"w\.bf:{first}: wave .* star of another size.*41 rows"):
        io.read_bf(path, fine.mesh)
