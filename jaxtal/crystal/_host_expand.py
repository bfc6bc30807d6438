"""The atoms of a crystal without compiling a program for its sites."""

import numpy as np

from .._core import device_array
from ..lattice import Lattice, host_matrix
from ._crystal import Crystal
from ._wyckoff_crystal import WyckoffCrystal


def expand_on_host(crystal: Crystal | WyckoffCrystal) -> Crystal:
    """Every atom of the cell, without displacements (host).

    `WyckoffCrystal.expand` is compiled for each number of sites and atoms, which takes longer than
    everything else where many different crystals are looked at once each.
    """
    if isinstance(crystal, Crystal):
        return crystal
    plan, dtype = crystal.plan, crystal.lattice_parameters.dtype
    site = np.asarray(plan.site)
    matrix = host_matrix(plan.system.host_cell(np.asarray(crystal.lattice_parameters, np.float64)))
    frac = plan.host_frac(np.asarray(crystal.site_parameters, np.float64))
    n = len(site)

    def per_atom(values: object) -> np.ndarray:
        return np.asarray(values)[site]

    return Crystal(
        lattice=Lattice(device_array(matrix, dtype)),
        frac_coords=device_array(frac, dtype),
        atomic_numbers=device_array(per_atom(crystal.atomic_numbers), np.int32),
        occupancies=device_array(per_atom(crystal.occupancies), dtype),
        u_iso=device_array(np.zeros(n), dtype),
        u_aniso=None,
        charges=device_array(per_atom(crystal.charges), np.int32),
        isotopes=device_array(per_atom(crystal.isotopes), np.int32),
        mask=device_array(np.ones(n), bool),
    )
