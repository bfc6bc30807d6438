"""`RepresentPlan`: how large a crystal may become before `represent` says so."""

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import equinox as eqx
import numpy as np
from jaxtyping import Array, Int

from .._core import count, device_array
from ..crystal import host_crystals
from ..diffraction import HklBox, box_size
from ..scattering import FormFactors
from ._descriptor import Descriptor


class RepresentPlan(eqx.Module):
    """Static capacity and tables of `represent`.

    Two plans of the same bounds, points, slots and elements share one compiled program.

    Attributes:
        form_factors: table of the elements, one row each, neutral atoms.
        row: row of each atomic number, shape (119,); -1 for elements that the plan has not.
        box: reflections that are looked through.
        slots: how many different elements one crystal may hold.
        descriptor: what is computed.
    """

    form_factors: FormFactors
    row: Int[Array, " 119"]
    box: HklBox
    slots: int = eqx.field(static=True)
    descriptor: Descriptor

    @classmethod
    def build(
        cls,
        descriptor: Descriptor,
        bounds: Sequence[int],
        points: int,
        *,
        slots: int = 4,
        elements: Sequence[int | str] | None = None,
        dtype: Any = None,
    ) -> "RepresentPlan":
        """Plan of a stated capacity (host only).

        Args:
            descriptor: what to compute; X-rays or electrons or neutrons, without displacement
                factors and anomalous scattering.
            bounds: largest |h|, |k|, |l| along the axes of a cell in the order of their lengths:
                an axis of length a needs q_max a / 2 pi.
            points: reflections in half the sphere: a volume V needs about q_max^3 V / 12 pi^2.
            slots: different elements in one crystal.
            elements: numbers or symbols, default all that the table of form factors holds.
            dtype: of the tables, default JAX's current one.

        Raises:
            ValueError: a descriptor of another kind, bounds or numbers that are not positive
                integers, or an element without a table entry.
        """
        if not isinstance(descriptor, Descriptor):
            raise ValueError(
                f"descriptor: expected a Descriptor, got {type(descriptor).__name__}, whose "
                "reflection list does not follow the cell"
            )
        space = descriptor.spectrum.space
        if space.displacements or space.wavelength is not None:
            raise ValueError(
                "descriptor: expected no displacement factors and no wavelength, since a batch "
                f"holds atomic numbers alone; got {space}"
            )
        box = HklBox.build(bounds, points, dtype)
        numbers = _elements(space.kind) if elements is None else elements
        factors = FormFactors.build(list(numbers), kind=space.kind, dtype=dtype)
        keys = np.asarray(factors.keys)
        if keys[:, 1:].any() or len(np.unique(keys[:, 0])) < len(keys):
            raise ValueError(f"elements: expected neutral atoms, each once, got {list(numbers)}")
        row = np.full(119, -1)
        row[keys[:, 0]] = np.arange(len(keys))
        return cls(
            # Labels are static and would compile every choice of elements anew.
            form_factors=dataclasses.replace(factors, species=()),
            row=device_array(row, np.int32),
            box=box,
            slots=count(slots, "slots", 1),
            descriptor=descriptor,
        )

    @classmethod
    def for_crystals(
        cls,
        descriptor: Descriptor,
        crystals: Any,
        *,
        margin: float | int = 1.3,
        stretch: float | int | None = None,
        slots: int | None = None,
        elements: Sequence[int | str] | None = None,
        dtype: Any = None,
    ) -> "RepresentPlan":
        """Plan that serves some crystals and others about as large (host only).

        Args:
            descriptor: what to compute.
            crystals: a batch, or crystals of any kind (`host_crystals`).
            margin: how far the volume of the largest cell may grow; time and memory are
                proportional to it.
            stretch: how far an axis may grow, default sqrt(margin); costs less.
            slots: different elements in one crystal, default the most that one of them holds,
                at least 4.
            elements: numbers or symbols, default all that the table of form factors holds.
            dtype: of the tables, default that of the crystals.

        Raises:
            ValueError: no crystals, a margin or stretch below 1, or as `build`.
        """
        cells = contents_of(crystals)
        if not cells:
            raise ValueError("crystals: expected at least one, got none")
        dtype = dtype_of(crystals) if dtype is None else dtype
        q_max = descriptor.spectrum.space.q_max
        matrices = np.stack([cell.matrix for cell in cells])
        bounds, points = box_size(matrices, q_max, margin, stretch)
        return cls.build(
            descriptor,
            bounds,
            points,
            slots=max([4, *(len(cell.elements) for cell in cells)]) if slots is None else slots,
            elements=elements,
            dtype=dtype,
        )

    @property
    def elements(self) -> tuple[int, ...]:
        """Atomic numbers of the columns of species weights (host)."""
        return tuple(int(z) for z in np.asarray(self.form_factors.keys)[:, 0])

    @property
    def bounds(self) -> tuple[int, int, int]:
        """Largest |h|, |k|, |l| along the shortest, middle and longest axis of a cell."""
        return self.box.bounds

    @property
    def points(self) -> int:
        """How many reflections half the sphere may hold."""
        return self.box.points


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


class Content(NamedTuple):
    """What decides how much room a crystal needs.

    Attributes:
        matrix: rows a, b, c, angstrom.
        elements: atomic numbers.
        n_sites: sites of any occupancy.
        amount: atoms, the sum of the occupancies.
        least: the smallest occupancy.
    """

    matrix: np.ndarray
    elements: set[int]
    n_sites: int
    amount: float
    least: float


def contents_of(crystals: Any) -> list[Content]:
    """What each crystal holds.

    Raises:
        ValueError: as `host_crystals`.
    """
    return [
        Content(
            atoms.matrix,
            {int(z) for z in atoms.atomic_numbers},
            len(atoms),
            float(atoms.occupancies.sum()),
            float(atoms.occupancies.min()),
        )
        for given in host_crystals(crystals)
        if len(atoms := given.occupied(np.finfo(float).tiny))
    ]


def dtype_of(crystals: Any) -> Any:
    """Precision of a batch, or of the first of some crystals."""
    return host_crystals(crystals)[0].dtype
