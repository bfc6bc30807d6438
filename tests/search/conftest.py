"""A metric that costs nothing, and folders of crystals."""

import gzip
import types

import numpy as np
import pytest

import jaxtal as jxt
from jaxtal.crystal import host_crystals


class VolumeMetric:
    """Volume per atom, mean atomic number and its spread; counts what it is asked for.

    Ctrl-C falls into the batch after the first `lasts`.
    """

    def __init__(self, *, lasts=None, **settings):
        self.settings = settings
        self.lasts = lasts
        self.calls = []

    def to_dict(self):
        return {"metric": "volume", **self.settings}

    def __call__(self, crystals):
        if len(self.calls) == self.lasts:
            raise KeyboardInterrupt
        crystals = host_crystals(crystals)
        self.calls.append(len(crystals))
        for place, crystal in enumerate(crystals):
            if 92 in np.asarray(crystal.atomic_numbers):
                raise ValueError(f"crystal {place}: no uranium")
        rows = []
        for crystal in crystals:
            z = np.asarray(crystal.atomic_numbers, float)
            volume = abs(np.linalg.det(crystal.matrix))
            rows.append([volume / len(z), z.mean(), z.std()])
        return types.SimpleNamespace(
            vector=np.array(rows, np.float32), complete=np.array([row[1] < 80 for row in rows])
        )


@pytest.fixture
def make_metric():
    return VolumeMetric


@pytest.fixture
def metric():
    return VolumeMetric()


@pytest.fixture
def folder(tmp_path):
    """Three crystals in six files, two of which hold none."""
    place = tmp_path / "crystals"
    (place / "inner").mkdir(parents=True)
    # Files of ASE list the whole cell, which is read sooner than 192 operations.
    jxt.prototype("diamond").to_ase().write(place / "diamond.cif")
    jxt.io.write_cif(jxt.prototype("rutile"), place / "b-rutile.cif")
    jxt.prototype("diamond").to_ase().write(place / "POSCAR", format="vasp")
    jxt.prototype("silicon").to_ase().write(tmp_path / "silicon.cif")
    text = (tmp_path / "silicon.cif").read_bytes()
    (place / "inner" / "silicon.cif.gz").write_bytes(gzip.compress(text))
    (place / "broken.cif").write_text("data_x\n_cell_length_a 3\n")
    (place / "notes.txt").write_text("nothing here")
    return place
