"""Independent shards: every crystal once, whatever is killed, and their union that of one run."""

import json
import shutil
from typing import Any

import numpy as np
import pytest

import jaxtal as jxt
from jaxtal.search import Collection, CrystalSource
from jaxtal.search._shard import Shard
from jaxtal.search._vector_log import Log

N = 3


@pytest.fixture
def crystals(tmp_path):
    """Files in two folders, a damaged one, and a database, whose rows are dealt out."""
    import ase.build
    import ase.db

    folder = tmp_path / "crystals"
    (folder / "inner").mkdir(parents=True)
    atoms = jxt.prototype("diamond").to_ase()
    for number in range(8):
        atoms.set_cell(atoms.cell * 1.01, scale_atoms=True)
        place = folder / ("inner" if number % 3 else "")
        atoms.write(place / f"POSCAR-{number}", format="vasp")
    (folder / "broken.cif").write_text("data_nothing\n")
    database: Any = ase.db.connect(folder / "rows.db")
    with database:
        for element in ("Al", "Cu", "Ni", "Ag", "Au"):
            database.write(ase.build.bulk(element))
    return folder


@pytest.fixture
def source(crystals):
    return CrystalSource.of(crystals, recursive=True)


def all_shards(out, source, metric, n=N):
    return [Collection.gather(out, source, metric, shard=(i, n)) for i in range(1, n + 1)]


def contents(found):
    return found.names, found.skipped, np.asarray(found.vectors).tolist()


def test_shards_merged_are_one_run(tmp_path, source, make_metric):
    whole = Collection.gather(tmp_path / "whole", source, make_metric())
    metric = make_metric()
    parts = all_shards(tmp_path / "out", source, metric)
    assert all(len(part) for part in parts)
    assert sorted(name for part in parts for name in part.names) == sorted(whole.names)
    assert sum(metric.calls) == len(whole)
    merged = Collection.merge(tmp_path / "out", source, metric)
    assert contents(merged) == contents(whole)
    assert contents(Collection.open(tmp_path / "out")) == contents(whole)
    # It is a folder like any other: nothing is computed again, by nobody.
    assert contents(Collection.gather(tmp_path / "out", source, metric)) == contents(whole)
    all_shards(tmp_path / "out", source, metric)
    assert sum(metric.calls) == len(whole)
    before = (tmp_path / "out" / "log.jsonl").read_bytes()
    assert contents(Collection.merge(tmp_path / "out", source, metric)) == contents(whole)
    assert (tmp_path / "out" / "log.jsonl").read_bytes() == before


@pytest.mark.parametrize("n", [1, 2, 7, 40])
def test_every_crystal_has_one_shard(source, n):
    listed = [
        entry.name
        for i in range(1, n + 1)
        for part in [source.part(Shard(i, n))]
        for file in part.files()
        for entry in part.entries(file)
    ]
    every = [entry.name for file in source.files() for entry in source.entries(file)]
    assert sorted(listed) == sorted(every)


def test_what_belongs_to_a_shard_is_known_beforehand():
    """The same on every machine, in every version: shards may be years apart."""
    held = [[i for i in range(12) if Shard(n, 3).holds_file(f"{i}.cif")] for n in (1, 2, 3)]
    assert held == [[0, 1, 2, 5, 6, 7], [3, 4, 9, 10, 11], [8]]
    assert str(Shard(3, 16)) == "shard-03-of-16"
    assert Shard.of_folder("shard-03-of-16") == Shard(3, 16)


def test_a_killed_shard_goes_on(tmp_path, source, make_metric):
    whole = Collection.gather(tmp_path / "whole", source, make_metric())
    out, done = tmp_path / "out", make_metric()
    for lasts in (1, 2):
        killed = make_metric(lasts=lasts)
        with pytest.raises(KeyboardInterrupt):
            Collection.gather(out, source, killed, shard=(2, N), batch=1)
        assert not (out / "shard-2-of-3" / "manifest.json").exists()
        done.calls += killed.calls
    all_shards(out, source, done)
    assert sum(done.calls) == len(whole)
    assert contents(Collection.merge(out, source, done)) == contents(whole)


