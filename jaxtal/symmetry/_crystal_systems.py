"""Crystal systems, and lattices under rotations."""

import numpy as np
from jaxtyping import Float, Int

#: By dimension: the last number of each system.
_SYSTEMS = {
    2: ((2, "oblique"), (9, "rectangular"), (12, "square"), (17, "hexagonal")),
    3: (
        (2, "triclinic"),
        (15, "monoclinic"),
        (74, "orthorhombic"),
        (142, "tetragonal"),
        (167, "trigonal"),
        (194, "hexagonal"),
        (230, "cubic"),
    ),
}


def crystal_system(number: int, dimension: int) -> str | None:
    """The crystal system of a space group (trigonal and hexagonal apart) or a plane group.

    None in other dimensions: line groups have no systems.
    """
    systems = _SYSTEMS.get(dimension, ())
    return next((system for last, system in systems if number <= last), None)


def unique_axis(point_rotations: Int[np.ndarray, "p 3 3"]) -> str | None:
    """The axis "a", "b" or "c" along the twofold direction of a monoclinic point group, if any."""
    W = next(W for W in point_rotations if abs(np.trace(W)) == 1)
    # W or -W is the twofold rotation, and it alone keeps the unique axis.
    kept = -np.trace(W) * np.eye(3, dtype=int)
    axes = [i for i in range(3) if (W[:, i] == kept[i]).all()]
    return "abc"[axes[0]] if len(axes) == 1 else None


def metric_violation(
    matrix: Float[np.ndarray, "rows columns"], rotations: Int[np.ndarray, "n D D"]
) -> Float[np.ndarray, " n"]:
    """How far each rotation changes the metric G = M M^T of a lattice.

    The largest |W^T G W - G|_ij / sqrt(G_ii G_jj) of each rotation W.

    Args:
        matrix: M, rows a, b, c in any unit of length, (D, D).
        rotations: W, (n, D, D).

    Returns:
        dimensionless, (n,).

    Raises:
        ValueError: the matrix isn't square, finite and invertible.
    """
    D = rotations.shape[-1]
    M = np.asarray(matrix, dtype=float)
    if M.shape != (D, D) or not np.isfinite(M).all():
        raise ValueError(f"expected a finite {D} x {D} lattice matrix, got {matrix}")
    if np.linalg.matrix_rank(M) < D:
        raise ValueError(f"expected linearly independent lattice vectors, got {M.tolist()}")
    G = M @ M.T
    lengths = np.sqrt(np.diag(G))
    change = np.einsum("nji,jk,nkl->nil", rotations, G, rotations, optimize=True) - G
    return np.abs(change / np.outer(lengths, lengths)).max(axis=(1, 2))
