"""A measured list of reflections as the points of a descriptor (host)."""

import numpy as np

from .._core import device_array
from ..diffraction import ReciprocalPoints, ReciprocalSpace, hkl_sphere
from ..reflections import Reflections
from ..symmetry import absent


def measured_points(
    reflections: Reflections, space: ReciprocalSpace, forward: float
) -> ReciprocalPoints:
    """Expand a merged list over its group: one of each Friedel pair, tapered, over I(0).

    Args:
        reflections: of a crystal in three dimensions.
        space: q_max and taper; form factors play no part.
        forward: |F(0)|^2 in the unit of the intensities.

    Raises:
        ValueError: another dimension, nothing within q_max, or `forward` not positive and finite.
    """
    if reflections.space.dimension != 3 or len(reflections.space.parallel[0]) != 3:
        raise ValueError(
            f"reflections: expected those of a crystal in 3 dimensions, got {reflections!r}"
        )
    if not (np.isfinite(forward) and forward > 0):
        raise ValueError(f"forward: expected |F(0)|^2, positive and finite, got {forward}")
    members, orbit = reflections.orbits.members, reflections.orbits.orbit
    q = reflections.space.q_parallel(members)
    x = np.linalg.norm(q, axis=1) / space.q_max
    inside = x < 1
    if not inside.any():
        raise ValueError(f"reflections: expected some within q_max {space.q_max:g} 1/angstrom")
    matrix = 2 * np.pi * np.linalg.inv(reflections.space.parallel).T
    wanted = hkl_sphere(matrix, space.q_max).astype(np.int64)
    n_wanted = np.count_nonzero(~absent(wanted, reflections.group))
    taper = np.where(space.taper == "smooth", (1 - x * x) ** 3, 1.0)
    intensity = reflections.intensity[orbit] * taper / forward
    return ReciprocalPoints(
        q=device_array(q[inside]),
        intensity=device_array(intensity[inside]),
        multiplicity=device_array(np.full(np.count_nonzero(inside), 2.0)),
        complete=device_array(np.count_nonzero(inside) >= n_wanted, bool),
        specification=space,
    )
