"""`fields`: conversions, meshes, symmetry, reports, and what is refused."""

import errno
import os
import re

import jax
import numpy as np
import pytest
from pscf_cases import reference, table_after, text_of

from jaxtal import io
from jaxtal.cli.fields import _output
from jaxtal.fields import BasisField, Mesh, PeriodicField, StarBasis
from jaxtal.io.pscf._grid import read_rf, write_rf
from jaxtal.symmetry import SpaceGroup

GROUP, PSCF = "P 43 21 2", "P_43_21_2"
MESH, CELL = Mesh((4, 4, 8)), [1.25, 2.0]
#: 14 digits in .rf and .kf, 11 in .bf.
FINE, COARSE = 1e-12, 1e-9
CASES = {"lam_P-1": [40], "hex_p6mm": [24, 24], "at_tet_P43212": [16, 16, 24]}


def close(path, other, tol):
    """Values of two files of fields on the mesh."""
    with jax.enable_x64(True):
        a, b = (np.asarray(io.read_field(one).values) for one in (path, other))
    np.testing.assert_allclose(a, b, rtol=0, atol=tol * max(1.0, np.abs(b).max()))


def same_rows(path, other):
    """Coefficients of two .bf files of one basis, to what 14 digits of the values leave."""
    rows = [table_after("N_basis", one) for one in (path, other)]
    scale = np.maximum(1.0, np.abs(rows[1]))
    assert rows[0].shape == rows[1].shape
    assert (np.abs(rows[0] - rows[1]) <= 1e-10 * scale).all()


@pytest.fixture(scope="module")
def field():
    """Two symmetric fields in space."""
    rng = np.random.default_rng(7)
    with jax.enable_x64(True):
        matrix = np.diag([CELL[0], CELL[0], CELL[1]])
        basis = StarBasis(GROUP, MESH, matrix)
        a = rng.normal(size=(2, basis.n_basis))
        return BasisField.from_arrays(a, basis, "tetragonal", CELL).field()


@pytest.fixture
def space(tmp_path, field):
    """They as a file, and the second one disturbed at one node as another."""
    with jax.enable_x64(True):
        write_rf(tmp_path / "w.rf", field)
        bumped = field.values.at[1, 0, 1, 2].add(0.25)
        write_rf(tmp_path / "bumped.rf", field.with_values(bumped))
    return tmp_path


@pytest.fixture
def line(tmp_path):
    """A lamellar field that names no group, and the same with a name."""
    x = np.arange(12) / 12
    values = np.stack([1 + np.cos(2 * np.pi * x), np.cos(4 * np.pi * x) / 3])
    for name, group in (("line.rf", None), ("named.rf", "P -1")):
        write_rf(tmp_path / name, PeriodicField.from_arrays(values, "lamellar", [2.5], group=group))
    return tmp_path


@pytest.fixture(params=CASES)
def case(request, data_dir):
    return data_dir / "fields" / request.param


class TestReference:
    """Output of PSCF 1.3.3."""

    def test_there_and_back(self, run, tmp_path, case):
        rf, kf = (reference(case.parent.parent, case.name, f"w.{kind}") for kind in ("rf", "kf"))
        shown = run("fields", "convert", case / "w.bf", "w.rf", "--json").json
        assert shown["mesh"] == CASES[case.name]
        assert shown["mesh_inferred"]
        assert shown["output"] == ["w.rf"]
        close(tmp_path / "w.rf", rf, FINE)
        assert run("fields", "convert", rf, "w.bf.gz").code == 0
        same_rows(tmp_path / "w.bf.gz", case / "w.bf")
        assert run("fields", "convert", rf, "w.kf.gz").code == 0
        close(tmp_path / "w.kf.gz", kf, FINE)
        assert run("fields", "convert", kf, "from_kf.rf").code == 0
        close(tmp_path / "from_kf.rf", rf, FINE)

    def test_symmetric(self, run, case):
        for path in (case / "w.bf", next(case.glob("w.rf*"))):
            result = run("fields", "check", path, "--json")
            assert result.code == 0
            assert result.json["symmetric"]
            assert max(row["asymmetry"] for row in result.json["fields"]) < 1e-11

    def test_reports(self, run, tmp_path, case):
        shown = run("fields", "stars", case / "w.bf", "stars", "--json").json
        count = re.search(r"nStar (\d+) .* nBasis (\d+)", (case / "README.md").read_text())
        assert [shown["stars"], shown["basis_functions"]] == [int(n) for n in count.groups()]
        found = (tmp_path / "stars").read_text().split()
        assert found == (case / "stars").read_text().split()
        assert run("fields", "waves", case / "w.bf", "waves").code == 0
        assert (tmp_path / "waves").read_text().count("\n") > len(found) / 10


