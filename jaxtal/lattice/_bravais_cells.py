"""Matrices of the Bravais lattices from their parameters, and the parameters of a matrix."""

from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from .._core import safe_sqrt
from ._cell import cell_to_matrix

#: An entry of a cell: the name of the parameter that it is, or a fixed angle in degrees.
_Entry = str | float


class Kind(NamedTuple):
    """What a Bravais lattice leaves free.

    Attributes:
        parameters: names of the free parameters, lengths first.
        cell: the cell that they make, as `cell_to_matrix` takes it.
        standard: False where the orientation is not that of `cell_to_matrix`.
    """

    parameters: tuple[str, ...]
    cell: tuple[_Entry, ...]
    standard: bool = True


_RIGHT = (90.0, 90.0, 90.0)
_ALL = ("a", "b", "c", "phi", "theta", "gamma")

#: By dimension and name, fewest parameters first.
KINDS: dict[tuple[int, str], Kind] = {
    (1, "lamellar"): Kind(("a",), ("a",)),
    (2, "square"): Kind(("a",), ("a", "a", 90.0)),
    (2, "hexagonal"): Kind(("a",), ("a", "a", 120.0)),
    (2, "rectangular"): Kind(("a", "b"), ("a", "b", 90.0)),
    (2, "rhombic"): Kind(("a", "gamma"), ("a", "a", "gamma")),
    (2, "oblique"): Kind(("a", "b", "gamma"), ("a", "b", "gamma")),
    (3, "cubic"): Kind(("a",), ("a", "a", "a", *_RIGHT)),
    (3, "tetragonal"): Kind(("a", "c"), ("a", "a", "c", *_RIGHT)),
    (3, "hexagonal"): Kind(("a", "c"), ("a", "a", "c", 90.0, 90.0, 120.0)),
    (3, "rhombohedral"): Kind(("a", "beta"), ("a", "a", "a", *3 * ("beta",)), standard=False),
    (3, "orthorhombic"): Kind(("a", "b", "c"), ("a", "b", "c", *_RIGHT)),
    (3, "monoclinic"): Kind(("a", "b", "c", "beta"), ("a", "b", "c", 90.0, "beta", 90.0)),
    (3, "triclinic"): Kind(_ALL, _ALL, standard=False),
}


def matrix_of(dimension: int, name: str, parameters: Any, xp: ModuleType = np) -> Any:
    """Lattice matrix (D, D) of parameters (p,), in NumPy or `jax.numpy`."""
    kind = KINDS[dimension, name]
    if not kind.standard:
        return _ORIENTED[name](parameters, xp)
    values = dict(zip(kind.parameters, parameters, strict=True))
    cell = [
        values[entry] if isinstance(entry, str) else xp.asarray(entry, parameters.dtype)
        for entry in kind.cell
    ]
    return cell_to_matrix(xp.stack(cell))


def _rhombohedral(parameters: Any, xp: ModuleType) -> Any:
    a, beta = parameters
    cosine, _ = _cos_sin(beta, xp)
    # sin^2 t = (2/3) (1 - cos beta) without the difference; no cell from 120 degrees on.
    sine_t = 2 / 3**0.5 * xp.sin(xp.deg2rad(beta) / 2)
    square = (1 + 2 * cosine) / 3
    cosine_t = safe_sqrt(square) if xp is jnp else np.sqrt(max(square, 0.0))
    turns = [(1.0, 0.0), (-0.5, 0.75**0.5), (-0.5, -(0.75**0.5))]
    return a * xp.stack([xp.stack([sine_t * x, sine_t * y, cosine_t]) for x, y in turns])


def _triclinic(parameters: Any, xp: ModuleType) -> Any:
    a, b, c, phi, theta, gamma = parameters
    (cp, sp), (ct, st), (cg, sg) = (_cos_sin(angle, xp) for angle in (phi, theta, gamma))
    zero = xp.zeros_like(a)
    rows = [(a, zero, zero), (b * cg, b * sg, zero), (c * st * cp, c * st * sp, c * ct)]
    return xp.stack([xp.stack(row) for row in rows])


_ORIENTED: dict[str, Callable[[Any, ModuleType], Any]] = {
    "rhombohedral": _rhombohedral,
    "triclinic": _triclinic,
}


def _cos_sin(degrees: Any, xp: ModuleType) -> tuple[Any, Any]:
    # The cosine through the complement, so that it is exactly 0 at 90 degrees.
    return xp.sin(xp.deg2rad(90 - degrees)), xp.sin(xp.deg2rad(degrees))


def read_off(dimension: int, name: str, matrix: np.ndarray) -> tuple[np.ndarray, float]:
    """Parameters of the nearest lattice of a kind, tied lengths averaged.

    Returns:
        (p,), and the largest |G' - G|_ij / sqrt(G_ii G_jj) of the metric G of the matrix and G' of
        the parameters.
    """
    kind = KINDS[dimension, name]
    metric = matrix @ matrix.T
    lengths = np.sqrt(np.diag(metric))
    # The same lattice turned to a along x and b in the xy plane.
    turned = np.linalg.cholesky(metric)
    found = {}
    for label in kind.parameters:
        if label in "abc":
            tied = [i for i in range(dimension) if kind.cell[i] == label]
            found[label] = lengths[tied].mean()
        elif label == "gamma":
            found[label] = _degrees(turned[1, 1], turned[1, 0])
        elif label == "beta":
            pairs = [(0, 2)] if name == "monoclinic" else [(0, 1), (0, 2), (1, 2)]
            cosine = np.mean([metric[i, j] / (lengths[i] * lengths[j]) for i, j in pairs])
            found[label] = _degrees(np.sqrt(1 - cosine**2), cosine)
        elif label == "phi":
            found[label] = _degrees(turned[2, 1], turned[2, 0])
        elif label == "theta":
            found[label] = _degrees(np.hypot(turned[2, 0], turned[2, 1]), turned[2, 2])
    parameters = np.array([found[label] for label in kind.parameters])
    fitted = matrix_of(dimension, name, parameters)
    change = np.abs(fitted @ fitted.T - metric) / np.outer(lengths, lengths)
    return parameters, float(change.max())


def _degrees(sine: Any, cosine: Any) -> float:
    return float(np.rad2deg(np.arctan2(sine, cosine)))
