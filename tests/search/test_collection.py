"""Collections: nothing computed twice, nothing lost, nothing mixed."""

import json
import os
import pathlib
import sqlite3
from typing import Any

import numpy as np
import pytest

import jaxtal as jxt
from jaxtal.metric.all_pairs import groups
from jaxtal.search import Collection, CrystalSource, crystals_of
from jaxtal.search._vector_log import Log


def connected(path: pathlib.Path) -> Any:
    """Return a database of ASE, whose types lack that it closes itself."""
    import ase.db

    return ase.db.connect(path)


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


def touch(path):
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 10**9))


def test_a_folder_in_and_out(folder, cache, metric, make_metric):
    source = CrystalSource.of(folder, recursive=True)
    found = Collection.gather(cache, source, metric)
    assert found.names == ("POSCAR", "b-rutile.cif", "diamond.cif", "inner/silicon.cif.gz")
    assert isinstance(found.vectors, np.memmap)
    assert found.vectors.dtype == np.float32
    for name, vector in zip(found.names, found.vectors, strict=True):
        crystal = dict(crystals_of(folder, recursive=True))[name]
        np.testing.assert_allclose(vector, make_metric()([crystal]).vector[0], rtol=1e-6)
    ((name, reason),) = found.skipped
    assert name == "broken.cif"
    assert "_cell_length_b" in reason or "atoms" in reason
    again = Collection.open(cache)
    assert again.names == found.names
    assert again.skipped == found.skipped
    np.testing.assert_array_equal(again.vectors, found.vectors)
    assert groups(again.vectors, 1e-3).tolist() == [0, 1, 0, 2]


def test_nothing_is_computed_twice(folder, cache, metric):
    source = CrystalSource.of(folder)
    Collection.gather(cache, source, metric)
    assert metric.calls == [3]
    Collection.gather(cache, source, metric)
    assert metric.calls == [3]
    jxt.prototype("fluorite").to_ase().write(folder / "c.cif")
    found = Collection.gather(cache, source, metric)
    assert metric.calls == [3, 1]
    assert found.names == ("POSCAR", "b-rutile.cif", "c.cif", "diamond.cif")
    # The new one was appended, and comes in its place.
    np.testing.assert_allclose(found.vectors[2, 1], (20 + 2 * 9) / 3)


def test_changed_and_removed_files(folder, cache, metric):
    source = CrystalSource.of(folder)
    Collection.gather(cache, source, metric)
    jxt.prototype("fluorite").to_ase().write(folder / "diamond.cif")
    touch(folder / "diamond.cif")
    (folder / "b-rutile.cif").unlink()
    (folder / "broken.cif").write_text((folder / "diamond.cif").read_text())
    found = Collection.gather(cache, source, metric)
    assert found.names == ("POSCAR", "broken.cif", "diamond.cif")
    assert found.skipped == ()
    assert metric.calls == [3, 2]
    np.testing.assert_allclose(found.vectors[1], found.vectors[2])
    assert found.vectors[0, 1] == 6
    assert sorted(Collection.open(cache).names) == [
        *("POSCAR", "b-rutile.cif", "broken.cif", "diamond.cif")
    ]


@pytest.mark.parametrize("n", [0, 1, 2])
def test_an_interruption_costs_one_batch(folder, cache, metric, make_metric, n):
    source = CrystalSource.of(folder, recursive=True)
    with pytest.raises(KeyboardInterrupt):
        Collection.gather(cache, source, make_metric(lasts=n), batch=1)
    part = Collection.open(cache)
    assert len(part) == n
    whole = Collection.gather(cache, source, metric, batch=1)
    assert metric.calls == [1] * (4 - n)
    assert len(whole) == 4
    fresh = Collection.gather(cache.with_name("fresh"), source, metric)
    assert whole.names == fresh.names
    np.testing.assert_array_equal(whole.vectors, fresh.vectors)


@pytest.mark.parametrize("cut", [1, 10, 10**6])
def test_a_write_cut_short_is_cut_off(folder, cache, metric, cut):
    """The process died while it wrote: half a line, vectors that nobody names."""
    source = CrystalSource.of(folder)
    whole = Collection.gather(cache, source, metric, batch=1)
    log = cache / "log.jsonl"
    lines = log.read_bytes().splitlines(keepends=True)
    second = [i for i, line in enumerate(lines) if b'"rows"' in line][1]
    log.write_bytes(b"".join(lines[:second]) + lines[second][:-1][:cut])
    assert len(Collection.open(cache)) == 1
    again = Collection.gather(cache, source, metric)
    assert again.names == whole.names
    np.testing.assert_array_equal(again.vectors, whole.vectors)
    assert (cache / "vectors.bin").stat().st_size == 3 * 3 * 4


