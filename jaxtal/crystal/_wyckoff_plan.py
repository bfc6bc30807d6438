"""`WyckoffPlan`: the discrete part of a `WyckoffCrystal`."""

from collections.abc import Sequence
from typing import Any

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float, Int

from .._core import device_array, host_array
from ..lattice import LatticeSystem
from ..symmetry import SpaceGroup, WyckoffPosition
from ._expansion import expanded_coordinates, expanded_tensors


class WyckoffPlan(eqx.Module):
    """The discrete part of a `WyckoffCrystal`: everything that no derivative is taken of.

    Atom j of the cell, of site s = `site[j]`, is at x_j = maps[j] @ u_s + shifts[j], u_s the free
    parameters of the site, padded to three.

    Attributes:
        maps: shape (N, 3, 3), columns beyond the site's free parameters are zero.
        shifts: shape (N, 3).
        rotations: an operation's W that takes the site's first atom to atom j, shape (N, 3, 3).
        projectors: mean of W (x) W over the operations that keep the site's first atom, which
            makes its displacement tensor U* invariant, shape (n_sites, 3, 3, 3, 3).
        site: site of each atom, shape (N,).
        parameter_index: where u_s stands in `site_parameters`, shape (n_sites, 3); the number of
            parameters where there is none.
        group: the space group.
        letters: Wyckoff letters of the sites, with multiplicity ("8a").
        system: constraints on the cell.
    """

    maps: Float[Array, "N 3 3"]
    shifts: Float[Array, "N 3"]
    rotations: Float[Array, "N 3 3"]
    projectors: Float[Array, "n_sites 3 3 3 3"]
    site: Int[Array, " N"]
    parameter_index: Int[Array, "n_sites 3"]
    group: SpaceGroup = eqx.field(static=True)
    letters: tuple[str, ...] = eqx.field(static=True)
    system: LatticeSystem = eqx.field(static=True)

    @classmethod
    def build(cls, group: SpaceGroup, letters: Sequence[str], dtype: Any = None) -> "WyckoffPlan":
        """Plan of a group and the letters of its occupied sites (host only).

        Raises:
            ValueError: no sites, or a letter that the group lacks (the message lists those it has).
        """
        if not letters:
            raise ValueError("sites: expected at least one Wyckoff site, got none")
        positions = [group.wyckoff(letter) for letter in letters]
        dtype = dtype or float
        n_free = [p.n_free for p in positions]
        starts = np.concatenate([[0], np.cumsum(n_free)])
        index = np.full((len(positions), 3), starts[-1])
        for s, k in enumerate(n_free):
            index[s, :k] = starts[s] + np.arange(k)
        maps = [
            np.concatenate([R, np.zeros((len(R), 3, 3 - R.shape[2]))], axis=2)
            for R in (p.rotations_float for p in positions)
        ]
        moves = {p.letter: _moves(group, p) for p in dict.fromkeys(positions)}
        return cls(
            maps=device_array(np.concatenate(maps), dtype),
            shifts=device_array(np.concatenate([p.translations_float for p in positions]), dtype),
            rotations=device_array(np.concatenate([moves[p.letter][0] for p in positions]), dtype),
            projectors=device_array(np.stack([moves[p.letter][1] for p in positions]), dtype),
            site=device_array(
                np.repeat(np.arange(len(positions)), [len(m) for m in maps]), np.int32
            ),
            parameter_index=device_array(index, np.int32),
            group=group,
            letters=tuple(p.label for p in positions),
            system=LatticeSystem.from_rotations(group.point_rotations),
        )

    def host_coordinates(
        self, site_parameters: Float[np.ndarray, " f"]
    ) -> Float[np.ndarray, "N 3"]:
        """Compute the fractional coordinates of all atoms in NumPy, compiling nothing (host)."""
        maps, shifts, site, index = (
            host_array(x, "plan", x.dtype)
            for x in (self.maps, self.shifts, self.site, self.parameter_index)
        )
        return expanded_coordinates(np, maps, shifts, site, index, site_parameters)

    def host_tensors(
        self, matrix: Float[np.ndarray, "3 3"], u_aniso: Float[np.ndarray, "n_sites 3 3"]
    ) -> Float[np.ndarray, "N 3 3"]:
        """Compute the displacement tensors of all atoms in NumPy, compiling nothing (host)."""
        rotations, projectors, site = (
            host_array(x, "plan", x.dtype) for x in (self.rotations, self.projectors, self.site)
        )
        return expanded_tensors(np, rotations, projectors, site, matrix, u_aniso)

    @property
    def n_site_parameters(self) -> int:
        """Number of free coordinates of all sites together."""
        return sum(self.group.wyckoff(letter).n_free for letter in self.letters)

    @property
    def multiplicities(self) -> tuple[int, ...]:
        """Atoms per cell of each site."""
        return tuple(self.group.wyckoff(letter).multiplicity for letter in self.letters)


def _moves(group: SpaceGroup, position: WyckoffPosition) -> tuple[np.ndarray, np.ndarray]:
    """For each atom of the orbit a W that takes the first atom to it, and the first's projector."""
    generic = np.array([0.1234567, 0.2718281, 0.4142135])[: position.n_free]
    atoms = position.rotations_float @ generic + position.translations_float
    images = group.rotations @ atoms[0] + group.translations / group.denominator
    gap = atoms[:, None, :] - images[None, :, :]
    gap -= np.round(gap)
    squared = np.sum(gap**2, axis=-1)
    W = group.rotations.astype(float)
    kept = W[squared[0] < 1e-12]
    projector = np.einsum("nik,njl->ijkl", kept, kept) / len(kept)
    return W[np.argmin(squared, axis=1)], projector
