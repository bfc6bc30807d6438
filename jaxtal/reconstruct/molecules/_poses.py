"""From the poses of rigid molecules to the coordinates of their atoms."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ..._core import AnyArray, namespace


class Poses(eqx.Module):
    """Variables of a crystal's sites as a function of how its molecules lie.

        x_i = c_i + R(q_i) r_i M^-1,    R(q) = 1 + 2 ([u]^2 + s [u]) / |q|^2,  q = (s, u)

    r_i are the places of a molecule's atoms about its centre c after its torsions. Quaternions q
    are free numbers: R depends on their direction alone, is smooth wherever they are not zero, and
    equally distributed directions are equally distributed orientations, without the poles and
    wraps that angles and rotation vectors have.

    Variables w are those of the cell, then centre (fractional), quaternion and torsions (radians)
    of each molecule. All maps are arrays: poses of equal sizes share programs.

    Attributes:
        places: atoms about their centre as the molecule was given, shape (N, 3), angstrom.
        centres, centre_shifts: c = centres w + shifts, shapes (N, 3, W) and (N, 3).
        spins: q of each atom's molecule, shape (N, 4, W).
        ends: atoms of the axes of torsions, shape (T, 2).
        moved: 1 for atoms that turn about an axis, shape (T, N).
        angles: by how much, shape (T, W).
        cells: the variables of the cell among those of the crystal, shape (V, W).
        picks, shifts: free coordinates of sites from x, shapes (V, N, 3) and (V,).
        basis: T^-1 of `CellVariables`, shape (3, 3).
    """

    places: Float[AnyArray, "N 3"]
    centres: Float[AnyArray, "N 3 W"]
    centre_shifts: Float[AnyArray, "N 3"]
    spins: Float[AnyArray, "N 4 W"]
    ends: Int[AnyArray, "T 2"]
    moved: Float[AnyArray, "T N"]
    angles: Float[AnyArray, "T W"]
    cells: Float[AnyArray, "V W"]
    picks: Float[AnyArray, "V N 3"]
    shifts: Float[AnyArray, " V"]
    basis: Float[AnyArray, "3 3"]

    def variables(
        self, w: Float[AnyArray, " W"], inverse: Float[AnyArray, "3 3"]
    ) -> Float[AnyArray, " V"]:
        """Variables of the crystal.

        Args:
            w: of the poses.
            inverse: D^-1 of the cell, see `CellSlopes`.
        """
        x = self.fractions(w, inverse)
        return _over(self.cells, w) + _over(self.picks, x, 2) + self.shifts

    def fractions(
        self, w: Float[AnyArray, " W"], inverse: Float[AnyArray, "3 3"]
    ) -> Float[AnyArray, "N 3"]:
        """Fractional coordinates of all atoms."""
        turned = rotated(_over(self.spins, w), self.placed(w))
        centres = _over(self.centres, w) + self.centre_shifts
        return centres + _over(turned, _over(inverse, self.basis))

    def placed(self, w: Float[AnyArray, " W"]) -> Float[AnyArray, "N 3"]:
        """Atoms about their centre, angstrom, after the torsions."""
        xp, r, angles = namespace(w), self.places, _over(self.angles, w)
        for t in range(len(self.ends)):
            begin, end = r[self.ends[t, 0]], r[self.ends[t, 1]]
            axis = end - begin
            square = xp.sum(axis * axis)
            # Padding turns nothing about an axis of length 0.
            axis = (axis / xp.sqrt(xp.where(square > 0, square, 1.0)))[None]
            arm = r - end[None]
            along = xp.sum(arm * axis, axis=1)[:, None] * axis
            sine, cosine = xp.sin(angles[t]), xp.cos(angles[t])
            step = (cosine - 1) * (arm - along) + sine * xp.cross(axis, arm)
            r = r + self.moved[t][:, None] * step
        return r


def rotated(q: Float[AnyArray, "N 4"], r: Float[AnyArray, "N 3"]) -> Float[AnyArray, "N 3"]:
    """Vectors turned by quaternions of any length; those of length 0 turn nothing."""
    xp = namespace(q)
    square = xp.sum(q * q, axis=1)[:, None]
    scale = 2 * xp.where(square > 0, 1 / xp.where(square > 0, square, 1.0), 0.0)
    across = xp.cross(q[:, 1:], r)
    return r + scale * (xp.cross(q[:, 1:], across) + q[:, :1] * across)


def _over(a: AnyArray, b: AnyArray, axes: int = 1) -> Array | np.ndarray:
    """Sum over the last axes of a and the first ones of b, in the highest precision."""
    if namespace(a, b) is np:
        return np.tensordot(a, b, axes)
    return jnp.tensordot(a, b, axes, precision="highest")
