"""Stars by their definition: loops, sets and fractions; slow, and independent of the library."""

from fractions import Fraction

import numpy as np


def stars(mesh, matrix, group, minimal):
    """List of (root, {rank: phase in turns}, cancelled), one for each star, in any order."""
    operations = [(np.array(op.rotation), op.fractions) for op in group.operations]
    left = set(range(mesh.size))
    found = []
    while left:
        root = minimal[min(left)]
        phases, cancelled = {}, False
        for R, t in operations:
            rank = int(mesh.ranks((root @ R)[None])[0])
            phase = sum((int(n) * x for n, x in zip(root, t, strict=True)), Fraction(0)) % 1
            cancelled |= phases.setdefault(rank, phase) != phase
        left -= set(phases)
        found.append((root, phases, cancelled))
    return found
