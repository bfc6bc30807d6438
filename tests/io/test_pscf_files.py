"""Field files of PSCF's formats: spellings that are read, mistakes that are refused."""

import gzip
import pickle
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxtal import io
from jaxtal.fields import BasisField, Mesh, PeriodicField, StarBasis
from jaxtal.io.pscf._basis import bf_body
from jaxtal.io.pscf._grid import read_kf, read_rf, write_kf, write_rf
from jaxtal.io.pscf._infer_mesh import infer_mesh
from jaxtal.io.pscf._rows import read_bf_rows
from jaxtal.symmetry import SpaceGroup

pytestmark = pytest.mark.usefixtures("x64")

# Open pairs, closed and cancelled stars, in a cell whose angle is in the file in radians.
LATTICE, CELL, SIZES = "rhombic", [1.5, 100.0], (6, 6)
RF = """format 1 0
dim
 1
crystal_system
 lamellar
N_cell_param
 1
cell_param
 2.5
group_name
 P_-1
N_monomer
 2
mesh
 4
 1.0 2.0
 3.0 4.0
 5.0 6.0
 3.0 4.0
"""


PLANE = RF.replace("dim\n 1", "dim 2").replace("lamellar", "square")
PLANE = PLANE.replace("P_-1", "p_2").replace("mesh\n 4", "mesh 2 2")


@pytest.fixture
def basis():
    return StarBasis("P 43", Mesh((6, 6, 12)), np.diag([1.0, 1.0, 1.7]))


@pytest.fixture
def fields(basis, rng):
    a = rng.normal(size=(2, basis.n_basis))
    return BasisField.from_arrays(a, basis, "tetragonal", [1.0, 1.7])


@pytest.fixture
def bf(fields, tmp_path):
    io.write_bf(tmp_path / "w.bf", fields)
    return tmp_path / "w.bf"


def written(tmp_path, text, name="w.rf"):
    (tmp_path / name).write_text(text, newline="")
    return tmp_path / name


def rewritten(bf, rows, order=slice(None), **changes):
    """The same file with its rows changed."""
    columns = {"coefficients": rows.coefficients, "waves": rows.waves, "sizes": rows.sizes}
    columns = {name: changes.get(name, array)[order] for name, array in columns.items()}
    bf.write_text(rows.header.text() + bf_body(**columns))
    return bf


def kf_text(rows):
    return RF[: RF.index("mesh")] + "mesh 4\n" + rows


class TestSpellings:
    def test_plain(self, tmp_path):
        field = read_rf(written(tmp_path, RF))
        assert field.values.tolist() == [[1, 3, 5, 3], [2, 4, 6, 4]]
        assert field.bravais.name == "lamellar"
        assert field.parameters.tolist() == [2.5]
        assert field.group == SpaceGroup.find("P -1", 1)

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("mesh\n 4", "ngrid 4"),
            (" lamellar", "'Lamellar'"),
            (" P_-1", ' "P -1"'),
            ("N_monomer\n 2\n", "n_monomer                  \n\n\t2\n"),
            ("format 1 0", "\n  format  1  0  "),
            ("cell_param\n 2.5", "cell_param 2.5D+00"),
            ("5.0 6.0", "5.0D0   60.0d-01\n"),
            ("\n", "\r\n"),
            ("\n", "\r"),
            ("group_name\n P_-1\nN_monomer\n 2", "N_monomer 2 group_name P_-1"),
        ],
    )
    def test_other_spellings(self, tmp_path, old, new):
        expected = read_rf(written(tmp_path, RF))
        text = RF.replace(old, new)
        assert text != RF
        found = read_rf(written(tmp_path, text, "x.rf"))
        assert (found.values == expected.values).all()
        assert found.group == expected.group

    def test_a_group_need_not_be_named(self, tmp_path):
        path = written(tmp_path, RF.replace("group_name\n P_-1\n", ""))
        assert read_rf(path).group is None
        group = SpaceGroup.find("P -1", 1)
        assert read_rf(path, group=group).group == group

    def test_the_identity_has_a_name_of_its_own(self, tmp_path):
        path = written(tmp_path, RF.replace("P_-1", "I"))
        assert read_rf(path).group == SpaceGroup.find("P 1", 1)

    def test_a_group_file_is_taken_at_the_users_word(self, tmp_path):
        path = written(tmp_path, RF.replace("P_-1", "my_operations"))
        with pytest.raises(
            ValueError, match=r"w\.rf:11: group_name 'my_operations'.*pass group"
        ) as e:
            read_rf(path)
        assert isinstance(e.value, io.FieldGroupError)
        assert str(e.value) == f"{e.value.reason}; {e.value.advice}"
        assert str(pickle.loads(pickle.dumps(e.value))) == str(e.value)
        header = io.read_field_header(path)
        assert (header.dimension, header.group_name, header.n_fields) == (1, "my_operations", 2)
        assert header.bravais.name == "lamellar"
        assert header.parameters.tolist() == [2.5]
        group = SpaceGroup.find("P -1", 1)
        assert read_rf(path, group=group).group == group
        assert read_rf(path, group="P -1").group == group