class TestConvert:
    def test_to_every_format_and_back(self, run, space, field):
        for name in ("w.kf", "w.bf", "w.kf.gz", "w.bf.gz", "w.rf.gz"):
            assert run("fields", "convert", "w.rf", name).code == 0
            assert run("fields", "convert", name, "back.rf").code == 0
            close(space / "back.rf", space / "w.rf", COARSE if "bf" in name else FINE)
        assert (space / "w.rf.gz").read_bytes().startswith(b"\x1f\x8b")
        with jax.enable_x64(True):
            again = read_rf(space / "back.rf")
        assert again.group == SpaceGroup.find(GROUP)
        np.testing.assert_allclose(again.parameters, CELL)

    def test_coefficients_are_not_touched(self, run, space):
        run("fields", "convert", "w.rf", "w.bf")
        result = run("fields", "convert", "w.bf", "copy.bf")
        assert (space / "copy.bf").read_bytes() == (space / "w.bf").read_bytes()
        assert "inferred" in result.out
        assert run("fields", "convert", "w.bf", "one.bf", "--field", 1).code == 0
        one = (space / "one.bf").read_text().split("N_basis")[1].split()
        both = (space / "w.bf").read_text().split("N_basis")[1].split()
        assert one[1:4] == both[2:5]

    def test_one_file_for_each_field(self, run, space, field):
        shown = run("fields", "convert", "w.rf", "w.ccp4", "--json").json
        assert shown["output"] == ["w-0.ccp4", "w-1.ccp4"]
        for i in range(2):
            values, cell = io.read_ccp4(space / f"w-{i}.ccp4")
            np.testing.assert_allclose(values, np.asarray(field.values)[i], atol=1e-6)
            np.testing.assert_allclose(cell, [1.25, 1.25, 2.0, 90, 90, 90], rtol=1e-6)
        assert run("fields", "convert", "w.rf", "w.cube.gz", "--field", 1).code == 0
        assert (space / "w.cube.gz").read_bytes().startswith(b"\x1f\x8b")
        lines = text_of(space / "w.cube.gz").splitlines()
        assert np.isclose(float(lines[6].split()[0]), np.asarray(field.values)[1, 0, 0, 0])
        assert not list(space.glob("w-*.cube*"))

    def test_maps_have_single_precision(self, run, space, field):
        run("fields", "convert", "w.rf", "w.map", "--field", 0)
        result = run("fields", "convert", "w.map", "m.bf", "--group", 96, "--eps", 1e-5, "--json")
        assert result.code == 0
        assert result.json["lattice"] == "tetragonal"
        with jax.enable_x64(True):
            found = io.read_bf(space / "m.bf", MESH).field()
        np.testing.assert_allclose(found.values[0], np.asarray(field.values)[0], atol=1e-5)

    def test_formats_by_option(self, run, space):
        (space / "plain").write_bytes((space / "w.rf").read_bytes())
        assert run("fields", "convert", "plain", "out.dat", "--from", "rf", "--to", "kf").code == 0
        assert run("fields", "convert", "out.dat", "again.rf", "--from", "kf").code == 0
        close(space / "again.rf", space / "w.rf", FINE)

    def test_onto_itself(self, run, space):
        before = (space / "w.rf").read_bytes()
        assert run("fields", "convert", "w.rf", "w.rf").code == 0
        assert (space / "w.rf").read_bytes() == before

    def test_finer_and_back(self, run, space):
        finer = run("fields", "convert", "w.rf", "fine.rf", "--mesh", 6, 6, 12, "--json").json
        assert finer["mesh"] == [6, 6, 12]
        assert finer["waves_lost"] == 0
        assert run("fields", "convert", "fine.rf", "back.rf", "--mesh", 4, 4, 8).code == 0
        close(space / "back.rf", space / "w.rf", FINE)
        run("fields", "convert", "w.rf", "w.bf")
        assert run("fields", "convert", "w.bf", "from.rf", "--mesh", 6, 6, 12).code == 0
        close(space / "from.rf", space / "fine.rf", COARSE)
        assert run("fields", "convert", "w.bf", "same.rf", "--mesh", 4, 4, 8).code == 0
        close(space / "same.rf", space / "w.rf", COARSE)
        coarse = run("fields", "convert", "w.rf", "coarse.rf", "--mesh", 2, 2, 4)
        assert re.search(r"lost +\d+ waves", coarse.out)

    def test_a_cosine_between_its_nodes(self, run, line):
        assert run("fields", "convert", "line.rf", "fine.rf", "--mesh", 30).code == 0
        with jax.enable_x64(True):
            values = np.asarray(read_rf(line / "fine.rf").values)
        x = np.arange(30) / 30
        np.testing.assert_allclose(values[0], 1 + np.cos(2 * np.pi * x), atol=1e-7)

    def test_a_group_where_none_is_named(self, run, line):
        for group in ("P_-1", "P -1", 2):
            assert run("fields", "convert", "named.rf", "a.bf").code == 0
            result = run("fields", "convert", "line.rf", "b.bf", "--group", group, "--eps", 1e-6)
            assert result.code == 0
            assert (line / "a.bf").read_text() == (line / "b.bf").read_text()

    def test_a_group_file(self, run, line):
        io.write_pscf_group(line / "mine", SpaceGroup.find("P -1", 1))
        text = (line / "named.rf").read_text().replace("P_-1", "mine")
        (line / "mine.rf").write_text(text)
        assert run("fields", "convert", "mine.rf", "a.kf").code == 2
        assert run("fields", "convert", "mine.rf", "a.bf", "--group", "mine").code == 0
        assert "P_-1" in (line / "a.bf").read_text()

    def test_a_group_that_only_a_file_names(self, run, tmp_path):
        group = SpaceGroup.from_generators(["x+1/2,y"])
        io.write_pscf_group(tmp_path / "half", group)
        values = np.tile(np.arange(8.0).reshape(2, 4), (2, 1))[None]
        write_rf(tmp_path / "w.rf", PeriodicField.from_arrays(values, "square", [1.0]))
        assert run("fields", "convert", "w.rf", "w.bf", "--group", "half").code == 0
        assert "half" in (tmp_path / "w.bf").read_text()
        assert run("fields", "convert", "w.bf", "back.rf", "--group", "half").code == 0
        close(tmp_path / "back.rf", tmp_path / "w.rf", COARSE)

    def test_a_subgroup(self, run, space):
        """Fewer operations hold as well; the coefficients are those of a larger basis."""
        result = run("fields", "convert", "w.rf", "sub.bf", "--group", "P_1")
        assert result.code == 0
        assert run("fields", "convert", "sub.bf", "back.rf").code == 0
        close(space / "back.rf", space / "w.rf", COARSE)

    def test_another_lattice_type(self, run, space):
        for name, names in [("orthorhombic", "abc"), ("triclinic", None)]:
            result = run(
                *("fields", "convert", "w.rf", "low.rf", "--lattice", name, "--json"),
                *("--group", "P_1"),
            )
            assert result.json["lattice"] == name
            assert names is None or "".join(result.json["parameters"]) == names
            close(space / "low.rf", space / "w.rf", FINE)

    def test_projection(self, run, space, field):
        result = run("fields", "convert", "bumped.rf", "p.rf", "--project", "--json")
        assert result.code == 0
        # One node of a general orbit of eight: the average keeps an eighth or a fourth of it.
        assert result.json["asymmetry"][0] < 1e-12
        assert 0.1 < result.json["asymmetry"][1] < 0.25
        assert run("fields", "check", "p.rf").code == 0
        assert "averaged" in run("fields", "convert", "bumped.rf", "p.bf", "--project").out
        close(space / "p.bf", space / "p.rf", COARSE)


