"""How much a measured powder pattern looks like that of a crystal, its background taken off."""

import dataclasses
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from ..diffraction import PowderPattern
from ._pattern_similarity import pattern_similarity

#: Length within which a background is stiff, degrees: wider than lines, narrower than the humps of
#: glass. The penalty on its second differences is the fourth power of it, in samples.
STIFF = 2.0
#: Points of the common axis at most; a measured one is thinned to that.
_MOST_POINTS = 8001


@dataclasses.dataclass(frozen=True)
class MeasuredSimilarity:
    """A measured powder pattern beside that of a crystal, on one regular axis.

    Attributes:
        value: similarity S, 0 to 1 (`pattern_similarity`).
        two_theta: degrees, (n,).
        measured: intensity as measured, (n,).
        background: what was taken for background, (n,); zeros where none was.
        calculated: pattern of the crystal, as high as the measured one, (n,).
        method: how the background was found, in words.
    """

    value: float
    two_theta: Float[np.ndarray, " n"]
    measured: Float[np.ndarray, " n"]
    background: Float[np.ndarray, " n"]
    calculated: Float[np.ndarray, " n"]
    method: str


def measured_similarity(
    crystal: Any,
    two_theta: Any,
    intensity: Any,
    *,
    wavelength: float | int | str = "CuKa",
    fwhm: float | int = 0.1,
    width: float | int = 1.0,
    background: bool = True,
) -> MeasuredSimilarity:
    """Compare a measured powder pattern with that of a crystal, after taking off the background.

    The background is found by asPLS of the package pybaselines: a smooth curve, stiff within about
    two degrees, that runs through the middle of the noise where there are no lines. Broad humps of
    glass go with it; so would lines as broad.

    Args:
        crystal: one crystal of any kind.
        two_theta: angles as measured, degrees, increasing, (n,).
        intensity: (n,).
        wavelength: see `PowderPattern`.
        fwhm: width of the calculated lines, degrees.
        width: l of the similarity's triangle, degrees: shifts by less are forgiven in part.
        background: take the background off; False where there is none.

    Returns:
        The similarity, and both patterns.

    Raises:
        ValueError: angles that do not increase or leave 0 to 180, numbers that are not finite.
        ImportError: pybaselines, the extra `powder`, is not installed.

    References:
        F. Zhang, X. Tang, A. Tong, B. Wang & J. Wang, Spectrosc. Lett. 53, 222 (2020).
    """
    x, y = _regular(two_theta, intensity)
    step = float(x[1] - x[0])
    base, method = np.zeros_like(y), "none"
    if background:
        base = _smooth_background(y, STIFF / step)
        method = f"asPLS of pybaselines, stiff within {STIFF:g} degrees"
    pattern = PowderPattern(
        wavelength, limits=(float(x[0]), float(x[-1])), n_points=len(x), fwhm=fwhm
    )
    lines = np.asarray(pattern(crystal).intensity, np.float64)
    clean = y - base
    value = pattern_similarity(jnp.asarray(lines), jnp.asarray(clean), step, float(width))
    # By height: by least squares a wrong crystal would be too low to be seen.
    scale = max(float(clean.max()), 0.0)
    return MeasuredSimilarity(float(value), x, y, base, scale * lines, method)


def _regular(two_theta: Any, intensity: Any) -> tuple[np.ndarray, np.ndarray]:
    """The pattern at regular steps, no finer than it was measured."""
    x, y = (np.asarray(v, np.float64) for v in (two_theta, intensity))
    if x.ndim != 1 or x.shape != y.shape or len(x) < 10:
        raise ValueError(
            f"expected at least ten angles and as many intensities, got {x.shape} and {y.shape}"
        )
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError("two_theta, intensity: expected finite numbers")
    steps = np.diff(x)
    if not (steps > 0).all() or not 0 < x[0] < x[-1] < 180:
        raise ValueError(
            f"two_theta: expected angles that increase within 0 to 180 degrees, got {x[0]:g} to "
            f"{x[-1]:g}"
        )
    n = min(_MOST_POINTS, round((x[-1] - x[0]) / float(np.median(steps))) + 1)
    axis = np.linspace(x[0], x[-1], max(n, 10))
    return axis, np.interp(axis, x, y)


def _smooth_background(y: np.ndarray, length: float) -> np.ndarray:
    try:
        from pybaselines import Baseline
    except ImportError as error:
        raise ImportError(
            "a background is estimated by pybaselines: pip install 'jaxtal[powder]'"
        ) from error
    return Baseline().aspls(y, lam=length**4, max_iter=200)[0]