class TestRoundTrips:
    @pytest.mark.parametrize("ending", ["rf", "kf", "rf.gz", "KF.gz", "rf.GZ"])
    def test_mesh_files_keep_the_field(self, tmp_path, rng, ending):
        values = rng.normal(size=(3, *SIZES))
        field = PeriodicField.from_arrays(values, LATTICE, CELL)
        path = tmp_path / f"w.{ending}"
        io.write_field(path, field)
        assert path.read_bytes().startswith(b"\x1f\x8b") == (ending[2:].lower() == ".gz")
        found = io.read_field(path)
        np.testing.assert_allclose(found.values, values, atol=1e-13, rtol=0)
        assert found.bravais == field.bravais
        assert found.group is None
        np.testing.assert_allclose(found.parameters, CELL, rtol=1e-10)

    def test_angles_are_radians_in_files(self, tmp_path, rng):
        field = PeriodicField.from_arrays(rng.normal(size=(1, *SIZES)), LATTICE, CELL)
        write_rf(tmp_path / "w.rf", field)
        words = (tmp_path / "w.rf").read_text().split("cell_param    \n")[1].split()
        np.testing.assert_allclose(float(words[1]), np.deg2rad(100.0), rtol=1e-10)

    def test_index_0_is_the_fastest_in_rf(self, tmp_path):
        values = np.arange(6.0).reshape(1, 2, 3)
        write_rf(tmp_path / "w.rf", PeriodicField.from_arrays(values, "rectangular", [1, 2]))
        rows = (tmp_path / "w.rf").read_text().split("mesh")[1].split("\n")[2:]
        assert [float(row) for row in rows if row] == [0, 3, 1, 4, 2, 5]

    def test_basis_files_keep_the_coefficients(self, bf, fields):
        found = io.read_bf(bf, basis=fields.basis)
        np.testing.assert_allclose(found.coefficients, fields.coefficients, atol=1e-9, rtol=0)
        assert found.group == fields.group
        single = io.read_bf(bf, fields.mesh, dtype=np.float32)
        assert single.coefficients.dtype == single.field().values.dtype == np.float32

    @pytest.mark.parametrize(("size", "dtype"), [(1e308, np.float64), (3e38, np.float32)])
    def test_coefficients_of_an_infinite_field_are_refused(self, bf, fields, size, dtype):
        rows = read_bf_rows(bf)
        coefficients = rows.coefficients.copy()
        coefficients[5, 1] = -size
        message = rf"w\.bf: coefficients\[1, \d+\]: .* range of {np.dtype(dtype).name}, .* got -"
        with pytest.raises(ValueError, match=message):
            io.read_bf(rewritten(bf, rows, coefficients=coefficients), fields.mesh, dtype=dtype)
        coefficients[5, 1] = size / 1e4
        found = io.read_bf(rewritten(bf, rows, coefficients=coefficients), fields.mesh, dtype=dtype)
        assert np.isfinite(found.field().values).all()

    def test_equal_fields_make_equal_gzip_files(self, tmp_path, fields):
        io.write_bf(tmp_path / "a.bf.gz", fields)
        io.write_bf(tmp_path / "b.bf.gz", fields)
        data = (tmp_path / "a.bf.gz").read_bytes()
        assert data == (tmp_path / "b.bf.gz").read_bytes()
        assert gzip.decompress(data).startswith(b"format   1   0\n")
        assert infer_mesh(tmp_path / "a.bf.gz") == fields.mesh

    def test_an_absurd_index_asks_for_no_absurd_mesh(self, bf, tmp_path):
        lines = bf.read_text().splitlines()
        columns = lines[-1].split()
        columns[-2] = "90000"
        (tmp_path / "absurd.bf").write_text("\n".join([*lines[:-1], " ".join(columns), ""]))
        line = next(i for i, row in enumerate(lines, 1) if row.startswith("N_basis")) + 1
        with pytest.raises(ValueError, match=rf"absurd\.bf:{line}: no mesh has a basis of exactly"):
            infer_mesh(tmp_path / "absurd.bf")

    def test_one_of_several_fields(self, tmp_path, fields):
        io.write_field(tmp_path / "b.bf", fields, index=1)
        io.write_field(tmp_path / "b.rf", fields, index=1)
        values = fields.field().values[1]
        for name in ("b.bf", "b.rf"):
            found = io.read_field(tmp_path / name, mesh=fields.mesh)
            np.testing.assert_allclose(found.values[0], values, atol=1e-8, rtol=0)


