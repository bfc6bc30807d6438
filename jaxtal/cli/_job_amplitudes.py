"""[sharpening] and [window] of a job: what sqrt(I) is multiplied by before phasing."""

import numpy as np

from ..grids import Grid
from ..phasing import Model, fit_window
from ..reflections import (
    Composition,
    NormalisedE,
    Reflections,
    Sharpening,
    WilsonPlot,
    Window,
    normalised_amplitudes,
)
from ._job_kinds import FLAG, TABLE, TEXT, choice, either, integer, number
from ._job_table import JobTable

SHARPENING_KEYS = ("method", "composition", "b_iso", "table", "shells", "with_epsilon")
WINDOW_KEYS = ("parallel", "perpendicular", "automatic", "height")
_METHODS = {
    "composition": ("composition", "b_iso", "table"),
    "wilson": ("composition", "table", "shells"),
    "normalised_e": ("shells", "with_epsilon"),
    "model": (),
    "none": (),
}


def read_form_factors(
    sharpening: JobTable,
    window: JobTable,
    reflections: Reflections,
    modulated: bool,
    model: Model | None,
    seed: int,
) -> np.ndarray:
    """Factor of each sqrt(I), (n,): one over the form factor, times the window.

    Args:
        sharpening, window: the tables.
        reflections: n orbits.
        modulated: the internal length of reflections is their order as satellites.
        model: where the reflections come from, if not from a file.
        seed: of the automatic window.

    Raises:
        BadInputError: naming section and key.
    """
    ones = np.ones(len(reflections))
    divisor = _sharpening(sharpening, model)
    factors = 1 / model.falloff if isinstance(divisor, Model) and model is not None else ones
    if isinstance(divisor, Sharpening):
        with sharpening.blamed():
            factors = 1 / np.asarray(divisor.form_factors(reflections))
            normalised_amplitudes(reflections, divisor)  # refuses factors of the wrong kind
    return factors * _window(window, reflections, modulated, seed)


def _sharpening(table: JobTable, model: Model | None) -> Sharpening | Model | None:
    default = "none" if model is None else "model"
    method = table.get("method", choice(*_METHODS), default)
    if "method" not in table and "composition" in table:
        method = "composition"
    others = [key for key in SHARPENING_KEYS[1:] if key not in _METHODS[method]]
    table.refuse(others, f'for method = "{method}"')
    if method == "model":
        if model is None:
            raise table.error('method: "model" needs a model in [data]')
        return model
    if method == "none":
        return None
    shells = table.get("shells", integer(1), None)
    if method == "normalised_e":
        return NormalisedE(shells, table.get("with_epsilon", FLAG, True))
    composition = table.get("composition", either(TEXT, TABLE))
    kind = table.get("table", TEXT, "waasmaier-kirfel")
    if method == "wilson":
        return WilsonPlot(composition, shells, kind)
    return Composition(composition, table.get("b_iso", number(), 0.0), kind)


def _window(table: JobTable, reflections: Reflections, modulated: bool, seed: int) -> np.ndarray:
    if table.get("automatic", FLAG, False):
        table.refuse(["parallel", "perpendicular"], "beside automatic = true")
        height = table.get("height", number(least=0), 0.0)
        # Looked at on random points, as many as there should be, so that no grid is needed yet.
        anywhere = Grid(np.zeros((reflections.space.dimension, 1), dtype=np.int64), [1])
        with table.blamed():
            return fit_window(reflections, anywhere, height=height, seed=seed).factors(reflections)
    table.refuse(["height"], "without automatic = true")
    inner = "none" if modulated else "ball"
    names = table.get("parallel", TEXT, "ball"), table.get("perpendicular", TEXT, inner)
    with table.blamed():
        return Window(*names).factors(reflections)
