"""The cubic B-spline, the smooth bin of both radial distributions."""

from jaxtyping import Float

from ..._core import AnyArray, namespace


def cubic_b_spline(t: Float[AnyArray, " P"]) -> Float[AnyArray, "4 P"]:
    """Weights of the four knots -1, 0, 1, 2 around a fraction 0 <= t < 1; they add up to 1."""
    s = 1 - t
    return namespace(t).stack(
        [
            s**3 / 6,
            (3 * t**3 - 6 * t**2 + 4) / 6,
            (3 * s**3 - 6 * s**2 + 4) / 6,
            t**3 / 6,
        ]
    )
