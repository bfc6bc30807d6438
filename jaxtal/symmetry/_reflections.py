"""What a group says about reflections: equivalents, extinctions, epsilon, centric ones. Exact."""

import numpy as np
from jaxtyping import Bool, Int

from ._group import SpaceGroup


def laue_unique(
    hkl: Int[np.ndarray, "refl D"], laue_rotations: Int[np.ndarray, "l D D"]
) -> tuple[Int[np.ndarray, "refl D"], Int[np.ndarray, " refl"]]:
    """Return the representative and multiplicity of each reflection under the Laue group.

    Equivalent reflections h W share one representative, the lexicographically largest of them; the
    multiplicity is the number of distinct equivalents, |Laue group| / |{W : h W = h}|.

    Args:
        hkl: integer indices, (refl, D).
        laue_rotations: `SpaceGroup.laue_rotations`, (l, D, D).

    Returns:
        representatives (refl, D), in the order of the input (`np.unique(..., axis=0)` lists each
        orbit once); multiplicities (refl,).

    Raises:
        ValueError: the shapes don't fit, or the indices are not integers.
    """
    hkl = _checked(hkl, laue_rotations)
    best, fixed = hkl.copy(), np.zeros(len(hkl), dtype=np.int64)
    for W in laue_rotations:
        image = hkl @ W
        fixed += (image == hkl).all(axis=1)
        larger = _lexicographically_larger(image, best)
        best[larger] = image[larger]
    return best, len(laue_rotations) // fixed


def absent(
    hkl: Int[np.ndarray, "refl D"], group: SpaceGroup, modulus: tuple[int, ...] | None = None
) -> Bool[np.ndarray, " refl"]:
    """Tell systematic absences: h W = h with h.w not an integer for some operation, (refl,).

    Args:
        hkl: integer indices, (refl, D).
        group: a `SpaceGroup`.
        modulus: sizes of a mesh that the group acts on: h W = h then means modulo these.

    References:
        International Tables for Crystallography B, section 1.4.2 (reflection conditions).
    """
    hkl = _checked(hkl, group.rotations)
    found = (hkl @ group.centering.T % group.denominator != 0).any(axis=1)
    # Operations that differ by a centring translation say the same of what the centring leaves.
    flat = group.rotations.reshape(group.order, -1)
    for i in np.unique(flat, axis=0, return_index=True)[1]:
        W, w = group.rotations[i], group.translations[i]
        if w.any():
            moved = hkl @ W - hkl
            same = (moved if modulus is None else moved % np.array(modulus)) == 0
            found |= (hkl @ w % group.denominator != 0) & same.all(axis=1)
    return found


def epsilon(hkl: Int[np.ndarray, "refl D"], group: SpaceGroup) -> Int[np.ndarray, " refl"]:
    """Count the point-group rotations with h W = h, which enhance the intensity, (refl,).

    Centring is not counted: it multiplies all reflections that are present alike.

    Args:
        hkl: integer indices, (refl, D).
        group: a `SpaceGroup`.

    References:
        Stewart & Karle, Acta Cryst. A32, 1005 (1976).
    """
    hkl = _checked(hkl, group.point_rotations)
    counts = np.zeros(len(hkl), dtype=np.int64)
    for W in group.point_rotations:
        counts += (hkl @ W == hkl).all(axis=1)
    return counts


def centric(hkl: Int[np.ndarray, "refl D"], group: SpaceGroup) -> Bool[np.ndarray, " refl"]:
    """Tell which phases have two possible values: h W = -h for some rotation, (refl,).

    Args:
        hkl: integer indices, (refl, D).
        group: a `SpaceGroup`.
    """
    hkl = _checked(hkl, group.point_rotations)
    found = np.zeros(len(hkl), dtype=bool)
    for W in group.point_rotations:
        found |= (hkl @ W == -hkl).all(axis=1)
    return found


def _checked(hkl: np.ndarray, rotations: np.ndarray) -> np.ndarray:
    hkl = np.asarray(hkl)
    D = rotations.shape[-1]
    if hkl.ndim != 2 or hkl.shape[1] != D or hkl.dtype.kind not in "iu":
        raise ValueError(
            f"expected integer reflection indices of shape (refl, {D}), got {hkl.dtype} {hkl.shape}"
        )
    return hkl.astype(np.int64)


def _lexicographically_larger(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    larger, equal = np.zeros(len(a), dtype=bool), np.ones(len(a), dtype=bool)
    for x, y in zip(a.T, b.T, strict=True):
        larger |= equal & (x > y)
        equal &= x == y
    return larger
