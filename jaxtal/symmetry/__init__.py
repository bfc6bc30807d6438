"""Symmetry: exact operations, space groups, Wyckoff positions. NumPy and integers, no jax.

An operation takes x to W x + w (columns of fractional coordinates) with an integer matrix W and an
exact fraction w modulo 1; it takes reflection indices h (rows) to h W, with
F(h W) = F(h) exp(-2 pi i h.w) where F(h) = sum f exp(+2 pi i h.x).

    group = SpaceGroup.find("F d -3 m")          # or 227, "227:1", "Oh^7", "-F 4vw 2vw 3"
    group.rotations, group.translations, group.denominator   # (n, 3, 3), (n, 3) over denominator
    group.wyckoff("8a")                          # WyckoffPosition: rotations (m, 3, k), ...
    group.locate(frac, matrix, tol=0.1)          # (position, its free parameters)

`SpaceGroup.find` and `from_number` give the standard setting of International Tables A: unique axis
b, cell choice 1, origin choice 2, hexagonal axes. Other settings go by name ("P 21/n",
"R -3 m :R", "F d -3 m :1"), Hall symbol, or the list of operations; `from_standard` is the exact
change of coordinates. `from_generators` closes a group in any dimension.

The operations of the 230 groups in 564 settings are gemmi's. The 1731 Wyckoff positions are derived
from them: a position is an orbit of the affine subspaces fixed by the subgroups that stabilise a
point; `tests/reference/generate_wyckoff.py` finds them and asks spglib for letters and
site-symmetry symbols. The free parameters of a position are coordinates of its representative:
"x,2x,z" has u = (x, z).

About reflections: `laue_unique`, `absent`, `epsilon`, `centric`.
"""

from ._basis_change import BasisChange as BasisChange
from ._group import SpaceGroup as SpaceGroup
from ._orbits import OrbitKind as OrbitKind
from ._orbits import Orbits as Orbits
from ._reflections import absent as absent
from ._reflections import centric as centric
from ._reflections import epsilon as epsilon
from ._reflections import laue_unique as laue_unique
from ._symop import SymOp as SymOp
from ._wyckoff import WyckoffPosition as WyckoffPosition
