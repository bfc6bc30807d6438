"""The reconstruction: from a target descriptor to the crystals that have it."""

import time
from collections.abc import Iterator
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..crystal import Crystal, WyckoffCrystal, host_crystal
from ..descriptors import Description
from ._objective import Objective, ObjectivePlan, check_target
from ._optimise import (
    AbstractOptimiser,
    Adam,
    LevenbergMarquardt,
    Problem,
    final_losses,
    initialise,
    run_chunk,
)
from ._result import Reconstruction, distinct_crystals
from ._starts import perturb, random_crystal

#: Iterations between two looks at the clock; a run can be interrupted there.
CHUNK = 50


def from_descriptor(
    target: Description,
    like: Any,
    *,
    starts: int = 64,
    key: Array | None = None,
    objective: Objective | None = None,
    perturbation: tuple[float, float] | None = None,
    initial: Float[Any, "starts v"] | None = None,
    cell_range: float = 0.2,
    volume: float | None = None,
    optimiser: AbstractOptimiser | None = None,
    polish: AbstractOptimiser | None = LevenbergMarquardt(),  # noqa: B008 (immutable)
    tolerance: float = 1e-8,
    progress: bool = True,
) -> Reconstruction:
    """Recover a crystal from its descriptor, its space group and its Wyckoff sites (eq. 18).

    All starts run at once (`vmap`), each as one compiled `lax.scan` per chunk of iterations.
    Ctrl-C ends the search early and returns what has been found.

    Args:
        target: what a descriptor says of the crystal sought (`describe`); it knows which one.
        like: space group, sites, and the cell around which random starts are drawn; its free
            coordinates matter only with `perturbation`. The symmetry of a `Crystal` or ASE `Atoms`
            is found first (`WyckoffCrystal.from_crystal`).
        starts: number of starts.
        key: random key, default `jax.random.key(0)`.
        objective: weights, penalty and further terms, default `Objective()`.
        perturbation: (d_lat, d_coor): start from `like` perturbed as the paper does instead of
            fully random (see `perturb`).
        initial: unconstrained variables of the starts (`WyckoffCrystal.to_variables`), shape
            (starts, v), instead of drawing them; `starts` and `key` are then not used.
        cell_range: relative half-width of random cell lengths.
        volume: cell volume of random starts, angstrom^3 (see `estimate_volume`).
        optimiser: first stage, default `Adam()`, with a third of its rate from perturbations.
        polish: second stage, default `LevenbergMarquardt()`; None for none.
        tolerance: loss, further terms included, below which a start has converged.
        progress: show a progress bar.

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
    if initial is None:
        key = jax.random.key(0) if key is None else key
        initial = _draw_starts(like, key, starts, perturbation, cell_range, volume)
    elif np.ndim(initial) != 2 or np.shape(initial)[1] != like.n_free:
        raise ValueError(
            f"initial: expected shape (starts, {like.n_free}), got {np.shape(initial)}"
        )
    initial = jnp.asarray(initial, like.lattice_parameters.dtype)
    starts = initial.shape[0]
    stretch = 1.1 + cell_range if perturbation is None else 1.15 + perturbation[0] / 2
    problem = Problem(like, objective.plan(target, like, max_stretch=stretch))
    if optimiser is None:
        # A start near the solution only has to walk; a random one has to leave wrong basins.
        optimiser = Adam() if perturbation is None else Adam(learning_rate=0.02)
    stages = [optimiser]
    if polish is not None:
        stages.append(polish)

    from tqdm import tqdm

    variables, losses, interrupted = initial, np.full(starts, np.inf), False
    history = [np.zeros((starts, 0))]
    with tqdm(total=sum(s.steps for s in stages), disable=not progress, unit="step") as bar:
        for stage in stages:
            moved = variables
            try:
                for latest, values in _iterate(stage, problem, variables, bar):
                    moved = latest
                    history.append(values)
            except KeyboardInterrupt:
                interrupted = True
            trial = np.nan_to_num(np.asarray(final_losses(problem, moved), float), nan=np.inf)
            # A stage never makes a start worse: a line search may end above where it began.
            better = trial <= losses
            losses = np.where(better, trial, losses)
            variables = jnp.where(jnp.asarray(better)[:, None], moved, variables)
            if interrupted:
                break
    converged = losses <= tolerance
    best = like.with_variables(variables[int(np.argmin(losses))])
    loss, solutions = np.inf, []
    for found in distinct_crystals(like, np.asarray(variables), losses, converged):
        verified = _verified_loss(found.crystal, objective, target)
        if verified <= tolerance:
            solutions.append(found)
            if verified < loss:
                best, loss = found.crystal, verified
    if not solutions:
        loss = _verified_loss(best, objective, target)
    return Reconstruction(
        best=best,
        loss=loss,
        success=bool(loss <= tolerance),
        losses=losses,
        converged=converged,
        history=np.concatenate(history, axis=1),
        solutions=tuple(solutions),
        initial=np.asarray(initial),
        variables=np.asarray(variables),
        tolerance=tolerance,
        seconds=time.perf_counter() - begin,
        interrupted=interrupted,
    )


def _with_symmetry(like: Any) -> WyckoffCrystal:
    if isinstance(like, WyckoffCrystal):
        return like
    return WyckoffCrystal.from_crystal(Crystal.from_host(host_crystal(like, "like")))


def _draw_starts(
    like: WyckoffCrystal,
    key: Array,
    starts: int,
    perturbation: tuple[float, float] | None,
    cell_range: float,
    volume: float | None,
) -> Float[Array, "starts v"]:
    if starts < 1:
        raise ValueError(f"starts: expected at least 1, got {starts}")
    if not 0 <= cell_range < 1:
        raise ValueError(f"cell_range: expected 0 <= cell_range < 1, got {cell_range}")
    if volume is not None and not (np.isfinite(volume) and volume > 0):
        raise ValueError(f"volume: expected a positive number of angstrom^3, got {volume}")
    if perturbation is not None and not (0 <= perturbation[0] < 2 and perturbation[1] >= 0):
        raise ValueError(
            f"perturbation: expected 0 <= d_lat < 2 and d_coor >= 0, got {perturbation}"
        )

    return _draw(like, jax.random.split(key, starts), perturbation, cell_range, volume)


@eqx.filter_jit
def _draw(
    like: WyckoffCrystal,
    keys: Array,
    perturbation: tuple[float, float] | None,
    cell_range: float,
    volume: float | None,
) -> Float[Array, "starts v"]:
    def one(key: Array) -> Array:
        if perturbation is None:
            return random_crystal(like, key, cell_range, volume).to_variables()
        return perturb(like, key, *perturbation).to_variables()

    return jax.vmap(one)(keys)


def _iterate(
    stage: AbstractOptimiser, problem: Problem, variables: Array, bar: Any
) -> Iterator[tuple[Array, np.ndarray]]:
    """Variables and losses after each chunk of iterations."""
    state = initialise(stage, variables)
    done = 0
    while done < stage.steps:
        length = min(CHUNK, stage.steps - done)
        variables, state, losses = run_chunk(
            stage, problem, variables, state, jnp.asarray(done), length
        )
        values = np.asarray(losses, dtype=float)
        done += length
        bar.update(length)
        bar.set_postfix_str(f"best loss {np.nanmin(values[:, -1]):.1e}")
        yield variables, values


def _verified_loss(crystal: WyckoffCrystal, objective: Objective, target: Description) -> float:
    """The loss on a list made for this very cell, without using its symmetry."""
    matrix = np.asarray(crystal.lattice.matrix)
    if not (np.all(np.isfinite(matrix)) and np.linalg.det(matrix) > 1.0):
        return float("inf")
    plan = objective.plan(target, crystal, max_stretch=1.0, symmetric=False)
    return float(_loss(plan, crystal))


@eqx.filter_jit
def _loss(plan: ObjectivePlan, crystal: WyckoffCrystal) -> Array:
    return plan(crystal)
