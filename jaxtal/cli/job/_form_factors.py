"""[sharpening] and [window] of a job: what sqrt(I) is multiplied by before phasing."""

import numpy as np

from ...grids import Grid
from ...phasing import Model, automatic_window
from ...reflections import (
    Composition,
    NormalisedE,
    Reflections,
    WilsonPlot,
    Windows,
    normalised_amplitudes,
)
from ...scattering import Species
from ._blame import blamed
from ._tables import (
    AutomaticWindow,
    CompositionSharpening,
    JobTables,
    ModelSharpening,
    NormalisedSharpening,
    WilsonSharpening,
)


def form_factors(
    tables: JobTables,
    source: str,
    reflections: Reflections,
    modulated: bool,
    model: Model | None,
) -> np.ndarray:
    """Compute the factor of each sqrt(I), (n,): one over the form factor, times the window.

    Args:
        tables: of the job.
        source: the job, as messages call it.
        reflections: n orbits.
        modulated: the internal length of reflections is their order as satellites.
        model: where the reflections come from, if not from a file.

    Raises:
        BadInputError: naming the section.
    """
    with blamed(source, "sharpening"):
        divisor = _divisor(tables, reflections, model)
    with blamed(source, "window"):
        return _window(tables, reflections, modulated) / divisor


def _divisor(tables: JobTables, reflections: Reflections, model: Model | None) -> np.ndarray:
    match tables.sharpening:
        case CompositionSharpening(composition=composition, b_iso=b_iso, table=table):
            sharpening = Composition(_species(composition), b_iso, table)
        case WilsonSharpening(composition=composition, shells=shells, table=table):
            sharpening = WilsonPlot(_species(composition), shells, table)
        case NormalisedSharpening(shells=shells, with_epsilon=with_epsilon):
            sharpening = NormalisedE(shells, with_epsilon)
        case ModelSharpening() | None if model is not None:
            return np.asarray(model.falloff)
        case _:
            return np.ones(len(reflections))
    factors = np.asarray(sharpening.form_factors(reflections))
    normalised_amplitudes(reflections, sharpening)  # refuses factors of the wrong kind
    return factors


def _species(composition: str | dict[str, float]) -> str | dict[Species, float | int]:
    return composition if isinstance(composition, str) else {**composition}


def _window(tables: JobTables, reflections: Reflections, modulated: bool) -> np.ndarray:
    window = tables.window
    if isinstance(window, AutomaticWindow):
        # Looked at on random points, as many as there should be, so that no grid is needed yet.
        anywhere = Grid(np.zeros((reflections.space.dimension, 1), dtype=np.int64), [1])
        found = automatic_window(reflections, anywhere, height=window.height, seed=tables.run.seed)
        return found.factors
    inner = window.perpendicular or ("none" if modulated else "ball")
    return Windows(window.parallel, inner).factors(reflections)
