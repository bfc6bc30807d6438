"""[sharpening] and [window] of a job: what sqrt(I) is multiplied by before phasing."""

from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Discriminator, Tag

from ...grids import Grid
from ...phasing import Model, fit_window
from ...reflections import (
    Composition,
    NormalisedE,
    Reflections,
    WilsonPlot,
    Window,
    normalised_amplitudes,
)
from ...scattering import Species
from ._blame import blamed
from ._table import Table, chosen, told_by
from ._values import Count, NonNegative, Text


class SharpeningTable(Table):
    """What sqrt(I) is divided by."""


class CompositionSharpening(SharpeningTable):
    """Form factors of a composition."""

    when: ClassVar[str] = 'for method = "composition"'
    method: Literal["composition"] = "composition"
    """"composition", "wilson", "normalised_e", "none", or "model": a model's own form factor"""
    composition: Text | dict[str, float]
    """elements or ions, as "Cd5.7Yb" or {Cd = 5.7, Yb = 1}: their root mean square form factor"""
    b_iso: float = 0.0
    """times exp(-B s^2), B in A^2"""
    table: Text = "waasmaier-kirfel"
    """of form factors"""


class WilsonSharpening(SharpeningTable):
    """Form factors, B and scale from a Wilson plot."""

    when: ClassVar[str] = 'for method = "wilson"'
    method: Literal["wilson"]
    composition: Text | dict[str, float]
    """elements or ions"""
    table: Text = "waasmaier-kirfel"
    """of form factors"""
    shells: Count | None = None
    """of resolution, default by the number of reflections"""


class NormalisedSharpening(SharpeningTable):
    """Normalised structure factors."""

    when: ClassVar[str] = 'for method = "normalised_e"'
    method: Literal["normalised_e"]
    shells: Count | None = None
    """of resolution"""
    with_epsilon: bool = True
    """whether the multiplicity of symmetry counts in <I>"""


class ModelSharpening(SharpeningTable):
    """The form factor of a model."""

    when: ClassVar[str] = 'for method = "model"'
    method: Literal["model"]


class NoSharpening(SharpeningTable):
    """None."""

    when: ClassVar[str] = 'for method = "none"'
    method: Literal["none"]


def _kind_of_sharpening(values: Any) -> str:
    if isinstance(values, dict) and "method" in values:
        return chosen(values, "method", "composition", "wilson", "normalised_e", "model", "none")
    return "composition"


Sharpening = Annotated[
    Annotated[CompositionSharpening, Tag("composition")]
    | Annotated[WilsonSharpening, Tag("wilson")]
    | Annotated[NormalisedSharpening, Tag("normalised_e")]
    | Annotated[ModelSharpening, Tag("model")]
    | Annotated[NoSharpening, Tag("none")],
    Discriminator(_kind_of_sharpening),
    told_by(_kind_of_sharpening),
]


class WindowTable(Table):
    """What sqrt(I) is multiplied by."""


class ChosenWindow(WindowTable):
    """Windows by name."""

    when: ClassVar[str] = "without automatic = true"
    parallel: Text = "ball"
    """in physical space: "ball" (autocorrelation of a ball), "none", "hann", "gaussian", ..."""
    perpendicular: Text | None = None
    """the same in internal space, default "ball", for modulated crystals "none" """
    automatic: Literal[False] = False
    """instead of both: fitted, so that a point comes out flattest"""


class AutomaticWindow(WindowTable):
    """A window fitted to the reflections."""

    when: ClassVar[str] = "beside automatic = true"
    automatic: Literal[True]
    height: NonNegative = 0.0
    """how much the height of the peak counts beside flatness"""


def _kind_of_window(values: Any) -> str:
    automatic = isinstance(values, dict) and values.get("automatic") is True
    return "automatic" if automatic else "chosen"


WindowChoice = Annotated[
    Annotated[ChosenWindow, Tag("chosen")] | Annotated[AutomaticWindow, Tag("automatic")],
    Discriminator(_kind_of_window),
    told_by(_kind_of_window),
]


def form_factors(
    sharpening: SharpeningTable | None,
    window: WindowTable,
    seed: int,
    source: str,
    reflections: Reflections,
    modulated: bool,
    model: Model | None,
) -> np.ndarray:
    """Compute the factor of each sqrt(I), (n,): one over the form factor, times the window.

    Args:
        sharpening: None for a model's own form factor, or none.
        window: of the job.
        seed: of the automatic window.
        source: the job, as messages call it.
        reflections: n orbits.
        modulated: the internal length of reflections is their order as satellites.
        model: where the reflections come from, if not from a file.

    Raises:
        BadInputError: naming the section.
    """
    with blamed(source, "sharpening"):
        divisor = _divisor(sharpening, reflections, model)
    with blamed(source, "window"):
        return _window(window, seed, reflections, modulated) / divisor


def _divisor(
    table: SharpeningTable | None, reflections: Reflections, model: Model | None
) -> np.ndarray:
    match table:
        case CompositionSharpening(composition=composition, b_iso=b_iso, table=kind):
            sharpening = Composition(_species(composition), b_iso, kind)
        case WilsonSharpening(composition=composition, shells=shells, table=kind):
            sharpening = WilsonPlot(_species(composition), shells, kind)
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


def _window(
    window: WindowTable, seed: int, reflections: Reflections, modulated: bool
) -> np.ndarray:
    if isinstance(window, AutomaticWindow):
        # Looked at on random points, as many as there should be, so that no grid is needed yet.
        anywhere = Grid(np.zeros((reflections.space.dimension, 1), dtype=np.int64), [1])
        found = fit_window(reflections, anywhere, height=window.height, seed=seed)
        return found.factors(reflections)
    assert isinstance(window, ChosenWindow)
    inner = window.perpendicular or ("none" if modulated else "ball")
    return Window(window.parallel, inner).factors(reflections)