class TestCheck:
    def test_statistics(self, run, line):
        shown = run("fields", "check", "line.rf", "--json").json
        assert shown["symmetric"] is None
        assert (shown["dimension"], shown["lattice"], shown["mesh"]) == (1, "lamellar", [12])
        assert shown["parameters"] == {"a": 2.5}
        one, two = shown["fields"]
        assert [one[k] for k in ("mean", "min", "max")] == pytest.approx([1, 0, 2], abs=1e-6)
        assert one["rms"] == pytest.approx(np.sqrt(1.5), rel=1e-6)
        assert two["rms"] == pytest.approx(1 / np.sqrt(18), rel=1e-6)
        result = run("fields", "check", "line.rf")
        assert result.code == 0
        assert "not checked: no group" in result.out

    def test_symmetric(self, run, space, field):
        result = run("fields", "check", "w.rf")
        assert result.code == 0
        assert "holds within 1e-08: 8 operations" in result.out
        run("fields", "convert", "w.rf", "w.bf")
        shown = run("fields", "check", "w.bf", "--json").json
        assert shown["group"] == GROUP
        assert shown["mesh_inferred"]
        assert shown["fields"][1]["max"] == pytest.approx(
            np.asarray(field.values)[1].max(), abs=1e-9
        )

    def test_disturbed(self, run, space):
        result = run("fields", "check", "bumped.rf", "--json")
        assert (result.code, result.json["symmetric"]) == (1, False)
        assert result.json["operations_held"] == ["x,y,z"]
        assert result.json["fields"][0]["asymmetry"] < 1e-12
        assert result.json["fields"][1]["asymmetry"] > 0.1
        assert run("fields", "check", "bumped.rf", "--eps", 0.25).code == 0
        assert "1 of the operations: x,y,z" in run("fields", "check", "bumped.rf").out

    def test_operations_that_are_left(self, run, space, field):
        """Of the group with twice the operations, those of the field's own hold."""
        result = run("fields", "check", "w.rf", "--group", "P_42%n_m_c:2", "--json")
        assert result.code == 1
        group = SpaceGroup.find("P_42%n_m_c:2")
        values = np.asarray(field.values)
        for op in group.operations:
            # By sampling the field at R r + t, node by node.
            R, t = np.array(op.rotation), np.array([float(f) for f in op.fractions])
            nodes = MESH.points().reshape(-1, 3) @ R.T + t
            place = np.rint(nodes * MESH.sizes).astype(int) % MESH.sizes
            moved = values[(slice(None), *place.T)].reshape(values.shape)
            holds = np.abs(moved - values).max() < 1e-7
            assert holds == (op.to_xyz() in result.json["operations_held"])

    def test_a_broken_one_in_two_dimensions(self, run, tmp_path):
        x, y = np.moveaxis(Mesh((6, 6)).points(), -1, 0)
        waves = [np.cos(2 * np.pi * phase) for phase in (x, y, x - y)]
        for name, values in (("six", sum(waves)), ("two", waves[0] + 2 * waves[1])):
            one = PeriodicField.from_arrays(np.asarray(values)[None], "hexagonal", [1.0])
            write_rf(tmp_path / f"{name}.rf", one)
        for group in ("p_6_m_m", "p6mm", 17):
            assert run("fields", "check", "six.rf", "--group", group, "--eps", 1e-6).code == 0
        result = run("fields", "check", "two.rf", "--group", 17, "--eps", 1e-6, "--json")
        assert sorted(result.json["operations_held"]) == ["-x,-y", "x,y"]


