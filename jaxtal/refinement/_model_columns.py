"""Arrays and crystals as the columns of a model, checked."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._core import check_finite, host_array
from ..crystal import Crystal, WyckoffCrystal
from ..lattice import cell_to_matrix, check_cell, check_matrix
from ..scattering import cif_scale, species_label
from ..symmetry import SpaceGroup
from ._labels import numbered
from ._sites import site_of

#: Displacement of atoms that have none, A^2.
_U_UNKNOWN = 0.04


def model_columns(
    cell: Any,
    group: int | str | SpaceGroup,
    species: Sequence[str],
    frac: Any,
    u_iso: Any,
    u_aniso: Any,
    occupancies: Any,
    labels: Sequence[str] | None,
    site_tolerance: float,
) -> dict[str, Any]:
    """What `Model.build` is given as fields of a model, atoms moved onto their sites."""
    rows = cell_to_matrix(check_cell(cell)) if np.shape(cell) == (6,) else check_matrix(cell)
    group = SpaceGroup.find(group, 3)
    group.check_matrix(rows)
    x = host_array(frac, "frac")
    n = len(species)
    if x.shape != (n, 3):
        raise ValueError(f"frac: expected shape ({n}, 3), got {x.shape}")
    check_finite(x, "frac")
    names = tuple(species_label(one) for one in species)
    columns = {}
    for name, given in (("u_iso", u_iso), ("occupancies", occupancies)):
        value = host_array(given, name)
        if value.shape not in ((), (n,)):
            raise ValueError(f"{name}: expected one number or {n}, got {value.shape}")
        check_finite(value, name)
        columns[name] = np.array(np.broadcast_to(value, (n,)))
    U = np.full((n, 3, 3), np.nan) if u_aniso is None else host_array(u_aniso, "u_aniso")
    if U.shape != (n, 3, 3):
        raise ValueError(f"u_aniso: expected shape ({n}, 3, 3), got {U.shape}")
    anisotropic = np.asarray(np.isfinite(U).all(axis=(1, 2)))
    labels = tuple(labels or numbered(names))
    if len(labels) != n or len(set(labels)) != n:
        raise ValueError(f"labels: expected {n} different ones, got {labels}")
    sites = [site_of(point, group, rows, site_tolerance) for point in x]
    return {
        "matrix": rows,
        "group": group,
        "labels": labels,
        "species": names,
        "frac": np.array([site.frac for site in sites]).reshape(n, 3),
        **columns,
        "u_aniso": np.where(anisotropic[:, None, None], U, 0.0),
        "anisotropic": anisotropic,
    }


def crystal_columns(crystal: WyckoffCrystal | Crystal) -> dict[str, Any]:
    """The asymmetric unit of a crystal as arguments of `Model.build`."""
    if isinstance(crystal, Crystal):
        crystal = WyckoffCrystal.from_crystal(crystal, symmetry=False)
    plan, atoms = crystal.plan, crystal.to_host()
    site = np.asarray(plan.site)
    first = np.array([np.flatnonzero(site == s)[0] for s in range(len(plan.letters))])
    U = None
    u_iso = atoms.u_iso[first]
    if atoms.u_aniso is not None:
        U = atoms.u_aniso[first].copy()
        sphere = np.linalg.inv(atoms.matrix @ atoms.matrix.T) / cif_scale(atoms.matrix)
        used = U.any(axis=(1, 2))
        U = U + u_iso[:, None, None] * sphere
        U[~used] = np.nan
    return {
        "cell": atoms.matrix,
        "group": crystal.group,
        "species": crystal.species,
        "frac": atoms.frac_coords[first],
        "u_iso": np.where(u_iso > 0, u_iso, _U_UNKNOWN),
        "u_aniso": U,
        "occupancies": atoms.occupancies[first],
    }
