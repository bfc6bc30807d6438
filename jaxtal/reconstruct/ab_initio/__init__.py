"""Crystals from a descriptor and a composition alone, one question after the other.

Lattice (`find_lattices`): which cells have reflections where the radial distribution needs them.
Groups (`settings`): which extinctions are allowed there. Sites (`candidates`, `SiteSearch`): which
choices of Wyckoff positions, sampled and descended in the cell that is known, have the descriptor.
Verification (`identified`): the full symmetry of what was found, and its loss afresh.
"""

from ._discovery import DiscoveredCrystal as DiscoveredCrystal
from ._discovery import Discovery as Discovery
from ._from_composition import from_composition as from_composition
from ._from_sites import from_sites as from_sites
