"""The points of `ReciprocalSpace` in NumPy and float64: nothing is compiled (host)."""

import dataclasses
from collections.abc import Sequence

import jax
import numpy as np
from jaxtyping import Int

from ..crystal import HostAtoms
from ..scattering import FormFactors, anomalous
from ._reciprocal_points import AbstractReciprocalSpace, ReciprocalPoints
from ._structure_factors import combine_species
from .sums import host_sphere_sums


def host_factors(space: AbstractReciprocalSpace, crystals: Sequence[HostAtoms]) -> FormFactors:
    """Look up every species of some crystals, in NumPy; warns as `FormFactors.build` (host).

    Raises:
        ValueError: an unknown species.
    """
    keys = sorted({key for atoms in crystals for key in atoms.distinct_species})
    fp, fpp = (None, None) if space.wavelength is None else anomalous(keys, space.wavelength)
    factors = FormFactors.build(
        keys,
        kind=space.kind,
        charges=space.charges,
        fp=fp,
        fpp=fpp,
        dtype=np.float64,
        host=True,
    )
    return dataclasses.replace(factors, species=())


def host_points(
    space: AbstractReciprocalSpace, atoms: HostAtoms, factors: FormFactors
) -> tuple[ReciprocalPoints, Int[np.ndarray, "P 3"]]:
    """Compute the points of one crystal without compiling anything (host).

    Args:
        space: radius, form factors, taper, wavelength.
        atoms: the crystal.
        factors: of its species at least, from `host_factors`.

    Returns:
        Points as NumPy arrays, one of each Friedel pair unless there is f''; and their indices.

    Raises:
        ValueError: displacement factors, which do not separate into waves along the axes; or a
            cell with too many reflections.
    """
    if not space.takes_numpy:
        raise ValueError("displacements: expected none without a plan, got displacement factors")
    keys, place = np.unique(atoms.keys, axis=0, return_inverse=True)
    rows = {key: row for row, key in enumerate(map(tuple, factors.keys.tolist()))}
    own = np.array([rows[key] for key in map(tuple, keys.tolist())])
    factors = jax.tree.map(lambda table: table[own], factors)
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
