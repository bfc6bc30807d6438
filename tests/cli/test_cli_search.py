"""`dedup` and `search`."""

import os
import shutil

import numpy as np
import pytest
from ase import Atoms

import jaxtal as jxt
from jaxtal.cli._fingerprints import Terms
from jaxtal.metric import DUPLICATE_DISTANCE


@pytest.fixture
def folder(tmp_path):
    """Silicon in three forms, zincblende, diamond in an inner folder, and two of no use."""
    place = tmp_path / "some"
    (place / "inner").mkdir(parents=True)
    for name, path in (
        ("silicon", "a-silicon.cif"),
        ("zincblende", "zns.vasp"),
        ("diamond", "inner/diamond.vasp"),
    ):
        jxt.prototype(name).to_ase().write(place / path)
    atoms = jxt.prototype("silicon").to_ase()
    atoms.rotate(30, (1, 2, 3), rotate_cell=True)
    atoms.positions += 0.7
    atoms.write(place / "turned.vasp", format="vasp")
    atoms.rattle(0.02, seed=1)
    atoms.write(place / "rattled.vasp", format="vasp")
    (place / "bad.cif").write_text("data_x\n_cell_length_a oops\n")
    (place / "notes.txt").write_text("")
    return place


def test_dedup(run, folder):
    result = run("dedup", "some", "--json")
    assert result.code == 0
    found = result.json
    assert found["groups"] == [["some/a-silicon.cif", "some/rattled.vasp", "some/turned.vasp"]]
    assert found["unique"] == ["some/zns.vasp"]
    ((first, rattled, turned),) = found["distances"]
    assert first == 0
    assert turned < 1e-4 < rattled < found["threshold"]
    assert found["threshold"] == DUPLICATE_DISTANCE
    assert found["crystals"] == 4
    ((skipped),) = found["skipped"]
    assert skipped["file"] == "some/bad.cif"
    assert skipped["reason"]
    assert found["ignored"] == ["some/notes.txt"]
    assert result.err.count("\n") == 1
    assert result.err.startswith("jaxtal: skipped some/bad.cif: ")
    assert run("dedup", "some", "--json", "--quiet").err == ""


def test_dedup_for_people(run, folder):
    result = run("dedup", folder, "--threshold", "1e-3", "--recursive")
    assert result.code == 0
    lines = result.out.splitlines()
    assert "5 crystals, 1 could not be read" in lines[0]
    assert lines[1] == "4 different crystals, 1 duplicate in 1 group, within 0.001"
    assert [line.split()[-1] for line in lines[2:]] == [
        *("1", str(folder / "a-silicon.cif"), str(folder / "turned.vasp"))
    ]


def test_what_counts(run, folder):
    silicon = ["some/a-silicon.cif", "some/rattled.vasp", "some/turned.vasp"]
    diamond = "some/inner/diamond.vasp"
    plain = run("dedup", "some", "--recursive", "--json").json
    assert plain["groups"] == [silicon]
    assert diamond in plain["unique"]
    alike = run("dedup", "some", "--recursive", "--any-elements", "--json").json
    assert alike["groups"] == [[*silicon, diamond]]
    for term in ("density", "distances", "hand"):
        other = Terms(**{term: True}).metric
        assert (getattr(other, term), other.composition) == (1, 1)
    assert Terms().metric.density == 0


def test_the_hand_of_quartz(run, tmp_path):
    quartz = jxt.prototype("alpha-quartz").to_ase()
    quartz.write(tmp_path / "one.vasp", format="vasp")
    quartz.set_scaled_positions(-quartz.get_scaled_positions())
    quartz.write(tmp_path / "other.vasp", format="vasp")
    found = run("search", "alpha-quartz", tmp_path, "--hand", "--json").json["matches"]
    assert [match["duplicate"] for match in found] == [True, False]
    assert found[0]["file"].endswith("one.vasp")
    assert found[1]["distance"] > 3 * DUPLICATE_DISTANCE


def test_search(run, folder):
    found = run("search", "silicon", "some", "--json").json
    files = [match["file"] for match in found["matches"]]
    assert set(files[:2]) == {"some/a-silicon.cif", "some/turned.vasp"}
    assert files[2:] == ["some/rattled.vasp", "some/zns.vasp"]
    distances = [match["distance"] for match in found["matches"]]
    assert distances == sorted(distances)
    assert [match["duplicate"] for match in found["matches"]] == [True, True, True, False]
    assert found["query"] == "silicon"
    metric = Terms().metric
    a, b = (metric(jxt.prototype(name)).vector for name in ("silicon", "zincblende"))
    assert distances[-1] == pytest.approx(np.linalg.norm(a - b), rel=1e-3)
    text = run("search", "silicon", "some", "-k", "2").out
    assert len(text.splitlines()) == 4
    assert text.splitlines()[1].split()[1:] == ["same", files[0]]


def test_search_within_a_distance(run, folder):
    asked = ("search", "some/a-silicon.cif", "some", "--json", "--threshold")
    near = run(*asked, "1e-3").json
    assert len(near["matches"]) == 2
    assert (near["threshold"], near["duplicate_distance"]) == (1e-3, DUPLICATE_DISTANCE)
    assert len(run(*asked, "100").json["matches"]) == 4
    assert len(run(*asked, "100", "-k", "3").json["matches"]) == 3
    assert (
        run("search", "cesium-chloride", "some", "--threshold", "0").out.count("none within") == 1
    )