def test_files_of_several_crystals(tmp_path, cache, metric, make_metric):
    import ase.io

    frames = [jxt.prototype(name).to_ase() for name in ("diamond", "silicon", "rutile")]
    ase.io.write(tmp_path / "all.extxyz", frames)
    source = CrystalSource.of(tmp_path / "all.extxyz")
    with pytest.raises(KeyboardInterrupt):
        Collection.gather(cache, source, make_metric(lasts=1), batch=2)
    found = Collection.gather(cache, source, metric, batch=2)
    assert metric.calls == [1]
    assert [name.rsplit("#")[1] for name in found.names] == ["0", "1", "2"]
    assert Collection.gather(cache, source, metric).names == found.names
    assert metric.calls == [1]
    # Fewer frames now: those that are gone don't come back.
    ase.io.write(tmp_path / "all.extxyz", frames[:2])
    assert len(Collection.gather(cache, source, metric)) == 2
    assert metric.calls == [1, 2]


def test_a_row_more_in_a_database(tmp_path, cache, metric):
    path = tmp_path / "some.db"
    with connected(path) as database:
        for name in ("diamond", "silicon"):
            database.write(jxt.prototype(name).to_ase())
    source = CrystalSource.of(path)
    Collection.gather(cache, source, metric)
    with connected(path) as database:
        database.write(jxt.prototype("rutile").to_ase())
    touch(path)
    assert len(Collection.gather(cache, source, metric)) == 3
    assert metric.calls == [2, 1]


def test_a_crystal_that_the_metric_refuses(folder, cache, metric):
    """The others of its batch are kept, and so is the reason."""
    text = (folder / "diamond.cif").read_text()
    (folder / "u.cif").write_text(text.replace(" C ", " U ").replace(" C1 ", " U1 "))
    (folder / "hg.cif").write_text(text.replace(" C ", " Hg ").replace(" C1 ", " Hg1 "))
    found = Collection.gather(cache, CrystalSource.of(folder), metric)
    assert found.names == ("POSCAR", "b-rutile.cif", "diamond.cif")
    reasons = dict(found.skipped)
    assert reasons["u.cif"] == "no uranium"
    assert "incomplete" in reasons["hg.cif"]
    assert np.isfinite(found.vectors).all()


@pytest.mark.parametrize("error", [RuntimeError, MemoryError])
def test_memory_may_suffice_another_time(folder, cache, metric, monkeypatch, error):
    """One crystal that is too much costs no other, and is tried again."""
    whole = type(metric).__call__

    def call(self, crystals):
        if any(22 in np.asarray(one.atomic_numbers) for one in crystals):
            raise error("RESOURCE_EXHAUSTED: out of memory")
        return whole(self, crystals)

    source = CrystalSource.of(folder)
    with monkeypatch.context() as patch:
        patch.setattr(type(metric), "__call__", call)
        found = Collection.gather(cache, source, metric)
    assert found.names == ("POSCAR", "diamond.cif")
    assert "RESOURCE_EXHAUSTED" in dict(found.skipped)["b-rutile.cif"]
    metric.calls.clear()
    assert len(Collection.gather(cache, source, metric)) == 3
    assert metric.calls == [1]


def test_an_unreadable_file_is_read_again(folder, cache, metric, monkeypatch):
    source = CrystalSource.of(folder)

    def fails(path, **_):
        raise OSError(f"{path}: input/output error")

    with monkeypatch.context() as patch:
        patch.setattr("jaxtal.io._contents.read_blocks", fails)
        patch.setattr("jaxtal.io._contents.read_cif_block", fails)
        found = Collection.gather(cache, source, metric)
    assert (len(found), len(found.skipped)) == (1, 3)
    assert len(Collection.open(cache).skipped) == 3
    found = Collection.gather(cache, source, metric)
    assert (len(found), len(found.skipped)) == (3, 1)
    assert len(Collection.open(cache).skipped) == 1


def test_a_locked_database_is_read_another_time(tmp_path, cache, metric, monkeypatch):
    path = tmp_path / "some.db"
    with connected(path) as database:
        database.write(jxt.prototype("diamond").to_ase())
    source = CrystalSource.of(path)

    def locked(path):
        raise sqlite3.OperationalError("database is locked")

    with monkeypatch.context() as patch:
        patch.setattr("jaxtal.search._readers._check_tables", locked)
        ((name, reason),) = Collection.gather(cache, source, metric).skipped
    assert name == str(path)
    assert "database is locked" in reason
    found = Collection.gather(cache, source, metric)
    assert (found.names, found.skipped) == ((f"{path}#1",), ())


