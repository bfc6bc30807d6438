"""The atoms of a crystal on the host, and which of them are alike or share a point."""

import dataclasses
from typing import Any

import numpy as np

from .._core import check_finite
from ..lattice import host_cell
from ..scattering import cif_scale
from ._crystal import Crystal

#: Occupancies that differ by less are the same.
OCCUPANCY_TOLERANCE = 1e-3


@dataclasses.dataclass
class HostAtoms:
    """The real atoms of a crystal (no padding) in float64, on right-handed axes.

    Attributes:
        matrix: rows a, b, c in angstrom, (3, 3).
        frac: fractional coordinates, (N, 3).
        keys: atomic number, charge and mass number, (N, 3).
        occupancies: (N,).
        u_iso: angstrom^2, (N,).
        u_star: displacement tensors of fractional coordinates, (N, 3, 3), or None.
    """

    matrix: np.ndarray
    frac: np.ndarray
    keys: np.ndarray
    occupancies: np.ndarray
    u_iso: np.ndarray
    u_star: np.ndarray | None

    @classmethod
    def of(cls, crystal: Crystal) -> "HostAtoms":
        """Copy a crystal's atoms to the host.

        Raises:
            ValueError: there is none, or a number is not finite (on which spglib would crash).
        """
        real = np.asarray(crystal.mask)
        if not real.any():
            raise ValueError("crystal: expected at least one atom besides padding, got none")

        def host(x: Any, dtype: Any = np.float64) -> np.ndarray:
            return np.asarray(x, dtype=dtype)[real]

        matrix = np.asarray(crystal.lattice.matrix, dtype=np.float64)
        frac, u_iso = host(crystal.frac_coords), host(crystal.u_iso)
        occupancies = host(crystal.occupancies)
        u_aniso = None if crystal.u_aniso is None else host(crystal.u_aniso)
        for name, values in (
            ("lattice matrix", matrix),
            ("frac_coords", frac),
            ("occupancies", occupancies),
            ("u_iso", u_iso),
            ("u_aniso", np.zeros(0) if u_aniso is None else u_aniso),
        ):
            check_finite(values, name)
        star = None if u_aniso is None else u_aniso * cif_scale(matrix)
        if np.linalg.det(matrix) < 0:
            # Inverting axes and coordinates leaves every atom in place, and tensors as they are.
            matrix, frac = -matrix, -frac
        columns = (crystal.atomic_numbers, crystal.charges, crystal.isotopes)
        keys = np.stack([host(x, np.int64) for x in columns], axis=1)
        return cls(matrix, frac, keys, occupancies, u_iso, star)

    @property
    def cell(self) -> np.ndarray:
        """The six cell parameters."""
        return host_cell(self.matrix)

    @property
    def u_aniso(self) -> np.ndarray | None:
        """Displacement tensors in the CIF convention, angstrom^2."""
        return None if self.u_star is None else self.u_star / cif_scale(self.matrix)

    def species(self, i: int) -> tuple[int, int, int]:
        """Atomic number, charge and mass number of one atom."""
        number, charge, mass = (int(v) for v in self.keys[i])
        return number, charge, mass

    def kinds(self, u_tolerance: float) -> np.ndarray:
        """Equal numbers for atoms alike in species, occupancy and size of displacement, (N,)."""
        features = [self.occupancies[:, None] / OCCUPANCY_TOLERANCE, self.u_iso[:, None]]
        features[1] = features[1] / u_tolerance
        if self.u_star is not None:
            M = self.matrix
            cartesian = np.einsum("nij,ik,jl->nkl", self.u_star, M, M)
            features.append(np.linalg.eigvalsh(cartesian) / u_tolerance)
        # Species differ by whole numbers, the rest is alike within 1.
        table = np.concatenate([10.0 * self.keys, *features], axis=1)
        seen: list[np.ndarray] = []
        kinds = np.empty(len(table), int)
        for i, row in enumerate(table):
            alike = [k for k, other in enumerate(seen) if np.abs(row - other).max() <= 1]
            kinds[i] = alike[0] if alike else len(seen)
            if not alike:
                seen.append(row)
        return kinds

    def points(self, distance: float, kinds: np.ndarray) -> list[list[int]]:
        """Atoms grouped by point; partly occupied atoms within a distance (angstrom) share one.

        Returns:
            for each point its atoms, in the order of their kinds.
        """
        partial = np.flatnonzero(self.occupancies < 1 - OCCUPANCY_TOLERANCE)
        groups: list[list[int]] = []
        for i in partial:
            for group in groups:
                gap = self.frac[group[0]] - self.frac[i]
                if np.linalg.norm((gap - np.round(gap)) @ self.matrix) <= distance:
                    group.append(int(i))
                    break
            else:
                groups.append([int(i)])
        full = sorted(set(range(len(self.frac))) - set(partial.tolist()))
        every = [[i] for i in full] + [sorted(group, key=lambda j: kinds[j]) for group in groups]
        return sorted(every, key=min)
