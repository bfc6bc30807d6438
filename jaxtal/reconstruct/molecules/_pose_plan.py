"""Molecules on their positions as the arrays of `Poses`, and their random starts (host)."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jaxtyping import Float

from ...symmetry import SpaceGroup
from .._cell_variables import CellVariables
from .._search_plan import ladder
from ._placement import Placement
from ._poses import Poses


@dataclasses.dataclass(frozen=True)
class PosePlan:
    """What variables of poses mean.

    Attributes:
        poses: their arrays, in float64.
        cell: variables of the cell.
        cells: how many these are.
        n_sites: free coordinates of the crystal's sites.
        placements: the molecules.
    """

    poses: Poses
    cell: CellVariables
    cells: int
    n_sites: int
    placements: tuple[Placement, ...]

    @classmethod
    def build(
        cls, placements: Sequence[Placement], group: SpaceGroup, cell: CellVariables
    ) -> "PosePlan":
        """Lay out the variables of molecules in a cell."""
        cells = cell.lengths.shape[1]
        width = cells + sum(p.position.n_free + 4 + p.n_torsions for p in placements)
        positions = [[group.wyckoff(letter) for letter in p.letters] for p in placements]
        free = sum(one.n_free for listed in positions for one in listed)
        N = ladder(sum(len(p.numbers) for p in placements), 4)
        V, W = ladder(cells + free, 4), ladder(width, 4)
        turning = sum(len(p.torsions) for p in placements)
        T = ladder(turning, 1) if turning else 0
        places, centre_shifts = np.zeros((N, 3)), np.zeros((N, 3))
        centres, spins = np.zeros((N, 3, W)), np.zeros((N, 4, W))
        ends, moved, angles = np.zeros((T, 2), np.int32), np.zeros((T, N)), np.zeros((T, W))
        picks, shifts, maps = np.zeros((V, N, 3)), np.zeros(V), np.zeros((V, W))
        maps[np.arange(cells), np.arange(cells)] = 1.0
        atom, site, w, t = 0, cells, cells, 0
        for placement, letters in zip(placements, positions, strict=True):
            n, position = len(placement.numbers), placement.position
            own = slice(atom, atom + n)
            places[own] = placement.positions
            centre_shifts[own] = position.translations_float[0]
            centres[own, :, w : w + position.n_free] = position.rotations_float[0]
            w += position.n_free
            spins[own, range(4), range(w, w + 4)] = 1.0
            w += 4
            for torsion in placement.torsions:
                ends[t] = np.array(torsion.axis) + atom
                moved[t, own] = torsion.moved
                angles[t, w + torsion.number] = torsion.sign
                t += 1
            w += placement.n_torsions
            for i, letter in zip(placement.chosen, letters, strict=True):
                back = np.linalg.pinv(letter.rotations_float[0])
                rows = slice(site, site + letter.n_free)
                picks[rows, atom + i] = back
                shifts[rows] = -back @ letter.translations_float[0]
                site += letter.n_free
            atom += n
        poses = Poses(
            places=places,
            centres=centres,
            centre_shifts=centre_shifts,
            spins=spins,
            ends=ends,
            moved=moved,
            angles=angles,
            cells=maps,
            picks=picks,
            shifts=shifts,
            basis=np.linalg.inv(cell.basis),
        )
        return cls(poses, cell, cells, free, tuple(placements))

    @property
    def width(self) -> int:
        """Variables, padding included."""
        return self.poses.cells.shape[1]

    def poses_of(self, dtype: Any) -> Poses:
        """Arrays of one precision."""
        return jax.tree.map(lambda x: x if x.dtype.kind == "i" else x.astype(dtype), self.poses)

    def drawn(
        self, cells: Float[np.ndarray, "n k"], rng: np.random.Generator
    ) -> Float[np.ndarray, "n W"]:
        """Random poses: uniform centres, orientations and torsions.

        Args:
            cells: variables of the cell of each, those of `CellVariables`.
            rng: of the numbers.
        """
        n = len(cells)
        parts = [cells]
        for placement in self.placements:
            parts.append(rng.uniform(size=(n, placement.position.n_free)))
            # Normal numbers have no direction of their own.
            spins = rng.standard_normal((n, 4))
            parts.append(spins / np.linalg.norm(spins, axis=1)[:, None])
            parts.append(rng.uniform(-np.pi, np.pi, size=(n, placement.n_torsions)))
        found = np.concatenate(parts, axis=1)
        return np.pad(found, ((0, 0), (0, self.width - found.shape[1])))

    def crystals(self, w: Float[np.ndarray, "n W"]) -> Float[np.ndarray, "n v"]:
        """Unconstrained variables of `WyckoffCrystal` at some poses."""
        rows = []
        for row in np.asarray(w, np.float64):
            matrix = np.linalg.inv(self.cell.basis) @ self.cell.matrix(row[: self.cells])
            rows.append(self.poses.variables(row, np.linalg.inv(matrix)))
        found = np.array(rows).reshape(len(w), -1)[:, : self.cells + self.n_sites]
        return self.cell.to_public(found)
