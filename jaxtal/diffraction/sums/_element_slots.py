"""Which elements a crystal holds, in a number of places that is known before."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

#: Cells of fewer or more atoms, occupancies counted, are not described: their squares overflow.
FEWEST, MOST_ATOMS = 1e-3, 1e6


def element_slots(
    species: Int[Array, " N"] | Float[Array, "N Z"],
    mask: Bool[Array, " N"],
    row: Int[Array, " 119"],
    n_rows: int,
    slots: int,
    dtype: jnp.dtype,
) -> tuple[Float[Array, "S N"], Int[Array, " S"], Bool[Array, ""]]:
    """Return the weight of each atom in the sum of each element.

    Args:
        species: atomic numbers, S = `slots`; or occupancies of each element of the table, S = Z.
        mask: True for atoms.
        row: row of each atomic number in the table, -1 for those that it has not.
        n_rows: elements in the table.
        slots: how many different elements a crystal of atomic numbers may hold.
        dtype: of the weights.

    Returns:
        Weights; the row of the table of each sum (any row for a sum of no atoms); and whether every
        atom has its place and every weight is finite.

    Raises:
        ValueError: columns that are not those of the table.
    """
    if species.ndim == 2:
        if species.shape[1] != n_rows:
            raise ValueError(
                f"species: expected one column for each of the {n_rows} elements of the plan, got "
                f"shape {species.shape}"
            )
        finite = jnp.isfinite(species)
        weights = jnp.where(mask[:, None] & finite, species, 0.0).astype(dtype)
        rows = jnp.arange(n_rows, dtype=jnp.int32)
        return weights.T, rows, jnp.all(finite | ~mask[:, None])
    listed = (species >= 0) & (species < row.shape[0])
    own = jnp.where(listed, row[jnp.where(listed, species, 0)], -1)
    every = jnp.arange(n_rows, dtype=jnp.int32)
    present = jnp.any((own[None, :] == every[:, None]) & mask[None, :], axis=1)
    place = jnp.cumsum(present.astype(jnp.int32))
    target = jnp.where(present, place - 1, slots)
    chosen = jnp.full((slots,), n_rows, jnp.int32).at[target].set(every, mode="drop")
    weights = (own[None, :] == chosen[:, None]) & mask[None, :]
    known = jnp.all((own >= 0) | ~mask) & (place[-1] <= slots)
    return weights.astype(dtype), jnp.minimum(chosen, n_rows - 1), known


def countable(weights: Float[Array, "S N"]) -> Bool[Array, ""]:
    """Tell whether the atoms of a cell are more than 0.001 and fewer than 10^6."""
    return (jnp.sum(weights) > FEWEST) & (jnp.sum(jnp.abs(weights)) < MOST_ATOMS)
