"""The atoms of a crystal without compiling a program for its sites."""

import numpy as np
from jaxtyping import Array

from .._core import device_array, host_array
from ..lattice import Lattice, host_matrix
from ._crystal import Crystal
from ._wyckoff_crystal import WyckoffCrystal


def expand_on_host(crystal: Crystal | WyckoffCrystal) -> Crystal:
    """Every atom of the cell (host).

    `WyckoffCrystal.expand` is compiled for each number of sites and atoms, which takes longer than
    everything else where a crystal is looked at once. It still is where there are displacement
    tensors.
    """
    if isinstance(crystal, Crystal):
        return crystal
    if crystal.u_aniso is not None:
        return crystal.expand()
    plan, dtype = crystal.plan, crystal.lattice_parameters.dtype
    site = np.asarray(plan.site)
    cell = plan.system.host_cell(host_array(crystal.lattice_parameters, "lattice_parameters"))
    matrix = host_matrix(cell)
    frac = plan.host_frac(host_array(crystal.site_parameters, "site_parameters"))
    n = len(site)

    def per_atom(values: Array) -> np.ndarray:
        return host_array(values, "crystal", values.dtype)[site]

    return Crystal(
        lattice=Lattice(device_array(matrix, dtype)),
        frac_coords=device_array(frac, dtype),
        atomic_numbers=device_array(per_atom(crystal.atomic_numbers), np.int32),
        occupancies=device_array(per_atom(crystal.occupancies), dtype),
        u_iso=device_array(per_atom(crystal.u_iso), dtype),
        u_aniso=None,
        charges=device_array(per_atom(crystal.charges), np.int32),
        isotopes=device_array(per_atom(crystal.isotopes), np.int32),
        mask=device_array(np.ones(n), bool),
    )