class TestRowsOfABasis:
    def test_any_order(self, bf, fields, rng):
        rows = read_bf_rows(bf)
        # Pairs keep which of them comes first: that says which is the cosine.
        order = rng.permutation(len(rows.waves))
        stars = fields.basis.stars
        for plus in np.flatnonzero(stars.flag[stars.basis_star] > 0):
            where = np.flatnonzero((order == plus) | (order == plus + 1))
            order[where] = plus, plus + 1
        found = io.read_bf(rewritten(bf, rows, order), basis=fields.basis)
        np.testing.assert_allclose(found.coefficients, fields.coefficients, atol=1e-9, rtol=0)

    def test_reversed_pairs(self, bf, fields):
        """f = a (phi + phi*) + b (phi - phi*) / i: with phi* first, b changes its sign."""
        rows = read_bf_rows(bf)
        stars = fields.basis.stars
        plus = np.flatnonzero(stars.flag[stars.basis_star] > 0)
        assert len(plus)
        order = np.arange(len(rows.waves))
        order[plus], order[plus + 1] = plus + 1, plus
        coefficients = rows.coefficients.copy()
        coefficients[plus + 1], coefficients[plus] = (
            rows.coefficients[plus],
            -rows.coefficients[plus + 1],
        )
        path = rewritten(bf, rows, order, coefficients=coefficients)
        found = io.read_bf(path, basis=fields.basis)
        np.testing.assert_allclose(found.coefficients, fields.coefficients, atol=1e-9, rtol=0)

    def test_stars_named_by_another_of_their_waves(self, bf, fields):
        """Against the definition: the function is real and positive on the wave that names it."""
        rows, stars = read_bf_rows(bf), fields.basis.stars
        waves, coefficients = rows.waves.copy(), np.zeros_like(rows.coefficients)
        half = fields.basis.mesh.ranks
        full = np.stack([np.fft.fftn(f, norm="forward") for f in fields.field().values])
        full = full.reshape(len(full), -1).T
        turned = 0
        for i, s in enumerate(stars.basis_star):
            last = stars.begin[s] + stars.sizes[s] - 1
            named = stars.waves[last]
            a = full[half(named[None])[0]] * np.sqrt(stars.sizes[s])
            if stars.flag[s] == 0:
                c = stars.coefficients[last] * np.sqrt(stars.sizes[s])
                sign = 1 if c.real > 0 or (c.real == 0 and c.imag < 0) else -1
                waves[i], coefficients[i] = named, sign * rows.coefficients[i]
                turned += sign < 0
            elif stars.flag[s] > 0:
                # f has the coefficient (A - i B) / sqrt 2 on that wave.
                a = np.sqrt(2) * a
                waves[i], waves[i + 1] = named, -named
                coefficients[i], coefficients[i + 1] = a.real, -a.imag
        assert turned > 0
        path = rewritten(bf, rows, waves=waves, coefficients=coefficients)
        found = io.read_bf(path, basis=fields.basis)
        np.testing.assert_allclose(found.coefficients, fields.coefficients, atol=1e-8, rtol=0)

    def test_another_mesh(self, bf, fields):
        finer, placement = io.resample_bf(bf, Mesh((8, 8, 16)))
        assert len(placement.dropped_lines) > 0
        assert len(placement.missing) > 0
        n = fields.basis.n_basis - len(placement.dropped_lines)
        assert placement.text().startswith(f"{n} of {finer.basis.n_basis} basis functions read")
        io.write_bf(bf, finer)
        back, placement = io.resample_bf(bf, basis=fields.basis)
        a, b = np.asarray(fields.coefficients), np.asarray(back.coefficients)
        np.testing.assert_allclose(b, np.where(b != 0, a, 0.0), atol=1e-9)
        shared = sum("the same star" in reason for reason in placement.reasons)
        assert 0 < shared < len(placement.dropped_lines)
        assert n - shared < (b[0] != 0).sum() <= n

    def test_a_cell_that_moved(self, tmp_path, rng):
        """The shortest alias at the edge may be another one by now."""
        mesh, group = Mesh((8, 8)), SpaceGroup.find("p 2", 2)
        there, here = [1.0, 1.0, 88.0], [1.0, 1.0, 92.0]
        fields = []
        for cell in (there, here):
            lattice = PeriodicField.from_arrays(np.zeros((1, 8, 8)), "oblique", cell)
            basis = StarBasis(group, mesh, lattice.host_matrix())
            a = rng.normal(size=(1, basis.n_basis))
            fields.append(BasisField.from_arrays(a, basis, "oblique", cell))
        first, second = fields
        assert (
            first.basis.stars.waves[first.basis.stars.wave_of_rank]
            != (second.basis.stars.waves[second.basis.stars.wave_of_rank])
        ).any()
        io.write_bf(tmp_path / "w.bf", first)
        found = io.read_bf(tmp_path / "w.bf", basis=second.basis)
        np.testing.assert_allclose(found.field().values, first.field().values, atol=1e-9)


