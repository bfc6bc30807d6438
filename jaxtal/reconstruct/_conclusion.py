"""From where starts have ended to the outcome of a reconstruction (host)."""

import time

import numpy as np
from jaxtyping import Float

from ..crystal import WyckoffCrystal
from ..descriptors import Description
from ._objective import Objective
from ._problem import Problem
from ._result import Reconstruction, distinct_crystals
from ._run_chunk import final_losses, on_device
from ._search import Found
from ._verify import verified_loss


def concluded(
    problem: object,
    objective: Objective,
    target: Description,
    like: WyckoffCrystal,
    found: Found,
    tolerance: float,
    begin: float,
) -> Reconstruction:
    """Group, superpose and verify what has been found.

    Args:
        problem: what was minimised.
        objective, target: of it.
        like: group and sites of the crystals that the variables are of.
        found: where starts have ended.
        tolerance: loss within which one has converged.
        begin: when the reconstruction began, by `time.perf_counter`.
    """
    losses = _losses(problem, objective, target, like, found)
    converged = losses <= tolerance
    best = like.with_variables(found.variables[int(np.argmin(losses))])
    loss, solutions = np.inf, []
    for solution in distinct_crystals(like, found.variables, losses, converged):
        verified = verified_loss(objective, target, solution.crystal)
        if verified <= tolerance:
            solutions.append(solution)
            if verified < loss:
                best, loss = solution.crystal, verified
    if not solutions:
        loss = verified_loss(objective, target, best)
    return Reconstruction(
        best=best,
        loss=loss,
        success=bool(loss <= tolerance),
        losses=losses,
        converged=converged,
        history=found.history,
        solutions=tuple(solutions),
        initial=found.initial,
        variables=found.variables,
        tolerance=tolerance,
        seconds=time.perf_counter() - begin,
        interrupted=found.interrupted,
    )


def _losses(
    problem: object,
    objective: Objective,
    target: Description,
    like: WyckoffCrystal,
    found: Found,
) -> Float[np.ndarray, " starts"]:
    """The loss of every start; infinite where it is none."""
    losses = found.losses.astype(float)
    unknown = np.isnan(losses)
    if unknown.any() and isinstance(problem, Problem):
        variables = on_device(found.variables)
        losses = np.where(unknown, np.asarray(final_losses(problem, variables), float), losses)
    else:
        for i in np.flatnonzero(unknown):
            losses[i] = verified_loss(objective, target, like.with_variables(found.variables[i]))
    return np.nan_to_num(losses, nan=np.inf, posinf=np.inf)
