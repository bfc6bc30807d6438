"""Which Wyckoff position a measured point sits on."""

import numpy as np
from jaxtyping import Float

from ._wyckoff import WyckoffPosition


def locate(
    positions: tuple[WyckoffPosition, ...],
    frac: Float[np.ndarray, "3"],
    matrix: Float[np.ndarray, "3 3"],
    tol: float,
) -> tuple[WyckoffPosition, Float[np.ndarray, " k"]]:
    """The most special position within `tol` of a point; see `SpaceGroup.locate`.

    Most special means the lowest multiplicity, then the fewest free parameters, then the
    smallest distance.

    Args:
        positions: all positions of the group; the general one makes sure that something is found.
        frac: fractional coordinates, (3,).
        matrix: lattice matrix, rows in angstrom, (3, 3).
        tol: angstrom.

    Returns:
        the position and its free parameters (k,).

    Raises:
        ValueError: a tolerance that isn't positive, or a bad point or lattice.
    """
    if not tol > 0:
        raise ValueError(f"expected a positive tolerance in angstrom, got {tol}")
    ranked = sorted(positions, key=lambda p: (p.multiplicity, p.n_free))
    best: tuple[float, WyckoffPosition, np.ndarray] | None = None
    for position in ranked:
        if best is not None and (best[1].multiplicity, best[1].n_free) != (
            position.multiplicity,
            position.n_free,
        ):
            break
        u, distance = position.project(frac, matrix)
        if distance <= tol and (best is None or distance < best[0]):
            best = distance, position, u
    if best is None:
        raise ValueError(f"no Wyckoff position within {tol} angstrom of {frac.tolist()}")
    return best[1], best[2]
