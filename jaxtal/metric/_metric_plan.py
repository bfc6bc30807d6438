"""`MetricPlan`: how large a crystal may become before `CrystalMetric.fingerprint` says so."""

import math
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float, Int

from .._core import count, device_array
from ..diffraction.sums import HklBox

#: What species may be: everything.
ELEMENTS = tuple(range(1, 119))
#: How many neighbours the terms of distances and of the hand look at.
NEIGHBOURS = 32
#: Longest list of neighbours of an atom, for partly filled sites.
MOST_NEIGHBOURS = 4096


class MetricPlan(eqx.Module):
    """Static capacity of `CrystalMetric.fingerprint`; made by `CrystalMetric.plan`.

    Attributes:
        box: reflections that are looked through.
        numbers: atomic numbers of the columns of species weights, shape (E,).
        row: place of each atomic number among them, shape (119,); -1 for those that are not.
        slots: how many different elements one crystal may hold.
        images: largest lattice translation along the shortest, middle and longest axis among
            which neighbours are searched; None if no term needs neighbours.
        neighbours: how many are listed of each atom.
    """

    box: HklBox
    numbers: Int[Array, " E"]
    row: Int[Array, " 119"]
    slots: int = eqx.field(static=True)
    images: tuple[int, int, int] | None = eqx.field(static=True)
    neighbours: int = eqx.field(static=True)

    @classmethod
    def build(
        cls,
        bounds: Sequence[int],
        points: int,
        *,
        slots: int = 4,
        elements: Sequence[int] = ELEMENTS,
        images: Sequence[int] | None = None,
        neighbours: int = NEIGHBOURS,
        dtype: Any = None,
    ) -> "MetricPlan":
        """Plan of a stated capacity (host only).

        Args:
            bounds: largest |h|, |k|, |l| along the axes of a cell in the order of their lengths:
                an axis of length a needs q_max a (N / V)^(1/3) / 2 pi.
            points: reflections in half the sphere: N atoms need about q_max^3 N / 12 pi^2.
            slots: different elements in one crystal.
            elements: atomic numbers, default all.
            images: bounds of the lattice translations among which neighbours are searched (see
                `neighbour_bounds`), None if the metric has neither distances nor hand.
            neighbours: how many are listed of each atom: 32 if all sites are full, more else.
            dtype: of the tables, default JAX's current one.

        Raises:
            ValueError: numbers that are not counts, or elements that are none or repeat.
        """
        numbers = np.asarray(elements, np.int64)
        if not len(numbers) or len(set(elements)) < len(numbers):
            raise ValueError(f"elements: expected different ones, got {list(elements)}")
        bad = [z for z in elements if not 1 <= z <= 118]
        if bad:
            raise ValueError(f"elements: expected atomic numbers from 1 to 118, got {bad[0]}")
        row = np.full(119, -1)
        row[numbers] = np.arange(len(numbers))
        return cls(
            box=HklBox.build(bounds, points, dtype),
            numbers=device_array(numbers, np.int32),
            row=device_array(row, np.int32),
            slots=count(slots, "slots", 1),
            images=None if images is None else _three(images),
            neighbours=count(neighbours, "neighbours", NEIGHBOURS),
        )

    @property
    def elements(self) -> tuple[int, ...]:
        """Atomic numbers of the columns of species weights (host)."""
        return tuple(int(z) for z in np.asarray(self.numbers))


def _three(images: Sequence[int]) -> tuple[int, int, int]:
    if len(images) != 3:
        raise ValueError(f"images: expected three bounds, got {images}")
    a, b, c = (count(n, "images", 0) for n in images)
    return a, b, c


def neighbours_needed(least: float) -> int:
    """Neighbours whose occupancies, none smaller than this, make up as many whole atoms (host).

    Raises:
        ValueError: they would be too many.
    """
    if least > 1 - 1e-6:
        return NEIGHBOURS
    needed = math.ceil((NEIGHBOURS + 1) / least)
    if needed > MOST_NEIGHBOURS:
        raise ValueError(
            f"expected occupancies of at least {NEIGHBOURS / MOST_NEIGHBOURS:.2g} for terms of "
            f"neighbours, got {least:g}"
        )
    return needed


def reduced_unit(matrix: Float[np.ndarray, "3 3"], amount: float) -> float:
    """(V / N)^(1/3), the unit of length of the metric, angstrom (host)."""
    return float((abs(np.linalg.det(matrix)) / amount) ** (1 / 3))
