"""Full-matrix least squares on F^2: settings checked, cycles run, weights fitted."""

from collections.abc import Callable, Collection, Sequence

import numpy as np

from .._core import few_threads
from ..lattice import matrix_to_cell
from ._cycles import Cycles
from ._least_squares import Problem
from ._measurements import Measurements
from ._model import Model
from ._parameters import ride
from ._restraints import Restraint
from ._result import Refinement

#: How far the cells of intensities and model may differ, relative.
_CELL = 5e-3


def refine(
    measured: Measurements,
    model: Model,
    *,
    cycles: int = 30,
    weights: Sequence[float | int] | str | None = None,
    restraints: Sequence[Restraint] = (),
    occupancies: Sequence[str] = (),
    fixed: Collection[str] = (),
    tolerance: float | int = 0.01,
    form_factor_table: str | None = None,
    progress: Callable[[str], None] | None = None,
    problem: Problem | None = None,
    stop: Callable[[], bool] | None = None,
    precision: str = "double",
) -> Refinement:
    """Refine a model against intensities by full-matrix least squares on F^2.

    Least is sum w (I - k F_c^2)^2, plus that of restraints. Free are the coordinates and
    displacements that the sites allow, the scale, torsion angles of hydrogen groups, the extinction
    where `model.extinction` is not None, and the shares of twin domains of `model.twin_laws`.
    Along polar axes the weighted mean of the coordinates stays. A step that makes the fit worse is
    shortened (Levenberg-Marquardt). Derivatives are in single precision as long as that brings the
    fit forward; what is returned is from double precision, on the host.

        refine(data, model)                                   # as it stands
        refine(data, model.with_tensors(), weights="fit")     # anisotropic, weights fitted
        refine(data, model, restraints=[similar_distances(model, [("C1", "C2"), ("C3", "C4")])])
        refine(data, model.replace(extinction=0.0))           # with extinction
        refine(data, model, occupancies=["Zn1"], fixed=["Zn1.Uiso"])

    Args:
        measured: the intensities.
        model: where to start; without a scale it gets one.
        cycles: most steps.
        weights: a and b; "fit": fitted where the model has converged; default those of the model.
        restraints: what else the model should obey.
        occupancies: labels of atoms whose occupancy is refined.
        fixed: names of parameters ("C1.x", "scale"), labels of atoms, "positions" or
            "displacements" that are not.
        tolerance: largest shift over standard uncertainty of a converged refinement.
        form_factor_table: a kind of `scattering.FormFactors`; default "it92" for X-rays.
        progress: called with a line after each cycle.
        problem: tables of these intensities from an earlier call.
        stop: asked before each cycle; True ends the refinement there.
        precision: "single" spares the last cycle in double precision: for steps on the way.

    Returns:
        The refined model with its figures, uncertainties, covariance and log.

    Raises:
        ValueError: no atoms, another cell than that of the intensities, unknown labels, or more
            parameters than reflections.
    """
    if len(model) == 0:
        raise ValueError("expected at least one atom to refine, got none")
    if precision not in ("single", "double"):
        raise ValueError(f"precision: expected 'single' or 'double', got {precision!r}")
    if isinstance(weights, str) and weights != "fit":
        raise ValueError(f"weights: expected two numbers or 'fit', got {weights!r}")
    if weights is not None and not isinstance(weights, str):
        model = model.replace(weights=(float(weights[0]), float(weights[1])))
    problem = problem or Problem(measured, form_factor_table)
    model = ride(_in_the_cell_of(measured, model))
    if model.scale is None:
        model = problem.scaled(model)
    settings = tuple(restraints), tuple(occupancies), tuple(fixed), tolerance, precision
    loop = Cycles(problem, *settings, progress, stop or (lambda: False))
    with few_threads():
        step = loop.run(model, cycles)
        # The fit changes with the weights, and they with the fit: two rounds settle both.
        for _ in range(2 if weights == "fit" and not loop.stop() else 0):
            found = loop.fitted_weights(step)
            if np.allclose(found, step.model.weights, rtol=0.02, atol=1e-4):
                break
            step = loop.run(step.model.replace(weights=found), cycles)
        return loop.result(step)


def _in_the_cell_of(measured: Measurements, model: Model) -> Model:
    """The model in the measured cell, which models of single precision have nearly."""
    cells = matrix_to_cell(measured.matrix), matrix_to_cell(model.matrix)
    if not np.allclose(*cells, rtol=_CELL):
        told = " and ".join(" ".join(f"{x:.4g}" for x in cell) for cell in cells)
        raise ValueError(f"cell: expected that of the intensities in the model, got {told}")
    return model.replace(matrix=measured.matrix)
