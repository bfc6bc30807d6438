"""Spherical harmonics that a Laue group leaves unchanged (host)."""

import numpy as np
from jaxtyping import Float

from .expansion import degree_list, real_spherical_harmonics


def laue_invariants(
    rotations: Float[np.ndarray, "n 3 3"], l_max: int
) -> list[Float[np.ndarray, "_m _k"]]:
    """Orthonormal basis of the even harmonics invariant under a point group (host).

    The average over the group of Y_lm(u R) is the projection on the invariants; its matrix comes
    from a least-squares fit on random directions, and its eigenvectors of eigenvalue 1 are the
    basis.

    Args:
        rotations: matrices R acting on Cartesian row vectors, shape (n, 3, 3).
        l_max: highest degree.

    Returns:
        One array of shape (2l + 1, k_l) for each even l.
    """
    directions = np.random.default_rng(0).standard_normal((4 * (2 * l_max + 1) + 40, 3))
    plain = real_spherical_harmonics(directions, l_max, "even")
    averaged = np.mean(
        [real_spherical_harmonics(directions @ R, l_max, "even") for R in rotations], axis=0
    )
    bases, start = [], 0
    for l in degree_list(l_max, "even"):
        block = slice(start, start + 2 * l + 1)
        projector = np.linalg.lstsq(plain[:, block], averaged[:, block], rcond=None)[0]
        values, vectors = np.linalg.eigh((projector + projector.T) / 2)
        bases.append(vectors[:, values > 0.5])
        start += 2 * l + 1
    return bases
