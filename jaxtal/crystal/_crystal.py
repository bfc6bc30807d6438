"""`Crystal`: the P1 content of a unit cell, differentiable and padded."""

from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from .._core import check_finite, device_array, host_array
from ..lattice import Lattice

#: Atoms closer than this (angstrom) are an error: no two nuclei are.
MIN_DISTANCE = 0.1


class Crystal(eqx.Module):
    """Every atom of one unit cell, as arrays.

    Floating-point leaves are differentiable. Padding atoms have `mask` False; their other
    entries are never used, whatever they hold.

    Attributes:
        lattice: the lattice (rows a, b, c in angstrom).
        frac_coords: fractional coordinates, shape (N, 3), dimensionless.
        atomic_numbers: shape (N,).
        occupancies: site occupancies, shape (N,), dimensionless.
        u_iso: isotropic mean-square displacements, shape (N,), angstrom^2.
        u_aniso: anisotropic displacement tensors U_ij in the CIF convention (referred to a*, b*,
            c* of unit length scale), shape (N, 3, 3), angstrom^2, or None. They act beside
            `u_iso`: an atom has one or the other.
        charges: formal charges, shape (N,), which choose ionic form factors.
        isotopes: mass numbers, shape (N,), 0 for the natural mixture (they matter to neutrons).
        mask: True for atoms, False for padding, shape (N,).
    """

    lattice: Lattice
    frac_coords: Float[Array, "N 3"]
    atomic_numbers: Int[Array, " N"]
    occupancies: Float[Array, " N"]
    u_iso: Float[Array, " N"]
    u_aniso: Float[Array, "N 3 3"] | None
    charges: Int[Array, " N"]
    isotopes: Int[Array, " N"]
    mask: Bool[Array, " N"]

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
        pad_to: int | None = None,
        dtype: Any = None,
    ) -> "Crystal":
        """Checked crystal from host arrays.

        Args:
            matrix: lattice vectors as rows, shape (3, 3), angstrom; or six cell parameters
                (angstrom, degrees).
            frac_coords: shape (N, 3).
            atomic_numbers: shape (N,).
            occupancies: shape (N,), default 1.
            u_iso: shape (N,), angstrom^2, default 0.
            u_aniso: shape (N, 3, 3), angstrom^2, default None.
            charges: shape (N,), default 0.
            isotopes: mass numbers, shape (N,), default 0 (natural).
            pad_to: length of the padded arrays, default N.
            dtype: floating-point type, default JAX's current one.

        Raises:
            ValueError: no atoms, wrong shapes, NaN, an atomic number outside 1..118, occupancies
                outside [0, 1], or fully occupied atoms closer than 0.1 A; the message names the
                atom.
        """
        dtype = dtype or float
        is_cell = np.shape(matrix) == (6,)
        lattice = (
            Lattice.from_parameters(*np.asarray(matrix), dtype=dtype)
            if is_cell
            else Lattice.from_matrix(matrix, dtype=dtype)
        )
        frac = host_array(frac_coords, "frac_coords")
        if frac.ndim != 2 or frac.shape[1] != 3:
            raise ValueError(f"frac_coords: expected shape (N, 3), got {frac.shape}")
        n = len(frac)
        if n == 0:
            raise ValueError("frac_coords: expected at least one atom, got none")
        check_finite(frac, "frac_coords")
        numbers = _column(atomic_numbers, "atomic_numbers", n, None, np.int32)
        bad = np.flatnonzero((numbers < 1) | (numbers > 118))
        if bad.size:
            raise ValueError(f"atomic_numbers[{bad[0]}]: expected 1..118, got {numbers[bad[0]]}")
        occupancy = _column(occupancies, "occupancies", n, 1.0)
        bad = np.flatnonzero((occupancy < 0) | (occupancy > 1 + 1e-6))
        if bad.size:
            raise ValueError(f"occupancies[{bad[0]}]: expected 0..1, got {occupancy[bad[0]]:g}")
        aniso = None if u_aniso is None else host_array(u_aniso, "u_aniso")
        if aniso is not None:
            if aniso.shape != (n, 3, 3):
                raise ValueError(f"u_aniso: expected shape ({n}, 3, 3), got {aniso.shape}")
            check_finite(aniso, "u_aniso")
        check_distances(np.asarray(lattice.matrix, dtype=np.float64), frac, occupancy)
        size = n if pad_to is None else pad_to
        if size < n:
            raise ValueError(f"pad_to: expected at least the {n} atoms, got {size}")

        def pad(x: np.ndarray, kind: Any) -> Array:
            return device_array(np.concatenate([x, np.zeros((size - n, *x.shape[1:]))]), kind)

        return cls(
            lattice=lattice,
            frac_coords=pad(frac, dtype),
            atomic_numbers=pad(numbers, np.int32),
            occupancies=pad(occupancy, dtype),
            u_iso=pad(_column(u_iso, "u_iso", n, 0.0), dtype),
            u_aniso=None if aniso is None else pad(aniso, dtype),
            charges=pad(_column(charges, "charges", n, 0, np.int32), np.int32),
            isotopes=pad(_column(isotopes, "isotopes", n, 0, np.int32), np.int32),
            mask=device_array(np.arange(size) < n, bool),
        )

    @classmethod
    def from_ase(cls, atoms: Any, *, dtype: Any = None) -> "Crystal":
        """Crystal from ASE `Atoms` (host only).

        Read are the cell, scaled positions and atomic numbers; occupancies and mixed sites from
        `info["occupancy"]` with `arrays["spacegroup_kinds"]`, as ASE's CIF reader leaves them;
        whole initial charges as formal charges; and the arrays "u_iso", "u_aniso", "isotopes".

        Raises:
            ValueError: no cell of three vectors, or as `from_arrays`.
        """
        from ._ase import crystal_from_ase

        return crystal_from_ase(atoms, dtype)

    def to_ase(self) -> Any:
        """ASE `Atoms` of the real atoms; the counterpart of `from_ase`.

        Atoms that share a point become one, with the occupancies of all species in
        `info["occupancy"]`.
        """
        from ._ase import crystal_to_ase

        return crystal_to_ase(self)

    @property
    def weights(self) -> Float[Array, " N"]:
        """Occupancies, exactly 0 for padding atoms."""
        return jnp.where(self.mask, self.occupancies, 0.0)

    @property
    def safe_frac_coords(self) -> Float[Array, "N 3"]:
        """Fractional coordinates, exactly 0 for padding atoms (which may hold anything)."""
        return jnp.where(self.mask[:, None], self.frac_coords, 0.0)

    @property
    def volume(self) -> Float[Array, ""]:
        """Cell volume in angstrom^3."""
        return self.lattice.volume


