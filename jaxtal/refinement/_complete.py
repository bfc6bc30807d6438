"""From atoms to a finished model: atoms added and dropped, elements tried, tensors, hydrogens."""

import dataclasses
from collections.abc import Callable

from ..scattering import CompositionLike
from ._assemble import assembled
from ._completion import Completion, Stopped
from ._measurements import Measurements
from ._model import Model
from ._result import Refinement


def complete_model(
    measured: Measurements,
    model: Model,
    *,
    composition: CompositionLike | None = None,
    unknown: bool = False,
    elements: bool = True,
    atoms: bool = True,
    hydrogens: bool = True,
    anisotropic: bool | str | None = None,
    rounds: int = 8,
    progress: Callable[[str], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> Refinement:
    """Complete and refine a model: the last stage from peaks to a crystal.

    In turn: isotropic refinement; atoms whose U explodes are dropped, peaks of the difference
    density that are high enough and at a sound distance are added, and elements that lower chi^2
    are taken, until nothing changes; molecules are put together of equivalent atoms; displacement
    tensors where the data carry them; hydrogen atoms by geometry and difference density; extinction
    if it is significant; weights; the hand, where anomalous scattering tells it.

    Args:
        measured: the intensities.
        model: atoms to start with.
        composition: formula unit, "C22 H23 N"; limits elements and their numbers.
        unknown: the elements of the model mean nothing: they are guessed from scattering power.
        elements: try other elements.
        atoms: drop and add atoms.
        hydrogens: add hydrogen atoms (X-rays and electrons; neutrons see them as atoms).
        anisotropic: displacement tensors for all but hydrogen, or for "all" that do not ride, as
            neutrons may have it; default for all but hydrogen where there are four reflections for
            each parameter and the fit is better with them.
        rounds: most rounds of dropping, adding and exchanging.
        progress: called with a line for each step.
        stop: asked before each cycle and step; True ends the work with the best model so far.

    Returns:
        The refined model; its `log` tells every decision, its notes what was left undone.

    Raises:
        ValueError: as `refine`, a composition that is none, or another word than "all".
    """
    if isinstance(anisotropic, str) and anisotropic != "all":
        raise ValueError(f"anisotropic: expected True, False, None or 'all', got {anisotropic!r}")
    work = Completion(measured, composition, progress, stop)
    flack = None
    try:
        found = _atoms_completed(work, model, unknown, elements, atoms, rounds)
        found = _displacements_completed(work, found, anisotropic, elements)
        if hydrogens and measured.radiation != "neutron" and work.contents.expects_hydrogen:
            found = _hydrogens_completed(work, found, elements)
        found = work.with_extinction(found)
        last = {"weights": "fit", "cycles": 25, "precision": "double"}
        found = work.refined(found.model, "weights fitted", **last)
        found, flack = work.handed(found)
    except Stopped:
        assert work.best is not None
        found = work.best
        work.warnings.append("stopped before the model was complete")
        work.tell(work.warnings[-1])
    return work.finished(found, flack)


def _atoms_completed(
    work: Completion, model: Model, unknown: bool, elements: bool, atoms: bool, rounds: int
) -> Refinement:
    """Isotropic atoms, until none is dropped, added or exchanged."""
    found = work.refined(model.isotropic(), "isotropic")
    if unknown:
        found = work.refined(work.guessed(found.model), "elements by scattering power")
    for _ in range(rounds):
        changed = found.model
        if atoms:
            changed = work.dropped(found, changed)
            changed = work.added(found, changed)
        if unknown and len(changed) > len(found.model):
            # With more atoms another one is typical.
            changed = work.guessed(changed)
        elif elements:
            changed = work.exchanged(changed)
        if changed is found.model:
            break
        better = work.refined(changed, "isotropic")
        if better.R1 > found.R1 + 0.002 and len(better.model) <= len(found.model):
            work.tell("the fit is worse: taken back")
            break
        found = better
    return dataclasses.replace(found, model=assembled(found.model))


def _displacements_completed(
    work: Completion, found: Refinement, anisotropic: bool | str | None, elements: bool
) -> Refinement:
    """Tensors, and the elements that they let be told apart."""
    found = work.with_tensors(found, anisotropic)
    for _ in range(3 if elements else 0):
        changed = work.exchanged(found.model)
        if changed is found.model:
            break
        better = work.refined(changed, "elements")
        if better.R1 > found.R1:
            work.tell("the fit is worse: taken back")
            break
        found = better
    return found


def _hydrogens_completed(work: Completion, found: Refinement, elements: bool) -> Refinement:
    """Hydrogen atoms, and the elements that they let be told apart."""
    found = work.with_hydrogens(found)
    if not elements:
        return found
    bare = found.model.without_hydrogens()
    changed = work.exchanged(bare)
    if changed.species == bare.species:
        return found
    better = work.with_hydrogens(work.refined(changed, "elements"))
    return better if better.R1 < found.R1 else found
