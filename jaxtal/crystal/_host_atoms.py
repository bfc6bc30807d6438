"""`HostAtoms`: the atoms of one cell in NumPy, the form that everything on the host works on."""

import dataclasses
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from .._core import check_finite, host_array
from ..lattice import cell_to_matrix, check_cell, check_matrix, matrix_to_cell
from ..scattering import cif_scale, species_label
from ._close_atoms import MAX_OCCUPANCY, MIN_DISTANCE, check_distances
from ._summary import atoms_line


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class HostAtoms:
    """Every atom of one cell in NumPy, without padding.

    Attributes:
        matrix: lattice vectors as rows, shape (3, 3), angstrom.
        frac_coords: shape (N, 3).
        atomic_numbers: shape (N,).
        occupancies: shape (N,).
        u_iso: shape (N,), angstrom^2.
        u_aniso: displacement tensors in the CIF convention, shape (N, 3, 3), angstrom^2, or None.
        charges: shape (N,).
        isotopes: mass numbers, shape (N,), 0 for the natural mixture.
        dtype: floating-point type of the arrays of JAX that it came from, which those made of it
            get too; `float` is JAX's current one.
    """

    matrix: Float[np.ndarray, "3 3"]
    frac_coords: Float[np.ndarray, "N 3"]
    atomic_numbers: Int[np.ndarray, " N"]
    occupancies: Float[np.ndarray, " N"]
    u_iso: Float[np.ndarray, " N"]
    u_aniso: Float[np.ndarray, "N 3 3"] | None
    charges: Int[np.ndarray, " N"]
    isotopes: Int[np.ndarray, " N"]
    dtype: Any = float

    @classmethod
    def from_arrays(
        cls,
        matrix: Any,
        frac_coords: Any,
        atomic_numbers: Any,
        *,
        occupancies: Any = None,
        u_iso: Any = None,
        u_aniso: Any = None,
        charges: Any = None,
        isotopes: Any = None,
        min_distance: float | int = MIN_DISTANCE,
        dtype: Any = None,
    ) -> "HostAtoms":
        """Check arrays of any kind and hold them; arguments and errors of `Crystal.from_arrays`.

        Args:
            min_distance: atoms closer than this (angstrom) are an error; 0 lets all pass.
        """
        is_cell = np.shape(matrix) == (6,)
        rows = cell_to_matrix(check_cell(matrix)) if is_cell else check_matrix(matrix)
        if rows.shape != (3, 3):
            raise ValueError(f"lattice matrix: expected shape (3, 3), got {rows.shape}")
        frac = host_array(frac_coords, "frac_coords")
        if frac.ndim != 2 or frac.shape[1] != 3:
            raise ValueError(f"frac_coords: expected shape (N, 3), got {frac.shape}")
        n = len(frac)
        atoms = cls(
            matrix=rows,
            frac_coords=frac,
            atomic_numbers=_column(atomic_numbers, "atomic_numbers", n, None, np.int64),
            occupancies=_column(occupancies, "occupancies", n, 1.0),
            u_iso=_column(u_iso, "u_iso", n, 0.0),
            u_aniso=None if u_aniso is None else _tensors(u_aniso, n),
            charges=_column(charges, "charges", n, 0, np.int64),
            isotopes=_column(isotopes, "isotopes", n, 0, np.int64),
            dtype=dtype or float,
        )
        atoms.check()
        above = np.flatnonzero(atoms.occupancies > MAX_OCCUPANCY)
        if above.size:
            value = atoms.occupancies[above[0]]
            raise ValueError(f"occupancies[{above[0]}]: expected 0..1, got {value:g}")
        if min_distance > 0:
            check_distances(rows, frac, atoms.occupancies, minimum=min_distance)
        return atoms

    def check(self) -> None:
        """Raise unless this is what any later step can work on.

        Raises:
            ValueError: no atoms, numbers that are not finite, dependent lattice vectors, an atomic
                number outside 1..118, or a negative occupancy.
        """
        if not len(self):
            raise ValueError("expected at least one atom, got none")
        check_matrix(self.matrix)
        for name in ("frac_coords", "occupancies", "u_iso", "u_aniso"):
            values = getattr(self, name)
            if values is not None:
                check_finite(values, name)
        bad = np.flatnonzero((self.atomic_numbers < 1) | (self.atomic_numbers > 118))
        if bad.size:
            got = self.atomic_numbers[bad[0]]
            raise ValueError(f"atomic_numbers[{bad[0]}]: expected 1..118, got {got}")
        bad = np.flatnonzero(self.occupancies < 0)
        if bad.size:
            got = self.occupancies[bad[0]]
            raise ValueError(f"occupancies[{bad[0]}]: expected 0..1, got {got:g}")

    def __len__(self) -> int:
        """Number of atoms N."""
        return len(self.atomic_numbers)

    def __repr__(self) -> str:
        """Print composition and cell in one line."""
        return atoms_line(self.matrix, self.atomic_numbers)

    @property
    def cell(self) -> Float[np.ndarray, "6"]:
        """Cell parameters a, b, c (angstrom), alpha, beta, gamma (degrees)."""
        return matrix_to_cell(self.matrix)

    @property
    def keys(self) -> Int[np.ndarray, "N 3"]:
        """Atomic number, charge and mass number of each atom."""
        return np.stack([self.atomic_numbers, self.charges, self.isotopes], axis=1)

    @property
    def species(self) -> tuple[str, ...]:
        """Species label of each atom ("Si", "O2-", "D")."""
        return tuple(species_label((int(z), int(q), int(m))) for z, q, m in self.keys)

    @property
    def distinct_species(self) -> list[tuple[int, int, int]]:
        """Atomic number, charge and mass number of each kind of atom, sorted."""
        return [(int(z), int(q), int(m)) for z, q, m in np.unique(self.keys, axis=0)]

    @property
    def u_star(self) -> Float[np.ndarray, "N 3 3"] | None:
        """Displacement tensors that refer to fractional coordinates, or None."""
        return None if self.u_aniso is None else self.u_aniso * cif_scale(self.matrix)

    def right_handed(self) -> "HostAtoms":
        """Return the same atoms on right-handed axes."""
        if np.linalg.det(self.matrix) > 0:
            return self
        # Inverting axes and coordinates leaves every atom in place, and tensors as they are.
        return dataclasses.replace(self, matrix=-self.matrix, frac_coords=-self.frac_coords)

    def occupied(self, least: float) -> "HostAtoms":
        """Return the atoms of at least some occupancy."""
        kept = self.occupancies >= least
        if kept.all():
            return self
        columns = {
            field.name: value[kept]
            for field in dataclasses.fields(self)
            if isinstance(value := getattr(self, field.name), np.ndarray) and field.name != "matrix"
        }
        return dataclasses.replace(self, **columns)


def _column(x: Any, name: str, n: int, default: Any, dtype: Any = np.float64) -> np.ndarray:
    values = np.full(n, default, dtype) if x is None else host_array(x, name)
    if values.shape != (n,):
        raise ValueError(f"{name}: expected shape ({n},), got {values.shape}")
    check_finite(values, name)
    if np.issubdtype(dtype, np.integer) and np.any(values != np.rint(values)):
        raise ValueError(f"{name}: expected integers, got {values}")
    return values.astype(dtype)


def _tensors(x: Any, n: int) -> np.ndarray:
    values = host_array(x, "u_aniso")
    if values.shape != (n, 3, 3):
        raise ValueError(f"u_aniso: expected shape ({n}, 3, 3), got {values.shape}")
    return values
