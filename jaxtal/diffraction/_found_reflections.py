"""`FoundReflections`: reflections that the compiled program finds, for crystals of any cell."""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PyTree

from .._core import computing_dtype, count, device_array
from ..crystal import CrystalArrays, HostAtoms
from ..crystal.apply import Program
from ..scattering import FormFactors
from ._reciprocal_points import AbstractReciprocalSpace, AbstractReflections, ReciprocalPoints
from .sums import (
    HklBox,
    SphereSums,
    box_size,
    countable,
    element_slots,
    safe_cell,
    sphere_sums,
)

#: Places for different elements in one crystal, at least.
_FEWEST_SPECIES = 4


class _Contents(NamedTuple):
    """Form factors of the species, their amounts, whether arrays are sound and all is known."""

    factors: FormFactors
    amounts: Float[Array, " S"]
    usable: Bool[Array, ""]
    known: Bool[Array, ""]


class FoundReflections(AbstractReflections):
    """Room for the reflections of any cell, which the program looks for among the indices of a box.

    All with |q| <= q_max are found whatever the cell, since |h_i| <= q_max |a_i| / 2 pi. Programs
    depend on the room alone: two plans of the same bounds, points, species and elements share one.
    Values and gradients are finite always, whatever the arrays of a crystal and its padding hold.

    Points are not `complete` if an axis is too long for `bounds`, the volume too large for
    `max_points`, an element not among `elements`, or charged, or an isotope, the elements more than
    `max_species`, the cell near-singular (a volume below 1e-4 |a| |b| |c|, or an axis outside
    0.01..10,000 angstrom), a number not finite, or no atoms there, that is less than 0.001 or more
    than 10^6. They are then those of the part that fits, and in the last three cases all zero.

    Attributes:
        space: the settings it was made for; without displacement factors and wavelength.
        form_factors: table of the elements, one row each, neutral atoms.
        row: row of each atomic number, shape (119,); -1 for elements that the plan has not.
        box: reflections that are looked through.
        max_species: how many different elements one crystal may hold.
        usual_points: how many of `max_points` are there as a rule.
    """

    space: AbstractReciprocalSpace
    form_factors: FormFactors
    row: Int[Array, " 119"]
    box: HklBox
    max_species: int = eqx.field(static=True)
    usual_points: int = eqx.field(static=True)

    @classmethod
    def build(
        cls,
        space: AbstractReciprocalSpace,
        bounds: Sequence[int],
        max_points: int,
        *,
        max_species: int = _FEWEST_SPECIES,
        elements: Sequence[int | str] | None = None,
        usual_points: int | None = None,
        dtype: Any = None,
    ) -> "FoundReflections":
        """Plan of stated room (host only); `ReciprocalSpace.plan` chooses it for some crystals.

        Args:
            space: radius, form factors, taper.
            bounds: largest |h|, |k|, |l| along the axes of a cell in the order of their lengths:
                an axis of length a needs q_max a / 2 pi.
            max_points: reflections in half the sphere: a volume V needs about q_max^3 V / 12 pi^2.
            max_species: different elements in one crystal.
            elements: numbers or symbols, default all that the table of form factors holds.
            usual_points: how many reflections half the sphere holds as a rule: more cost more,
                and room for more costs little; default and at most `max_points`.
            dtype: of the tables, default JAX's current one.

        Raises:
            ValueError: displacement factors or a wavelength, numbers that are not positive
                integers, or an element without a table entry.
        """
        if space.displacements or space.wavelength is not None:
            raise ValueError(
                'reflections: expected "listed" for displacement factors and anomalous scattering, '
                f"which reflections found by the program do not have, got {space}"
            )
        numbers = _elements(space.kind) if elements is None else elements
        factors = FormFactors.build(list(numbers), kind=space.kind, dtype=dtype)
        usual = max_points if usual_points is None else usual_points
        keys = np.asarray(factors.keys)
        if keys[:, 1:].any() or len(np.unique(keys[:, 0])) < len(keys):
            raise ValueError(f"elements: expected neutral atoms, each once, got {list(numbers)}")
        row = np.full(119, -1)
        row[keys[:, 0]] = np.arange(len(keys))
        return cls(
            space=space,
            # Labels are static and would compile every choice of elements anew.
            form_factors=dataclasses.replace(factors, species=()),
            row=device_array(row, np.int32),
            box=HklBox.build(bounds, max_points, dtype),
            max_species=count(max_species, "max_species", 1),
            usual_points=min(count(usual, "usual_points", 1), max_points),
        )

    @classmethod
    def for_crystals(
        cls,
        space: AbstractReciprocalSpace,
        crystals: list[HostAtoms],
        *,
        max_stretch: float | int,
        max_species: int | None = None,
        elements: Sequence[int | str] | None = None,
    ) -> "FoundReflections":
        """Plan with room for some crystals (host only); see `ReciprocalSpace.plan`."""
        matrices = np.stack([atoms.matrix for atoms in crystals])
        bounds, points = box_size(matrices, space.q_max, max_stretch)
        most = max(len(np.unique(atoms.atomic_numbers)) for atoms in crystals)
        return cls.build(
            space,
            bounds,
            points,
            max_species=max(_FEWEST_SPECIES, most) if max_species is None else max_species,
            elements=elements,
            usual_points=box_size(matrices, space.q_max)[1],
            dtype=computing_dtype(crystals[0].dtype),
        )

    @property
    def friedel(self) -> bool:
        """Whether one of each pair h, -h is held: always."""
        return True

    @property
    def elements(self) -> tuple[int, ...]:
        """Atomic numbers of the columns of species weights (host)."""
        return tuple(int(z) for z in np.asarray(self.form_factors.keys)[:, 0])

    @property
    def bounds(self) -> tuple[int, int, int]:
        """Largest |h|, |k|, |l| along the shortest, middle and longest axis of a cell."""
        return self.box.bounds

    @property
    def max_points(self) -> int:
        """How many reflections half the sphere may hold."""
        return self.box.points

    def __repr__(self) -> str:
        """Print how much room there is."""
        return (
            f"FoundReflections: room for {self.max_points} within {self.bounds}, "
            f"{self.max_species} species a crystal"
        )

    def points(self, crystal: Program) -> ReciprocalPoints:
        """Return the points of one crystal; pure, finite for every content of the arrays."""
        found, contents = self._found(crystal)
        return self._points(found, contents)

    def summed(
        self, crystal: Program, f: Callable[[ReciprocalPoints], PyTree]
    ) -> tuple[PyTree, Bool[Array, ""]]:
        """Return the sum of a function over the points of one crystal, and `complete`; pure.

        On a CPU the places beyond `usual_points` are computed only where a crystal needs them:
        reflections stand first, so that room to grow costs little.
        """
        found, contents = self._found(crystal)
        complete = contents.usable & found.complete & contents.known

        def of_part(part: SphereSums) -> PyTree:
            return f(self._points(part, contents))

        # Under vmap, as on other devices, both branches of the condition are computed.
        split = self.usual_points if jax.default_backend() == "cpu" else self.max_points
        if split >= self.max_points:
            return of_part(found), complete
        first, beyond = found.cut(split)
        total = of_part(first)
        nothing = jax.tree.map(jnp.zeros_like, total)
        more = jax.lax.cond(jnp.any(beyond.within), of_part, lambda _: nothing, beyond)
        return jax.tree.map(jnp.add, total, more), complete

    def _found(self, crystal: Program) -> tuple[SphereSums, _Contents]:
        lattice, frac, mask = _arrays(crystal)
        weights, rows, known = self._weights(crystal, mask, lattice.dtype)
        factors = jax.tree.map(lambda table: table[rows], self.form_factors)
        matrix, reciprocal, _, regular = safe_cell(lattice)
        usable = regular & jnp.all(jnp.isfinite(frac) | ~mask[:, None]) & countable(weights)
        weights = jnp.where(usable, weights, 0.0)
        x = jnp.where((mask & usable)[:, None], frac, 0.0)
        found = sphere_sums(matrix, reciprocal, x, weights, self.space.q_max, self.box)
        return found, _Contents(factors, jnp.sum(weights, axis=1), usable, known)

    def _points(self, found: SphereSums, contents: _Contents) -> ReciprocalPoints:
        factors, amounts, usable, known = contents
        f = factors(jnp.sum(found.q * found.q, axis=-1) / (16 * np.pi**2))
        real, imag = jnp.sum(f[None] * found.sums, axis=1)
        x = jnp.where(found.within, found.size / self.space.q_max, 0.0)
        intensity = self.space.intensities((real, imag), x, amounts, factors)
        return ReciprocalPoints(
            q=found.q,
            intensity=jnp.where(found.within & usable, intensity, 0.0),
            multiplicity=jnp.where(found.within, jnp.asarray(2, x.dtype), 0.0),
            complete=usable & found.complete & known,
            specification=self.space,
        )

    def _weights(
        self, crystal: Program, mask: Bool[Array, " N"], dtype: Any
    ) -> tuple[Array, Array, Bool[Array, ""]]:
        """Weight of each atom in the sum of each element; see `element_slots`."""
        plain = isinstance(crystal, CrystalArrays)
        species = crystal.species if plain else crystal.atomic_numbers
        weights, rows, known = element_slots(
            species, mask, self.row, self.form_factors.c.shape[0], self.max_species, dtype
        )
        if plain:
            return weights, rows, known
        neutral = (crystal.charges == 0) & (crystal.isotopes == 0)
        finite = jnp.isfinite(crystal.occupancies)
        own = jnp.where(mask & finite, crystal.occupancies, 0.0)
        return weights * own[None, :], rows, known & jnp.all((neutral & finite) | ~mask)


def _arrays(crystal: Program) -> tuple[Array, Array, Array]:
    matrix = crystal.matrix if isinstance(crystal, CrystalArrays) else crystal.lattice.matrix
    return matrix, crystal.frac_coords, crystal.mask


@functools.cache
def _elements(kind: str) -> tuple[int, ...]:
    """Atomic numbers that a table holds."""
    found = []
    for number in range(1, 119):
        try:
            FormFactors.build([number], kind=kind)
        except ValueError:
            continue
        found.append(number)
    return tuple(found)
