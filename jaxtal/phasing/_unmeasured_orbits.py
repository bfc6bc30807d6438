"""Reflections inside the ellipsoid of the measured ones that were not measured."""

import numpy as np
from jaxtyping import Int

from ..grids import loewner_ellipsoid
from ..grids._ellipsoid import ellipsoid_volume
from ..symmetry import SpaceGroup, absent
from ._wave_vectors import points_of_ball, representatives

#: Most reflections that an ellipsoid may hold.
_LARGEST = 20_000_000


def unmeasured_orbits(
    group: SpaceGroup, measured: Int[np.ndarray, "K N"]
) -> Int[np.ndarray, "n N"]:
    """Representatives of the orbits inside the ellipsoid that no measured reflection belongs to.

    The ellipsoid is the smallest that encloses the measured reflections about the origin; since
    they are closed under the group, so is it. F(0) is not listed, and neither are extinct orbits.

    Args:
        group: the group.
        measured: every measured reflection, symmetry mates and Friedel mates included, (K, N).

    Raises:
        ValueError: the ellipsoid holds too many reflections to list.
    """
    # The search for the ellipsoid ends within a tolerance; the group's average is exact.
    W = group.point_rotations
    form = np.einsum("pij,jk,plk->il", W, loewner_ellipsoid(measured), W) / len(W)
    form /= np.einsum("ki,ij,kj->k", measured, form, measured, optimize=True).max()
    expected = ellipsoid_volume(form)
    if expected > _LARGEST:
        raise ValueError(
            f"unmeasured: expected an ellipsoid of at most {_LARGEST} reflections, got about "
            f"{expected:.3g} in the one around {len(measured)} measured ones"
        )
    # k Q k^T = |k L|^2 with Q = L L^T.
    k = points_of_ball(np.linalg.cholesky(form), 1.0)
    k = k[k.any(axis=1)]
    reach = int(max(np.abs(k).max(initial=0), np.abs(measured).max()))
    sizes = (2 * reach + 1,) * group.dimension
    codes = np.ravel_multi_index(tuple((measured + reach).T), sizes)
    k = k[~np.isin(np.ravel_multi_index(tuple((k + reach).T), sizes), codes)]
    k = k[~absent(k, group)]
    return k[representatives(k, group)]