def test_one_of_several_in_a_file(run, folder):
    import ase.io

    frames = [ase.io.read(folder / name) for name in ("rattled.vasp", "turned.vasp")]
    ase.io.write(folder / "run.traj", frames)
    found = run("search", "some/run.traj#1", "some", "-k", "9", "--json").json["matches"]
    near = {match["file"] for match in found if match["distance"] < 1e-3}
    assert near == {"some/a-silicon.cif", "some/turned.vasp", "some/run.traj#1"}
    again = run("search", "./some/run.traj#1", "some", "-k", "9", "--json").json["matches"]
    assert again == found
    for query in ("some/run.traj", "some/run.traj#7"):
        refused = run("search", query, "some")
        assert refused.code == 2
        assert "some/run.traj#0" in refused.err


def test_cache(run, folder, monkeypatch):
    asked = ("dedup", "some", "--json", "--cache", "kept")
    first = run(*asked).json
    calls = []
    monkeypatch.setattr(jxt.metric.CrystalMetric, "__call__", lambda *a: calls.append(a))
    again = run(*asked).json
    assert not calls
    for key in ("groups", "unique", "distances", "skipped", "ignored", "crystals"):
        assert again[key] == first[key]
    refused = run("dedup", "some", "--cache", "kept", "--any-elements")
    assert (refused.code, refused.out) == (2, "")
    assert "composition 1.0, not 0.0" in refused.err
    assert refused.err.count("\n") == 1
    taken = run("dedup", "some", "--cache", "some")
    assert taken.code == 2
    assert "expected an empty folder" in taken.err


def test_an_interrupted_run_goes_on(run, folder, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(jxt.metric.CrystalMetric, "__call__", interrupted)
        stopped = run("dedup", "some", "--cache", "kept")
    assert stopped.code == 130
    assert "what is finished is in kept" in stopped.err
    assert len(run("dedup", "some", "--cache", "kept", "--json").json["groups"]) == 1


def test_nothing_to_work_on(run, folder, tmp_path):
    Atoms("C", cell=[5, 5, 20000], pbc=True).write(tmp_path / "long.extxyz")
    Atoms("C2", positions=[[0, 0, 0], [0, 0, 0.01]], cell=[5] * 3, pbc=True).write(
        tmp_path / "near.extxyz"
    )
    for arguments, words in (
        (("dedup", "nowhere"), ("nowhere: no such file or folder",)),
        (("dedup", "some/bad.cif"), ("error: some/bad.cif: no block",)),
        (("dedup", ""), ("empty name",)),
        (("search", "", "some"), ("QUERY", "empty")),
        (("search", "silicom", "some"), ("no such built-in name", "silicon")),
        (("search", "some", "some"), ("expected a file, got a folder",)),
        (("search", "some/bad.cif", "some"), ("some/bad.cif",)),
        (("dedup", "some", "--threshold", "-1"), ("--threshold", "expected a number >= 0")),
        (("search", "silicon", "some", "-k", "0"), ("-k", "expected an integer >= 1")),
        (("search", "long.extxyz", "some"), ("error: long.extxyz: its fingerprint", "1e4")),
        (("search", "near.extxyz", "some"), ("error: near.extxyz: atoms 0 and 1", "0.1 A")),
        (("dedup", "some", "--cache", ""), ("empty name",)),
    ):
        refused = run(*arguments)
        assert (refused.code, refused.out) == (2, "")
        assert refused.err.count("\n") == 1
        assert all(word in refused.err for word in words), refused.err
    shutil.rmtree(folder / "inner")
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "a.txt").write_text("")
    refused = run("dedup", "empty", "--cache", "kept")
    assert refused.code == 2
    assert "1 file of other kinds" in refused.err
    assert not (tmp_path / "kept").exists()
    for name in "ab":
        (tmp_path / "empty" / f"{name}.cif").write_text("")
    refused = run("dedup", "empty")
    assert refused.code == 2
    assert refused.err.count("\n") == 1
    assert "empty: none of 2 crystals could be read; the first: empty/a.cif: " in refused.err


def test_names_that_are_no_text(run, tmp_path):
    name = os.fsdecode(b"\xff.vasp")
    try:
        jxt.prototype("silicon").to_ase().write(tmp_path / name, format="vasp")
    except OSError:
        pytest.skip("this file system has no such names")
    shutil.copy(tmp_path / name, tmp_path / "a.vasp")
    for command in (("dedup",), ("search", "silicon")):
        result = run(*command, ".")
        assert result.code == 0
        assert "\\udcff.vasp" in result.out


def test_help_explains_the_threshold(run):
    for name in ("dedup", "search"):
        text = " ".join(run(name, "--help").out.split())
        assert f"{DUPLICATE_DISTANCE:g}" in text
        assert "threshold" in text


def test_dedup_by_superposition(run, folder):
    atoms = jxt.prototype("silicon").to_ase()
    strain = np.eye(3) + np.array([[0.03, 0, 0], [0.01, -0.02, 0], [0, 0, 0.01]])
    atoms.set_cell(1.05 * atoms.cell.array @ strain, scale_atoms=True)
    atoms.write(folder / "strained.vasp", format="vasp")
    assert "some/strained.vasp" in run("dedup", "some", "--json").json["unique"]
    found = run("dedup", "some", "--superpose", "--json").json
    names = ("a-silicon.cif", "rattled.vasp", "strained.vasp", "turned.vasp")
    assert found["groups"] == [[f"some/{name}" for name in names]]
    assert found["threshold"] is None
    assert "superposed" in run("dedup", "some", "--superpose").out.splitlines()[1]
