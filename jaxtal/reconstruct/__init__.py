"""Reconstruction: crystals recovered from a descriptor by gradient-based optimisation.

    target = describe(crystal)                                  # or Objective.target(crystal)
    found = from_descriptor(target, like=crystal, starts=64)    # group and sites are known
    found.best, found.success, found.solutions

`like` fixes the discrete part (space group, Wyckoff letters, species); its cell is where starts
are drawn around. The free parameters are optimised in unconstrained variables, many starts at
once: Adam on an objective whose G(d) sharpens as it goes, then Levenberg-Marquardt.
"""

from ._objective import Objective as Objective
from ._objective import Target as Target
from ._objective import default_descriptor as default_descriptor
from ._optimise import LBFGS as LBFGS
from ._optimise import AbstractOptimiser as AbstractOptimiser
from ._optimise import Adam as Adam
from ._optimise import LevenbergMarquardt as LevenbergMarquardt
from ._optimise import Problem as Problem
from ._reconstruct import from_descriptor as from_descriptor
from ._result import FoundCrystal as FoundCrystal
from ._result import Reconstruction as Reconstruction
from ._result import compare as compare
from ._starts import estimate_volume as estimate_volume
from ._starts import perturb as perturb
from ._starts import random_crystal as random_crystal