BAD = {
    "not symmetric": (("convert", "bumped.rf", "o.bf"), r"bumped\.rf: field 1 .* 0\.\d+ from its"),
    "group not held": (("convert", "w.rf", "o.rf", "--group", "P_41_21_2"), r"w\.rf: field . does"),
    "group of another cell": (("check", "w.rf", "--group", "I_a_-3_d"), "I a -3 d"),
    "unknown group": (("check", "w.rf", "--group", "P 99"), "--group: .*P 99"),
    "no group": (
        ("convert", "line.rf", "o.bf"),
        r"line\.rf: the file names no group: give --group",
    ),
    "no group to project on": (("convert", "line.rf", "o.rf", "--project"), "give --group"),
    "no group for a report": (("stars", "line.rf", "o"), "give --group"),
    "mesh of another group": (("convert", "w.rf", "o.rf", "--mesh", 5, 5, 8), "--mesh: .*would do"),
    "mesh not that of the file": (("check", "w.rf", "--mesh", 8, 8, 8), "w.rf: .*8 x 8 x 8"),
    "mesh not that of the rows": (
        ("check", "w.bf", "--mesh", 6, 6, 12),
        r"w\.bf:22: wave.*mesh than 6 x 6 x 12\? \(--mesh\)",
    ),
    "dimensions": (("convert", "w.rf", "o.rf", "--mesh", 8, 8), "--mesh: .*3 dimensions"),
    "enormous mesh": (("convert", "line.rf", "o.rf", "--mesh", 10**9), "--mesh: .*at most"),
    "no mesh": (("convert", "line.rf", "o.rf", "--mesh", 0), "--mesh: expected an integer >= 1"),
    "a group that PSCF has no name for": (
        ("convert", "w.rf", "o.bf", "--group", "P 1 1 21"),
        "no name for P 1 1 21: give --group a PSCF file",
    ),
    "no such field": (
        ("convert", "w.rf", "o.rf", "--field", 2),
        "--field: expected 0 to 1 in w.rf",
    ),
    "no such lattice": (("convert", "w.rf", "o.rf", "--lattice", "cubic"), "--lattice: .*cubic"),
    "line to cube": (("convert", "line.rf", "o.cube"), r"o\.cube: .* 3 dimensions, this one has 1"),
    "line to map": (("convert", "line.rf", "o.ccp4"), r"o\.ccp4: .* 3 dimensions"),
    "ending of OUT": (("convert", "w.rf", "o.xyz"), r"o\.xyz: expected .*\.xyz \(see --to\)"),
    "no ending": (("convert", "w.rf", "o"), r"o: expected .*none"),
    "zipped map": (("convert", "w.rf", "o.map.gz"), r"o\.map\.gz: .*gzipped"),
    "ending of IN": (("check", "w.cube"), r"w\.cube: expected .*\.cube \(see --from\)"),
    "no folder": (("convert", "w.rf", "none/o.rf"), "none: cannot write"),
    "no folder for a report": (("waves", "w.rf", "none/o"), "none: cannot write"),
    "OUT is a folder": (("convert", "w.rf", "taken.rf"), r"taken\.rf: .*got a folder"),
    "IN is a folder": (("check", "taken.rf"), r"taken\.rf: expected a file"),
    "no file": (("convert", "missing.rf", "o.rf"), r"missing\.rf: no such file"),
    "another format": (("check", "w.rf", "--from", "bf"), r"w\.rf:14: expected a label"),
    "no map": (("check", "w.rf", "--from", "ccp4"), r"w\.rf: expected a CCP4 map"),
    "what": (("invert", "w.rf"), "invert"),
}
DAMAGE = {
    "truncated": (lambda text: text[:-30], r"bad\.rf:27: .*truncated"),
    "cut in the last number": (lambda text: text[:-4], r"bad\.rf:27: .*truncated"),
    "rows missing": (
        lambda text: text[: text.rindex("\n", 0, -1) + 1],
        r"bad\.rf:26: .*truncated",
    ),
    "cell length": (
        lambda text: text.replace(" 2.5", "-2.5", 1),
        r"bad\.rf:9: .*positive length",
    ),
    "NaN": (lambda text: text.replace("2.0000000000000e+00", "nan", 1), r"bad\.rf:16: .*'nan'"),
    "group": (lambda text: text.replace("P_-1", "P_-2"), r"bad\.rf:11: group_name .*give --group"),
    "mesh": (lambda text: re.sub(r" 12\n", " 13\n", text, count=1), r"bad\.rf:27: .*13 rows"),
}


