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
change of coordinates.

In two dimensions there are the 17 plane groups, in one the two line groups; PSCF's names of all
groups are understood, and `pscf_group` and `pscf_name` translate them exactly:

    SpaceGroup.find("p 6 m m", dimension=2)      # or "p6m", "p6mm", 17
    SpaceGroup.find("P -1", dimension=1)
    pscf_name(SpaceGroup.find("P 42/m n m"))     # "P_42%m_n_m"

Everything but the Wyckoff positions works in N dimensions: operator strings are written in x, y, z
or, beyond three dimensions, in x1 ... xN, and `from_generators` closes any finite group.

    SpaceGroup.from_generators(["-x1,x2+1/2,-x3,x4"])        # a superspace group
    SpaceGroup.find("icosahedral P235")                      # or "decagonal P10_5/mmc", ...
    quasicrystal_group_names("octagonal")                    # the predefined ones
    derive_space_groups([W1, W2], centring)                  # all space groups of a point group

The 11 icosahedral groups are in 6D, F and I (of direct space) in the cell of the primitive lattice
with centring translations; the axial ones are in 5D on a star of four vectors and c*.
`_quasicrystal_groups` states the conventions. `Orbits` expands wave vectors under a group, with
exact phases.
`allowed_origins` says what a group leaves open of the origin.

The operations of the 230 groups in 564 settings are gemmi's. The 1731 Wyckoff positions are derived
from them: a position is an orbit of the affine subspaces fixed by the subgroups that stabilise a
point; `tests/reference/generate_wyckoff.py` finds them and asks spglib for letters and
site-symmetry symbols. The free parameters of a position are coordinates of its representative:
"x,2x,z" has u = (x, z).

About reflections: `laue_unique`, `absent`, `epsilon`, `centric`.
"""

from ._basis_change import BasisChange as BasisChange
from ._frobenius import derive_space_groups as derive_space_groups
from ._group import SpaceGroup as SpaceGroup
from ._integer_matrices import smith_normal_form as smith_normal_form
from ._orbits import Orbits as Orbits
from ._origins import allowed_origins as allowed_origins
from ._pscf_names import pscf_group as pscf_group
from ._pscf_names import pscf_name as pscf_name
from ._quasicrystal_groups import quasicrystal_group_names as quasicrystal_group_names
from ._reflections import absent as absent
from ._reflections import centric as centric
from ._reflections import epsilon as epsilon
from ._reflections import laue_unique as laue_unique
from ._symop import SymOp as SymOp
from ._wyckoff import WyckoffPosition as WyckoffPosition
