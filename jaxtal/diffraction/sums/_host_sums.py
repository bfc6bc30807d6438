"""The sums of `sphere_sums` in NumPy and float64: nothing is compiled, nothing padded (host)."""

import contextlib

import numpy as np
from jaxtyping import Float, Int

from ..._core import MANY_THREADS, ONE_THREAD, lll
from ._sphere_sums import FLATTEST, LENGTHS, MOST, SphereSums

#: Most products of waves that are held at once.
_BLOCK = 1 << 19
#: Cells whose box holds this many times the reflections of the sphere are reduced first.
_SKEWED = 4.0


def host_sphere_sums(
    matrix: Float[np.ndarray, "3 3"],
    frac: Float[np.ndarray, "N 3"],
    weights: Float[np.ndarray, "S N"],
    q_max: float,
) -> tuple[Int[np.ndarray, "P 3"], SphereSums]:
    """Sum waves at all reflections with 0 < |q| < q_max, one of each Friedel pair (host).

    exp i(a + b + c) is the product of three waves along the axes, and the sum over atoms a product
    of matrices. Nothing is padded, so that every place is a reflection.

    Args:
        matrix: rows a, b, c, angstrom; of any shape: skewed cells are reduced.
        frac: fractional coordinates.
        weights: of each atom in each sum.
        q_max: radius of the sphere, 1/angstrom.

    Returns:
        Indices of the reflections, and the sums. `complete` is False, and there are none, for a
        cell that is near-singular however it is chosen, as for `safe_cell`.

    Raises:
        ValueError: a cell so long or flat that the box would hold too many reflections.
    """
    basis = np.eye(3, dtype=np.int64)
    if _boxed(matrix, q_max) > _SKEWED * _expected(matrix, q_max):
        with contextlib.suppress(np.linalg.LinAlgError):  # flat beyond rounding: refused below
            basis = lll(basis, matrix @ matrix.T)
        matrix = basis @ matrix
        frac = frac @ np.linalg.inv(basis)
    if not _boxed(matrix, q_max) <= MOST:
        raise ValueError(
            f"expected a box of at most {MOST:.1e} reflections, got {_boxed(matrix, q_max):.1e}: "
            "an axis is too long, or the cell too flat"
        )
    if not is_regular(matrix):
        nothing = np.zeros((2, len(weights), 0))
        none = SphereSums(
            np.zeros((0, 3)), np.zeros(0), np.zeros(0, bool), nothing, np.array(False)
        )
        return np.zeros((0, 3), np.int64), none
    # The longest axis first: the product of the waves along the others is as small as it can be.
    order = np.argsort(-np.linalg.norm(matrix, axis=1))
    hkl, q, sums = _sums(matrix[order], frac[:, order], weights, q_max)
    size = np.sqrt(np.sum(q * q, axis=1))
    # Indices of the cell that was given: h x = h' x' with x' = x B^-1.
    hkl = hkl[:, np.argsort(order)] @ np.rint(np.linalg.inv(basis)).T.astype(np.int64)
    found = SphereSums(q, size, np.ones(len(q), bool), sums, np.array(True))
    return hkl, found


def _sums(
    matrix: Float[np.ndarray, "3 3"],
    frac: Float[np.ndarray, "N 3"],
    weights: Float[np.ndarray, "S N"],
    q_max: float,
) -> tuple[Int[np.ndarray, "P 3"], Float[np.ndarray, "P 3"], Float[np.ndarray, "2 S P"]]:
    reciprocal = 2 * np.pi * np.linalg.inv(matrix).T
    bounds = np.floor(q_max * np.linalg.norm(matrix, axis=1) / (2 * np.pi) * (1 + 1e-9)).astype(int)
    h, k, l = np.arange(bounds[0] + 1), *(np.arange(-b, b + 1) for b in bounds[1:])
    x = frac - np.rint(frac)
    first, second, third = (
        np.exp(2j * np.pi * n[:, None] * x[:, i]) for i, n in enumerate((h, k, l))
    )
    left = (weights[:, None, :] * first[None]).reshape(-1, weights.shape[1])
    left = np.concatenate([left.real, left.imag])
    # Real products, in pieces that the BLAS does in this thread, unless they are worth all of them.
    line = 2 * len(l) * len(left) * weights.shape[1]
    large = line * len(k) > MANY_THREADS
    step = max((_BLOCK // (len(l) * weights.shape[1]) if large else ONE_THREAD // line), 1)
    found = []
    for begin in range(0, len(k), step):
        some = k[begin : begin + step]
        steps = (h[:, None, None], some[None, :, None], l[None, None, :])
        a, b, c = (n[..., None] * row for n, row in zip(steps, reciprocal, strict=True))
        q = a + b + c
        inside = np.einsum("...i,...i->...", q, q) < q_max * q_max
        # One of each pair: the other half of the plane h = 0, and the origin, go.
        inside[0] &= (some > 0)[:, None] | ((some == 0)[:, None] & (l > 0)[None, :])
        right = (second[begin : begin + step, None, :] * third[None, :, :]).reshape(-1, len(x))
        # Real and imaginary parts of either factor, (2, S, h, 2, k, l).
        parts = left @ np.concatenate([right.real, right.imag]).T
        parts = parts.reshape(2, len(weights), len(h), 2, len(some), len(l))
        real = parts[0, :, :, 0] - parts[1, :, :, 1]
        imag = parts[0, :, :, 1] + parts[1, :, :, 0]
        sums = np.stack([real[:, inside], imag[:, inside]])
        found.append((np.argwhere(inside) + np.array([0, some[0], l[0]]), q[inside], sums))
    indices, vectors, values = zip(*found, strict=True)
    return np.concatenate(indices), np.concatenate(vectors), np.concatenate(values, axis=2)


def _boxed(matrix: Float[np.ndarray, "3 3"], q_max: float) -> float:
    return float(np.prod(2 * (q_max * np.linalg.norm(matrix, axis=1) / (2 * np.pi)) + 1))


def _expected(matrix: Float[np.ndarray, "3 3"], q_max: float) -> float:
    """How many reflections a cell of this volume has in the sphere, on average."""
    return 1 + q_max**3 * abs(float(np.linalg.det(matrix))) / (6 * np.pi**2)


def is_regular(matrix: Float[np.ndarray, "3 3"]) -> bool:
    """Tell whether a cell is one that `safe_cell` takes."""
    lengths = np.linalg.norm(matrix, axis=1)
    sound = np.all((lengths > LENGTHS[0]) & (lengths < LENGTHS[1]))
    return bool(sound and abs(np.linalg.det(matrix)) > FLATTEST * np.prod(lengths))
