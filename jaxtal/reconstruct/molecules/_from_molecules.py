"""The search of a crystal of molecules whose shapes are known."""

import dataclasses
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Array, Float

from ..._core import computing_dtype
from ...crystal import WyckoffCrystal
from ...descriptors import Description
from ...symmetry import SpaceGroup
from .._abstract_optimiser import CHUNK, AbstractOptimiser
from .._adam import Adam
from .._cell_variables import CellVariables
from .._conclusion import concluded
from .._levenberg_marquardt import LevenbergMarquardt
from .._objective import Objective, check_target
from .._reconstruct import DRAWN, from_descriptor
from .._result import Reconstruction
from .._search import Found, SearchNews, search
from .._search_plan import search_problem
from .._starts import widened, words
from ..ab_initio._from_sites import CELL_RANGE, in_cells, with_cell
from ._molecule import Molecule
from ._molecule_problem import MoleculeProblem
from ._packing import packed_volume
from ._placement import Placement, placed
from ._pose_plan import PosePlan

#: Ends whose atoms are freed at last, and the loss up to which they are worth it.
_FREED, _WORTH = 8, 0.1


def from_molecules(
    target: Description,
    group: int | str | SpaceGroup,
    molecules: Sequence[Sequence[Any]],
    *,
    cell: Any = None,
    starts: int = 16,
    key: Array | int = 0,
    cell_range: float = 0.2,
    volume: float | None = None,
    objective: Objective | None = None,
    optimiser: AbstractOptimiser | None = None,
    polish: AbstractOptimiser | None = LevenbergMarquardt(),  # noqa: B008 (immutable)
    free: bool = True,
    tolerance: float = 1e-8,
    lattice_tolerance: float = 1e-11,
    progress: bool = True,
    on_chunk: Callable[[SearchNews], object] | None = None,
) -> Reconstruction:
    """Recover a crystal from its descriptor, its space group and the shapes of its molecules.

        benzene = ase.build.molecule("C6H6")
        from_molecules(target, "P b c a", [(benzene, "4a")])
        from_molecules(target, 19, [(molecule, "4a", "find")], cell=(7.1, 9.4, 12.0))

    What varies are cell, centres, orientations and torsions, at best a tenth of what all
    coordinates are. Starts are random: orientations are equally distributed over all rotations,
    centres over the cell, torsions over the circle. They run as those of `from_descriptor` do.
    Where the shapes are not exactly those of the crystal, atoms are freed at last.

    Args:
        target: what a descriptor says of the crystal sought.
        group: number, symbol or group.
        molecules: for each independent molecule its atoms (ASE `Atoms`, angstrom, in one piece),
            the Wyckoff letter of its centre, of a position of site symmetry 1 or -1, and if any
            turn its torsions: quadruples of atoms, counted from 0, or "find" (single bonds in no
            ring that turn more than hydrogen).
        cell: of about the right size: six parameters (angstrom, degrees) or the free ones. Without
            it those that explain the radial distribution are searched, as `from_sites` does: a
            small cell is found, while large ones have too many reflections in each bin.
        starts: that are carried through (in each cell); four times as many are begun.
        key: seed or random key of the starts.
        cell_range: relative half-width of random lengths around `cell`.
        volume: of the conventional cell, angstrom^3: that of starts; without `cell`, where cells
            are searched first, by default what such molecules take in most crystals.
        objective: weights and penalty, default `Objective()`.
        optimiser: first stage, default `Adam()`.
        polish: second stage, default `LevenbergMarquardt()`; None for none.
        free: whether all atoms move by themselves in the best ends, if none is within the
            tolerance.
        tolerance: loss below which a start has converged.
        lattice_tolerance: share of |G|^2 that a lattice may leave unexplained.
        progress: show a progress bar.
        on_chunk: see `from_descriptor`.

    Returns:
        The reconstruction; crystals in it have every atom as a site of its own.

    Raises:
        ValueError: no starts or molecules, pieces or torsions of molecules that are none, a
            position that a molecule does not fit, a target or an objective that takes more than
            coordinates (displacements, anomalous scattering, further terms), or no cell that
            explains the radial distribution.
    """
    check_target(target)
    found_group = SpaceGroup.find(group)
    placements = _placements(molecules, found_group)
    if starts < 1:
        raise ValueError(f"starts: expected at least 1, got {starts}")
    if not 0 <= cell_range < 1:
        raise ValueError(f"cell_range: expected 0 <= cell_range < 1, got {cell_range}")
    if volume is not None and not (np.isfinite(volume) and volume > 0):
        raise ValueError(f"volume: expected a positive number of angstrom^3, got {volume}")
    one = _Search(
        target,
        found_group,
        placements,
        objective=Objective() if objective is None else objective,
        optimiser=Adam() if optimiser is None else optimiser,
        polish=polish,
        starts=starts,
        seed=words(key),
        free=free,
        tolerance=tolerance,
        progress=progress,
        on_chunk=on_chunk,
    )
    if cell is not None:
        return one.run(cell, cell_range, volume)
    sites = [site for placement in placements for site in placement.sites]
    volume = packed_volume(placements) if volume is None else volume
    return in_cells(
        lambda known: one.run(known, CELL_RANGE, None),
        *(target, found_group, sites, volume, lattice_tolerance),
    )