def test_blocks_that_are_gone(folder, cache, metric):
    text = (folder / "diamond.cif").read_text().split("\n", 1)[1]
    path = folder / "diamond.cif"
    path.write_text(f"data_a\n{text}\ndata_b\n{text}")
    source = CrystalSource.of(path)
    assert len(Collection.gather(cache, source, metric)) == 2
    path.write_text(f"data_a\n{text}")
    assert len(Collection.gather(cache, source, metric)) == 1
    assert Collection.open(cache).names == (str(path),)


def test_another_folder_is_not_taken_for_this_one(tmp_path, folder, cache, metric):
    other = tmp_path / "other"
    other.mkdir()
    jxt.prototype("silicon").to_ase().write(other / "diamond.cif")
    Collection.gather(cache, CrystalSource.of(folder), metric)
    with pytest.raises(ValueError, match=r"source '.*crystals', not '.*other'"):
        Collection.gather(cache, CrystalSource.of(other), metric)
    # The same folder by another name is the same one.
    again = CrystalSource.of(other / ".." / "crystals", recursive=True)
    assert len(Collection.gather(cache, again, metric)) == 4


def test_nothing_to_read_leaves_nothing(tmp_path, cache, metric):
    (tmp_path / "in").mkdir()
    assert len(Collection.gather(cache, CrystalSource.of(tmp_path / "in"), metric)) == 0
    assert not cache.exists()


def test_nothing_readable(tmp_path, cache, metric):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.cif").write_text("")
    for _ in range(2):
        found = Collection.gather(cache, CrystalSource.of(tmp_path / "in"), metric)
        assert len(found) == 0
        assert [name for name, _ in found.skipped] == ["a.cif"]
    assert groups(np.zeros((0, 1)), 1.0).size == 0


def test_other_settings_are_refused(folder, cache, metric, make_metric):
    source = CrystalSource.of(folder)
    Collection.gather(cache, source, metric)
    with pytest.raises(ValueError, match=r"metric\.q_max None, not 3"):
        Collection.gather(cache, source, make_metric(q_max=3))
    with pytest.raises(ValueError, match="symmetry 'file', not 'P1'"):
        Collection.gather(cache, CrystalSource.of(folder, symmetry="P1"), metric)
    with pytest.raises(ValueError, match="expected an empty folder"):
        Collection.gather(folder, source, metric)
    with pytest.raises(ValueError, match="batch"):
        Collection.gather(cache, source, metric, batch=0)
    with pytest.raises(FileNotFoundError, match="no fingerprints"):
        Collection.open(folder)
    for refused in (lambda: Collection.gather("", source, metric), lambda: Collection.open("")):
        with pytest.raises(ValueError, match="empty name"):
            refused()


def test_damage_is_not_passed_over(folder, cache, metric):
    Collection.gather(cache, CrystalSource.of(folder), metric)
    vectors = (cache / "vectors.bin").read_bytes()
    (cache / "vectors.bin").write_bytes(vectors[:-1])
    with pytest.raises(ValueError, match="expected 36 bytes, got 35"):
        Collection.open(cache)
    (cache / "vectors.bin").write_bytes(vectors)
    text = (cache / "log.jsonl").read_text()
    (cache / "log.jsonl").write_text(text.replace("POSCAR", 'POS"CAR'))
    with pytest.raises(ValueError, match=r"log\.jsonl:2: damaged"):
        Collection.open(cache)
    header = json.loads(text.splitlines()[0])
    (cache / "log.jsonl").write_text(json.dumps(header | {"format": 99}) + "\n")
    with pytest.raises(ValueError, match="expected format 1, got 99"):
        Collection.open(cache)


def test_two_writers_at_once(folder, cache, metric):
    source = CrystalSource.of(folder)
    Collection.gather(cache, source, metric)
    with Log(cache).writing(), pytest.raises(ValueError, match="another run"):
        Collection.gather(cache, source, metric)
    Collection.gather(cache, source, metric)


def test_two_runs_that_begin_at_once(folder, cache, metric):
    """Both find no log; the second takes that of the first for its own, not its place."""
    settings = {"metric": {}}
    first = Log.create(cache, settings)
    with first.writing():
        first.append([("a", "")], np.ones((1, 2), np.float32), [], [])
    (cache / "vectors.bin").rename(cache / ".vectors")
    kept = (cache / "log.jsonl").read_bytes()
    with pytest.raises(ValueError, match="expected 8 bytes, got 0"):
        Log.create(cache, settings)
    assert (cache / "log.jsonl").read_bytes() == kept
    (cache / "log.jsonl").write_bytes(b"")  # begun by a run that died
    assert not Log.exists(cache)
    source = CrystalSource.of(folder)
    assert len(Collection.gather(cache, source, metric)) == 3


def test_progress_goes_to_stderr(folder, cache, metric, capsys):
    Collection.gather(cache, CrystalSource.of(folder), metric, progress=True)
    out, err = capsys.readouterr()
    assert out == ""
    assert "4/4" in err
