"""Crystals: `Crystal`, the P1 content of a cell, and `WyckoffCrystal`, its symmetric form.

A `WyckoffCrystal` is a static plan (space group, Wyckoff letters) and free parameters; `expand()`
is pure and differentiable and gives a `Crystal`, which is what every later room works on.

    diamond = WyckoffCrystal.build(227, 3.567, [("C", "8a", (1/8, 1/8, 1/8))])
    diamond.expand()                              # Crystal: 8 atoms, arrays, gradients
    prototype("alpha-quartz")                     # built in, from published parameters
    Crystal.from_arrays(matrix, frac, numbers)    # any cell, checked
    WyckoffCrystal.from_crystal(crystal, symprec=1e-3)   # symmetry found, standard setting
    WyckoffCrystal.from_crystal(crystal, symmetry=False) # P1: every atom free
    CrystalBatch.from_ase(images)                 # B crystals in arrays; other layouts as well
    crystal.to_ase(); Crystal.from_ase(atoms); WyckoffCrystal.from_ase(atoms)

Lower symmetry than a crystal has is a matter of stating it: `diamond_settings()` holds diamond in
twelve groups, written with `WyckoffCrystal.build`.
"""

from ._apply_plan import Program as Program
from ._apply_plan import apply_plan as apply_plan
from ._apply_plan import planned_crystals as planned_crystals
from ._batch import CrystalBatch as CrystalBatch
from ._crystal import Crystal as Crystal
from ._crystal_arrays import CrystalArrays as CrystalArrays
from ._host_expand import expand_on_host as expand_on_host
from ._map_crystals import Chunk as Chunk
from ._map_crystals import map_crystals as map_crystals
from ._map_crystals import per_crystal_loss as per_crystal_loss
from ._match import CrystalMatch as CrystalMatch
from ._match import match_crystals as match_crystals
from ._prototypes import diamond_settings as diamond_settings
from ._prototypes import prototype as prototype
from ._prototypes import prototype_names as prototype_names
from ._prototypes import prototype_source as prototype_source
from ._wyckoff_crystal import WyckoffCrystal as WyckoffCrystal
from ._wyckoff_plan import WyckoffPlan as WyckoffPlan
