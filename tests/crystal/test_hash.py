"""A name of a structure that no choice of cell, origin or order changes."""

import numpy as np
import pytest

from jaxtal.crystal import Crystal, prototype, structure_hash


def disguised(crystal, rng, noise=0.0):
    """Another cell, origin, orientation and order of the atoms; charges, and displacements."""
    atoms = crystal.to_ase() * (2, 1, 1)
    atoms.rotate(40, (1, 2, 3), rotate_cell=True)
    atoms.positions += rng.uniform(-3, 3, 3) + noise * rng.uniform(-1, 1, atoms.positions.shape)
    atoms.set_cell(1.1 * atoms.cell.array, scale_atoms=True)
    return atoms[rng.permutation(len(atoms))]


@pytest.mark.parametrize("name", ["alpha-quartz", "rutile", "zincblende", "corundum", "magnesium"])
def test_one_structure_one_name(name, rng, x64):
    crystal = prototype(name)
    names = {structure_hash(crystal), structure_hash(crystal.expand())}
    names |= {structure_hash(disguised(crystal, rng, noise)) for noise in (0.0, 1e-3, 1e-3)}
    assert len(names) == 1, names


def test_names_tell_structures_apart_and_hands_not(x64):
    names = ["alpha-quartz", "beta-quartz", "rutile", "zincblende", "wurtzite", "diamond"]
    found = [structure_hash(prototype(name)) for name in names]
    assert len(set(found)) == len(names)
    assert found[0].startswith("O2Si-152-9-")
    left = prototype("alpha-quartz").expand()
    right = Crystal.from_arrays(left.lattice.matrix, -left.frac_coords, left.atomic_numbers)
    assert structure_hash(left) == structure_hash(right)
    ions = Crystal.from_arrays(
        left.lattice.matrix, left.frac_coords, left.atomic_numbers, charges=[4] * 3 + [-2] * 6
    )
    assert structure_hash(ions) == structure_hash(left)


def test_elements_and_occupancies_count(x64):
    def cell(numbers, occupancies):
        return Crystal.from_arrays(
            np.eye(3) * 4, [[0, 0, 0], [0.5, 0.5, 0.5]], numbers, occupancies=occupancies
        )

    found = [structure_hash(cell(*x)) for x in (([55, 17], [1, 1]), ([55, 35], [1, 1]),
                                                ([55, 17], [1, 0.9]))]  # fmt: skip
    assert len(set(found)) == 3
    assert structure_hash(cell([17, 55], [1, 1])) == found[0]  # the origin on the other site
