"""The objective as a function of how the molecules of a crystal lie."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._cell_slopes import CellSlopes
from .._reflection_block import over
from .._search_problem import CELL, Evaluation, SearchProblem
from ._poses import Poses


class MoleculeProblem(eqx.Module):
    """`SearchProblem` on fewer variables: those of cell, centres, orientations and torsions.

    Its derivatives are those by the coordinates of all sites times those of the coordinates.

    Attributes:
        atoms: the problem on free atoms.
        poses: what makes their variables.
    """

    atoms: SearchProblem
    poses: Poses

    def loss(self, w: Float[Array, " W"], blur: Any = 0.0) -> Float[Array, ""]:
        """The objective; differentiable once."""
        return self.atoms.loss(self.variables(w), blur)

    def linearised(self, w: Float[Array, " W"], blur: Any = 0.0) -> Float[Array, "W_1 r"]:
        """The residuals whose squares add up to the objective, and below them their derivatives."""
        return self.evaluated(w, blur, slopes=True).rows()

    @property
    def n_residuals(self) -> int:
        """How many residuals there are."""
        return self.atoms.n_residuals

    def variables(self, w: Float[Array, " W"]) -> Float[Array, " V"]:
        """Variables of the problem on free atoms."""
        atoms = self.atoms
        arrays = atoms.lengths, atoms.offsets, atoms.shears, atoms.shear_offsets
        cell = CellSlopes.build(over(self.poses.cells, w)[:CELL], *arrays)
        return self.poses.variables(w, cell.inverse)

    def evaluated(self, w: Float[Array, " W"], blur: Any, *, slopes: Any) -> "MoleculeEvaluation":
        """Residuals with all their derivatives, or with the gradient; see `SearchProblem`."""
        variables, forward = jax.linearize(self.variables, w)
        moves = jax.vmap(forward)(jnp.eye(len(w), dtype=w.dtype))
        return MoleculeEvaluation(self.atoms.evaluated(variables, blur, slopes=slopes), moves)


class MoleculeEvaluation(eqx.Module):
    """What has been found at some poses.

    Attributes:
        atoms: as a function of the coordinates of all sites.
        moves: how these change with each variable, shape (W, V).
    """

    atoms: Evaluation
    moves: Float[Array, "W V"]

    @property
    def loss(self) -> Float[Array, ""]:
        """The objective."""
        return self.atoms.loss

    @property
    def gradient(self) -> Float[Array, " W"]:
        """Of the objective, unless all derivatives were asked for."""
        return over(self.moves, self.atoms.gradient)

    def rows(self) -> Float[Array, "W_1 r"]:
        """The residuals, and below them their derivatives by each variable."""
        rows = self.atoms.rows()
        return jnp.concatenate([rows[:1], over(self.moves, rows[1:])])
