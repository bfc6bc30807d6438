"""`MetricPlan`: the room in which a compiled program computes the vector of a crystal."""

from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from .._core import Devices, count, device_array, safe_divide
from ..crystal import CrystalArrays, HostAtoms
from ..crystal.apply import Chunk, Program, apply_plan
from ..diffraction.sums import HklBox, box_size, countable, element_slots, safe_cell, sphere_sums
from ._abstract_metric import AbstractMetric
from ._fingerprint import Fingerprint
from .terms._hand_vector import hand_vector
from .terms._local_distances import NEIGHBOURS, local_distance_vector, neighbours_needed
from .terms._nearest_neighbours import Neighbours, nearest_neighbours, neighbour_bounds
from .terms._resolved_lines import resolved_lines
from .terms._scaled_spectra import scaled_spectra

#: What species may be: everything.
ELEMENTS = tuple(range(1, 119))
#: Places for different elements in one crystal, at least.
_FEWEST_SPECIES = 4


class MetricPlan(eqx.Module):
    """Room for crystals of any cell, made by `CrystalMetric.plan`; maps them to fingerprints.

    A crystal does not fit if it has more reflections, longer axes, more elements or more distant
    neighbours than there is room for, or elements that the plan has not. Neither does one whose
    cell is near-singular (a volume below 1e-4 |a| |b| |c|, or an axis outside 0.01..10,000
    angstrom), with numbers that are not finite, with less than 0.001 or more than 10^6 atoms, whose
    vectors are zero, or with a negative occupancy.

    Attributes:
        specification: the `CrystalMetric` it was made for.
        box: reflections that are looked through.
        numbers: atomic numbers of the columns of species weights, shape (E,).
        row: place of each atomic number among them, shape (119,); -1 for those that are not.
        max_species: how many different elements one crystal may hold.
        images: largest lattice translation along the shortest, middle and longest axis among
            which neighbours are searched; None if no term needs neighbours.
        neighbours: how many are listed of each atom.
    """

    specification: AbstractMetric
    box: HklBox
    numbers: Int[Array, " E"]
    row: Int[Array, " 119"]
    max_species: int = eqx.field(static=True)
    images: tuple[int, int, int] | None = eqx.field(static=True)
    neighbours: int = eqx.field(static=True)

    @classmethod
    def build(
        cls,
        metric: AbstractMetric,
        bounds: Sequence[int],
        max_points: int,
        *,
        max_species: int = _FEWEST_SPECIES,
        elements: Sequence[int] = ELEMENTS,
        images: Sequence[int] | None = None,
        neighbours: int = NEIGHBOURS,
    ) -> "MetricPlan":
        """Make a plan of stated room (host only); `CrystalMetric.plan` chooses it.

        Args:
            metric: what makes the vectors.
            bounds: largest |h|, |k|, |l| along the axes of a cell in the order of their lengths:
                an axis of length a needs q_max a (N / V)^(1/3) / 2 pi.
            max_points: reflections in half the sphere: N atoms need about q_max^3 N / 12 pi^2.
            max_species: different elements in one crystal.
            elements: atomic numbers, default all.
            images: bounds of the lattice translations among which neighbours are searched; needed
                if the metric has distances or the hand.
            neighbours: how many are listed of each atom: 32 if all sites are full, more else.

        Raises:
            ValueError: numbers that are not counts, elements that are none or repeat, or no images
                for a metric that needs them.
        """
        numbers = np.asarray(elements, np.int64)
        if not len(numbers) or len(set(elements)) < len(numbers):
            raise ValueError(f"elements: expected different ones, got {list(elements)}")
        bad = [z for z in elements if not 1 <= z <= 118]
        if bad:
            raise ValueError(f"elements: expected atomic numbers from 1 to 118, got {bad[0]}")
        if metric.sees_neighbours and images is None:
            raise ValueError("images: expected bounds for a metric with distances or hand")
        row = np.full(119, -1)
        row[numbers] = np.arange(len(numbers))
        return cls(
            specification=metric,
            # Indices are whole numbers, exact in the precision of any crystal.
            box=HklBox.build(bounds, max_points, np.float32),
            numbers=device_array(numbers, np.int32),
            row=device_array(row, np.int32),
            max_species=count(max_species, "max_species", 1),
            images=_three(images) if metric.sees_neighbours else None,
            neighbours=count(neighbours, "neighbours", NEIGHBOURS),
        )

    @classmethod
    def for_crystals(
        cls,
        metric: AbstractMetric,
        crystals: list[HostAtoms],
        *,
        max_stretch: float | int,
        max_atoms: int | float | None,
        max_species: int | None,
        elements: Sequence[int],
    ) -> "MetricPlan":
        """Make a plan with room for some crystals (host only); see `CrystalMetric.plan`."""
        amounts = [float(atoms.occupancies.sum()) for atoms in crystals]
        scaled = [
            atoms.matrix / reduced_unit(atoms.matrix, amount)
            for atoms, amount in zip(crystals, amounts, strict=True)
        ]
        more = max_stretch if max_atoms is None else max_atoms / max(amounts)
        if max_atoms is not None and not more >= 1:
            raise ValueError(
                f"max_atoms: expected at least the {max(amounts):g} of a crystal, got {max_atoms}"
            )
        bounds, points = box_size(np.stack(scaled), metric.q_max, max_stretch, more)
        most = max(len(np.unique(atoms.atomic_numbers)) for atoms in crystals)
        images, neighbours = None, NEIGHBOURS
        if metric.sees_neighbours:
            neighbours = neighbours_needed(min(atoms.occupancies.min() for atoms in crystals))
            matrices = np.stack([atoms.matrix for atoms in crystals])
            sites = [len(atoms) for atoms in crystals]
            images = neighbour_bounds(matrices, sites, neighbours, max_stretch=max_stretch)
        return cls.build(
            metric,
            bounds,
            points,
            max_species=max(_FEWEST_SPECIES, most) if max_species is None else max_species,
            elements=elements,
            images=images,
            neighbours=neighbours,
        )

    @property
    def elements(self) -> tuple[int, ...]:
        """Atomic numbers of the columns of species weights (host)."""
        return tuple(int(z) for z in np.asarray(self.numbers))

    def __call__(
        self, crystals: Any, *, chunk: Chunk = "auto", mesh: Devices = None
    ) -> Fingerprint:
        """Compute the vector of a crystal, or of several with their axis first; pure.

        For jit, vmap, grad and scan; outside of them one program for each shape. Cells are taken as
        they are, not reduced. Values and gradients are finite for every content of the arrays.

        Args:
            crystals: of any kind, one or several, see `crystal.apply.apply_plan`; species weights
                of `CrystalArrays` are those of `elements`, in which the vector is differentiable.
            chunk: crystals computed side by side, see `crystal.apply.map_crystals`.
            mesh: devices that several crystals are dealt to, see `crystal.apply.apply_plan`.

        Raises:
            ValueError: something that is no crystal, species weights whose columns are not
                `elements`, or a chunk below 1.
        """
        return apply_plan(_fingerprint, self, crystals, chunk, mesh)

    def __repr__(self) -> str:
        """Print the room in one line."""
        return (
            f"MetricPlan: |h| <= {self.box.bounds}, {self.box.points} reflections, "
            f"{self.max_species} of {self.numbers.shape[0]} elements; {self.specification!r}"
        )


