"""What the losses of this room take: lattices, coordinates and species in either layout."""

import torch

from ._ragged import pad_ragged

HALVES = (torch.float16, torch.bfloat16)

Cells = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]


def padded_cells(
    lattice: torch.Tensor,
    frac: torch.Tensor,
    species: torch.Tensor,
    mask: torch.Tensor | None,
    num_atoms: torch.Tensor | None,
    pad_to: int | None,
) -> Cells:
    """Checked and padded: lattice (B, 3, 3), frac (B, N, 3), species, mask (B, N).

    Half precision, which autocast hands over, is taken to single precision.

    Raises:
        ValueError: shapes that contradict each other, both a mask and numbers of atoms, floating
            types that differ, or as `pad_ragged`.
    """
    if lattice.ndim != 3 or lattice.shape[1:] != (3, 3):
        raise ValueError(f"lattice: expected shape (B, 3, 3), got {tuple(lattice.shape)}")
    if mask is not None and num_atoms is not None:
        raise ValueError("mask: expected either mask or num_atoms, got both")
    if num_atoms is not None:
        if frac.ndim != 2 or num_atoms.ndim != 1:
            raise ValueError(
                "frac: expected shape (sum N, 3) with num_atoms (B,), got "
                f"{tuple(frac.shape)} with {tuple(num_atoms.shape)}"
            )
        frac, species, mask = pad_ragged(frac, species, num_atoms, pad_to=pad_to)
    if frac.ndim != 3 or frac.shape[::2] != (len(lattice), 3):
        raise ValueError(f"frac: expected shape ({len(lattice)}, N, 3), got {tuple(frac.shape)}")
    size = tuple(frac.shape[:2])
    if mask is None:
        mask = torch.ones(size, dtype=torch.bool, device=frac.device)
    for name, found in (("species", species.shape[:2]), ("mask", mask.shape)):
        if tuple(found) != size:
            raise ValueError(f"{name}: expected shape {size}, got {tuple(found)}")
    if species.dtype == torch.bool:
        raise ValueError("species: expected atomic numbers or weights, got booleans")
    if not species.is_floating_point():
        # Numbers that 32 bits do not hold are unknown elements, not the ones they wrap to.
        species = species.to(torch.int64).clamp(-1, 2**15 - 1).to(torch.int32)
    cells = [x.float() if x.dtype in HALVES else x for x in (lattice, frac, species)]
    types = {x.dtype for x in cells if x.is_floating_point()}
    if len(types) > 1:
        raise ValueError(f"frac: expected the type of lattice, got {sorted(map(str, types))}")
    return cells[0], cells[1], cells[2], mask.bool()
