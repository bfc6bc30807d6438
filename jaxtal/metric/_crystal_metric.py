"""`CrystalMetric`: a vector of a crystal whose Euclidean distances tell crystals apart."""

import json
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from .._core import count, safe_divide
from ..crystal import Chunk, CrystalBatch, is_crystal
from ..diffraction.sums import box_size, countable, element_slots, safe_cell, sphere_sums
from ._contents import contents_of, dtype_of, over_batch
from ._fingerprint import Fingerprint
from ._hand import hand_vector
from ._local_distances import local_distance_vector
from ._many_crystals import fingerprints
from ._metric_plan import ELEMENTS, NEIGHBOURS, MetricPlan, neighbours_needed, reduced_unit
from ._nearest_neighbours import Neighbours, nearest_neighbours, neighbour_bounds
from ._spectrum_term import SPREADS, scaled_spectra

#: Distance within which two crystals count as one, for default settings with `composition=1`. Of
#: the 288 AFLOW prototypes that pymatgen ships, the nearest two different ones are at 0.157 (0.113
#: without the composition; pyrite, which is listed twice, at 0.003); displacements of 0.05 angstrom
#: (r.m.s.) move 86 % of them by less than 0.1, and half of them by less than 0.052.
DUPLICATE_DISTANCE = 0.1
#: The terms beside the spectrum, in their order in the vector.
TERMS = ("composition", "density", "distances", "hand")


