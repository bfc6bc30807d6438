"""Crystals grouped as pymatgen's StructureMatcher groups them."""

import dataclasses

import numpy as np
import pytest

from jaxtal.crystal import host_crystal, prototype
from jaxtal.search import superposed_groups


def changed(crystal, rng, strain=0.03, noise=0.05, volume=1.2):
    """Strained, of another volume, the atoms moved, an axis doubled."""
    atoms = crystal.to_ase() * (1, 1, 2)
    e = rng.normal(size=(3, 3))
    e = (e + e.T) / np.linalg.norm(e + e.T)
    atoms.set_cell(
        volume ** (1 / 3) * atoms.cell.array @ (np.eye(3) + strain * e), scale_atoms=True
    )
    atoms.positions += noise * rng.normal(size=atoms.positions.shape)
    return atoms


def test_strain_volume_and_noise_are_no_matter(rng):
    names = ["rutile", "zincblende", "wurtzite", "perovskite"]
    crystals = [prototype(name) for name in names]
    found = superposed_groups([*crystals, *(changed(c, rng) for c in crystals)])
    assert found.tolist() == [0, 1, 2, 3, 0, 1, 2, 3]
    tight = superposed_groups([crystals[0], changed(crystals[0], rng)], length_tol=0.01)
    assert tight.tolist() == [0, 1]
    assert superposed_groups([]).tolist() == []


def test_elements_and_occupancies_are(rng):
    rutile = host_crystal(prototype("rutile"))
    heavy = dataclasses.replace(rutile, atomic_numbers=np.where(rutile.atomic_numbers == 22, 50, 8))
    holes = dataclasses.replace(rutile, occupancies=0.8 * rutile.occupancies)
    assert superposed_groups([rutile, heavy, holes, rutile]).tolist() == [0, 1, 2, 0]
    with pytest.raises(ValueError, match="length_tol > 0"):
        superposed_groups([rutile, rutile], length_tol=0.0)
