"""Host checks behind `WyckoffCrystal.build`: the cell, and displacement tensors of sites."""

from typing import Any

import numpy as np
from jaxtyping import Float

from .._core import host_array
from ..lattice import LatticeSystem
from ..scattering import cif_scale
from ..symmetry import SpaceGroup, WyckoffPosition


def cell_parameters(system: LatticeSystem, cell: Any) -> Float[np.ndarray, " k"]:
    """Free parameters from all six or from the free ones, checked (host).

    Raises:
        ValueError: neither six nor the number of free parameters, or no valid cell.
    """
    values = np.atleast_1d(host_array(cell, "cell"))
    if values.shape == (6,):
        return system.parameters(values)
    if values.shape != (system.n_free,):
        raise ValueError(
            f"cell: expected 6 parameters or the free ones ({', '.join(system.names)}), "
            f"got {values.tolist()}"
        )
    return system.parameters(system.cell(values), tolerance=1e-4)


def tensor_of_first_atom(
    u: np.ndarray,
    x: np.ndarray,
    position: WyckoffPosition,
    free: np.ndarray,
    group: SpaceGroup,
    matrix: np.ndarray,
) -> np.ndarray:
    """The tensor of the orbit's first atom, from that of the atom at `x`."""
    first = position.rotations_float[0] @ free + position.translations_float[0]
    images = group.rotations @ x + group.translations / group.denominator
    gap = images - first
    gap -= np.round(gap)
    W = group.rotations[int(np.argmin(np.sum((gap @ matrix) ** 2, axis=1)))]
    scale = cif_scale(matrix)
    return (W @ (u * scale) @ W.T) / scale


def invariant_tensor(
    u: np.ndarray, projector: np.ndarray, matrix: np.ndarray, name: str
) -> np.ndarray:
    """The part of a tensor that the site symmetry allows, which must be nearly all of it."""
    scale = cif_scale(matrix)
    kept = np.einsum("ijkl,kl->ij", projector, 0.5 * (u + u.T) * scale) / scale
    lost = np.abs(kept - u).max()
    # Files round their tensors, and refinements leave them a little off.
    if lost > 2e-3 + 0.05 * np.abs(u).max():
        raise ValueError(
            f"{name}: expected a displacement tensor that the site symmetry allows, such as "
            f"{np.round(kept, 5).tolist()} A^2, got {np.round(u, 5).tolist()}"
        )
    return kept
