"""Crystals from folders, lists of files, files of several crystals and databases."""

import contextlib
import os
import re
import sqlite3
from typing import Any

import ase.db
import ase.io
import numpy as np
import pytest

import jaxtal as jxt
from jaxtal.crystal import HostAtoms, WyckoffCrystal, host_crystal
from jaxtal.search import CrystalSource, crystals_of

#: ASE types a database of any kind, of which only some are for `with`.
connect: Any = ase.db.connect


def summary(source, **options):
    """Names with formulas, or with what went wrong."""
    found = {}
    for name, crystal in crystals_of(source, **options):
        assert name not in found
        if isinstance(crystal, Exception):
            found[name] = str(crystal)
        else:
            found[name] = len(host_crystal(crystal))
    return found


def test_a_folder(folder):
    found = summary(folder)
    assert list(found) == ["POSCAR", "b-rutile.cif", "broken.cif", "diamond.cif"]
    assert found["diamond.cif"] == found["POSCAR"] == 8
    assert found["b-rutile.cif"] == 6
    assert "broken.cif" in found["broken.cif"]
    assert CrystalSource.of(folder).ignored() == ["notes.txt"]
    everything = summary(str(folder), recursive=True)
    assert list(everything) == [*found, "inner/silicon.cif.gz"]


def test_hidden_files_are_left_out(folder):
    (folder / ".hidden.cif").write_text("")
    (folder / ".git").mkdir()
    (folder / ".git" / "a.cif").write_text("")
    assert len(summary(folder, recursive=True)) == 5


def test_files_one_by_one(folder):
    paths = [folder / "diamond.cif", folder / "inner" / "silicon.cif.gz"]
    assert list(summary(paths)) == [str(path) for path in paths]
    assert summary(paths[0]) == {str(paths[0]): 8}


def test_a_cif_of_several_blocks(folder, tmp_path):
    names = ("diamond.cif", "b-rutile.cif", "diamond.cif")
    texts = [(folder / name).read_text() for name in names]
    blocks = [re.sub(r"data_\w+", f"data_{i}", text) for i, text in enumerate(texts)]
    blocks[2] = re.sub(r"_cell_length_a\s+", "_cell_length_a -", blocks[2])
    path = tmp_path / "several.cif"
    path.write_text("data_global\n_journal_name_full 'x'\n" + "".join(blocks))
    found = summary(path)
    assert list(found) == [f"{path}#{i}" for i in range(3)]
    *numbers, reason = found.values()
    assert numbers == [8, 6]
    assert "_cell_length" in reason
    assert "/tmp" not in reason.replace(str(tmp_path), "")


def test_frames_of_a_trajectory(tmp_path):
    frames = [jxt.prototype(name).to_ase() for name in ("diamond", "silicon", "rutile")]
    ase.io.write(tmp_path / "all.traj", frames)
    assert list(summary(tmp_path / "all.traj").values()) == [8, 8, 6]
    ase.io.write(tmp_path / "one.extxyz", frames[:1])
    assert summary(tmp_path)["one.extxyz"] == 8
    assert [name for name in summary(tmp_path) if name.startswith("all")] == [
        f"all.traj#{i}" for i in range(3)
    ]


def test_a_frame_that_is_damaged_ends_its_file(tmp_path):
    path = tmp_path / "run.extxyz"
    frames = [jxt.prototype("silicon").to_ase()] * 2
    ase.io.write(path, frames)
    text = path.read_text()
    path.write_text(text + "8\nno lattice here\nSi 1 2\n")
    found = list(summary(path).values())
    assert found[:2] == [8, 8]
    assert len(found) == 3
    assert "ASE" in found[2]


def test_a_molecule_is_no_crystal(tmp_path):
    (tmp_path / "h2.xyz").write_text("2\n\nH 0 0 0\nH 0 0 0.74\n")
    assert "three independent vectors" in summary(tmp_path)["h2.xyz"]


def test_formats_that_lose_symmetry_are_refused(tmp_path):
    (tmp_path / "a.res").write_text("TITL x\n")
    assert "asymmetric unit" in summary(tmp_path)["a.res"]


