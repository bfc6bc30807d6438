"""The reconstruction: from a target descriptor to the crystals that have it."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Array, Float

from .._core import computing_dtype
from ..crystal import Crystal, WyckoffCrystal, host_crystal
from ..descriptors import Description
from ._abstract_optimiser import CHUNK, AbstractOptimiser
from ._adam import Adam
from ._conclusion import concluded
from ._levenberg_marquardt import LevenbergMarquardt
from ._objective import Objective, check_target
from ._problem import Problem
from ._result import Reconstruction
from ._search import Found, SearchNews, search
from ._search_plan import search_problem
from ._starts import draw_variables

#: Random starts that are begun for each one that is carried through.
DRAWN = 4
#: With so few free parameters about every start gets there.
FEW = 3


def from_descriptor(
    target: Description,
    like: Any,
    *,
    starts: int = 64,
    key: Array | int = 0,
    objective: Objective | None = None,
    perturbation: tuple[float, float] | None = None,
    initial: Float[Any, "starts v"] | None = None,
    cell_range: float = 0.2,
    volume: float | None = None,
    optimiser: AbstractOptimiser | None = None,
    polish: AbstractOptimiser | None = LevenbergMarquardt(),  # noqa: B008 (immutable)
    tolerance: float = 1e-8,
    progress: bool = True,
    on_chunk: Callable[[SearchNews], object] | None = None,
) -> Reconstruction:
    """Recover a crystal from its descriptor, its space group and its Wyckoff sites (eq. 18).

    Of random starts four times as many are begun, and after 50 iterations those of the lowest loss
    are carried through (successive halving). Starts run side by side and in threads, by compiled
    programs that all crystals of about the same number of atoms share, whatever their group.
    Ctrl-C ends the search early and returns what has been found.

    Args:
        target: what a descriptor says of the crystal sought (`describe`); it knows which one.
        like: space group, sites, and the cell around which random starts are drawn; its free
            coordinates matter only with `perturbation`. The symmetry of a `Crystal` or ASE `Atoms`
            is found first (`WyckoffCrystal.from_crystal`).
        starts: number of starts that are carried through.
        key: seed or random key of the starts.
        objective: weights, penalty and further terms, default `Objective()`.
        perturbation: (d_lat, d_coor): start from `like` perturbed as the paper does instead of
            fully random (see `perturb`).
        initial: unconstrained variables of the starts (`WyckoffCrystal.to_variables`), shape
            (starts, v), instead of drawing them; `starts` and `key` are then not used, and all are
            carried through.
        cell_range: relative half-width of random cell lengths.
        volume: cell volume of random starts, angstrom^3 (see `estimate_volume`).
        optimiser: first stage, default `Adam()`, from perturbations `Adam.from_displaced(d_coor)`.
        polish: second stage, default `LevenbergMarquardt()`, for starts whose loss is at most 0.01
            or 100 tolerances; None for none.
        tolerance: loss, further terms included, below which a start has converged.
        progress: show a progress bar.
        on_chunk: called with a `SearchNews` after every chunk of iterations of some starts, in
            their thread; the chunk after it waits for it.

    Returns:
        Best crystal, losses, histories, and every distinct crystal within the tolerance.

    Raises:
        ValueError: no starts, a target that cannot be reproduced (see `Objective.plan`), or
            something that is no crystal.
    """
    begin = time.perf_counter()
    check_target(target)
    objective = Objective() if objective is None else objective
    like = _with_symmetry(like)
    if optimiser is None:
        # A start near the solution only has to walk; a random one has to leave wrong basins.
        optimiser = Adam() if perturbation is None else Adam.from_displaced(perturbation[1])
    if initial is None:
        if starts < 1:
            raise ValueError(f"starts: expected at least 1, got {starts}")
        halved = perturbation is None and optimiser.resumed and optimiser.steps > CHUNK
        drawn = starts * (DRAWN if halved and like.n_free > FEW else 1)
        initial = draw_variables(like, key, drawn, perturbation, cell_range, volume)
    elif np.ndim(initial) != 2 or np.shape(initial)[1] != like.n_free:
        raise ValueError(
            f"initial: expected shape (starts, {like.n_free}), got {np.shape(initial)}"
        )
    else:
        starts = np.shape(initial)[0]
    initial = np.asarray(initial, computing_dtype(like.lattice_parameters.dtype))
    stretch = 1.1 + cell_range if perturbation is None else 1.15 + perturbation[0] / 2
    planned = search_problem(objective, target, like, stretch)
    if planned is None:
        problem, cell = Problem(like, objective.plan(target, like, max_stretch=stretch)), None
    else:
        problem, cell = planned
    if isinstance(polish, LevenbergMarquardt):
        polish = polish.for_tolerance(tolerance)

    from tqdm import tqdm

    def tell(now: Callable[[], Found], stopped: Callable[[], bool]) -> None:
        if on_chunk is not None:
            on_chunk(SearchNews(target, like, tolerance, now, stopped))

    total = optimiser.steps + (0 if polish is None else polish.steps)
    with tqdm(total=total, disable=not progress, unit="step") as bar:
        found = search(problem, optimiser, polish, initial, starts, tolerance, bar, cell, tell)
    return concluded(problem, objective, target, like, found, tolerance, begin)


def _with_symmetry(like: Any) -> WyckoffCrystal:
    if isinstance(like, WyckoffCrystal):
        return like
    return WyckoffCrystal.from_crystal(Crystal.from_host(host_crystal(like, "like")))
