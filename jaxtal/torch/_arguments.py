"""What the losses of this room take: lattices, coordinates and elements in either layout."""

import torch

from ._ragged import pad_ragged

Cells = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]


def padded_cells(
    lattice: torch.Tensor,
    frac_coords: torch.Tensor,
    atomic_numbers: torch.Tensor,
    mask: torch.Tensor | None,
    num_atoms: torch.Tensor | None,
    pad_to: int | None,
) -> Cells:
    """Check and pad: lattice (B, 3, 3), frac_coords (B, N, 3), atomic_numbers, mask (B, N).

    Raises:
        ValueError: shapes that contradict each other, both a mask and numbers of atoms, or
            as `pad_ragged`.
    """
    if lattice.ndim != 3 or lattice.shape[1:] != (3, 3):
        raise ValueError(f"lattice: expected shape (B, 3, 3), got {tuple(lattice.shape)}")
    if mask is not None and num_atoms is not None:
        raise ValueError("mask: expected either mask or num_atoms, got both")
    if num_atoms is not None:
        if frac_coords.ndim != 2 or num_atoms.ndim != 1:
            raise ValueError(
                "frac_coords: expected shape (sum N, 3) with num_atoms (B,), got "
                f"{tuple(frac_coords.shape)} with {tuple(num_atoms.shape)}"
            )
        frac_coords, atomic_numbers, mask = pad_ragged(
            frac_coords, atomic_numbers, num_atoms, pad_to=pad_to
        )
    if frac_coords.ndim != 3 or frac_coords.shape[::2] != (len(lattice), 3):
        raise ValueError(
            f"frac_coords: expected shape ({len(lattice)}, N, 3), got {tuple(frac_coords.shape)}"
        )
    size = tuple(frac_coords.shape[:2])
    if mask is None:
        mask = torch.ones(size, dtype=torch.bool, device=frac_coords.device)
    for name, found in (("atomic_numbers", atomic_numbers.shape[:2]), ("mask", mask.shape)):
        if tuple(found) != size:
            raise ValueError(f"{name}: expected shape {size}, got {tuple(found)}")
    if atomic_numbers.dtype == torch.bool:
        raise ValueError("atomic_numbers: expected atomic numbers or weights, got booleans")
    if not atomic_numbers.is_floating_point():
        # Numbers that 32 bits do not hold are unknown elements, not the ones they wrap to.
        atomic_numbers = atomic_numbers.to(torch.int64).clamp(-1, 2**15 - 1).to(torch.int32)
    return lattice, frac_coords, atomic_numbers, mask.bool()