def test_a_killed_merge_goes_on(tmp_path, source, metric, monkeypatch):
    whole = Collection.gather(tmp_path / "whole", source, metric)
    out = tmp_path / "out"
    all_shards(out, source, metric)
    monkeypatch.setattr("jaxtal.search._merge._PORTION", 4)
    append, calls = Log.append, []

    def killed(self, *arguments):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        append(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(Log, "append", killed)
        with pytest.raises(KeyboardInterrupt):
            Collection.merge(out, source, metric)
    assert 0 < len(Collection.open(out)) < len(whole)
    assert contents(Collection.merge(out, source, metric)) == contents(whole)
    assert Log(out).n_rows == len(whole)


def test_manifest(tmp_path, source, metric):
    found = all_shards(tmp_path / "out", source, metric)[0]
    manifest = json.loads((tmp_path / "out" / "shard-1-of-3" / "manifest.json").read_text())
    assert manifest["shard"] == [1, 3]
    assert manifest["crystals"] == len(found)
    assert manifest["settings"] == found.settings
    assert set(manifest["files"]) == {"log.jsonl", "vectors.bin"}


class TestRefused:
    def test_not_all_finished(self, tmp_path, source, metric):
        out = tmp_path / "out"
        with pytest.raises(ValueError, match="expected the shards of one run, got none"):
            Collection.merge(out, source, metric)
        Collection.gather(out, source, metric, shard=(2, N))
        with pytest.raises(ValueError, match=r"expected 3 finished shards, 2 are not: 1/3, 3/3"):
            Collection.merge(out, source, metric)
        assert not (out / "log.jsonl").exists()

    def test_two_totals(self, tmp_path, source, metric):
        Collection.gather(tmp_path, source, metric, shard=(1, 2))
        Collection.gather(tmp_path, source, metric, shard=(1, 3))
        with pytest.raises(ValueError, match="got some of 2 and some of 3"):
            Collection.merge(tmp_path, source, metric)

    def test_damage(self, tmp_path, source, metric):
        all_shards(tmp_path, source, metric)
        file = tmp_path / "shard-3-of-3" / "vectors.bin"
        data = bytearray(file.read_bytes())
        data[0] ^= 1
        file.write_bytes(bytes(data))
        with pytest.raises(ValueError, match=r"vectors.bin is not as it was"):
            Collection.merge(tmp_path, source, metric)

    def test_other_settings(self, tmp_path, source, make_metric):
        all_shards(tmp_path, source, make_metric())
        with pytest.raises(ValueError, match=r"made with metric\.cut None, not 2"):
            Collection.merge(tmp_path, source, make_metric(cut=2))
        shutil.rmtree(tmp_path / "shard-2-of-3")
        Collection.gather(tmp_path, source, make_metric(cut=2), shard=(2, N))
        with pytest.raises(ValueError, match="shard-2-of-3: expected the settings of shard-1"):
            Collection.merge(tmp_path, source, make_metric())

    def test_new_and_changed_files(self, tmp_path, source, crystals, metric):
        out = tmp_path / "out"
        all_shards(out, source, metric)
        shutil.copy(crystals / "POSCAR-0", crystals / "POSCAR-new")
        with pytest.raises(
            ValueError, match=r"POSCAR-new: expected it in 1 of 3 shards, got it in 0"
        ):
            Collection.merge(out, source, metric)
        all_shards(out, source, metric)
        assert "POSCAR-new" in Collection.merge(out, source, metric).names
        jxt.prototype("rutile").to_ase().write(crystals / "POSCAR-new", format="vasp")
        with pytest.raises(ValueError, match=r"POSCAR-new: changed since shard-\d-of-3"):
            Collection.merge(out, source, metric)
        calls = sum(metric.calls)
        all_shards(out, source, metric)
        assert sum(metric.calls) == calls + 1
        merged = Collection.merge(out, source, metric)
        again = Collection.gather(tmp_path / "whole", source, metric)
        assert contents(merged) == contents(again)

    @pytest.mark.parametrize("shard", [(0, 3), (4, 3), (1, 0), (1.5, 3), 3, (1, 2, 3)])
    def test_bad_numbers(self, tmp_path, source, metric, shard):
        with pytest.raises(ValueError, match="shard: expected"):
            Collection.gather(tmp_path / "out", source, metric, shard=shard)
        assert not (tmp_path / "out").exists()

    def test_another_run_of_the_same_shard(self, tmp_path, source, metric):
        Collection.gather(tmp_path, source, metric, shard=(1, N))
        folder = tmp_path / "shard-1-of-3"
        with (
            Log(folder).writing(),
            pytest.raises(ValueError, match="another run is writing there"),
        ):
            Collection.gather(tmp_path, source, metric, shard=(1, N))
        assert (folder / "manifest.json").exists()


def test_single_file_is_dealt_out(tmp_path, crystals, metric):
    rows = CrystalSource.of(crystals / "rows.db")
    parts = all_shards(tmp_path / "out", rows, metric)
    assert [len(part) for part in parts] == [2, 2, 1]
    merged = Collection.merge(tmp_path / "out", rows, metric)
    assert [name.rsplit("#")[-1] for name in merged.names] == ["1", "2", "3", "4", "5"]


def test_shard_without_crystals(tmp_path, crystals, metric):
    rows = CrystalSource.of(crystals / "rows.db")
    parts = all_shards(tmp_path / "out", rows, metric, n=7)
    assert [len(part) for part in parts] == [1, 1, 1, 1, 1, 0, 0]
    assert len(Collection.merge(tmp_path / "out", rows, metric)) == 5
    assert Log.exists(tmp_path / "out" / "shard-7-of-7")
