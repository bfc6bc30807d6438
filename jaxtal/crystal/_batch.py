"""`CrystalBatch`: many crystals in arrays of one shape, for training loops."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import equinox as eqx
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from .._core import bucket, check_finite, device_array, host_array
from ._batch_layouts import orbits_of_sites, split_ragged
from ._crystal import MIN_DISTANCE, Crystal, check_distances
from ._host_expand import expand_on_host
from ._wyckoff_crystal import WyckoffCrystal

Cell = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Matrix (3, 3), fractional coordinates (N, 3) and atomic numbers (N,) on the host."""


class CrystalBatch(eqx.Module):
    """B crystals of at most N atoms: lattices, positions and elements.

    What generative models hand over and expect. Occupancies, charges, isotopes and displacements
    have no place here (`Crystal` holds them). All leaves have the batch axis first, so that
    `jax.vmap` takes a batch apart.

    Attributes:
        matrix: lattice vectors as rows, shape (B, 3, 3), angstrom.
        frac: fractional coordinates, shape (B, N, 3).
        species: atomic numbers, shape (B, N); 0 for padding.
        mask: True for atoms, shape (B, N); all False for a crystal that only fills the batch.
    """

    matrix: Float[Array, "B 3 3"]
    frac: Float[Array, "B N 3"]
    species: Int[Array, "B N"]
    mask: Bool[Array, "B N"]

    @classmethod
    def from_ragged(
        cls,
        frac: Any,
        species: Any,
        num_atoms: Any,
        lattices: Any = None,
        *,
        lengths: Any = None,
        angles: Any = None,
        pad_to: int | None = None,
        min_distance: float | int = MIN_DISTANCE,
        dtype: Any = None,
    ) -> "CrystalBatch":
        """Batch from atoms one crystal after another, as PyTorch Geometric lays them out.

        Args:
            frac: fractional coordinates of all crystals, shape (sum N, 3).
            species: atomic numbers, shape (sum N,).
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
        cells = split_ragged(frac, species, num_atoms, lattices, lengths, angles)
        return cls._of(cells, pad_to, min_distance, dtype)

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
        """Batch from space groups and Wyckoff sites, as CrystalFormer lays them out.

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
        return cls._of(cells, pad_to, min_distance, dtype)

    @classmethod
    def from_crystals(
        cls,
        crystals: Iterable[Crystal | WyckoffCrystal],
        *,
        neutral: bool = False,
        pad_to: int | None = None,
        dtype: Any = None,
    ) -> "CrystalBatch":
        """Batch from crystals; displacements are dropped.

        Args:
            crystals: each with whole occupancies.
            neutral: take ions for neutral atoms and isotopes for the natural mixture.
            pad_to: length of the padded arrays, default the next size of a coarse scale.
            dtype: floating-point type, default that of the first crystal.

        Raises:
            ValueError: a site that is partly occupied, or an ion or isotope without `neutral`.
        """
        cells: list[Cell] = []
        for b, given in enumerate(crystals):
            crystal = expand_on_host(given)
            dtype = crystal.lattice.matrix.dtype if dtype is None else dtype
            cells.append(_cell(crystal, b, neutral))
        # Crystals were checked when they were made.
        return cls._of(cells, pad_to, 0.0, dtype)

    @classmethod
    def from_ase(
        cls,
        images: Iterable[Any],
        *,
        neutral: bool = False,
        pad_to: int | None = None,
        dtype: Any = None,
    ) -> "CrystalBatch":
        """Batch from ASE `Atoms`; see `Crystal.from_ase` and `from_crystals`.

        Raises:
            ValueError: as there; the message names the crystal.
        """
        crystals = []
        for b, atoms in enumerate(images):
            try:
                crystals.append(Crystal.from_ase(atoms, dtype=dtype))
            except ValueError as error:
                raise ValueError(f"crystal {b}: {error}") from error
        return cls.from_crystals(crystals, neutral=neutral, pad_to=pad_to, dtype=dtype)

    @staticmethod
    def buckets(
        crystals: Iterable[Crystal | WyckoffCrystal],
        batch_size: int = 64,
        *,
        neutral: bool = False,
        dtype: Any = None,
    ) -> Iterator[tuple[Int[np.ndarray, " n"], "CrystalBatch"]]:
        """Sort a stream of crystals into batches of similar numbers of atoms.

        At most `batch_size` crystals of each padded size are held at a time, so that the stream
        may be of any length; every batch of one padded size has the same shape.

        Args:
            crystals: any iterable.
            batch_size: B; the last batches are filled with crystals of no atoms.
            neutral: as `from_crystals`.
            dtype: floating-point type, default that of the first crystal of each batch.

        Yields:
            Places of the crystals in the stream, shape (n,) with n <= batch_size, and their batch,
            in the same order.

        Raises:
            ValueError: a batch size below 1, or as `from_crystals`; crystals are named by their
                place in the stream.
        """
        if batch_size < 1:
            raise ValueError(f"batch_size: expected at least 1, got {batch_size}")
        waiting: dict[int, list[tuple[int, Cell, Any]]] = {}

        def batch(size: int) -> tuple[np.ndarray, CrystalBatch]:
            entries = waiting.pop(size)
            cells = [cell for _, cell, _ in entries]
            made = CrystalBatch._of(cells, size, 0.0, dtype or entries[0][2], batch_size)
            return np.array([place for place, _, _ in entries]), made

        for place, given in enumerate(crystals):
            crystal = expand_on_host(given)
            cell = _cell(crystal, place, neutral)
            size = bucket(len(cell[2]))
            waiting.setdefault(size, []).append((place, cell, crystal.lattice.matrix.dtype))
            if len(waiting[size]) == batch_size:
                yield batch(size)
        for size in sorted(waiting):
            yield batch(size)

    @classmethod
    def _of(
        cls,
        cells: Sequence[Cell],
        pad_to: int | None,
        min_distance: float | int,
        dtype: Any,
        length: int | None = None,
    ) -> "CrystalBatch":
        """Check cells and pad them, and their number to `length`."""
        if not cells:
            raise ValueError("crystals: expected at least one, got none")
        for b, (matrix, frac, numbers) in enumerate(cells):
            _check(b, matrix, frac, numbers, min_distance)
        most = max(len(numbers) for _, _, numbers in cells)
        size = bucket(most) if pad_to is None else pad_to
        if size < most:
            raise ValueError(
                f"pad_to: expected at least the {most} atoms of one crystal, got {size}"
            )
        n = len(cells) if length is None else length
        matrices = np.tile(np.eye(3), (n, 1, 1))
        frac = np.zeros((n, size, 3))
        species = np.zeros((n, size), np.int32)
        for b, (matrix, x, numbers) in enumerate(cells):
            matrices[b], frac[b, : len(x)], species[b, : len(x)] = matrix, x, numbers
        dtype = dtype or float
        return cls(
            matrix=device_array(matrices, dtype),
            frac=device_array(frac, dtype),
            species=device_array(species, np.int32),
            mask=device_array(species > 0, bool),
        )

    def __len__(self) -> int:
        """Number of crystals B, those that only fill the batch included."""
        return self.matrix.shape[0]

    def crystal(self, b: int) -> Crystal:
        """One of the crystals, padded to N atoms (host)."""
        real = np.asarray(self.mask[b])
        return Crystal.from_arrays(
            np.asarray(self.matrix[b], np.float64),
            np.asarray(self.frac[b], np.float64)[real],
            np.asarray(self.species[b])[real],
            pad_to=len(real),
            dtype=self.matrix.dtype,
        )


