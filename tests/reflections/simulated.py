"""Intensities of random point atoms under any group, as a file would list them."""

import numpy as np

from jaxtal.lattice import cell_to_matrix
from jaxtal.reflections import ReflectionTable
from jaxtal.symmetry import SpaceGroup


def simulated(cell, group, seed=0, atoms=8, d_min=1.0, noise=0.02, keep=1.0, twin=None):
    """A table of one hemisphere: I of F(h) = sum exp(2 pi i h.x), noise and sigma.

    Args:
        cell: angstrom and degrees.
        group: symbol.
        keep: fraction of the rows that is kept, at random.
        twin: (index matrix, fraction).
    """
    rng = np.random.default_rng(seed)
    cell = np.array(cell, float)
    matrix = np.asarray(cell_to_matrix(cell))
    group = SpaceGroup.find(group)
    x = rng.uniform(size=(atoms, 3))
    x = (
        np.einsum("nij,aj->nai", group.rotations.astype(float), x)
        + (group.translations / group.denominator)[:, None]
    ).reshape(-1, 3)
    weight = np.tile(rng.uniform(6, 9, atoms), group.order)
    most = (np.linalg.norm(matrix, axis=1) / d_min).astype(int)
    h = np.stack(
        np.meshgrid(*(np.arange(-n, n + 1) for n in most), indexing="ij"), axis=-1
    ).reshape(-1, 3)
    s = ((h @ np.linalg.inv(matrix).T) ** 2).sum(axis=1)
    h = h[(s > 0) & (s <= d_min**-2)]
    h = h[[tuple(row) > (0, 0, 0) for row in h.tolist()]]
    h = h[rng.uniform(size=len(h)) < keep]

    def intensity(k):
        s = ((k @ np.linalg.inv(matrix).T) ** 2).sum(axis=1)
        F = (weight * np.exp(2j * np.pi * (k @ x.T))).sum(axis=1)
        return np.abs(F) ** 2 * np.exp(-5.0 * s)

    I = intensity(h)
    if twin is not None:
        law, fraction = np.array(twin[0]), twin[1]
        I = (1 - fraction) * I + fraction * intensity(h @ law.T)
    sigma = noise * (I + 0.05 * I.mean())
    I = I + sigma * rng.standard_normal(len(I))
    return ReflectionTable(indices=h, intensity=I, sigma=sigma, cell=cell, source="simulated")
