"""Which of the 230 groups a set of operations in an untabulated setting is.

A structure with generic orbits of the group, in a generic lattice that the rotations allow, has
exactly that symmetry; spglib finds its type and the transformation to the standard setting,
which is made rational and then checked exactly.
"""

import functools
from fractions import Fraction

import numpy as np

from . import _closure, _spglib
from ._basis_change import BasisChange
from ._names import operations_of, reference_settings
from ._symop import SymOp

_SYMPREC = 1e-4  # angstrom, in a cell of about 10
_LARGEST_DENOMINATOR = 48


@functools.cache
def standard_hall_numbers() -> dict[int, int]:
    """Return spglib's Hall number of the standard setting of each of the 230 groups."""
    by_symbol = {s.hall: number for number, s in reference_settings().items()}
    found = {}
    for hall_number in range(1, 531):
        kind = _spglib.space_group_type(hall_number)
        if kind is not None and kind.hall_symbol in by_symbol:
            found[by_symbol[kind.hall_symbol]] = hall_number
    return found


def generic_lattice(rotations: np.ndarray, rng: np.random.Generator, length: float) -> np.ndarray:
    """A random lattice matrix (rows a, b, c) whose metric the rotations leave invariant."""
    skew = np.eye(3) + 0.3 * rng.uniform(-1, 1, (3, 3))
    stretch = np.diag(rng.uniform(0.8, 1.25, 3))
    metric = length**2 * stretch @ skew @ skew.T @ stretch
    W = np.unique(rotations, axis=0)
    return np.linalg.cholesky(np.einsum("nji,jk,nkl->il", W, metric, W) / len(W))


def identify(operations: tuple[SymOp, ...]) -> tuple[int | None, BasisChange | None]:
    """Number and map from the standard coordinates to these, where spglib finds them.

    Args:
        operations: a closed three-dimensional group.

    Returns:
        number or None; the exact map x_here = P x_standard + p, or None if it wasn't confirmed.
    """
    rotations, translations, denominator = _closure.as_arrays(operations)
    rng = np.random.default_rng(0)
    matrix = generic_lattice(rotations, rng, 10.0)
    frac, species = [], []
    for kind in range(1, 4):
        frac.append(rng.uniform(size=3) @ rotations.transpose(0, 2, 1) + translations / denominator)
        species += [kind] * len(rotations)
    cell = (matrix, np.concatenate(frac) % 1.0, species)
    found = _spglib.dataset(cell, _SYMPREC)
    hall_number = standard_hall_numbers().get(found.number) if found else None
    dataset = _spglib.dataset(cell, _SYMPREC, hall_number) if hall_number else None
    if dataset is None:
        return None, None
    to_standard = BasisChange.from_fractions(
        [[_rational(v) for v in row] for row in dataset.transformation_matrix],
        [_rational(v) for v in dataset.origin_shift],
    )
    here = to_standard.inverse()
    standard = operations_of(reference_settings()[dataset.number])
    # The standard lattice may be finer than the one given: its translations are operations here.
    lattice = [
        SymOp(np.eye(3, dtype=int), list(column)) for column in zip(*here.fractions, strict=True)
    ]
    try:
        generated = _closure.close([*map(here.transform, standard), *lattice], len(operations))
    except ValueError:
        return dataset.number, None
    return dataset.number, here if set(generated) == set(operations) else None


def _rational(value: float) -> Fraction:
    return Fraction(float(value)).limit_denominator(_LARGEST_DENOMINATOR)
