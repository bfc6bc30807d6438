"""Descriptions written and read back."""

import jax
import numpy as np
import pytest

from jaxtal.crystal import prototype
from jaxtal.descriptors import Description, Descriptor, describe, preset
from jaxtal.io import read_descriptions, write_descriptions

SMALL = Descriptor(3, 2, 4.0, n_bins=9)


def test_one_and_several(tmp_path):
    crystals = [prototype("diamond"), prototype("fluorite")]
    several, one = SMALL(crystals), SMALL(crystals[0])
    path = tmp_path / "d.npz"
    write_descriptions(several, path, ["diamond", "fluorite"])
    found, names = read_descriptions(path)
    assert names == ["diamond", "fluorite"]
    assert found.specification == SMALL
    np.testing.assert_array_equal(found.power_spectrum, several.power_spectrum)
    np.testing.assert_array_equal(found.rdf, several.rdf)
    assert np.asarray(found.complete).all()
    write_descriptions(one, path)
    found, names = read_descriptions(path)
    assert names == ["crystal 0"]
    np.testing.assert_array_equal(found[0].rdf, one.rdf)


def test_parts_other_descriptors_and_float64(tmp_path):
    path = tmp_path / "d.npz"
    write_descriptions(SMALL.distribution(prototype("diamond")), path)
    found, _ = read_descriptions(path)
    assert found.power_spectrum is None
    with jax.enable_x64(True):
        descriptor = preset("recp", 2, 2, 4.0)
        described = describe(prototype("diamond"), descriptor)
        write_descriptions(described, path)
    found, _ = read_descriptions(path)
    assert found.specification == descriptor
    assert found.rdf.dtype == np.float64


def test_bad_files(tmp_path):
    path = tmp_path / "d.npz"
    with pytest.raises(ValueError, match=r"d\.npz: no such file"):
        read_descriptions(path)
    path.write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"d\.npz: expected an \.npz"):
        read_descriptions(path)
    np.savez(path, power_spectrum=np.zeros((1, 2, 3)))
    with pytest.raises(ValueError, match="it has no names, complete"):
        read_descriptions(path)
    one = SMALL(prototype("diamond"))
    with pytest.raises(ValueError, match="names: expected one for each description"):
        write_descriptions(one, path, ["a", "b"])
    unknown = Description(one.power_spectrum, one.rdf, one.complete)
    with pytest.raises(ValueError, match="expected the descriptor that made them, got None"):
        write_descriptions(unknown, path)
    write_descriptions(one, path)
    with np.load(path) as data:
        arrays = dict(data)
    for key, value in (
        ("specification", '{"specification": "Unknown"}'),
        ("rdf", np.zeros((2, 9))),
    ):
        np.savez(path, **arrays | {key: np.array(value)})
        with pytest.raises(ValueError, match=r"d\.npz: expected an \.npz"):
            read_descriptions(path)
