"""Periodic fields: sampling grids of the unit cell in any dimension."""

from ._density import Density as Density
from ._grid import Grid as Grid
from ._peaks import Peaks as Peaks
from ._peaks import find_peaks as find_peaks
from ._section import PhysicalMap as PhysicalMap
from ._section import Plane as Plane
from ._section import Section as Section
from ._section import physical_map as physical_map
from ._section import section as section
