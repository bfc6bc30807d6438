"""Small crystals for `generative.py`: the AFLOW prototypes of at most so many atoms, as arrays."""

import json
import os
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

import jaxtal as jxt
from jaxtal import Crystal
from jaxtal.lattice import niggli_reduce

#: Rows and columns of the six entries of a symmetric matrix, and their weight in its norm.
ROWS, COLUMNS = np.array([0, 1, 2, 1, 0, 0]), np.array([0, 1, 2, 2, 2, 1])
NORM = np.sqrt([1.0, 1.0, 1.0, 2.0, 2.0, 2.0])


class Crystals(eqx.Module):
    """n crystals of at most N atoms, as the model sees them.

    The cell is k, six numbers: a lattice M has the same angles and lengths as the symmetric matrix
    exp(K), K = log(M M^T) / 2, so k holds K without the mean edge of one atom, log (V / N)^(1/3)
    being part of it, centred and scaled over the set. Every k is a cell.
    """

    k: Float[Array, "n 6"]
    frac: Float[Array, "n N 3"]
    species: Int[Array, "n N"]
    mask: Bool[Array, "n N"]
    centre: Float[Array, " 6"]
    scale: Float[Array, ""]

    @property
    def lattice(self) -> Float[Array, "n 3 3"]:
        return jax.vmap(self.matrix)(self.k, jnp.sum(self.mask, axis=1))

    def matrix(self, k: Float[Array, " 6"], n_atoms: Int[Array, ""]) -> Float[Array, "3 3"]:
        """Lattice vectors as rows, angstrom; one of the orientations."""
        values = (self.centre + k * self.scale) / jnp.asarray(NORM, k.dtype)
        symmetric = jnp.zeros((3, 3), k.dtype).at[ROWS, COLUMNS].set(values)
        symmetric = symmetric.at[COLUMNS, ROWS].set(values)
        return jax.scipy.linalg.expm(symmetric) * jnp.cbrt(n_atoms.astype(k.dtype))


def log_cell(matrix: np.ndarray, n_atoms: int) -> np.ndarray:
    """The six numbers of a cell, of one atom."""
    value, vectors = np.linalg.eigh(matrix @ matrix.T)
    logarithm = (vectors * (0.5 * np.log(value) - np.log(n_atoms) / 3)) @ vectors.T
    return logarithm[ROWS, COLUMNS] * NORM


def entries(most: int) -> list[dict]:
    """Prototypes of at most so many atoms: matrix, frac, z and formula."""
    if path := os.environ.get("JAXTAL_PROTOTYPES"):  # without pymatgen: such a list as JSON
        found = json.loads(Path(path).read_text())
    else:
        import disguise

        found = disguise.prototypes()
    return [entry for entry in found if len(entry["z"]) <= most]


def builtin(names: tuple[str, ...]) -> list[dict]:
    """Structures that come with jaxtal, as `entries`."""
    found = []
    for name in names:
        atoms = jxt.prototype(name).to_ase()
        found.append(
            {
                "matrix": atoms.cell.array,
                "frac": atoms.get_scaled_positions(),
                "z": atoms.numbers,
                "formula": name,
            }
        )
    return found


def load(found: list[dict], size: int | None = None) -> tuple[Crystals, list[Crystal]]:
    """Arrays, and the crystals they stand for: Niggli cells, atoms ordered by element."""
    size = max(len(e["z"]) for e in found) if size is None else size
    k, frac = np.zeros((len(found), 6)), np.zeros((len(found), size, 3))
    species = np.zeros((len(found), size), np.int32)
    crystals = []
    for i, entry in enumerate(found):
        order = np.argsort(entry["z"], kind="stable")
        matrix, transform = niggli_reduce(entry["matrix"])
        x = np.asarray(entry["frac"], float)[order] @ np.linalg.inv(transform)
        z = np.asarray(entry["z"])[order]
        k[i], frac[i, : len(z)], species[i, : len(z)] = log_cell(matrix, len(z)), x, z
        crystals.append(Crystal.from_arrays(matrix, x, z, dtype=np.float32))
    centre = k.mean(0)
    scale = np.sqrt(np.mean((k - centre) ** 2))
    arrays = Crystals(
        k=jnp.asarray((k - centre) / scale, jnp.float32),
        frac=jnp.asarray(frac, jnp.float32),
        species=jnp.asarray(species),
        mask=jnp.asarray(species > 0),
        centre=jnp.asarray(centre, jnp.float32),
        scale=jnp.asarray(scale, jnp.float32),
    )
    return arrays, crystals
