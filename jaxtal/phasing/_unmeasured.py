"""Reflections inside the ellipsoid of the measured ones that were not measured."""

import numpy as np
from jaxtyping import Float, Int

from ..fields import ellipsoid_volume, loewner_ellipsoid
from ..symmetry import SpaceGroup, absent, laue_unique

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
    form = loewner_ellipsoid(measured)
    expected = ellipsoid_volume(form)
    if expected > _LARGEST:
        raise ValueError(
            f"unmeasured: expected an ellipsoid of at most {_LARGEST} reflections, got about "
            f"{expected:.3g} in the one around {len(measured)} measured ones"
        )
    k = _inside(form)
    leading = k[np.arange(len(k)), (k != 0).argmax(axis=1)]
    k = k[leading > 0]  # one of each Friedel pair, without F(0)
    reach = int(max(np.abs(k).max(initial=0), np.abs(measured).max()))
    sizes = (2 * reach + 1,) * group.dimension
    codes = np.ravel_multi_index(tuple((measured + reach).T), sizes)
    k = k[~np.isin(np.ravel_multi_index(tuple((k + reach).T), sizes), codes)]
    k = k[~absent(k, group)]
    return np.unique(laue_unique(k, group.laue_rotations)[0], axis=0)


def _inside(form: Float[np.ndarray, "N N"]) -> Int[np.ndarray, "n N"]:
    """All integer k with k Q k^T <= 1, by Fincke and Pohst's recursion on coordinates.

    With Q = R^T R, R upper triangular, the sum of the last squares bounds each coordinate in turn.
    """
    R = np.linalg.cholesky(form).T
    k, left = np.zeros((1, 0), dtype=np.int64), np.ones(1)
    for i in reversed(range(len(R))):
        centre = -(k @ R[i, i + 1 :]) / R[i, i]
        radius = np.sqrt(np.maximum(left, 0.0)) / R[i, i] * (1 + 1e-12)
        low, high = np.ceil(centre - radius), np.floor(centre + radius)
        count = np.maximum(high - low + 1, 0).astype(np.int64)
        row = np.repeat(np.arange(len(k)), count)
        step = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
        value = low[row].astype(np.int64) + step
        left = left[row] - (R[i, i] * (value - centre[row])) ** 2
        k = np.concatenate([value[:, None], k[row]], axis=1)
        if len(k) > 4 * _LARGEST:
            raise ValueError(f"unmeasured: more than {4 * _LARGEST} reflections to look at")
    return k
