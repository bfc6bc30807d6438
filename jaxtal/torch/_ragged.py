"""Atoms of a batch one crystal after another, and the same padded."""

import torch
from jaxtyping import Bool, Float, Int

from .._core import bucket

Padded = tuple[
    Float[torch.Tensor, "B N 3"],
    Int[torch.Tensor, "B N"] | Float[torch.Tensor, "B N Z"],
    Bool[torch.Tensor, "B N"],
]


def pad_ragged(
    frac_coords: Float[torch.Tensor, "total 3"],
    atomic_numbers: Int[torch.Tensor, " total"] | Float[torch.Tensor, "total Z"],
    num_atoms: Int[torch.Tensor, " B"],
    *,
    pad_to: int | None = None,
) -> Padded:
    """Padded arrays and mask from atoms as PyTorch Geometric lays them out; differentiable.

    Args:
        frac_coords: fractional coordinates of all crystals, shape (sum N, 3).
        atomic_numbers: shape (sum N,), or species weights, shape (sum N, Z).
        num_atoms: atoms of each crystal, shape (B,).
        pad_to: length N of the padded arrays, default the largest crystal's in coarse steps. A
            fixed one compiles one program for all batches.

    Returns:
        Coordinates (B, N, 3), atomic_numbers (B, N) or (B, N, Z), mask (B, N); 0 in the padding.

    Raises:
        ValueError: numbers of atoms that do not add up, are negative, or exceed `pad_to`.
    """
    counts = [int(n) for n in num_atoms.tolist()]
    total, most = sum(counts), max(counts, default=0)
    if not counts or min(counts) < 0 or total != len(frac_coords) or total != len(atomic_numbers):
        raise ValueError(
            f"num_atoms: expected numbers of atoms that add up to the {len(frac_coords)} rows of "
            f"frac_coords and {len(atomic_numbers)} of atomic_numbers, got {counts} (sum {total})"
        )
    size = bucket(most) if pad_to is None else pad_to
    if size < most:
        raise ValueError(f"pad_to: expected at least the {most} atoms of one crystal, got {size}")
    places = torch.arange(size, device=frac_coords.device)
    mask = places[None, :] < num_atoms.to(frac_coords.device)[:, None]

    def padded(x: torch.Tensor) -> torch.Tensor:
        empty = x.new_zeros((len(counts), size, *x.shape[1:]))
        return empty.index_put((mask,), x)

    return padded(frac_coords), padded(atomic_numbers), mask
