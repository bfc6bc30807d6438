"""`describe`, `compare` and `list`."""

import json

import jax
import numpy as np
import pytest

import jaxtal as jxt
from jaxtal.descriptors._presets import PRESETS

SMALL = ("--n-max", "4", "--l-max", "4", "--q-max", "5")


@pytest.fixture
def small():
    return jxt.Descriptor(4, 4, 5.0)


def test_describe_writes_what_the_library_computes(run, tmp_path, small):
    jxt.io.write_cif(jxt.prototype("fluorite"), tmp_path / "caf2.cif")
    result = run("describe", "diamond", "caf2.cif", "-o", "out.npz", *SMALL)
    assert (result.code, result.err) == (0, "")
    assert "out.npz" in result.out
    with np.load(tmp_path / "out.npz", allow_pickle=False) as data:
        assert set(data) == {
            *("power_spectrum", "rdf", "rdf_centres", "names", "complete"),
            *("specification", "version", "format", "format_version"),
        }
        assert data["power_spectrum"].shape == (2, 4, 5)
        assert data["power_spectrum"].dtype == np.float32
        assert data["names"].tolist() == ["diamond", "caf2.cif"]
        assert json.loads(str(data["specification"])) == small.to_dict()
        assert str(data["version"]) == jxt.__version__
        for i, name in enumerate(("diamond", "fluorite")):
            expected = jxt.describe(jxt.prototype(name), small)
            P, G = data["power_spectrum"][i], data["rdf"][i]
            np.testing.assert_allclose(P, np.asarray(expected.power_spectrum), rtol=1e-4, atol=1e-9)
            np.testing.assert_allclose(G, np.asarray(expected.rdf), rtol=1e-4, atol=1e-7)
        np.testing.assert_array_equal(data["rdf_centres"], small.rdf_centres)
        found, names = jxt.io.read_descriptions(tmp_path / "out.npz")
        assert names == ["diamond", "caf2.cif"]
        assert found.specification == small
        np.testing.assert_array_equal(found.power_spectrum, data["power_spectrum"])
        assert float(jxt.distance(found[0], jxt.prototype("diamond"))) < 1e-4


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.usefixtures("float64_stays_as_it_is")
def test_presets_and_precision(run, tmp_path, preset):
    arguments = ("diamond", "-o", "out", "--preset", preset, "--dtype", "float64", *SMALL)
    result = run("describe", *arguments, "--json")
    assert result.code == 0
    assert result.json["output"] == "out.npz"
    assert result.json["power_spectrum"] == [1, 4, 5]
    with np.load(tmp_path / "out.npz") as data, jax.enable_x64(True):
        expected = jxt.describe(jxt.prototype("diamond"), jxt.preset(preset, 4, 4, 5.0))
        assert data["power_spectrum"].dtype == np.float64
        made_by = json.loads(str(data["specification"]))["specification"]
        assert made_by == ("RecpDescriptor" if preset == "recp" else "Descriptor")
        scale = np.abs(np.asarray(expected.power_spectrum)).max()
        np.testing.assert_allclose(
            data["power_spectrum"][0],
            np.asarray(expected.power_spectrum),
            rtol=1e-9,
            atol=1e-13 * scale,
        )


def test_compare_prints_the_three_distances(run, small):
    result = run("compare", "diamond", "h-diamond", "--json", *SMALL)
    a, b = (jxt.describe(jxt.prototype(name), small) for name in ("diamond", "h-diamond"))
    assert result.code == 0
    assert result.json.keys() == {"distance", "relative_distance", "rdf_distance"}
    assert result.json["distance"] == pytest.approx(float(jxt.distance(a, b)), rel=1e-4)
    relative = float(jxt.metric.relative_distance(a, b))
    assert result.json["relative_distance"] == pytest.approx(relative, rel=1e-4)
    expected = float(jxt.metric.rdf_distance(a, b))
    assert result.json["rdf_distance"] == pytest.approx(expected, rel=1e-4)
    text = run("compare", "diamond", "h-diamond", *SMALL)
    assert f"{result.json['distance']:.6g}" in text.out


def test_files_of_one_crystal_are_equal_in_any_form(run, tmp_path):
    """A CIF, ASE's formats and the stored descriptor of one crystal are at distance zero."""
    crystal = jxt.prototype("rutile")
    jxt.io.write_cif(crystal, tmp_path / "a.cif")
    (crystal.to_ase() * (2, 1, 1)).write(tmp_path / "POSCAR", format="vasp")
    assert run("describe", "rutile", "-o", "stored.npz", *SMALL).code == 0
    for other in ("a.cif", "POSCAR", "stored.npz"):
        found = run("compare", "a.cif", other, "--json", *SMALL).json
        assert found["relative_distance"] < 1e-4
        assert found["rdf_distance"] < 1e-4