class TestFromField:
    def test_fields_without_the_symmetry(self, fields):
        field = fields.field()
        shifted = field.with_values(field.values.at[1, 0, 1, 2].add(0.25))
        with pytest.raises(ValueError, match=r"field 1 is not symmetric under P 43.*0\.18"):
            BasisField.from_field(shifted, fields.basis)
        assert BasisField.from_field(shifted, fields.basis, tol=1.0).n_fields == 2
        average = BasisField.from_field(shifted, fields.basis, project=True).field()
        change = np.asarray(average.values - field.values)
        # Each of the four equivalent nodes has a fourth of the change.
        assert np.isclose(change[1].max(), 0.25 / 4)
        assert (np.abs(change[1]) > 1e-9).sum() == 4

    def test_the_basis_of_the_fields_own_group(self, fields):
        found = BasisField.from_field(fields.field())
        np.testing.assert_allclose(found.coefficients, fields.coefficients, atol=1e-12)

    def test_traced_fields_and_their_gradients(self, fields, rng):
        """Projection under jit; d/da of sum g f(a) against the adjoint, M times the projection."""
        field, basis = fields.field(), fields.basis
        g = rng.normal(size=field.values.shape)

        def project(values):
            return BasisField.from_field(field.with_values(values), basis, project=True)

        found = jax.jit(lambda values: project(values).coefficients)(field.values)
        np.testing.assert_allclose(found, fields.coefficients, atol=1e-12)

        def work(a):
            return jnp.sum(jnp.asarray(g) * fields.with_coefficients(a).field().values)

        gradient = jax.grad(work)(fields.coefficients)
        np.testing.assert_allclose(
            gradient, basis.mesh.size * project(jnp.asarray(g)).coefficients, atol=1e-9
        )
        with pytest.raises(ValueError, match="must be known on the host"):
            jax.jit(lambda values: BasisField.from_field(field.with_values(values), basis))(g)

    def test_single_precision(self, fields):
        field = fields.field()
        single = PeriodicField(
            field.values.astype(np.float32), field.parameters.astype(np.float32),
            field.bravais, field.group,
        )  # fmt: skip
        found = BasisField.from_field(single)
        assert found.coefficients.dtype == np.float32
        np.testing.assert_allclose(found.coefficients, fields.coefficients, atol=1e-5)

    def test_no_group_another_mesh(self, fields):
        field = fields.field()
        nameless = PeriodicField(field.values, field.parameters, field.bravais)
        with pytest.raises(ValueError, match="states no group"):
            BasisField.from_field(nameless)
        with pytest.raises(ValueError, match=r"mesh of the basis, 6 x 6 x 12, got 6 x 6 x 8"):
            BasisField.from_field(field.with_values(field.values[..., :8]), fields.basis)

    def test_coefficients_of_another_basis(self, fields):
        for bad, message in [
            (np.ones((1, 3)), r"expected \(n, \d+\)"),
            (
                np.full((1, fields.basis.n_basis), np.nan),
                r"coefficients\[0, 0\]: expected a finite",
            ),
        ]:
            with pytest.raises(ValueError, match=message):
                BasisField.from_arrays(bad, fields.basis, "tetragonal", [1.0, 1.7])
        with pytest.raises(ValueError, match="does not fit space group P 43"):
            BasisField.from_arrays(
                fields.coefficients, fields.basis, "orthorhombic", [1.0, 1.1, 1.7]
            )


