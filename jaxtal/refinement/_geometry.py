"""Lengths of bonds and angles between them, with their standard uncertainties."""

import itertools

import numpy as np

from ._bonds import Bond, find_bonds
from ._result import Refinement


def bond_lengths(found: Refinement) -> list[tuple[Bond, float]]:
    """List each bond once, with the standard uncertainty of its length from the covariance, A.

    Bonds of riding hydrogen atoms are constraints and have none (0).
    """
    model = found.model
    bonds, slopes = [], []
    for one in itertools.chain.from_iterable(find_bonds(model)):
        if one.other < one.atom or model.atomic_numbers[one.atom] == 1:
            continue
        bonds.append(one)
        along = _vector(found, one) / one.length
        slopes.append({} if model.riding[one.other] else _moved(found, [(one, along)]))
    return list(zip(bonds, _deviations(found, slopes), strict=True))


def bond_angles(found: Refinement) -> list[tuple[Bond, Bond, float, float]]:
    """List the angles at each atom: two bonds, degrees, standard uncertainty in degrees.

    Angles with riding hydrogen atoms are constraints and have no uncertainty (0).
    """
    model, listed, slopes = found.model, [], []
    for bonds in find_bonds(model):
        if not bonds or model.atomic_numbers[bonds[0].atom] == 1:
            continue
        for one, other in itertools.combinations(bonds, 2):
            u, v = (_vector(found, bond) / bond.length for bond in (one, other))
            cosine = float(np.clip(u @ v, -1.0, 1.0))
            sine = float(np.sqrt(1.0 - cosine**2))
            listed.append((one, other, float(np.degrees(np.arccos(cosine)))))
            if sine < 1e-6 or model.riding[one.other] or model.riding[other.other]:
                slopes.append({})
                continue
            # d(angle)/d(vector), in degrees.
            scale = -np.degrees(1.0) / sine
            at_one = scale * (v - cosine * u) / one.length
            at_other = scale * (u - cosine * v) / other.length
            slopes.append(_moved(found, [(one, at_one), (other, at_other)]))
    return [
        (*angle, error) for angle, error in zip(listed, _deviations(found, slopes), strict=True)
    ]


def _vector(found: Refinement, bond: Bond) -> np.ndarray:
    """From the atom to the image that it is bonded to, angstrom."""
    frac = found.model.frac
    end = bond.rotation @ frac[bond.other] + bond.translation
    return (end - frac[bond.atom]) @ found.model.matrix


def _moved(found: Refinement, terms: list[tuple[Bond, np.ndarray]]) -> dict[int, float]:
    """Derivatives by the coordinates of all atoms, given those by vectors of bonds."""
    N, slopes = len(found.model), {}
    for bond, by_vector in terms:
        slope = found.model.matrix @ by_vector
        for atom, part in ((bond.atom, -slope), (bond.other, bond.rotation.T @ slope)):
            for axis, value in enumerate(part.tolist()):
                slopes[atom + N * axis] = slopes.get(atom + N * axis, 0.0) + value
    return slopes


def _deviations(found: Refinement, slopes: list[dict[int, float]]) -> list[float]:
    """Standard uncertainties of functions of the coordinates."""
    from scipy import sparse

    rows = [i for i, one in enumerate(slopes) for _ in one]
    columns = [column for one in slopes for column in one]
    values = [value for one in slopes for value in one.values()]
    shape = (len(slopes), found.parameters.map.shape[0])
    gradient = sparse.csr_array((values, (rows, columns)), shape=shape) @ found.parameters.map
    variance = np.asarray(gradient.multiply(gradient @ found.covariance).sum(axis=1)).ravel()
    # What the site fixes is known exactly: rounding is no uncertainty.
    return np.where(variance > 1e-18, np.sqrt(np.maximum(variance, 0.0)), 0.0).tolist()