@pytest.mark.parametrize("suffix", ["db", "json"])
def test_a_database(tmp_path, suffix, monkeypatch):
    monkeypatch.setattr("jaxtal.io._ase_frames._ROWS", 2)
    path = tmp_path / f"some.{suffix}"
    with connect(path) as database:
        for name in ("diamond", "silicon", "rutile", "anatase", "fluorite"):
            database.write(jxt.prototype(name).to_ase())
    with connect(path) as database:
        del database[2]
    assert summary(path) == {f"{path}#{i}": n for i, n in ((1, 8), (3, 6), (4, 12), (5, 12))}


def test_not_a_database(tmp_path):
    """And what is another program's stays as it is: ASE would write its tables into it."""
    (tmp_path / "x.db").write_text("hello, this is no database at all")
    (tmp_path / "y.db").write_bytes(b"")
    with contextlib.closing(sqlite3.connect(tmp_path / "z #1.db")) as other:
        other.execute("CREATE TABLE notes (text)")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    found = summary(tmp_path)
    assert list(found) == ["x.db", "y.db", "z #1.db"]
    for reason in found.values():
        assert "expected a database of ASE" in reason
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_cells_without_a_space_group(tmp_path):
    path = tmp_path / "bare.cif"
    path.write_text(
        "data_x\n_cell_length_a 4\n_cell_length_b 4\n_cell_length_c 4\n_cell_angle_alpha 90\n"
        "_cell_angle_beta 90\n_cell_angle_gamma 90\nloop_\n_atom_site_label\n"
        "_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\nPo1 0 0 0\n"
    )
    assert "space group" in summary(path)[str(path)]
    assert summary(path, symmetry="P1") == {str(path): 1}


def test_bad_sources(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.cif: no such file"):
        crystals_of(tmp_path / "none.cif")
    with pytest.raises(FileNotFoundError):
        crystals_of([tmp_path / "none.cif"])
    with pytest.raises(ValueError, match="expected a file in a list"):
        crystals_of([tmp_path])
    with pytest.raises(ValueError, match="at least one file"):
        crystals_of([])
    with pytest.raises(ValueError, match="symmetry"):
        crystals_of(tmp_path, symmetry="find")
    (tmp_path / "a.cif").write_text("")
    with pytest.raises(ValueError, match="given twice"):
        crystals_of([tmp_path / "a.cif"] * 2)


def test_an_empty_name_is_not_this_folder():
    for source in ("", [""]):
        with pytest.raises(ValueError, match="empty name"):
            CrystalSource.of(source)


def test_a_link_that_leads_nowhere(tmp_path):
    (tmp_path / "x.cif").symlink_to(tmp_path / "gone.cif")
    assert "no such file" in summary(tmp_path)["x.cif"]


def test_a_name_that_is_no_text(tmp_path):
    name = os.fsdecode(b"\xff.cif")
    try:
        (tmp_path / name).write_text("")
    except OSError:
        pytest.skip("this file system has no such names")
    assert "UTF-8" in summary(tmp_path)[name]


def test_what_comes_is_what_io_reads(folder):
    found = dict(crystals_of(folder))
    expected = jxt.io.read(folder / "b-rutile.cif")
    crystal = found["b-rutile.cif"]
    assert isinstance(crystal, WyckoffCrystal)
    np.testing.assert_array_equal(crystal.lattice_parameters, expected.lattice_parameters)
    assert isinstance(found["POSCAR"], HostAtoms)


def test_one_at_a_time(folder, monkeypatch):
    """Nothing is read before it is asked for."""
    read = []

    def spy(block, **options):
        read.append(os.path.basename(block.path))
        return jxt.io.read_cif_block(block, **options)

    monkeypatch.setattr("jaxtal.io._contents.read_cif_block", spy)
    stream = crystals_of(folder)
    assert [next(stream)[0] for _ in range(2)] == ["POSCAR", "b-rutile.cif"]
    assert read == ["b-rutile.cif"]