def _placements(molecules: Sequence[Sequence[Any]], group: SpaceGroup) -> tuple[Placement, ...]:
    if not len(molecules):
        raise ValueError("molecules: expected at least one, got none")
    found = []
    for number, given in enumerate(molecules):
        name = f"molecule {number}"
        if not isinstance(given, Sequence) or len(given) not in (2, 3):
            raise ValueError(f"{name}: expected (atoms, letter) or (atoms, letter, torsions)")
        torsions = given[2] if len(given) == 3 else ()
        molecule = Molecule.of(given[0], torsions, name)
        found.append(placed(molecule, group, given[1], name, isinstance(torsions, str)))
    return tuple(found)


@dataclasses.dataclass(frozen=True)
class _Search:
    """The search in one cell after the other."""

    target: Description
    group: SpaceGroup
    placements: tuple[Placement, ...]
    _: dataclasses.KW_ONLY
    objective: Objective
    optimiser: AbstractOptimiser
    polish: AbstractOptimiser | None
    starts: int
    seed: list[int]
    free: bool
    tolerance: float
    progress: bool
    on_chunk: Callable[[SearchNews], object] | None

    def run(self, given: Any, cell_range: float, volume: float | None) -> Reconstruction:
        """Search around one cell."""
        from tqdm import tqdm

        begin, rng = time.perf_counter(), np.random.default_rng(self.seed)
        sites = [site for placement in self.placements for site in placement.sites]
        made = (self.target.rdf, self.target.power_spectrum)
        dtype = computing_dtype(next(x for x in made if x is not None).dtype)
        # Only its group, sites and cell count: poses do not begin from its coordinates.
        like = with_cell(self.group, given, sites, dtype)
        planned = search_problem(self.objective, self.target, like, 1.1 + cell_range)
        if planned is None:
            raise ValueError(
                "target: expected a descriptor without displacements and anomalous scattering, "
                "conventional axes, and an objective without further terms; got "
                f"{self.target.specification!r} in {self.group.hm}"
            )
        atoms, cell = planned
        plan = PosePlan.build(self.placements, self.group, cell)
        problem = MoleculeProblem(atoms, plan.poses_of(atoms.rest.dtype))
        halved = self.optimiser.resumed and self.optimiser.steps > CHUNK
        count = self.starts * (DRAWN if halved else 1)
        initial = plan.drawn(_cells(like, cell, count, cell_range, volume, rng), rng)
        polish, tolerance = self.polish, self.tolerance
        if isinstance(polish, LevenbergMarquardt):
            polish = polish.for_tolerance(tolerance)

        def public(found: Found) -> Found:
            initial, variables = plan.crystals(found.initial), plan.crystals(found.variables)
            return dataclasses.replace(found, initial=initial, variables=variables)

        def tell(now: Callable[[], Found], stopped: Callable[[], bool]) -> None:
            if self.on_chunk is not None:
                news = SearchNews(self.target, like, tolerance, lambda: public(now()), stopped)
                self.on_chunk(news)

        steps = self.optimiser.steps + (0 if polish is None else polish.steps)
        with tqdm(total=steps, disable=not self.progress, unit="step") as bar:
            initial = initial.astype(atoms.rest.dtype)
            found = search(
                *(problem, self.optimiser, polish, initial, self.starts, tolerance),
                *(bar, None, tell),
            )
        found = public(found)
        rigid = concluded(problem, self.objective, self.target, like, found, tolerance, begin)
        if rigid.success or not self.free or rigid.interrupted:
            return rigid
        best = np.argsort(rigid.losses)[:_FREED]
        best = best[rigid.losses[best] < _WORTH]
        if not len(best):
            return rigid
        freed = from_descriptor(
            self.target,
            like,
            initial=found.variables[best],
            objective=self.objective,
            optimiser=LevenbergMarquardt(),
            polish=None,
            tolerance=tolerance,
            progress=False,
        )
        found.variables[best] = freed.variables
        found = dataclasses.replace(found, losses=rigid.losses.copy())
        found.losses[best] = freed.losses
        return concluded(problem, self.objective, self.target, like, found, tolerance, begin)


def _cells(
    like: WyckoffCrystal,
    cell: CellVariables,
    count: int,
    cell_range: float,
    volume: float | None,
    rng: np.random.Generator,
) -> Float[np.ndarray, "n k"]:
    """Variables of random cells around that of a crystal."""
    system, middle = like.plan.system, np.asarray(like.lattice_parameters, np.float64)
    drawn = [
        widened(system, middle, rng.uniform(-1.0, 1.0, len(middle)), cell_range, volume)
        for _ in range(count)
    ]
    return cell.from_public(np.array([system.unconstrain(one) for one in drawn]))
