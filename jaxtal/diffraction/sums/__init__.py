"""Sums of waves over the atoms of a cell: the kernels of everything that diffracts.

signed_sums              sums at all indices of a box; `signed_places` tells where
HklBox, sphere_sums      sums at all reflections of a sphere, found inside the program
host_sphere_sums         likewise in NumPy, nothing compiled
element_slots            which elements a crystal holds, in a fixed number of places
"""

from ._element_slots import FEWEST as FEWEST
from ._element_slots import MOST_ATOMS as MOST_ATOMS
from ._element_slots import countable as countable
from ._element_slots import element_slots as element_slots
from ._host_sums import host_sphere_sums as host_sphere_sums
from ._host_sums import is_regular as is_regular
from ._signed_sums import signed_places as signed_places
from ._signed_sums import signed_sums as signed_sums
from ._sphere_sums import HklBox as HklBox
from ._sphere_sums import SphereSums as SphereSums
from ._sphere_sums import box_size as box_size
from ._sphere_sums import safe_cell as safe_cell
from ._sphere_sums import sphere_sums as sphere_sums
