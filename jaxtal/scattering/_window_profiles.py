"""Profiles of windows: how a window falls to zero at the limit of the data.

They end without ringing in the density. A profile is a function w(x) of x = q / q_max in [0, 1]
with w(0) = 1; beyond 1 it is 0. All take NumPy and JAX arrays alike, keep the dtype, and can be
differentiated (finite everywhere).
"""

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

WindowProfile = Callable[[Any], Any]
"""A function of x = q / q_max, elementwise."""


def no_window(x: Any) -> Any:
    """w(x) = 1 up to the limit of the data."""
    return _inside(x, lambda u, xp: u * 0 + 1)


def triangle(x: Any) -> Any:
    """w(x) = 1 - x, the autocorrelation of an interval."""
    return _inside(x, lambda u, xp: 1 - u)


def hann(x: Any) -> Any:
    """w(x) = (1 + cos(pi x)) / 2, with zero slope at both ends.

    References:
        F. J. Harris, Proc. IEEE 66 (1978) 51.
    """
    return _inside(x, lambda u, xp: (1 + xp.cos(math.pi * u)) / 2)


def gaussian(x: Any, width: float = 0.4) -> Any:
    """w(x) = exp(-x^2 / (2 width^2)), cut off at x = 1 (4.4 % for the default width).

    Args:
        x: q / q_max, any shape.
        width: standard deviation in units of q_max.

    Raises:
        ValueError: the width is not positive.
    """
    if not width > 0:
        raise ValueError(f"width: expected a positive number, got {width}")
    return _inside(x, lambda u, xp: xp.exp(u * u * (-0.5 / width**2)))


def ball_autocorrelation(x: Any, dimension: int = 3) -> Any:
    """Overlap of two balls of diameter 1 at distance x, relative to the whole ball.

    In three dimensions (1 + x/2) (1 - x)^2; in D dimensions the regularised incomplete beta
    function I_{1 - x^2}((D + 1)/2, 1/2). As an autocorrelation it has a Fourier transform that is
    nowhere negative: a single atom stays positive everywhere.

    With J_n = integral from x to 1 of (1 - t^2)^n dt, the overlap is J_n(x) / J_n(0) for
    n = (D - 1)/2, and integration by parts gives (2 n + 1) J_n = 2 n J_{n-1} - x (1 - x^2)^n.

    Args:
        x: distance in diameters (q / q_max), any shape.
        dimension: D >= 1.

    Raises:
        ValueError: the dimension is not a positive integer.
    """
    if isinstance(dimension, bool) or int(dimension) != dimension or dimension < 1:
        raise ValueError(f"dimension: expected a positive integer, got {dimension!r}")
    if dimension == 3:
        return _inside(x, lambda u, xp: (1 + u / 2) * (1 - u) * (1 - u))
    return _inside(x, functools.partial(_ball, dimension=int(dimension)))


def _ball(u: Any, xp: Any, dimension: int) -> Any:
    # Odd D starts from J_0 = 1 - x, even D from J_(-1/2) = arccos x.
    odd = dimension % 2 == 1
    value, whole = (1 - u, 1.0) if odd else (xp.acos(u), math.pi / 2)
    n, power = (0.0, u * 0 + 1) if odd else (-0.5, 1 / xp.sqrt(1 - u * u))
    while n < (dimension - 1) / 2:
        n, power = n + 1, power * (1 - u * u)
        value = (2 * n * value - u * power) / (2 * n + 1)
        whole = 2 * n * whole / (2 * n + 1)
    return value / whole


def _inside(x: Any, formula: Callable[[Any, Any], Any]) -> Any:
    """The formula for 0 <= x < 1, zero beyond; the double `where` keeps gradients finite."""
    if isinstance(x, float | int | np.generic):
        x = np.asarray(x)
    xp = x.__array_namespace__()
    within = x < 1
    return xp.where(within, formula(xp.where(within, x, x * 0), xp), x * 0)


#: Profiles by name; "ball6" and so on are balls in that many dimensions.
PROFILES: dict[str, WindowProfile] = {
    "none": no_window,
    "ball": ball_autocorrelation,
    "hann": hann,
    "gaussian": gaussian,
    "triangle": triangle,
}


def window_profile(name: str) -> WindowProfile:
    """Look up a window profile by its name.

    Args:
        name: "none", "ball" (three dimensions), "ball1", "ball2", ... (any dimension), "hann",
            "gaussian" or "triangle".

    Raises:
        ValueError: an unknown name.
    """
    key = name.strip().lower()
    if key in PROFILES:
        return PROFILES[key]
    digits = key.removeprefix("ball")
    if key.startswith("ball") and digits.isdecimal() and int(digits) > 0:
        return functools.partial(ball_autocorrelation, dimension=int(digits))
    raise ValueError(
        f"expected a window among {', '.join(PROFILES)} and ball1, ball2, ..., got {name!r}"
    )