def refused(result, pattern):
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("jaxtal: error: ")
    assert result.err.count("\n") == 1
    assert re.search(pattern, result.err)


class TestRefused:
    @pytest.mark.parametrize("name", BAD)
    def test_one_line_and_no_file(self, run, space, line, name):
        (space / "taken.rf").mkdir()
        if "w.bf" in BAD[name][0]:
            run("fields", "convert", "w.rf", "w.bf")
        before = set(space.rglob("*"))
        arguments, pattern = BAD[name]
        refused(run("fields", *arguments), pattern)
        assert set(space.rglob("*")) == before

    @pytest.mark.parametrize("name", DAMAGE)
    def test_damaged_files(self, run, line, name):
        damage, pattern = DAMAGE[name]
        text = (line / "named.rf").read_text()
        bad = damage(text)
        assert bad != text
        (line / "bad.rf").write_text(bad)
        (line / "o.bf").write_text("kept")
        before = set(line.iterdir())
        refused(run("fields", "check", "bad.rf"), pattern)
        refused(run("fields", "convert", "bad.rf", "o.bf"), pattern)
        assert set(line.iterdir()) == before
        assert (line / "o.bf").read_text() == "kept"

    def test_damaged_coefficients(self, run, line):
        run("fields", "convert", "named.rf", "w.bf")
        text = (line / "w.bf").read_text()
        lines = text.splitlines()
        swapped = "\n".join([*lines[:-1], lines[-1].replace("    6    1", "    5    1")]) + "\n"
        count = next(i for i, row in enumerate(lines, 1) if row.startswith("N_basis")) + 1
        for bad, at in (
            (text[:-20], len(lines)),
            (text[:-2], len(lines)),
            (swapped, count),
            (text.replace("P_-1", "P_1"), count),
        ):
            assert bad != text
            (line / "bad.bf").write_text(bad)
            refused(run("fields", "convert", "bad.bf", "o.rf"), rf"bad\.bf:{at}: ")
        (line / "bad.bf").write_text(text.replace("group_name\n          P_-1\n", ""))
        refused(run("fields", "check", "bad.bf"), r"bad\.bf:12: .* no group; give --group")
        assert run("fields", "check", "bad.bf", "--group", "P_-1").code == 0
        assert not (line / "o.rf").exists()

    def test_a_full_disk_is_told_with_the_name_of_the_file(self, run, space, monkeypatch):
        def full(path, field, *, index):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), os.fspath(path))

        monkeypatch.setattr(_output, "write_field", full)
        told = run("fields", "convert", "w.rf", "out.kf")
        assert told.code == 2
        assert "out.kf: No space left" in told.err
        assert ".0.kf" not in told.err
        assert not list(space.glob("*.kf"))

    def test_all_files_or_none(self, run, space, monkeypatch):
        write = _output.write_field

        def failing(path, field, *, index):
            if index == 1:
                raise OSError("no space left")
            write(path, field, index=index)

        monkeypatch.setattr(_output, "write_field", failing)
        before = set(space.iterdir())
        refused(run("fields", "convert", "w.rf", "o.cube"), "no space left")
        assert set(space.iterdir()) == before

    def test_one_of_several_places_is_taken(self, run, space):
        (space / "o-1.cube").mkdir()
        refused(run("fields", "convert", "w.rf", "o.cube"), r"o-1\.cube: .*got a folder")
        assert sorted(os.listdir(space)) == ["bumped.rf", "o-1.cube", "w.rf"]


