"""How strongly atoms scatter: form-factor tables apart from formulas, and Debye-Waller factors.

Everything here is a function of s^2, where s = sin(theta)/lambda = q / (4 pi) = 1 / (2 d)
in 1/angstrom. Tables are read on the host, on first use, from gemmi and periodictable (importing
the room reads nothing); what comes back is a small `FormFactors` module of arrays that goes
through `jit`, `grad` and `vmap`.

    factors = FormFactors.build(["Si4+", "O2-"])          # Waasmaier-Kirfel X-ray, ions
    f = factors(stol2)                                    # (2, P) electrons
    factors.f0                                            # (2,) values at s = 0

    kind                formula                               source                      unit
    "waasmaier-kirfel"  sum of 5 Gaussians + c, ions          Waasmaier & Kirfel 1995     electrons
    "it92"              sum of 4 Gaussians + c, ions          Int. Tables C 6.1.1.4       electrons
    "recp"              Z - 41.78214 s^2 sum of 4 Gaussians   Doyle & Turner 1968         electrons
    "constant"          Z - charge (point atoms)              -                           electrons
    "electron"          sum of 5 Gaussians                    Int. Tables C 4.3.2.2       angstrom
    "neutron"           b_c, constant, isotopes               periodictable               fm

Species are written "Si", "Si4+", "O2-", "D", "18O", 14 or (14, 4, 0) = (atomic number, charge,
mass number); `parse_species` and `species_label` convert.

Displacement: `isotropic_displacement`, `anisotropic_displacement` (Debye-Waller factors) and
the conversions between B and U, and between U in the CIF convention and Cartesian U.

Phasing: `rms_form_factor` of a composition ("Cd5.7Yb") and `debye_waller` on the host in
float64, and profiles of windows, functions of x = q / q_max: `window_profile("ball")` and others,
for NumPy and JAX arrays.
"""

from ._anomalous import anomalous as anomalous
from ._displacement import anisotropic_displacement as anisotropic_displacement
from ._displacement import cif_scale as cif_scale
from ._displacement import isotropic_displacement as isotropic_displacement
from ._displacement import u_cart_to_cif as u_cart_to_cif
from ._displacement import u_cif_to_cart as u_cif_to_cart
from ._displacement import u_equivalent as u_equivalent
from ._displacement import u_star as u_star
from ._form_factors import Charges as Charges
from ._form_factors import FormFactors as FormFactors
from ._sharpening import CompositionLike as CompositionLike
from ._sharpening import composition_amounts as composition_amounts
from ._sharpening import debye_waller as debye_waller
from ._sharpening import rms_form_factor as rms_form_factor
from ._species import Species as Species
from ._species import parse_species as parse_species
from ._species import species_label as species_label
from ._window_profiles import WindowProfile as WindowProfile
from ._window_profiles import window_profile as window_profile
