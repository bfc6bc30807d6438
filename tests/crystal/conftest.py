"""A fingerprint of a crystal that no choice of cell, origin or orientation changes."""

import numpy as np
import pytest

from jaxtal.crystal import Crystal


def _powder(crystal: Crystal, q_max: float = 7.0) -> np.ndarray:
    """Smoothed intensity over |q|, point scatterers (Z + charge / 10 + mass / 100) with U.

    Intensities are divided by the squared number of atoms, so supercells agree too.
    """
    real = np.asarray(crystal.mask)
    matrix = np.asarray(crystal.lattice.matrix, dtype=float)
    x = np.asarray(crystal.frac_coords, dtype=float)[real]
    f = np.asarray(crystal.atomic_numbers)[real] + 0.1 * np.asarray(crystal.charges)[real]
    f = (f + 0.01 * np.asarray(crystal.isotopes)[real]) * np.asarray(crystal.occupancies)[real]
    bounds = np.ceil(q_max * np.linalg.norm(matrix, axis=1) / (2 * np.pi)).astype(int)
    hkl = np.stack(np.meshgrid(*(np.arange(-b, b + 1) for b in bounds), indexing="ij"), -1)
    hkl = hkl.reshape(-1, 3).astype(float)
    inverse = np.linalg.inv(matrix)
    q = 2 * np.pi * np.linalg.norm(hkl @ inverse.T, axis=1)
    hkl, q = hkl[(q > 1e-6) & (q < q_max + 1)], q[(q > 1e-6) & (q < q_max + 1)]
    exponent = -0.5 * q[:, None] ** 2 * np.asarray(crystal.u_iso, float)[real][None]
    if crystal.u_aniso is not None:
        star = np.linalg.norm(inverse, axis=0)
        U = np.asarray(crystal.u_aniso, dtype=float)[real] * np.outer(star, star)
        exponent = exponent - 2 * np.pi**2 * np.einsum("pi,nij,pj->pn", hkl, U, hkl)
    F = np.sum(f[None] * np.exp(exponent + 2j * np.pi * hkl @ x.T), axis=1)
    grid = np.linspace(0, q_max, 60)
    kernel = np.exp(-0.5 * ((grid[:, None] - q[None]) / 0.15) ** 2)
    return kernel @ (np.abs(F) ** 2) / np.sum(f) ** 2


@pytest.fixture
def powder():
    return _powder