class CrystalMetric(eqx.Module):
    r"""Distance between crystals that no choice of cell, origin, orientation or setting changes.

    The vector of a crystal joins up to five terms, and the distance of two crystals is that of
    their vectors. The *spectrum* is that of the crystal scaled to one volume per atom, V / N = 1
    (`scaled_spectra`): where the atoms are, how heavy and light ones alternate, and the sublattice
    of each element. Then, if their weights are not zero, the *composition* (share of each
    element), the *density* (log V / N), the *distances* (sorted neighbour distances atom by atom,
    `local_distance_vector`) and the *hand* (`hand_vector`).

    | term | cannot see |
    |---|---|
    | spectrum | homometric crystals, the hand, the density; of elements, all but Z / <Z> |
    | composition | how the atoms are arranged |
    | density | all but the volume per atom |
    | distances | elements, the hand, the density, crystals of equal distances atom by atom |
    | hand | all that equals its mirror image; chiral crystals whose sites all have high symmetry |

    For 288 AFLOW prototypes disguised by another cell, origin and orientation, strained by 2 % and
    changed in volume by 5 %, with atoms displaced by 0.05 / 0.1 angstrom (r.m.s.), the spectrum
    alone finds the original among all 288 in 99.9 / 99.8 % of 1440 trials, and likewise in 100 /
    99.8 % for 288 crystals of Matbench that had no part in its design (`benchmarks/matching.py`);
    different structures are about 1 to 3 apart.

    Attributes:
        n_max: number of radial functions.
        l_max: highest degree; only even ones are used.
        q_max: radius of the sphere in reduced units, q (V / N)^(1/3).
        composition: weight of the composition.
        density: weight of log(V / N / 1 cubic angstrom).
        distances: weight of the neighbour distances.
        hand: weight of the hand.
    """

    n_max: int = eqx.field(static=True)
    l_max: int = eqx.field(static=True)
    q_max: float = eqx.field(static=True)
    composition: float = eqx.field(static=True)
    density: float = eqx.field(static=True)
    distances: float = eqx.field(static=True)
    hand: float = eqx.field(static=True)

    def __init__(
        self,
        n_max: int = 10,
        l_max: int = 10,
        q_max: float | int = 22.0,
        *,
        composition: float | int = 0.0,
        density: float | int = 0.0,
        distances: float | int = 0.0,
        hand: float | int = 0.0,
    ):
        """Args as the attributes.

        Raises:
            ValueError: n_max < 1, l_max < 0, q_max <= 0, or a weight that is negative or not
                finite.
        """
        self.n_max = count(n_max, "n_max", 1)
        self.l_max = count(l_max, "l_max", 0)
        self.q_max = _number(q_max, "q_max")
        if self.q_max == 0:
            raise ValueError("q_max: expected a positive number, got 0")
        self.composition = _number(composition, "composition")
        self.density = _number(density, "density")
        self.distances = _number(distances, "distances")
        self.hand = _number(hand, "hand")

    @property
    def sees_neighbours(self) -> bool:
        """Whether a term needs the neighbours of each atom."""
        return self.distances > 0 or self.hand > 0

    @property
    def specification(self) -> str:
        """Everything that decides the numbers, as JSON."""
        names = ("n_max", "l_max", "q_max", *TERMS)
        settings = {name: getattr(self, name) for name in names}
        return json.dumps({"metric": "jaxtal", "spreads": SPREADS} | settings)

    def plan(
        self,
        crystals: Any,
        *,
        margin: float | int = 1.3,
        slots: int | None = None,
        elements: Sequence[int] = ELEMENTS,
        dtype: Any = None,
    ) -> MetricPlan:
        """Plan that serves some crystals and others about as large (host only).

        Args:
            crystals: a batch, or crystals.
            margin: how many times the atoms of the largest of them a cell may hold, and how far
                its axes may grow in units of (V / N)^(1/3).
            slots: different elements in one crystal, default the most that one of them holds, at
                least 4.
            elements: atomic numbers, default all.
            dtype: of the tables, default that of the crystals.

        Raises:
            ValueError: no crystals, a margin below 1, occupancies that are negative or too small
                for terms of neighbours, or as `MetricPlan.build`.
        """
        cells = contents_of(crystals)
        if not cells:
            raise ValueError("crystals: expected at least one, got none")
        dtype = dtype_of(crystals) if dtype is None else dtype
        scaled = [cell.matrix / reduced_unit(cell.matrix, cell.amount) for cell in cells]
        bounds, points = box_size(np.stack(scaled), self.q_max, margin, margin)
        most = max(len(cell.elements) for cell in cells)
        images, neighbours = None, NEIGHBOURS
        if self.sees_neighbours:
            neighbours = neighbours_needed(min(cell.least for cell in cells))
            matrices = np.stack([cell.matrix for cell in cells])
            sites = [cell.n_sites for cell in cells]
            images = neighbour_bounds(matrices, sites, neighbours, margin=margin)
        slots = max(4, most) if slots is None else slots
        return MetricPlan.build(
            bounds,
            points,
            slots=slots,
            elements=elements,
            images=images,
            neighbours=neighbours,
            dtype=dtype,
        )

    def of(self, crystals: Any) -> Fingerprint:
        """Vectors of any crystals, in one call (host only).

        Cells are reduced first, which changes nothing but the work; crystals of similar size share
        a compiled program. Sites may be partly occupied; those below 0.001 are left out.

        Args:
            crystals: one of any kind (`host_crystal`), a batch, or any iterable of n.

        Returns:
            Vector (D,), or vectors (n, D), as NumPy arrays. `complete` is False for cells that are
            near-singular in this precision, whose vectors are zero.

        Raises:
            ValueError: something that is no crystal, no atoms, numbers that are not finite, a
                singular cell, an unknown element, or occupancies too small for terms of
                neighbours; the crystal is named by its place.
        """
        found = fingerprints(self, crystals)
        return jax.tree.map(lambda x: x[0], found) if is_crystal(crystals) else found

    def fingerprint(
        self,
        lattice: Float[Array, "3 3"],
        frac: Float[Array, "N 3"],
        species: Int[Array, " N"] | Float[Array, "N Z"],
        mask: Bool[Array, " N"],
        plan: MetricPlan,
    ) -> Fingerprint:
        """Vector of one crystal; pure, for jit, vmap, grad and scan.

        Args:
            lattice: rows a, b, c, angstrom; either hand.
            frac: fractional coordinates.
            species: atomic numbers; or occupancies of each of `plan.elements` (columns).
            mask: True for atoms.
            plan: capacity.

        Returns:
            The vector, and whether it is that of the whole crystal; it is
            finite, with finite gradients, for every content of the arguments. It is zero for a
            near-singular cell, for numbers that are not finite and for no atoms, that is less than
            0.001 or more than 10^6; it is incomplete where an occupancy is negative.

        Raises:
            ValueError: species weights whose columns are not those of the plan, or a plan without
                neighbours for a metric that needs them.
        """
        if self.sees_neighbours and plan.images is None:
            raise ValueError(
                "plan: expected one for a metric with distances or hand, got one without `images`"
            )
        dtype = lattice.dtype
        weights, rows, known = element_slots(
            species, mask, plan.row, plan.numbers.shape[0], plan.slots, dtype
        )
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
        found = sphere_sums(matrix / unit, reciprocal * unit, x, weights, self.q_max, plan.box)
        parts = [
            scaled_spectra(found, numbers, amounts, n_atoms, self.n_max, self.l_max, self.q_max)
        ]
        complete = usable & found.complete & known
        if self.composition:
            shares = jnp.zeros((118,), dtype).at[plan.numbers[rows] - 1].add(amounts / n_atoms)
            parts.append(self.composition * shares)
        if self.density:
            parts.append(self.density * jnp.log(volume / n_atoms)[None])
        if self.sees_neighbours and plan.images is not None:
            near = nearest_neighbours(
                matrix, x, jnp.sum(weights, axis=0) > 0, plan.neighbours, plan.images
            )
            local, found_all = self._local(near, weights, numbers)
            parts, complete = parts + local, complete & found_all
        return Fingerprint(
            vector=jnp.where(usable, jnp.concatenate(parts), 0.0),
            complete=complete,
            specification=self.specification,
        )

    def fingerprints(
        self, batch: CrystalBatch, plan: MetricPlan, *, chunk: Chunk = "auto"
    ) -> Fingerprint:
        """Vectors of all crystals of a batch; pure, for jit and grad.

        Args:
            batch: B crystals.
            plan: capacity.
            chunk: crystals computed side by side, see `map_crystals`.

        Returns:
            Vectors (B, D), and which are complete (B,).

        Raises:
            ValueError: a chunk below 1.
        """

        def one(matrix: Array, frac: Array, species: Array, mask: Array) -> Fingerprint:
            return self.fingerprint(matrix, frac, species, mask, plan)

        return over_batch(one, batch, chunk)

    def _local(
        self, near: Neighbours, weights: Float[Array, "S N"], numbers: Float[Array, " S"]
    ) -> tuple[list[Array], Bool[Array, ""]]:
        """Terms of neighbours, and whether all neighbours were found."""
        amounts = jnp.sum(weights, axis=0)
        mean = safe_divide(jnp.sum(weights * numbers[:, None], axis=0), amounts)
        parts, complete = [], near.complete
        if self.distances:
            vector, enough = local_distance_vector(near, amounts, NEIGHBOURS)
            parts, complete = [self.distances * vector], complete & enough
        if self.hand:
            vector, enough = hand_vector(near, amounts, mean, NEIGHBOURS)
            parts, complete = [*parts, self.hand * vector], complete & enough
        return parts, complete


def _number(value: Any, name: str) -> float:
    number = float(value)
    if not (np.isfinite(number) and number >= 0):
        raise ValueError(f"{name}: expected a finite number of at least 0, got {value}")
    return number
