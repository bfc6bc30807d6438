"""The points of `ReciprocalSpace` in NumPy and float64: nothing is compiled (host)."""

import functools

import numpy as np
from jaxtyping import Int

from ..crystal import HostAtoms
from ..scattering import FormFactors, anomalous
from ._reciprocal_points import AbstractReciprocalSpace, ReciprocalPoints
from ._structure_factors import combine_species
from .sums import host_sphere_sums


def host_points(
    space: AbstractReciprocalSpace, atoms: HostAtoms
) -> tuple[ReciprocalPoints, Int[np.ndarray, "P 3"]]:
    """Compute the points of one crystal without compiling anything (host).

    Args:
        space: radius, form factors, taper, wavelength.
        atoms: the crystal.

    Returns:
        Points as NumPy arrays, one of each Friedel pair unless there is f''; and their indices.

    Raises:
        ValueError: displacement factors, which do not separate into waves along the axes; an
            unknown species; or a cell with too many reflections.
    """
    if not space.takes_numpy:
        raise ValueError("displacements: expected none without a plan, got displacement factors")
    keys, place = np.unique(atoms.keys, axis=0, return_inverse=True)
    factors = _factors(tuple(tuple(map(int, key)) for key in keys), space.kind, space.wavelength)
    weights = np.zeros((len(keys), len(atoms)))
    weights[place.ravel(), np.arange(len(atoms))] = atoms.occupancies
    hkl, found = host_sphere_sums(atoms.matrix, atoms.frac_coords, weights, space.q_max)
    real, imag = found.sums
    q, size, copies = found.q, found.size, 2.0
    if factors.fpp is not None:
        hkl, q, copies = np.concatenate([hkl, -hkl]), np.concatenate([q, -q]), 1.0
        size = np.tile(size, 2)
        real, imag = np.tile(real, 2), np.concatenate([imag, -imag], axis=1)
    F = combine_species((real, imag), size * size / (16 * np.pi**2), factors)
    points = ReciprocalPoints(
        q=q,
        intensity=space.intensities(F, size / space.q_max, np.sum(weights, axis=1), factors),
        multiplicity=np.full(len(q), copies),
        complete=found.complete,
        specification=space,
    )
    return points, hkl


@functools.lru_cache(maxsize=1024)
def _factors(
    keys: tuple[tuple[int, int, int], ...], kind: str, wavelength: float | None
) -> FormFactors:
    fp, fpp = (None, None) if wavelength is None else anomalous(keys, wavelength)
    return FormFactors.build(keys, kind=kind, fp=fp, fpp=fpp, dtype=np.float64, host=True)