def test_stored_descriptors_decide_the_specification(run):
    for name, q_max in (("diamond", 5), ("silicon", 5), ("rutile", 6)):
        sizes = ("--n-max", 4, "--l-max", 4, "--q-max", q_max)
        assert run("describe", name, "-o", f"{name}.npz", *sizes).code == 0
    direct = run("compare", "diamond", "silicon", "--json", *SMALL).json
    for pair in (("diamond.npz", "silicon.npz"), ("diamond.npz", "silicon")):
        assert run("compare", *pair, "--json").json == pytest.approx(direct, rel=1e-4)
    for pair in (("diamond.npz", "rutile.npz"), ("rutile.npz", "diamond.npz")):
        refused = run("compare", *pair)
        assert (refused.code, refused.out) == (2, "")
        assert "q_max: " in refused.err
        assert refused.err.count("\n") == 1
    assert "--q-max 6.0" in run("compare", "diamond.npz", "silicon.npz", "--q-max", 6).err
    assert "--q-max 6.0" in run("compare", "diamond.npz", "silicon", "--q-max", 6).err


def test_list(run):
    result = run("list", "--json")
    names = [one["name"] for one in result.json["crystals"]]
    assert names == list(jxt.crystal.prototype_names())
    text = run("list").out
    assert all(name in text for name in names)
    assert "P 32 2 1 (154): Si 3a, O 6c" in text


def test_describe_takes_folders_and_lists_what_it_skips(run, tmp_path, small):
    folder = tmp_path / "many"
    (folder / "inner").mkdir(parents=True)
    jxt.io.write_cif(jxt.prototype("fluorite"), folder / "b.cif")
    jxt.io.write_cif(jxt.prototype("diamond"), folder / "inner" / "c.cif")
    text = (folder / "b.cif").read_bytes()
    (folder / "a.cif").write_bytes(b"# caf\xe9\n" + text.replace(b"'jaxtal'", b"'M\xfcller'"))
    (folder / "broken.cif").write_bytes(b"data_a\n\xff\xfe _cell")
    (folder / "label.cif").write_bytes(text.replace(b" Ca ", b" Wap "))
    arguments = ("-o", "out.npz", "--json", *SMALL)
    result = run("describe", "many", "diamond", "broken.cif", *arguments)
    assert result.code == 0
    assert result.json["names"] == ["many/a.cif", "many/b.cif", "diamond"]
    bad = {one["file"]: one["reason"] for one in result.json["skipped"]}
    assert set(bad) == {"many/broken.cif", "many/label.cif", "broken.cif"}
    assert "unknown element 'Wap'" in bad["many/label.cif"]
    assert result.err.count("jaxtal: skipped ") == 3
    found, names = jxt.io.read_descriptions(tmp_path / "out.npz")
    assert names == result.json["names"]
    assert float(jxt.distance(found[0], jxt.prototype("fluorite"))) < 1e-4
    inner = run("describe", "many", "--recursive", "--symmetry", "find", "--quiet", *arguments)
    assert inner.json["names"] == ["many/a.cif", "many/b.cif", "many/inner/c.cif"]
    assert inner.err == ""
    nothing = run("describe", "many/broken.cif", *arguments)
    assert (nothing.code, nothing.out) == (2, "")
    assert "many/broken.cif" in nothing.err
    (tmp_path / "empty").mkdir()
    assert "got none" in run("describe", "empty", *arguments).err


def test_one_block_of_several(run, tmp_path):
    both = "".join(
        cif_text(tmp_path, name).replace("data_jaxtal", f"data_{name}")
        for name in ("diamond", "silicon")
    )
    (tmp_path / "both.cif").write_text(both)
    for arguments in (("both.cif", "--block", "silicon"), ("both.cif#silicon",)):
        result = run("compare", "silicon", *arguments, "--json", *SMALL)
        assert result.json["relative_distance"] < 1e-4
    assert run("compare", "both.cif", "both.cif#silicon", "--json", *SMALL).json["distance"] > 1e-6
    assert run("describe", "both.cif", "--block", "silicon", "-o", "out", *SMALL).code == 0
    refused = run("compare", "silicon", "both.cif", "--block", "tin", *SMALL)
    assert refused.code == 2
    assert "no block 'tin'; the blocks are diamond, silicon" in refused.err


def cif_text(folder, name: str) -> str:
    path = folder / f"{name}.cif"
    jxt.io.write_cif(jxt.prototype(name), path)
    return path.read_text()
