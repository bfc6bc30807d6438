"""`CrystalBatch`: many crystals in arrays of one shape, for training loops."""

from collections.abc import Iterator
from typing import Any, overload

import equinox as eqx
import jax
import jax.core
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from .._core import bucket, device_array, host_array
from ..lattice import Lattice
from ._batch_layouts import Cells, orbits_of_sites, split_ragged
from ._close_atoms import MIN_DISTANCE
from ._crystal import Crystal
from ._host_atoms import HostAtoms
from ._host_crystals import host_crystals
from ._summary import batch_line


class CrystalBatch(eqx.Module):
    """B crystals of at most N atoms: lattices, positions and elements.

    What generative models hand over and expect. Occupancies, charges, isotopes and displacements
    have no place here (`Crystal` holds them). All leaves have the batch axis first, so that
    `jax.vmap` takes a batch apart. `batch[0]` is a `Crystal`, `batch[rows]` a batch. Printed, it
    is one line; `eqx.tree_pformat` shows the arrays.

    Attributes:
        matrix: lattice vectors as rows, shape (B, 3, 3), angstrom.
        frac_coords: fractional coordinates, shape (B, N, 3).
        atomic_numbers: shape (B, N); 0 for padding.
        mask: True for atoms, shape (B, N); all False for a crystal that only fills the batch.
    """

    matrix: Float[Array, "B 3 3"]
    frac_coords: Float[Array, "B N 3"]
    atomic_numbers: Int[Array, "B N"]
    mask: Bool[Array, "B N"]

    @classmethod
    def from_ragged(
        cls,
        frac_coords: Any,
        atomic_numbers: Any,
        num_atoms: Any,
        lattices: Any = None,
        *,
        lengths: Any = None,
        angles: Any = None,
        pad_to: int | None = None,
        min_distance: float | int = MIN_DISTANCE,
        dtype: Any = None,
    ) -> "CrystalBatch":
        """Make a batch of atoms one crystal after another, as PyTorch Geometric lays them out.

        Args:
            frac_coords: fractional coordinates of all crystals, shape (sum N, 3).
            atomic_numbers: shape (sum N,).
            num_atoms: atoms of each crystal, shape (B,).
            lattices: rows a, b, c of each, shape (B, 3, 3), angstrom; or give
            lengths: a, b, c of each, shape (B, 3), angstrom, and
            angles: alpha, beta, gamma of each, shape (B, 3), degrees.
            pad_to: length of the padded arrays, default the next size of a coarse scale.
            min_distance: atoms closer than this (angstrom) are an error; 0 lets all pass.
            dtype: floating-point type, default JAX's current one.

        Raises:
            ValueError: shapes that contradict each other, or as `Crystal.from_arrays`, with the
                crystal and the atom named.
        """
        cells = split_ragged(frac_coords, atomic_numbers, num_atoms, lattices, lengths, angles)
        return cls._of_cells(cells, pad_to, min_distance, dtype)

    @classmethod
    def from_wyckoff(
        cls,
        G: Any,
        L: Any,
        XYZ: Any,
        A: Any,
        W: Any,
        *,
        scaled: bool = True,
        tolerance: float | int = 1e-2,
        pad_to: int | None = None,
        min_distance: float | int = MIN_DISTANCE,
        dtype: Any = None,
    ) -> "CrystalBatch":
        """Make a batch of space groups and Wyckoff sites, as CrystalFormer lays them out.

        Args:
            G: space-group numbers, shape (B,), standard settings.
            L: cell parameters, shape (B, 6), angstrom and degrees.
            XYZ: fractional coordinates of one atom of each site, shape (B, n, 3); the rows of
                padding may hold anything.
            A: atomic numbers, shape (B, n), 0 for padding.
            W: Wyckoff letters, shape (B, n): 1 for a ... 26 for z, 27 for A, 0 for padding.
            scaled: the lengths in L are divided by the cube root of the number of atoms in the
                cell.
            tolerance: how far (angstrom) a point may lie from its position; it is moved there.
            pad_to: as `from_ragged`, `min_distance` and `dtype` too.

        Raises:
            ValueError: an unknown group or letter, a site with an element but no letter or the
                reverse, a point off its position, or as `from_ragged`.

        References:
            Z. Cao et al., "Space Group Informed Transformer for Crystalline Materials
            Generation" (2024), for the layout.
        """
        cells = orbits_of_sites(G, L, XYZ, A, W, scaled, tolerance)
        return cls._of_cells(cells, pad_to, min_distance, dtype)

    @classmethod
    def from_crystals(
        cls,
        crystals: Any,
        *,
        neutral: bool = False,
        pad_to: int | None = None,
        dtype: Any = None,
    ) -> "CrystalBatch":
        """Make a batch of crystals; displacements are dropped (host only).

        Args:
            crystals: `Crystal`, `WyckoffCrystal`, ASE `Atoms` or several, each with whole
                occupancies.
            neutral: take ions for neutral atoms and isotopes for the natural mixture.
            pad_to: length of the padded arrays, default the next size of a coarse scale.
            dtype: floating-point type, default that of the first crystal.

        Raises:
            ValueError: no crystals or something else among them, a site that is partly occupied,
                or an ion or isotope without `neutral`.
        """
        given = host_crystals(crystals)
        for b, atoms in enumerate(given):
            _check_plain(atoms, f"crystal {b}", neutral)
        return cls.from_host(given, pad_to=pad_to, dtype=dtype)

    @classmethod
    def from_host(
        cls,
        atoms: list[HostAtoms],
        *,
        pad_to: int | None = None,
        length: int | None = None,
        dtype: Any = None,
    ) -> "CrystalBatch":
        """Make a batch of matrices, coordinates and elements on the host, taken as they are.

        Args:
            atoms: at least one crystal.
            pad_to: length of the padded arrays, default the next size of a coarse scale.
            length: number of places B, default that of the crystals; the rest holds no atoms.
            dtype: floating-point type, default that of the first crystal.

        Raises:
            ValueError: fewer places than atoms.
        """
        most = max(len(one) for one in atoms)
        size = bucket(most) if pad_to is None else pad_to
        if size < most:
            raise ValueError(
                f"pad_to: expected at least the {most} atoms of one crystal, got {size}"
            )
        n = len(atoms) if length is None else length
        matrix = np.tile(np.eye(3), (n, 1, 1))
        frac = np.zeros((n, size, 3))
        numbers = np.zeros((n, size), np.int32)
        for b, one in enumerate(atoms):
            k = len(one)
            matrix[b], frac[b, :k], numbers[b, :k] = (
                one.matrix,
                one.frac_coords,
                one.atomic_numbers,
            )
        dtype = dtype or atoms[0].dtype
        return cls(
            matrix=device_array(matrix, dtype),
            frac_coords=device_array(frac, dtype),
            atomic_numbers=device_array(numbers, np.int32),
            mask=device_array(numbers > 0, bool),
        )

    @classmethod
    def _of_cells(
        cls, cells: Cells, pad_to: int | None, min_distance: float | int, dtype: Any
    ) -> "CrystalBatch":
        """Check cells and pad them."""
        if not cells:
            raise ValueError("crystals: expected at least one, got none")
        atoms = []
        for b, cell in enumerate(cells):
            try:
                atoms.append(HostAtoms.from_arrays(*cell, min_distance=min_distance, dtype=dtype))
            except ValueError as error:
                raise ValueError(f"crystal {b}: {error}") from error
        return cls.from_host(atoms, pad_to=pad_to)

    def to_host(self) -> list[HostAtoms]:
        """Copy the crystals to the host; places without atoms are left out.

        Raises:
            ValueError: traced values, or numbers that are not finite; the message names the place.
        """
        mask = host_array(self.mask, "mask", bool)
        matrix = host_array(self.matrix, "matrix")
        frac = host_array(self.frac_coords, "frac_coords")
        numbers = host_array(self.atomic_numbers, "atomic_numbers", np.int64)
        found = []
        for b in np.flatnonzero(mask.any(axis=1)):
            real = mask[b]
            n = int(real.sum())
            atoms = HostAtoms(
                matrix=matrix[b],
                frac_coords=frac[b, real],
                atomic_numbers=numbers[b, real],
                occupancies=np.ones(n),
                u_iso=np.zeros(n),
                u_aniso=None,
                charges=np.zeros(n, np.int64),
                isotopes=np.zeros(n, np.int64),
                dtype=self.matrix.dtype,
            )
            try:
                atoms.check()
            except ValueError as error:
                raise ValueError(f"row {b} of the batch: {error}") from error
            found.append(atoms)
        return found

    def __len__(self) -> int:
        """Number of places B, those that only fill the batch included."""
        return self.matrix.shape[0]

    @overload
    def __getitem__(self, index: int | np.integer) -> Crystal: ...
    @overload
    def __getitem__(self, index: slice | list | np.ndarray | Array) -> "CrystalBatch": ...
    def __getitem__(self, index: Any) -> "Crystal | CrystalBatch":
        """Take one crystal or some.

        Args:
            index: an integer for a `Crystal`, padded to N atoms as all of the batch are; a slice,
                integers or a mask for a batch of these rows. Integers may be traced; those beyond
                the batch then give its first or last crystal.

        Raises:
            IndexError: no such row, or several indices (only crystals are counted).
        """
        if isinstance(index, tuple):
            raise IndexError(f"expected one index, that of the crystal, got {len(index)}")
        if not isinstance(index, jax.core.Tracer):
            # NumPy knows every kind of index, and says when one is out of range.
            chosen = np.asarray(index) if isinstance(index, list | jax.Array) else index
            index = device_array(np.arange(len(self))[chosen], np.int32)
        arrays = (self.matrix, self.frac_coords, self.atomic_numbers, self.mask)
        return CrystalBatch(*_some(arrays, index)) if index.ndim else _one(arrays, index)

    def __iter__(self) -> Iterator[Crystal]:
        """Go through the crystals, each padded to N atoms."""
        for b in range(len(self)):
            yield self[b]

    def __repr__(self) -> str:
        """Print number, sizes and elements in one line."""
        return batch_line(self)


