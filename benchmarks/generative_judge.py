"""Whether a generated crystal is possible, and whether it is the one that was meant."""

import numpy as np
from ase.data import covalent_radii

import jaxtal as jxt
from jaxtal.crystal import HostAtoms


def closest(matrix, frac, z):
    """Smallest distance in units of the sum of covalent radii, images included."""
    shifts = np.stack(np.meshgrid(*[np.arange(-1, 2)] * 3, indexing="ij"), -1).reshape(-1, 3)
    cell, transform = jxt.lattice.niggli_reduce(matrix)
    x = frac @ np.linalg.inv(transform)
    x = x - np.floor(x)
    vectors = (x[None, :, None] - x[:, None, None] + shifts) @ cell
    distances = np.linalg.norm(vectors, axis=-1)
    distances[np.arange(len(z)), np.arange(len(z)), len(shifts) // 2] = np.inf
    radii = covalent_radii[z]
    return float((distances / (radii[None, :, None] + radii[:, None, None])).min())


def judge(matrix, frac, z, targets):
    """What one sample is worth.

    A match superposes with lengths within 30 %, angles within 10 degrees and an RMSD below 0.3
    (V / N)^(1/3), volumes not scaled; in a close one the cells agree within 10 % and 0.1 rad and
    the RMSD is below 0.1 (V / N)^(1/3).
    """
    found = {"valid": False, "matched": False, "close": False, "rmsd": None}
    volume, lengths = abs(np.linalg.det(matrix)), np.linalg.norm(matrix, axis=1)
    if not np.isfinite(matrix).all() or volume < 1e-2 * np.prod(lengths):
        return found
    ratio = volume / np.mean([abs(np.linalg.det(t[0])) for t in targets])
    found["volume_ratio"] = float(ratio)
    found["closest"] = closest(matrix, frac, z)
    found["valid"] = bool(0.5 < ratio < 2 and found["closest"] > 0.5)
    for target in targets:
        unit = (abs(np.linalg.det(target[0])) / len(z)) ** (1 / 3)
        match = jxt.match_crystals(
            HostAtoms.from_arrays(*target),
            HostAtoms.from_arrays(matrix, frac, z, min_distance=0),
            length_tol=0.3,
            angle_tol=10.0,
            max_rmsd=0.3 * unit,
        )
        if match is None:
            continue
        rmsd = match.rmsd / unit
        found["matched"] = True
        found["rmsd"] = rmsd if found["rmsd"] is None else min(rmsd, found["rmsd"])
        found["close"] |= rmsd < 0.1 and match.cell_error < 0.1
    return found
