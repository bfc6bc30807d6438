"""Crystals: `Crystal`, the P1 content of a cell, and `WyckoffCrystal`, its symmetric parametrisation.

A `WyckoffCrystal` is a static plan (space group, Wyckoff letters) and free parameters; `expand()`
is pure and differentiable and gives a `Crystal`, which is what every later room works on.
"""

from ._crystal import Crystal as Crystal
from ._wyckoff_crystal import WyckoffCrystal as WyckoffCrystal
from ._wyckoff_crystal import WyckoffPlan as WyckoffPlan