class TestBadInput:
    @pytest.mark.parametrize(
        ("old", "new", "line", "message"),
        [
            ("format 1 0", "dim 1", 1, "label 'format'"),
            ("format 1 0", "format 2 0", 1, "format 1 0, got 2 0"),
            ("N_monomer\n 2", "N_polymer\n 2", 12, "expected a label among .* got 'N_polymer'"),
            ("dim\n 1", "dim\n 4", 5, "dimensions"),
            ("dim\n 1", "dim\n 1_0", 3, "an integer for dim, got '1_0'"),
            ("dim\n 1", "dim\n one", 3, "an integer for dim, got 'one'"),
            (" lamellar", " cubic", 5, "crystal_system: .*lamellar; got 'cubic'"),
            (" lamellar", " lammelar", 5, "did you mean 'lamellar'"),
            ("N_cell_param\n 1", "N_cell_param\n 2", 10, "number for cell_param, got 'group_name'"),
            (" 2.5", " 2.5 2.5", 9, "expected a label among .*, got '2.5'"),
            ("N_cell_param\n 1\ncell_param\n 2.5", "N_cell_param\n 2\ncell_param\n 2 3", 9,
             r"cell_param: expected 1 \(a\) of the lamellar lattice, got 2"),
            ("N_cell_param\n 1\n", "", 6, "N_cell_param before cell_param"),
            (" 2.5", " -2.5", 9, "cell_param: expected a positive length a, got -2.5"),
            (" 2.5", " nan", 9, "finite number for cell_param, got 'nan'"),
            ("N_monomer\n 2", "N_monomer\n 0", 13, "N_monomer of at least 1, got 0"),
            ("N_monomer\n 2\n", "", 12, "expected N_monomer above"),
            ("dim\n 1\n", "dim\n 1\ndim\n 1\n", 4, "dim occurs twice"),
            ("mesh\n 4", "mesh\n 0", 15, "mesh of at least 1"),
            ("mesh\n 4", "mesh\n 5", 19, "expected 5 rows .* got 4: is the file truncated"),
            ("mesh\n 4", "mesh\n 3", 19, "expected 3 rows .* got more"),
            ("5.0 6.0", "5.0", 18, "expected 2 columns .* got 1"),
            ("5.0 6.0\n 3.0 4.0", "5.0 6.0 3.0\n 4.0", 18, "expected 2 columns .* got 3"),
            ("5.0 6.0", "5.0 nan", 18, "finite number among .* got 'nan'"),
            ("5.0 6.0", "5.0 6.0e999", 18, "finite number"),
            ("5.0 6.0", "5.0 six", 18, "finite number among .* got 'six'"),
            (RF[RF.index("mesh"):], "", 13, "mesh or ngrid, got the end of the file"),
            (RF[RF.index("mesh"):], "mesh\n", 14, "got the end of the file"),
        ],
    )  # fmt: skip
    def test_rf(self, tmp_path, old, new, line, message):
        text = RF.replace(old, new, 1)
        assert text != RF
        with pytest.raises(ValueError, match=rf"w\.rf:{line}: .*{message}"):
            read_rf(written(tmp_path, text))

    def test_angles_in_degrees(self, tmp_path, rng):
        field = PeriodicField.from_arrays(rng.normal(size=(1, 4, 5)), "oblique", [2.0, 3.0, 75.0])
        write_rf(tmp_path / "w.rf", field)
        text = (tmp_path / "w.rf").read_text()
        assert "1.3089969390e+00" in text
        path = written(tmp_path, text.replace("1.3089969390e+00", "75.0"))
        with pytest.raises(ValueError, match=r"w\.rf:9: .*got 75: degrees\? .* 1\.308996939"):
            io.read_field(path)

    def test_what_was_asked_for(self, tmp_path):
        path = written(tmp_path, RF)
        with pytest.raises(ValueError, match=r"w\.rf:11: expected the group P_1, got .* P_-1"):
            read_rf(path, group=SpaceGroup.find("P 1", 1))
        with pytest.raises(ValueError, match=r"w\.rf:3: a field in 1 dimensions cannot have"):
            read_rf(path, group=SpaceGroup.find("P -1"))
        with pytest.raises(ValueError, match=r"w\.rf: group: .*'p99'"):
            read_rf(path, group="p99")
        plane = written(tmp_path, PLANE)
        with pytest.raises(ValueError, match=r"w\.rf:4: expected a hexagonal lattice, .* square"):
            read_rf(plane, crystal_system="hexagonal")
        with pytest.raises(ValueError, match=r"w\.rf: crystal_system: .*got 'cubic'"):
            read_rf(plane, crystal_system="cubic")
        assert read_rf(plane, crystal_system="Square", mesh=(2, 2)).mesh == Mesh((2, 2))
        for read in (io.read_field, read_rf):
            with pytest.raises(ValueError, match=r"w\.rf: sizes: expected positive integers"):
                read(plane, mesh=(2, 0))
            for mesh in (Mesh((4, 4)), (4, 4)):
                with pytest.raises(ValueError, match=r"w\.rf:13: expected the mesh 4 x 4, got 2 x"):
                    read(plane, mesh=mesh)

    def test_a_group_that_does_not_fit(self, tmp_path):
        for changes, line, message in [
            ([("p_2", "p_3")], 8, "fit space group p 3"),
            ([("p_2", "p_4_m_m"), ("mesh 2 2", "\nmesh\n1\n 4")], 16, "mesh 1 x 4 does not fit"),
            ([("p_2", "p_2_g_g"), ("mesh 2 2", "mesh 1 4")], 13, "mesh 1 x 4 does not fit"),
        ]:
            text = PLANE
            for old, new in changes:
                text = text.replace(old, new)
            path = written(tmp_path, text)
            with pytest.raises(ValueError, match=rf"w\.rf:{line}: .*{message}"):
                read_rf(path)
        with pytest.raises(ValueError, match=r"w\.rf:8: .*fit space group p 6 m m"):
            read_rf(written(tmp_path, PLANE.replace("p_2", "ours")), group="p 6 m m")
        nearly = PLANE.replace("p_2", "p_4_m_m").replace("square", "rectangular")
        nearly = nearly.replace("N_cell_param\n 1", "N_cell_param 2").replace(" 2.5", "2.5 2.5001")
        with pytest.raises(ValueError, match=r"w\.rf:7: .*fit space group p 4 m m"):
            read_rf(written(tmp_path, nearly))

    def test_files_that_are_no_text(self, tmp_path):
        with pytest.raises(FileNotFoundError, match=r"none\.rf: no such file"):
            read_rf(tmp_path / "none.rf")
        (tmp_path / "folder.rf").mkdir()
        with pytest.raises(IsADirectoryError, match=r"folder\.rf: expected a file, got a folder"):
            read_rf(tmp_path / "folder.rf")
        data = gzip.compress(RF.encode())
        for name, content in [("a.rf.gz", data[:-12]), ("b.rf", b"\xff\xfe\x00format")]:
            (tmp_path / name).write_bytes(content)
            with pytest.raises(ValueError, match=rf"{re.escape(name)}: expected text"):
                read_rf(tmp_path / name)

    @pytest.mark.parametrize(
        ("rows", "line", "message"),
        [
            ("0 1 0 2 0\n1 1 1 2 0\n3 1 0 2 0\n", 17, "the number 2 of a wave .* got 3"),
            ("0 1 .5 2 0\n1 1 1 2 0\n2 1 0 2 0\n", 15, r"conj F\(n\) .* 1.00e\+00 .*wave \[0\]"),
            ("0 1 0 2 0\n1 1 1 2 0\n2 1 0 2 -1\n", 17, r"conj F\(n\) .* wave \[2\]"),
            ("0 1 0 2 0\n1 1 1 2 0\n", 16, "expected 3 rows .* got 2"),
            ("0 1 0 2 0\n1 1 1 2\n2 1 0 2 0\n", 16, "expected 5 columns .* got 4"),
        ],
    )
    def test_kf(self, tmp_path, rows, line, message):
        with pytest.raises(ValueError, match=rf"w\.kf:{line}: .*{message}"):
            read_kf(written(tmp_path, kf_text(rows), "w.kf"))

    def test_kf_planes_in_two_dimensions(self, tmp_path, rng):
        field = PeriodicField.from_arrays(rng.normal(size=(1, 4, 4)), "square", [1.0])
        write_kf(tmp_path / "w.kf", field)
        lines = (tmp_path / "w.kf").read_text().splitlines()
        first = next(i for i, line in enumerate(lines) if line.startswith("    0 "))
        lines[first + 3] = "    3    9.0  0.5"  # wave (1, 0), whose inverse (3, 0) is stored too
        (tmp_path / "w.kf").write_text("\n".join(lines))
        with pytest.raises(ValueError, match=rf"w\.kf:{first + 4}: .*wave \[1, 0\]"):
            read_kf(tmp_path / "w.kf")

    def test_bf(self, bf, fields):
        rows = read_bf_rows(bf)
        at = rows.lines[5]
        lines = rows.header.lines
        basis = fields.basis
        header = bf.read_text().splitlines()
        assert header[lines["N_basis"] - 1].strip() == str(len(rows.waves))
        assert header[lines["group_name"] - 1].strip() == "P_43"
        waves, sizes = rows.waves.copy(), rows.sizes.copy()
        sizes[5] += 1
        with pytest.raises(ValueError, match=rf"w\.bf:{at}: wave .* star of another size"):
            io.read_bf(rewritten(bf, rows, sizes=sizes), basis=basis)
        waves[5] = waves[6]
        sizes[5] = sizes[6]
        with pytest.raises(
            ValueError, match=rf"w\.bf:{at + 1}: wave .* has a row on line {at} already"
        ):
            io.read_bf(rewritten(bf, rows, waves=waves, sizes=sizes), basis=basis)
        waves[5] = [0, 0, 1]
        with pytest.raises(ValueError, match=rf"w\.bf:{at}: wave \[0, 0, 1\] .*cancelled star"):
            io.read_bf(rewritten(bf, rows, waves=waves), basis=basis)
        waves[5] = [7, 0, 0]
        with pytest.raises(ValueError, match=rf"w\.bf:{at}: wave \[7, 0, 0\] is no wave"):
            io.read_bf(rewritten(bf, rows, waves=waves), basis=basis)
        count = lines["N_basis"]
        for read in (io.read_bf, infer_mesh):
            with pytest.raises(ValueError, match=rf"w\.bf:{count}: no mesh has a basis of exactly"):
                read(bf)
        # The last wave is alone in its star; of a pair the other one is without its partner.
        flags = basis.stars.flag[basis.stars.basis_star]
        alone, second = np.flatnonzero(flags == 0)[-1], np.flatnonzero(flags < 0)[-1]
        kept = np.arange(len(rows.waves))
        with pytest.raises(ValueError, match=rf"w\.bf:{count}: .*1 have no row.*resample_bf") as e:
            io.read_bf(rewritten(bf, rows, np.delete(kept, alone)), basis=basis)
        assert isinstance(e.value, io.FieldMeshError)
        first = rows.lines[second - 1]
        with pytest.raises(ValueError, match=rf"w\.bf:{first}: .*other row .* missing.*resample"):
            io.read_bf(rewritten(bf, rows, np.delete(kept, second)), basis=basis)
        with pytest.raises(ValueError, match=rf"w\.bf:{count}: expected a row for the constant"):
            io.resample_bf(rewritten(bf, rows, slice(1, None)), basis=basis)
        group = lines["group_name"]
        with pytest.raises(ValueError, match=rf"w\.bf:{group}: mesh 6 x 6 x 10 does not fit"):
            io.read_bf(rewritten(bf, rows), (6, 6, 10))
        with pytest.raises(ValueError, match=r"w\.bf: sizes: expected positive integers"):
            io.read_bf(bf, (6, 6, 0))
        with pytest.raises(ValueError, match=r"w\.bf: expected the mesh of the basis, 6 x 6 x 12"):
            io.read_bf(bf, (6, 6, 8), basis=basis)
        for options in ({"mesh": Mesh((6, 6))}, {"basis": StarBasis(1, (6, 6), np.eye(2))}):
            message = rf"w\.bf:{lines['dim']}: .*in 2 dimensions, .*6 x 6, got 3"
            with pytest.raises(ValueError, match=message):
                io.read_bf(bf, **options, group=SpaceGroup.find("P 43"))
        with pytest.raises(ValueError, match=rf"w\.bf:{group}: expected the group P_41, .* P_43"):
            io.read_bf(bf, group=SpaceGroup.find("P 41"))
        text = bf.read_text()
        nameless = re.sub(r"group_name\n.*\n", "", text)
        with pytest.raises(ValueError, match=rf"w\.bf:{lines['end'] - 2}: the file names no group"):
            io.read_bf(written(bf.parent, nameless, "w.bf"))
        skewed = text.replace("P_43", "P_4_3_2")
        with pytest.raises(ValueError, match=rf"w\.bf:{lines['cell_param']}: .*P 4 3 2"):
            io.read_bf(written(bf.parent, skewed, "w.bf"))
        cut = text[: text.rindex("\n", 0, -200) + 1]
        last = cut.count("\n")
        with pytest.raises(ValueError, match=rf"w\.bf:{last}: .*is the file truncated"):
            io.read_bf(written(bf.parent, cut, "w.bf"))

    def test_a_pair_whose_waves_are_not_inverse(self, bf, fields):
        rows, stars = read_bf_rows(bf), fields.basis.stars
        flags, sizes = stars.flag[stars.basis_star], stars.sizes[stars.basis_star]
        i = int(np.flatnonzero((flags > 0) & (sizes > 1))[0])
        s = stars.basis_star[i + 1]
        members = stars.waves[stars.begin[s] : stars.begin[s] + stars.sizes[s]]
        waves = rows.waves.copy()
        waves[i + 1] = next(w for w in members if (w != waves[i + 1]).any())
        with pytest.raises(ValueError, match=rf"w\.bf:{rows.lines[i + 1]}: .*wave inverse to"):
            io.read_bf(rewritten(bf, rows, waves=waves), basis=fields.basis)

    def test_nothing_is_half_written(self, tmp_path, fields):
        field = fields.field()
        broken = field.with_values(field.values.at[0, 1, 1, 1].set(np.nan))
        for name in ("w.rf", "w.kf.gz", "w.cube", "w.ccp4", "w.bf"):
            message = rf"{re.escape(name)}: .*(expected a finite number|not symmetric)"
            with pytest.raises(ValueError, match=message):
                io.write_field(tmp_path / name, broken)
        shifted = field.with_values(field.values.at[0, 0, 1, 2].add(0.25))
        with pytest.raises(ValueError, match=r"w\.bf: field 0 is not symmetric"):
            io.write_field(tmp_path / "w.bf", shifted)
        for name in ("w.xyz", "w.ccp4.gz", "w.map.GZ", "w"):
            with pytest.raises(ValueError, match=rf"{name}: expected a field file in \.rf"):
                io.write_field(tmp_path / name, field)
        for name in ("w.rf", "w.bf", "w.cube", "w.ccp4"):
            for index in (2, -1, "0", 0.0):
                message = rf"{name}: index: expected an integer from 0 to 1, got {index!r}"
                with pytest.raises(ValueError, match=message):
                    io.write_field(tmp_path / name, field, index=index)
                with pytest.raises(ValueError, match=message):
                    io.write_field(tmp_path / name, fields, index=index)
        assert not list(tmp_path.iterdir())

    def test_a_group_without_a_name(self, tmp_path):
        group = SpaceGroup.from_generators(["x+1/2,y"])
        basis = StarBasis(group, Mesh((4, 4)), np.eye(2))
        fields = BasisField.from_arrays(np.ones((1, basis.n_basis)), basis, "square", [1.0])
        with pytest.raises(ValueError, match=r"w\.bf: .*must name its group.*group_name"):
            io.write_bf(tmp_path / "w.bf", fields)
        io.write_bf(tmp_path / "w.bf", fields, "my_group")
        found = io.read_bf(tmp_path / "w.bf", group=group)
        np.testing.assert_allclose(found.field().values, fields.field().values, atol=1e-9)
