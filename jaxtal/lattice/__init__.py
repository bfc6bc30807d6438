"""Lattices: cell parameters, matrices, reciprocal lattices, constraints and reduction.

Conventions. A lattice matrix has the basis vectors a, b, c as *rows*, in angstrom, so that
`cart = frac @ matrix` (ASE's convention: a along x, b in the xy plane when a matrix is made from
cell parameters). Reciprocal vectors carry the 2 pi: `a_i . b_j = 2 pi delta_ij`, so that
`q = hkl @ reciprocal` is in 1/angstrom and `d = 2 pi / |q|`. Angles are in degrees.
`cell_to_matrix` and `matrix_to_cell` answer NumPy with NumPy, compiling nothing.

`LatticeSystem` knows which cell parameters a set of symmetry operations leaves free, and maps
them to unconstrained variables for optimisation.

`BravaisLattice` names the lattices of one, two and three dimensions with their parameters, as
files of periodic fields do. Its matrices have a along x and b in the xy plane too, but a
rhombohedral lattice has its threefold axis along z, and the third vector of a triclinic one is
given by its azimuth phi and its tilt theta.

    hexagonal = BravaisLattice.find("hexagonal", 3)
    hexagonal.parameter_names                        # ("a", "c")
    hexagonal.matrix(parameters)                     # (3, 3), differentiable
    BravaisLattice.of(matrix)                        # (lattice, parameters) of a given matrix

`Superspace` embeds quasicrystals and modulated crystals in N dimensions: the physical and the
internal (perpendicular) part of N reciprocal basis vectors.

    space = Superspace.icosahedral(a=5.689)          # decagonal, octagonal, dodecagonal, modulated
    space.q_parallel(k), space.q_perpendicular(k)    # wave vectors of integer indices (refl, N)
    space.coordinates(r, s)                          # point of the N-dimensional cell seen at r
    space.check_group(group.rotations)               # W G W^T = G, or an error
"""

from ._bravais_lattice import BravaisLattice as BravaisLattice
from ._cell import cell_to_matrix as cell_to_matrix
from ._cell import check_cell as check_cell
from ._cell import check_matrix as check_matrix
from ._cell import matrix_to_cell as matrix_to_cell
from ._lattice import Lattice as Lattice
from ._lattice_system import LatticeSystem as LatticeSystem
from ._reduction import niggli_reduce as niggli_reduce
from ._superspace import Superspace as Superspace
