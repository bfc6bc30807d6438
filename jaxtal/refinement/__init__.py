"""Crystal structures refined against measured intensities: full-matrix least squares on F^2.

    data = Measurements.from_table(cell, "P 21/c", jxt.io.read_reflection_table("data.hkl"))
    model = Model.from_crystal(jxt.io.read("start.cif"))          # or Model.build(cell, group, ...)
    found = refine(data, model)                                   # isotropic, as the model is
    found = refine(data, found.model.with_tensors(), weights="fit")
    found = complete_model(data, model, composition="C10 H8 N2 S2")      # all the way
    print(found); found.R1, found.esds["frac"], found.difference.peaks(), found.crystal
    jxt.io.write_refinement(found, "folder/name")                 # .cif, .res, difference .ccp4

`Measurements` are merged under the point group, Friedel mates apart where anomalous scattering
makes them differ. A `Model` holds the asymmetric unit, and what is refined follows from it:

    coordinates, U_iso, U_ij    what the site of each atom allows, by exact maps from the group
    occupancies                 refine(..., occupancies=["Zn1"])
    scale                       always; its first value is sum F_o F_c / sum F_c^2
    extinction                  model.replace(extinction=0.0): x of SHELX
    twins                       model.replace(twin_laws=(R,), twin_fractions=(0.3,)), h' = R h; the
                                inversion, -1, gives the share of the other hand
    hydrogen atoms              `add_hydrogens`: riding, U_iso 1.2 or 1.5 U_eq of the carrier

A powder's integrated intensities, of lines that may overlap, are refined against in the same way:

    data = Measurements.from_powder(cell, group, [[(1, 1, 0)], [(0, 0, 2), (3, 1, 0)]], I, sigma)

Electrons and neutrons go by `radiation`, X-rays with f' and f'' at the wavelength. Weights have the
form of SHELX and are fitted by `weights="fit"`. Uncertainties come from the inverse normal matrix,
scaled by the goodness of fit. Restraints are one line each, with gradients by JAX:

    similar_distances(model, [("C1", "C2"), ("C3", "C4")], sigma=0.01)
    fix_distances(model, [("O1", "H1")], 0.84)
    rigid_bonds(model, [("C1", "C2")])
    Restraint(lambda v: v.distance("N1", "C1") - 1.33, sigma=0.01)     # any function of `v`

What `complete_model` does can be done by hand: `found.difference` (a `DifferenceMap`: `peaks`,
`values`), `check_elements` (chi^2 of other elements at each atom), `find_bonds`, `flack_parameter`
(quotients of Friedel mates) and `inverted` (the other hand).

The engine runs in NumPy: derivatives of |F|^2 atom by atom, chained by 2 Re(F* dF), in blocks of
reflections whose products are summed, so nothing is compiled and memory stays small. Cycles are in
single precision while that brings the fit forward, the last one and uncertainties in double.
`Residuals` is the same function in JAX, for gradients through it.
"""

from ._bonds import find_bonds as find_bonds
from ._complete import complete_model as complete_model
from ._difference import DifferenceMap as DifferenceMap
from ._differentiable import Residuals as Residuals
from ._elements import check_elements as check_elements
from ._flack import flack_parameter as flack_parameter
from ._flack import inverted as inverted
from ._hydrogens import add_hydrogens as add_hydrogens
from ._measurements import Measurements as Measurements
from ._model import Model as Model
from ._refine import refine as refine
from ._restraints import Restraint as Restraint
from ._restraints import fix_distances as fix_distances
from ._restraints import rigid_bonds as rigid_bonds
from ._restraints import similar_distances as similar_distances
from ._result import Refinement as Refinement
