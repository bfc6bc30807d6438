"""Lattices: cell parameters, matrices, reciprocal lattices, constraints and reduction.

Conventions. A lattice matrix has the basis vectors a, b, c as *rows*, in angstrom, so that
`cart = frac @ matrix` (ASE's convention: a along x, b in the xy plane when a matrix is made from
cell parameters). Reciprocal vectors carry the 2 pi: `a_i . b_j = 2 pi delta_ij`, so that
`q = hkl @ reciprocal` is in 1/angstrom and `d = 2 pi / |q|`. Angles are in degrees.

`LatticeSystem` knows which cell parameters a set of symmetry operations leaves free, and maps
them to unconstrained variables for optimisation.
"""

from ._cell import cell_to_matrix as cell_to_matrix
from ._cell import check_cell as check_cell
from ._cell import host_cell as host_cell
from ._cell import host_matrix as host_matrix
from ._cell import matrix_to_cell as matrix_to_cell
from ._lattice import Lattice as Lattice
from ._reduction import niggli_reduce as niggli_reduce
from ._system import LatticeSystem as LatticeSystem