def _cell(crystal: Crystal, b: int, neutral: bool) -> Cell:
    mask = host_array(crystal.mask, "mask", bool)
    atoms = np.flatnonzero(mask)
    columns = {"occupancy": (crystal.occupancies, 1.0)}
    if not neutral:
        columns |= {"charge": (crystal.charges, 0.0), "isotope": (crystal.isotopes, 0.0)}
    for name, (values, plain) in columns.items():
        bad = atoms[np.abs(host_array(values, name)[mask] - plain) > 1e-6]
        if bad.size:
            raise ValueError(
                f"crystal {b}: expected {name} {plain:g} throughout, since a batch holds atomic "
                f"numbers alone; got {float(values[bad[0]]):g} at atom {bad[0]}"
            )
    return (
        host_array(crystal.lattice.matrix, "lattice matrix"),
        host_array(crystal.frac_coords, "frac_coords")[mask],
        host_array(crystal.atomic_numbers, "atomic_numbers", np.int64)[mask],
    )


def _check(
    b: int, matrix: np.ndarray, frac: np.ndarray, numbers: np.ndarray, min_distance: float | int
) -> None:
    name = f"crystal {b}"
    check_finite(matrix, f"{name}: lattice matrix")
    lengths = np.linalg.norm(matrix, axis=1)
    if abs(np.linalg.det(matrix)) <= 1e-9 * np.prod(lengths):
        raise ValueError(f"{name}: expected independent lattice vectors, got {matrix.tolist()}")
    if len(numbers) == 0:
        raise ValueError(f"{name}: expected at least one atom, got none")
    check_finite(frac, f"{name}: frac")
    bad = np.flatnonzero((numbers < 1) | (numbers > 118))
    if bad.size:
        raise ValueError(
            f"{name}, atom {bad[0]}: expected an atomic number from 1 to 118, got {numbers[bad[0]]}"
        )
    if min_distance > 0:
        atoms = [f"{name}, atom {j}" for j in range(len(numbers))]
        check_distances(matrix, frac, np.ones(len(numbers)), atoms, min_distance)
