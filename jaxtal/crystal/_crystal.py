"""`Crystal`: the P1 content of a unit cell, differentiable and padded."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from .._core import device_array, host_array
from ..lattice import Lattice
from ._ase import atoms_from_ase, atoms_to_ase
from ._host_atoms import HostAtoms
from ._summary import atoms_line


class Crystal(eqx.Module):
    """Every atom of one unit cell, as arrays.

    Floating-point leaves are differentiable. Padding atoms have `mask` False; their other
    entries are never used, whatever they hold. Printed, it is one line; `eqx.tree_pformat` shows
    the arrays.

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
        """Check host arrays and make a crystal of them.

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
        atoms = HostAtoms.from_arrays(
            matrix,
            frac_coords,
            atomic_numbers,
            occupancies=occupancies,
            u_iso=u_iso,
            u_aniso=u_aniso,
            charges=charges,
            isotopes=isotopes,
            dtype=dtype,
        )
        return cls.from_host(atoms, pad_to=pad_to)

    @classmethod
    def from_host(
        cls, atoms: HostAtoms, *, pad_to: int | None = None, dtype: Any = None
    ) -> "Crystal":
        """Make a crystal of atoms on the host, which are taken as they are.

        Args:
            atoms: N atoms.
            pad_to: length of the padded arrays, default N.
            dtype: floating-point type, default that of the atoms.

        Raises:
            ValueError: fewer places than atoms.
        """
        n = len(atoms)
        size = n if pad_to is None else pad_to
        if size < n:
            raise ValueError(f"pad_to: expected at least the {n} atoms, got {size}")
        dtype = dtype or atoms.dtype

        def pad(x: np.ndarray, kind: Any) -> Array:
            return device_array(np.concatenate([x, np.zeros((size - n, *x.shape[1:]))]), kind)

        return cls(
            lattice=Lattice(device_array(atoms.matrix, dtype)),
            frac_coords=pad(atoms.frac_coords, dtype),
            atomic_numbers=pad(atoms.atomic_numbers, np.int32),
            occupancies=pad(atoms.occupancies, dtype),
            u_iso=pad(atoms.u_iso, dtype),
            u_aniso=None if atoms.u_aniso is None else pad(atoms.u_aniso, dtype),
            charges=pad(atoms.charges, np.int32),
            isotopes=pad(atoms.isotopes, np.int32),
            mask=device_array(np.arange(size) < n, bool),
        )

    def to_host(self) -> HostAtoms:
        """Copy the real atoms to the host.

        Raises:
            ValueError: traced values, no atoms, or numbers that are not finite.
        """
        # Equinox looks at every attribute that is asked for, which takes longer than the copies.
        arrays = vars(self)
        real = host_array(arrays["mask"], "mask", bool)

        def column(name: str, dtype: Any = np.float64) -> np.ndarray:
            return host_array(arrays[name], name, dtype)[real]

        atoms = HostAtoms(
            matrix=host_array(self.lattice.matrix, "lattice matrix"),
            frac_coords=column("frac_coords"),
            atomic_numbers=column("atomic_numbers", np.int64),
            occupancies=column("occupancies"),
            u_iso=column("u_iso"),
            u_aniso=None if arrays["u_aniso"] is None else column("u_aniso"),
            charges=column("charges", np.int64),
            isotopes=column("isotopes", np.int64),
            dtype=arrays["frac_coords"].dtype,
        )
        atoms.check()
        return atoms

    @classmethod
    def from_ase(cls, atoms: Any, *, dtype: Any = None) -> "Crystal":
        """Make a crystal of ASE `Atoms` (host only).

        Read are the cell, scaled positions and atomic numbers; occupancies and mixed sites from
        `info["occupancy"]` with `arrays["spacegroup_kinds"]`, as ASE's CIF reader leaves them;
        whole initial charges as formal charges; and the arrays "u_iso", "u_aniso", "isotopes".

        Raises:
            ValueError: no cell of three vectors, or as `from_arrays`.
        """
        return cls.from_host(atoms_from_ase(atoms, dtype))

    def to_ase(self) -> Any:
        """Make ASE `Atoms` of the real atoms; the counterpart of `from_ase`.

        Atoms that share a point become one, with the occupancies of all species in
        `info["occupancy"]`.
        """
        return atoms_to_ase(self.to_host())

    def __repr__(self) -> str:
        """Print composition and cell in one line; `eqx.tree_pformat` prints every array."""
        return atoms_line(self.lattice.matrix, self.atomic_numbers, self.mask)

    @property
    def weights(self) -> Float[Array, " N"]:
        """Occupancies, exactly 0 for padding atoms."""
        return _masked(self.mask, self.occupancies)

    @property
    def safe_frac_coords(self) -> Float[Array, "N 3"]:
        """Fractional coordinates, exactly 0 for padding atoms (which may hold anything)."""
        return _masked(self.mask, self.frac_coords)

    @property
    def volume(self) -> Float[Array, ""]:
        """Cell volume in angstrom^3."""
        return self.lattice.volume


@jax.jit
def _masked(mask: Array, x: Array) -> Array:
    """Rows of x where the mask is True, 0 elsewhere."""
    return jnp.where(mask.reshape(mask.shape + (1,) * (x.ndim - 1)), x, 0.0)
