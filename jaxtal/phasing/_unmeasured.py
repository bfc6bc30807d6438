"""Reflections inside the ellipsoid of the measured ones that were not measured."""

import numpy as np
from jaxtyping import Int

from ..fields import loewner_ellipsoid
from ..symmetry import SpaceGroup, absent, laue_unique

#: Most reflections that the box around an ellipsoid may hold.
_LARGEST_BOX = 200_000_000
_CHUNK = 2_000_000


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
        ValueError: the box around the ellipsoid holds too many reflections to list.
    """
    form = loewner_ellipsoid(measured)
    # The ellipsoid k A k^T <= 1 reaches sqrt((A^-1)_ii) along index i.
    reach = np.floor(np.sqrt(np.diag(np.linalg.inv(form))) + 1e-9).astype(np.int64)
    sizes = 2 * reach + 1
    total = int(np.prod(sizes.astype(float)))
    if total > _LARGEST_BOX:
        raise ValueError(
            f"expected an ellipsoid within {_LARGEST_BOX} indices, got a box of "
            f"{' x '.join(map(str, sizes))}"
        )
    taken = np.zeros(total, dtype=bool)
    inside_box = (np.abs(measured) <= reach).all(axis=1)
    taken[np.ravel_multi_index(tuple((measured[inside_box] + reach).T), tuple(sizes))] = True
    found = []
    for begin in range(total // 2 + 1, total, _CHUNK):  # one of each Friedel pair, without F(0)
        flat = np.arange(begin, min(begin + _CHUNK, total))
        flat = flat[~taken[flat]]
        k = np.stack(np.unravel_index(flat, tuple(sizes)), axis=1) - reach
        found.append(k[np.einsum("ki,ij,kj->k", k, form, k, optimize=True) <= 1.0])
    k = np.concatenate(found)
    k = k[~absent(k, group)]
    representatives = laue_unique(k, group.laue_rotations)[0]
    return np.unique(representatives, axis=0)