def reduced_unit(matrix: Float[np.ndarray, "3 3"], amount: float) -> float:
    """Return (V / N)^(1/3), the unit of length of the metric, angstrom (host)."""
    return float((abs(np.linalg.det(matrix)) / amount) ** (1 / 3))


def _three(images: Sequence[int] | None) -> tuple[int, int, int]:
    if images is None or len(images) != 3:
        raise ValueError(f"images: expected three bounds, got {images}")
    a, b, c = (count(n, "images", 0) for n in images)
    return a, b, c


def _fingerprint(plan: MetricPlan, crystal: Program) -> Fingerprint:
    """Fingerprint of one crystal that is at hand as arrays; pure and finite always."""
    metric = plan.specification
    plain = isinstance(crystal, CrystalArrays)
    lattice = crystal.matrix if plain else crystal.lattice.matrix
    frac, mask, dtype = crystal.frac_coords, crystal.mask, lattice.dtype
    weights, rows, known = element_slots(
        crystal.species if plain else crystal.atomic_numbers,
        *(mask, plan.row, plan.numbers.shape[0], plan.max_species, dtype),
    )
    if not plain:
        finite = jnp.isfinite(crystal.occupancies)
        filled = jnp.where(mask & finite, crystal.occupancies, 0.0)
        weights, known = weights * filled[None, :], known & jnp.all(finite | ~mask)
    numbers = plan.numbers[rows].astype(dtype)
    known = known & jnp.all(weights >= 0)
    matrix, reciprocal, volume, regular = safe_cell(lattice)
    usable = regular & jnp.all(jnp.isfinite(frac) | ~mask[:, None])
    usable = usable & countable(weights)
    weights = jnp.where(usable, weights, 0.0)
    amounts = jnp.sum(weights, axis=1)
    n_atoms = jnp.where(usable, jnp.sum(amounts), 1.0)
    unit = jnp.cbrt(volume / n_atoms)
    x = jnp.where((mask & usable)[:, None], frac, 0.0)
    found = sphere_sums(matrix / unit, reciprocal * unit, x, weights, metric.q_max, plan.box)
    sizes = (metric.n_max, metric.l_max, metric.q_max)
    parts = [scaled_spectra(found, numbers, amounts, n_atoms, *sizes)]
    complete = usable & found.complete & known
    if metric.composition:
        shares = jnp.zeros((118,), dtype).at[plan.numbers[rows] - 1].add(amounts / n_atoms)
        parts.append(metric.composition * shares)
    if metric.stacking:
        parts.append(metric.stacking * resolved_lines(found, n_atoms, metric.q_max))
    if metric.density:
        parts.append(metric.density * jnp.log(volume / n_atoms)[None])
    if metric.sees_neighbours and plan.images is not None:
        filled = jnp.sum(weights, axis=0) > 0
        near = nearest_neighbours(matrix, x, filled, plan.neighbours, plan.images)
        local, enough = _of_neighbours(metric, near, weights, numbers)
        parts, complete = parts + local, complete & enough
    return Fingerprint(
        vector=jnp.where(usable, jnp.concatenate(parts), 0.0),
        complete=complete,
        specification=metric,
    )


def _of_neighbours(
    metric: AbstractMetric,
    near: Neighbours,
    weights: Float[Array, "S N"],
    numbers: Float[Array, " S"],
) -> tuple[list[Array], Bool[Array, ""]]:
    """Terms of neighbours, and whether all neighbours were found."""
    amounts = jnp.sum(weights, axis=0)
    mean = safe_divide(jnp.sum(weights * numbers[:, None], axis=0), amounts)
    parts, complete = [], near.complete
    if metric.distances:
        vector, enough = local_distance_vector(near, amounts, NEIGHBOURS)
        parts, complete = [metric.distances * vector], complete & enough
    if metric.hand:
        vector, enough = hand_vector(near, amounts, mean, NEIGHBOURS)
        parts, complete = [*parts, metric.hand * vector], complete & enough
    return parts, complete