def check_distances(
    matrix: np.ndarray,
    frac: np.ndarray,
    occupancy: np.ndarray,
    names: Sequence[str] | None = None,
    minimum: float = MIN_DISTANCE,
) -> None:
    """Raise if two atoms, periodic images included, are closer than `minimum` (angstrom).

    Atoms that share a site are allowed as long as their occupancies add up to at most one.

    Raises:
        ValueError: names the two atoms and their distance.
    """
    from scipy.spatial import KDTree

    reciprocal = np.linalg.inv(matrix).T
    wrapped = frac - np.floor(frac)
    # Images of atoms near a face: a slab of thickness `minimum` needs this fractional margin.
    margin = np.minimum(minimum * np.linalg.norm(reciprocal, axis=1), 1.0)
    points, owners = [wrapped], [np.arange(len(frac))]
    for axis in range(3):
        all_points, all_owners = np.concatenate(points), np.concatenate(owners)
        for side in (1, -1):
            x = all_points[:, axis]
            near = x < margin[axis] if side == 1 else x > 1 - margin[axis]
            points.append(all_points[near] + side * np.eye(3)[axis])
            owners.append(all_owners[near])
    cart, owner = np.concatenate(points) @ matrix, np.concatenate(owners)
    pairs = KDTree(cart).query_pairs(minimum, output_type="ndarray")
    for i, j in pairs:
        a, b = sorted((int(owner[i]), int(owner[j])))
        if a != b and occupancy[a] + occupancy[b] <= 1 + 1e-3:
            continue
        distance = np.linalg.norm(cart[i] - cart[j])
        which = f"atoms {a} and {b}" if names is None else f"{names[a]} and {names[b]}"
        raise ValueError(
            f"{which}: expected a distance of at least {minimum:g} A, got {distance:.4f} A"
        )


def _column(x: Any, name: str, n: int, default: Any, dtype: Any = np.float64) -> np.ndarray:
    values = np.full(n, default, dtype) if x is None else host_array(x, name)
    if values.shape != (n,):
        raise ValueError(f"{name}: expected shape ({n},), got {values.shape}")
    check_finite(values, name)
    if np.issubdtype(dtype, np.integer) and np.any(values != np.rint(values)):
        raise ValueError(f"{name}: expected integers, got {values}")
    return values.astype(dtype)
