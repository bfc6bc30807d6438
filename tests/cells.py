"""The same crystal in other cells, and other small helpers of the tests."""

import json
import pathlib

import jax
import numpy as np

from jaxtal.crystal import Crystal

CRYSTALS = {
    entry["name"]: entry
    for entry in json.loads(
        (pathlib.Path(__file__).parent / "reference" / "crystals.json").read_text()
    )
}

#: A cell of the same volume so skewed that boxes around short directions miss most of the sphere.
SHEAR = np.array([[1, 3, 0], [0, 1, 4], [0, 0, 1]])


def stored(name: str, **options) -> Crystal:
    """A crystal of tests/reference/crystals.json."""
    entry = CRYSTALS[name]
    return Crystal.from_arrays(entry["matrix"], entry["frac"], entry["numbers"], **options)


def atoms(crystal: Crystal) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Matrix, fractional coordinates and atomic numbers in NumPy, padding dropped."""
    mask = np.asarray(crystal.mask)
    return (
        np.asarray(crystal.lattice.matrix, dtype=np.float64),
        np.asarray(crystal.frac_coords, dtype=np.float64)[mask],
        np.asarray(crystal.atomic_numbers)[mask],
    )


def in_cell(crystal: Crystal, rows) -> Crystal:
    """The crystal in the cell whose vectors are integer combinations of the old ones."""
    S = np.asarray(rows)
    matrix, frac, numbers = atoms(crystal)
    reach = int(np.abs(S).sum())
    steps = np.arange(-reach, reach + 1)
    shifts = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), -1).reshape(-1, 3)
    shifts = shifts @ np.linalg.inv(S)
    shifts = shifts[np.all((shifts > -1e-9) & (shifts < 1 - 1e-9), axis=1)]
    assert len(shifts) == round(abs(np.linalg.det(S)))
    moved = (frac @ np.linalg.inv(S))[:, None, :] + shifts[None, :, :]
    return Crystal.from_arrays(
        S @ matrix,
        moved.reshape(-1, 3),
        np.repeat(numbers, len(shifts)),
        dtype=crystal.lattice.matrix.dtype,
    )


def resized(crystal: Crystal, size: int) -> Crystal:
    """The same atoms padded to a size, so that many crystals share one compiled program."""
    matrix, frac, numbers = atoms(crystal)
    return Crystal.from_arrays(
        matrix, frac, numbers, pad_to=size, dtype=crystal.lattice.matrix.dtype
    )


def moved(crystal: Crystal, *, turn=None, shift=None) -> Crystal:
    """The crystal turned in space and its origin shifted."""
    matrix, frac, numbers = atoms(crystal)
    matrix = matrix if turn is None else matrix @ turn
    frac = frac if shift is None else frac + shift
    return Crystal.from_arrays(matrix, frac, numbers, dtype=crystal.lattice.matrix.dtype)


def rotation(rng) -> np.ndarray:
    """A random rotation or rotoinversion."""
    return np.linalg.qr(rng.standard_normal((3, 3)))[0]


def relative(got, expected) -> float:
    """Largest difference, relative to the largest entry expected."""
    got, expected = np.asarray(got), np.asarray(expected)
    assert got.shape == expected.shape
    return float(np.abs(got - expected).max() / np.abs(expected).max())


def finite(tree) -> bool:
    """Whether every inexact leaf holds finite numbers only."""
    leaves = [np.asarray(x) for x in jax.tree.leaves(tree)]
    leaves = [x for x in leaves if np.issubdtype(x.dtype, np.inexact)]
    assert leaves
    return all(bool(np.isfinite(x).all()) for x in leaves)