# --- PSCF's other commands -----------------------------------------------------------------------


def test_compare(run, space):
    found = run("fields", "compare", "w.rf", "bumped.rf", "--json").json
    assert found["compared"] == "values on 4 x 4 x 8 nodes"
    assert found["same_cell"] is True
    assert [row["largest"] for row in found["fields"]] == pytest.approx([0.0, 0.25], abs=1e-12)
    assert found["fields"][1]["rms"] == pytest.approx(0.25 / np.sqrt(MESH.size))
    assert run("fields", "compare", "w.rf", "bumped.rf", "--within", 0.2).code == 1
    assert run("fields", "compare", "w.rf", "w.rf", "--within", 0).code == 0
    assert run("fields", "convert", "w.rf", "w.bf", "--group", PSCF).code == 0
    assert run("fields", "scale", "w.bf", "2w.bf", "-2").code == 0
    found = run("fields", "compare", "w.bf", "2w.bf", "--json").json
    assert found["compared"] == "coefficients"
    run("fields", "convert", "w.rf", "fine.rf", "--mesh", 8, 8, 16)
    result = run("fields", "compare", "w.rf", "fine.rf")
    assert (result.code, result.out) == (2, "")
    assert "expected the mesh 4 x 4 x 8" in result.err


def test_scale_replicate_expand_and_group(run, space, field):
    values = np.asarray(field.values)

    def read(name):
        with jax.enable_x64(True):
            return io.read_field(name)

    assert run("fields", "scale", "w.rf", "s.rf", "--", "-1.5").code == 0
    np.testing.assert_allclose(read("s.rf").values, -1.5 * values, atol=1e-12)
    found = run("fields", "replicate", "w.rf", "r.rf", 2, 1, 1, "--json").json
    assert found["mesh"] == [8, 4, 8]
    assert found["group"] is None
    np.testing.assert_allclose(read("r.rf").values, np.tile(values, (1, 2, 1, 1)), atol=1e-12)
    run("fields", "group", "w.rf", "group.txt", "--group", PSCF)
    assert io.read_pscf_group("group.txt", 3).order == 8
    line = PeriodicField.from_arrays(np.cos(np.arange(8))[None], "lamellar", [2.0])
    io.write_field("line.rf", line)
    assert run("fields", "expand", "line.rf", "sheet.rf", 4, "--json").json["mesh"] == [8, 4]
    np.testing.assert_allclose(read("sheet.rf").values[0, :, 3], np.cos(np.arange(8)), atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("scale", "w.rf", "s.rf", "nan"), "finite number"),
        (("scale", "w.rf", "s.bf", "2"), "expected a .bf file as IN"),
        (("replicate", "w.rf", "r.rf", 2, 2), "expected 3 counts"),
        (("replicate", "w.rf", "r.bf", 2, 2, 2), "no group for a .bf file"),
        (("expand", "w.rf", "r.rf", 2), "expected nodes of 1 to 0 new axes"),
        (("group", "w.rf", "g.txt"), "names no group"),
        (("compare", "w.rf", "none.rf"), "no such file"),
    ],
)
def test_what_the_other_commands_refuse(run, space, field, arguments, message):
    if arguments[0] == "group":
        with jax.enable_x64(True):
            bare = PeriodicField.from_arrays(field.values, field.bravais, field.parameters)
            write_rf(space / "w.rf", bare)
    result = run("fields", *arguments)
    assert (result.code, result.out) == (2, "")
    assert message in result.err