@jax.jit
def _some(arrays: tuple[Array, ...], rows: Array) -> tuple[Array, ...]:
    return tuple(x[rows] for x in arrays)


@jax.jit
def _one(arrays: tuple[Array, ...], row: Array) -> Crystal:
    matrix, frac, numbers, mask = (x[row] for x in arrays)
    nothing = jnp.zeros_like(numbers)
    return Crystal(
        lattice=Lattice(matrix),
        frac_coords=frac,
        atomic_numbers=numbers,
        occupancies=mask.astype(matrix.dtype),
        u_iso=jnp.zeros(numbers.shape, matrix.dtype),
        u_aniso=None,
        charges=nothing,
        isotopes=nothing,
        mask=mask,
    )


def _check_plain(atoms: HostAtoms, name: str, neutral: bool) -> None:
    columns = {"occupancy": (atoms.occupancies, 1.0)}
    if not neutral:
        columns |= {"charge": (atoms.charges, 0.0), "isotope": (atoms.isotopes, 0.0)}
    for what, (values, plain) in columns.items():
        bad = np.flatnonzero(np.abs(values - plain) > 1e-6)
        if bad.size:
            raise ValueError(
                f"{name}: expected {what} {plain:g} throughout, since a batch holds atomic "
                f"numbers alone; got {float(values[bad[0]]):g} at atom {bad[0]}"
            )
