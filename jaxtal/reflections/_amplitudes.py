"""Amplitudes for phasing: observed ones sharpened, and windowed in both spaces."""

import dataclasses
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from ..scattering import CompositionLike, WindowProfile, rms_form_factor, window_profile
from ._reflections import Reflections


@runtime_checkable
class Sharpening(Protocol):
    """The seam: anything with `form_factors`, what |F| of each reflection is divided by.

    Form factors must be positive, and smooth in reciprocal space so that atoms stay where they
    are. Here: `Composition`, `WilsonPlot`, `NormalisedE`.
    """

    def form_factors(self, reflections: Reflections) -> Float[np.ndarray, " n"]:
        """Return the form factors of n reflections, (n,)."""
        ...


@runtime_checkable
class AbstractWindow(Protocol):
    """The seam: anything with `factors`, what |F| of each reflection is multiplied by."""

    def factors(self, reflections: Reflections) -> Float[np.ndarray, " n"]:
        """Return the factors of n reflections, (n,)."""
        ...


@dataclasses.dataclass(frozen=True)
class Composition:
    """Sharpening with the rms form factor of a composition and an overall displacement.

    f = sqrt(sum c_i f_i^2 / sum c_i) exp(-B s^2), see `jaxtal.scattering.rms_form_factor`.

    Attributes:
        composition: "Cd5.7Yb" or a mapping of species to amounts.
        b_iso: B, A^2.
        kind: table of form factors, see `jaxtal.scattering`.
    """

    composition: CompositionLike
    b_iso: float = 0.0
    kind: str = "waasmaier-kirfel"

    def form_factors(self, reflections: Reflections) -> Float[np.ndarray, " n"]:
        """Return what |F| is divided by, in the unit of the table, (n,).

        Raises:
            ValueError: a bad composition, or a species that the table lacks.
        """
        return rms_form_factor(
            self.composition, reflections.stol2, b_iso=self.b_iso, kind=self.kind
        )


@dataclasses.dataclass(frozen=True)
class Window:
    """Window in physical and in internal space.

    x = q / (q_max (1 + 1/n)) in each space, with the largest q of the n reflections. The internal
    "length" of a modulated crystal's satellites is their order, so that a window there takes away
    the highest order: they have none by default.

    Attributes:
        parallel: name of a profile or a function of x, see `jaxtal.scattering.window_profile`.
        perpendicular: the same in internal space; without effect where there is none. None:
            "ball" for quasicrystals, "none" for modulated crystals, whose main reflections have no
            internal part.
    """

    parallel: str | WindowProfile = "ball"
    perpendicular: str | WindowProfile | None = None

    def factors(self, reflections: Reflections) -> Float[np.ndarray, " n"]:
        """Multiply both profiles at each reflection, (n,).

        Raises:
            ValueError: an unknown name, or values that are not finite.
        """
        both, inner = np.ones(len(reflections)), self.perpendicular
        if inner is None:
            modulated = not reflections.space.perpendicular.any(axis=1).all()
            inner = "none" if modulated else "ball"
        for shape, q in (
            (self.parallel, reflections.q_parallel),
            (inner, reflections.q_perpendicular),
        ):
            function = window_profile(shape) if isinstance(shape, str) else shape
            largest = float(q.max(initial=0.0))
            if largest > 0:
                both = both * np.asarray(function(q / (largest * (1 + 1 / len(q)))))
        if not np.isfinite(both).all():
            row = int((~np.isfinite(both)).argmax())
            raise ValueError(f"expected finite windows, got {both[row]} in reflection {row}")
        return both


def normalised_amplitudes(
    reflections: Reflections,
    sharpening: Sharpening | None = None,
    window: AbstractWindow | None = None,
) -> Float[np.ndarray, " n"]:
    """Compute amplitudes for phasing, sqrt(max(I, 0)) / f(k) w(k).

    Args:
        reflections: n independent reflections.
        sharpening: `Composition`, `WilsonPlot`, `NormalisedE` or your own; None: f = 1.
        window: `Window`, or what `phasing.fit_window` makes; None: w = 1.

    Returns:
        (n,) float64, on the scale that the sharpening makes.

    Raises:
        ValueError: form factors that are not positive, or the errors of the factors.
    """
    amplitude = reflections.amplitude
    if sharpening is not None:
        f = np.asarray(sharpening.form_factors(reflections), dtype=np.float64)
        if f.shape != amplitude.shape:
            raise ValueError(f"expected form factors of shape {amplitude.shape}, got {f.shape}")
        good = np.isfinite(f) & (f > 0)
        if not good.all():
            row = int((~good).argmax())
            raise ValueError(
                f"expected positive form factors, got {f[row]} for reflection "
                f"{reflections.k[row].tolist()}"
            )
        amplitude = amplitude / f
    return amplitude if window is None else amplitude * window.factors(reflections)
