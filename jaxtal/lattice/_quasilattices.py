"""Reciprocal bases of quasicrystals in physical and internal space; sizes are `Superspace`'s."""

import numpy as np

_GOLDEN = (1 + np.sqrt(5)) / 2

Bases = tuple[np.ndarray, np.ndarray]


def icosahedral_bases(length: float) -> Bases:
    """Six vectors of one length along the five-fold axes of an icosahedron, (6, 3) twice.

    References:
        J. W. Cahn, D. Shechtman and D. Gratias, J. Mater. Res. 1 (1986) 13.
    """
    t, size = _GOLDEN, length / np.sqrt(2 + _GOLDEN)
    parallel = [(1, t, 0), (t, 0, 1), (0, 1, t), (-1, t, 0), (t, 0, -1), (0, -1, t)]
    internal = [(-t, 1, 0), (1, 0, -t), (0, -t, 1), (t, 1, 0), (1, 0, t), (0, t, 1)]
    return size * np.array(parallel), size * np.array(internal)


def axial_bases(j: np.ndarray, order: int, factor: int, length: float, axis: float) -> Bases:
    """Vectors at 2 pi j / order in the plane, at `factor` times the angle inside, and the axis.

    Args:
        j: four integers.
        order: of the main axis: 8, 10 or 12 (5 for the decagonal star of five).
        factor: of the angle in internal space.
        length: of the vectors in the plane, 1/angstrom.
        axis: length of the vector along the main axis, 1/angstrom.

    Returns:
        (5, 3) and (5, 2).
    """
    angle = 2 * np.pi * j / order
    parallel, internal = np.zeros((5, 3)), np.zeros((5, 2))
    parallel[:4, :2] = length * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    internal[:4] = length * np.stack([np.cos(factor * angle), np.sin(factor * angle)], axis=1)
    parallel[4, 2] = axis
    return parallel, internal
