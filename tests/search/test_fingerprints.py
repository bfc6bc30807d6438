"""`fingerprints`: from folders, files, databases and crystals to vectors to search."""

from typing import Any

import ase.db
import numpy as np
import pytest

import jaxtal as jxt
from jaxtal.metric import CrystalMetric
from jaxtal.search import fingerprints


def test_files_folders_and_databases(folder, metric, tmp_path):
    found = fingerprints(folder, metric, recursive=True)
    assert found.names == ("POSCAR", "b-rutile.cif", "diamond.cif", "inner/silicon.cif.gz")
    assert found.vectors.shape == (4, 3)
    assert [name for name, _ in found.skipped] == ["broken.cif"]
    assert repr(found).startswith("Collection: 4 fingerprints, 1 skipped; {'metric': 'volume'")
    some = fingerprints([folder / "POSCAR", str(folder / "diamond.cif")], metric)
    np.testing.assert_array_equal(some.vectors[0], found.vectors[0])
    database: Any = ase.db.connect(tmp_path / "some.db")  # ASE's types lack that it closes itself
    with database as rows:
        rows.write(jxt.prototype("diamond").to_ase())
    (name,) = fingerprints(tmp_path / "some.db", metric).names
    assert name.endswith("some.db#1")
    rows, distances = found.nearest(k=1)
    assert rows[0, 0] == 2
    assert distances[0, 0] < 1e-3
    assert found.groups(0.01).tolist() == [0, 1, 0, 2]
    with pytest.raises(ValueError, match="threshold: expected one"):
        found.groups()


def test_a_cache_is_used_again(folder, metric, tmp_path):
    fingerprints(folder, metric, cache=tmp_path / "cache")
    assert metric.calls == [3]
    again = fingerprints(folder, metric, cache=tmp_path / "cache")
    assert metric.calls == [3]
    assert len(again) == 3


def test_crystals_at_hand(make_metric):
    diamond, rutile = jxt.prototype("diamond"), jxt.prototype("rutile")
    heavy = jxt.Crystal.from_arrays(np.eye(3) * 4, [[0, 0, 0]], [92])
    found = fingerprints([diamond, heavy, rutile.to_ase()], make_metric())
    assert found.names == ("0", "2")
    assert found.skipped == (("1", "no uranium"),)
    named = fingerprints({"a": diamond, "b": rutile}, make_metric())
    assert named.names == ("a", "b")
    np.testing.assert_allclose(named.vectors, found.vectors, rtol=1e-5)
    assert fingerprints(diamond, make_metric()).names == ("0",)
    batch = jxt.crystal.CrystalBatch.from_crystals([diamond, rutile])
    assert fingerprints(batch, make_metric()).names == ("0", "1")
    with pytest.raises(ValueError, match="crystal 1: expected"):
        fingerprints([diamond, 3], make_metric())
    with pytest.raises(ValueError, match="cache: expected none"):
        fingerprints([diamond], make_metric(), cache="somewhere")


def test_the_metric_by_default(tmp_path):
    """What `jaxtal dedup` does: duplicates within 0.1, and queries of the same metric."""
    diamond, rutile = jxt.prototype("diamond"), jxt.prototype("rutile")
    found = jxt.fingerprints([diamond, rutile, diamond])
    assert found.groups().tolist() == [0, 1, 0]
    rows, apart = found.nearest(k=2, query=CrystalMetric(composition=1, stacking=1)(diamond))
    assert sorted(rows[0].tolist()) == [0, 2]
    assert apart.max() < 1e-4
    with pytest.raises(ValueError, match=r"composition 1\.0, not 0\.0"):
        found.nearest(query=CrystalMetric()(diamond))
