"""Reconstruction: crystals recovered from a descriptor by gradient-based optimisation.

    target = describe(crystal)                                  # with any descriptor
    found = from_descriptor(target, like=crystal, starts=64)    # group and sites are known
    found.best, found.success, found.solutions

The target knows the descriptor that made it. `like` fixes the discrete part (space group, Wyckoff
letters, species); its cell is where starts are drawn around. The free parameters are optimised in
unconstrained variables, many starts at once: Adam on an objective whose G(d) sharpens as it goes,
then Levenberg-Marquardt. Of random starts four times as many are begun, and the best quarter is
carried through.

What is compiled is one program on arrays alone (`_search_problem`), which both stages use, and
which crystals of any group with about as many atoms and parameters share. Further terms,
displacements, anomalous scattering and unconventional axes take programs of their own.

Inverse design: a crystal like the target that also has some property, from anything that JAX can
differentiate, is the minimum of an objective with a further term:

    def density(crystal, plan):                                 # atoms per cubic angstrom
        return crystal.frac_coords.shape[0] / crystal.lattice.volume

    objective = Objective() + PropertyTerm(density, wanted=0.1, scale=0.01, weight=0.05)
    found = from_descriptor(target, crystal, objective=objective, tolerance=0.1)
    objective.plan(target, found.best).parts(found.best)        # what each part is left with

`AbstractTerm` is the seam for terms of other kinds.

Where neither group, sites nor cell are known (`ab_initio`), lattices are found from the radial
distribution alone, and groups and sites by trying those that are possible:

    found = from_composition(target, "TiO2", atoms=6)           # in the primitive cell
    found.best, found.success, found.message
    found = from_sites(target, 141, [("Ti", "4a"), ("O", "8e")])  # group and sites, but no cell

Of molecules whose shapes are known (`molecules`), how they lie and turn is what varies:

    found = from_molecules(target, "P b c a", [(atoms, "4a")], cell=(7.4, 9.6, 6.9))
"""

from ._adam import Adam as Adam
from ._lbfgs import LBFGS as LBFGS
from ._levenberg_marquardt import LevenbergMarquardt as LevenbergMarquardt
from ._objective import Objective as Objective
from ._problem import Problem as Problem
from ._reconstruct import from_descriptor as from_descriptor
from ._result import Reconstruction as Reconstruction
from ._starts import estimate_volume as estimate_volume
from ._starts import perturb as perturb
from ._starts import random_crystal as random_crystal
from ._terms import AbstractTerm as AbstractTerm
from ._terms import PropertyTerm as PropertyTerm
from .ab_initio import Discovery as Discovery
from .ab_initio import from_composition as from_composition
from .ab_initio import from_sites as from_sites
from .molecules import from_molecules as from_molecules
