"""Which cell parameters symmetry leaves free, and unconstrained variables for them."""

import dataclasses
import functools
from typing import Any, overload

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ._cell import cell_to_matrix, check_cell

#: An entry of `LatticeSystem.angles`: a fixed value in degrees, or the index of a free angle.
_Angle = float | int


@dataclasses.dataclass(frozen=True)
class LatticeSystem:
    """The constraints that a point group puts on the cell a, b, c, alpha, beta, gamma.

    Found from the operations themselves, so both settings of the rhombohedral groups, every
    unique axis and every cell choice are covered by one rule. The free parameters are the free
    lengths (angstrom) followed by the free angles (degrees); for example (a, c) for a tetragonal
    group, (a, alpha) on rhombohedral axes, (a, b, c, beta) for a monoclinic group with unique
    axis b.

    Attributes:
        lengths: for a, b and c the index of the free length it equals.
        angles: for alpha, beta and gamma either a fixed value in degrees (a `float`) or the index
            of a free angle (an `int`).
    """

    lengths: tuple[int, int, int]
    angles: tuple[_Angle, _Angle, _Angle]

    @classmethod
    def from_rotations(cls, rotations: Int[np.ndarray, "n 3 3"]) -> "LatticeSystem":
        """Find the constraints that integer rotations W, x' = W x, leave to a cell.

        The metric must satisfy W^T G W = G. Averaging random metrics over the group gives random
        invariant ones; parameters that agree in all of them are tied or fixed.

        Raises:
            ValueError: the invariant metrics are not described by equal lengths and fixed or
                equal angles (axes in an unconventional setting).
        """
        W = np.asarray(rotations, dtype=np.float64)
        rng = np.random.default_rng(0)
        samples = []
        for _ in range(4):
            root = np.eye(3) + 0.3 * rng.standard_normal((3, 3))
            metric = np.einsum("nji,jk,nkl->il", W, root @ root.T, W) / len(W)
            length = np.sqrt(np.diag(metric))
            cosines = metric / np.outer(length, length)
            samples.append(
                np.concatenate([length, np.rad2deg(np.arccos(cosines[[1, 0, 0], [2, 2, 1]]))])
            )
        cells = np.array(samples)
        lengths, n_lengths = _tie(cells[:, :3], {})
        fixed = {
            i: float(np.round(cells[0, 3 + i], 6))
            for i in range(3)
            if np.ptp(cells[:, 3 + i]) < 1e-9
        }
        angles, n_angles = _tie(cells[:, 3:], fixed)
        if n_lengths + n_angles != _n_invariant_metrics(W):
            raise ValueError(
                "rotations: expected axes along which the free cell parameters are lengths and "
                "angles; these operations tie them otherwise (transform to a conventional setting)"
            )
        return cls(tuple(int(i) for i in lengths), angles)  # pyright: ignore[reportArgumentType]

    @property
    def n_lengths(self) -> int:
        """Number of free lengths."""
        return max(self.lengths) + 1

    @property
    def n_angles(self) -> int:
        """Number of free angles."""
        return len({angle for angle in self.angles if isinstance(angle, int)})

    @property
    def n_free(self) -> int:
        """Number of free cell parameters."""
        return self.n_lengths + self.n_angles

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the free parameters, for example `("a", "c")`."""
        lengths = ["abc"[self.lengths.index(i)] for i in range(self.n_lengths)]
        greek = ("alpha", "beta", "gamma")
        angles = [greek[self._first(i)] for i in range(self.n_angles)]
        return (*lengths, *angles)

    def _first(self, index: int) -> int:
        return next(i for i, a in enumerate(self.angles) if isinstance(a, int) and a == index)

    @overload
    def cell(self, parameters: np.ndarray) -> np.ndarray: ...
    @overload
    def cell(self, parameters: Array) -> Array: ...
    def cell(self, parameters: Float[Array | np.ndarray, " k"]) -> Float[Array | np.ndarray, "6"]:
        """Return all six cell parameters (angstrom, degrees) of the free ones.

        A NumPy array gives one in NumPy.
        """
        xp = np if isinstance(parameters, np.ndarray) else jnp
        lengths = [parameters[i] for i in self.lengths]
        angles = [
            parameters[self.n_lengths + a]
            if isinstance(a, int)
            else xp.asarray(a, parameters.dtype)
            for a in self.angles
        ]
        return xp.stack([*lengths, *angles])

    @functools.partial(jax.jit, static_argnums=0)
    def matrix(self, parameters: Float[Array, " k"]) -> Float[Array, "3 3"]:
        """Return the lattice matrix (rows, angstrom) of free parameters."""
        return cell_to_matrix(self.cell(parameters))

    def parameters(self, cell: Any, tolerance: float = 2e-3) -> Float[np.ndarray, " k"]:
        """Return the free parameters of a measured cell, tied ones averaged (host).

        Args:
            cell: (a, b, c, alpha, beta, gamma) in angstrom and degrees.
            tolerance: largest relative difference of lengths, and of angles in radians, that is
                averaged away.

        Raises:
            ValueError: the cell contradicts the constraints by more than the tolerance; the
                message names the parameter.
        """
        values = check_cell(cell)
        lengths = [
            np.mean([values[i] for i in range(3) if self.lengths[i] == k])
            for k in range(self.n_lengths)
        ]
        angles = [
            np.mean([values[3 + i] for i in range(3) if self._is_free(i, k)])
            for k in range(self.n_angles)
        ]
        names = ("a", "b", "c", "alpha", "beta", "gamma")
        for i in range(6):
            if i < 3:
                expected = lengths[self.lengths[i]]
                error = abs(values[i] / expected - 1)
            else:
                a = self.angles[i - 3]
                expected = angles[a] if isinstance(a, int) else a
                error = np.deg2rad(abs(values[i] - expected))
            if error > tolerance:
                raise ValueError(
                    f"cell: symmetry expects {names[i]} = {expected:.5g}, got {values[i]:.5g}"
                )
        return np.array([*lengths, *angles])

    def _is_free(self, i: int, k: int) -> bool:
        angle = self.angles[i]
        return isinstance(angle, int) and angle == k

    @overload
    def unconstrain(self, parameters: np.ndarray) -> np.ndarray: ...
    @overload
    def unconstrain(self, parameters: Array) -> Array: ...
    def unconstrain(self, parameters: Float[Array | np.ndarray, " k"]) -> Array | np.ndarray:
        """Return unconstrained variables; every real vector is a cell (inverse of `constrain`).

        Lengths become log(length / A). A single free angle becomes its cotangent; the common
        angle of three equal ones log((cos + 1/2) / (1 - cos)), which is the logarithm of
        (c/a)^2 of the hexagonal cell up to a constant; three free angles become the components of
        the unit vectors b and c off their last axes, b ~ (u1, 1, 0) and c ~ (u2, u3, 1).

        A NumPy array gives one in NumPy.
        """
        if isinstance(parameters, np.ndarray):
            return self._unconstrained(np, parameters)
        return _compiled_unconstrain(self, parameters)

    def _unconstrained(self, xp: Any, parameters: Any) -> Any:
        lengths = xp.log(parameters[: self.n_lengths])
        degrees = parameters[self.n_lengths :]
        if self.n_angles == 0:
            return lengths
        cosine = xp.cos(xp.deg2rad(degrees))
        if self.n_angles == 3:
            unit = cell_to_matrix(xp.concatenate([xp.ones_like(degrees), degrees]))
            u1 = unit[1, 0] / unit[1, 1]
            free = xp.stack([u1, unit[2, 0] / unit[2, 2], unit[2, 1] / unit[2, 2]])
        elif self._rhombohedral:
            free = xp.log((cosine + 0.5) / (1 - cosine))
        else:
            free = cosine / xp.sin(xp.deg2rad(degrees))
        return xp.concatenate([lengths, free])

    @overload
    def constrain(self, variables: np.ndarray) -> np.ndarray: ...
    @overload
    def constrain(self, variables: Array) -> Array: ...
    def constrain(self, variables: Float[Array | np.ndarray, " k"]) -> Array | np.ndarray:
        """Return free cell parameters (angstrom, degrees) from unconstrained variables.

        A NumPy array gives one in NumPy.
        """
        if isinstance(variables, np.ndarray):
            return self._constrained(np, variables)
        return _compiled_constrain(self, variables)

    def _constrained(self, xp: Any, variables: Any) -> Any:
        lengths = xp.exp(variables[: self.n_lengths])
        free = variables[self.n_lengths :]
        if self.n_angles == 0:
            return lengths
        if self.n_angles == 3:
            u1, u2, u3 = free
            norm_b = xp.sqrt(1 + u1 * u1)
            norm_c = xp.sqrt(1 + u2 * u2 + u3 * u3)
            cosines = xp.stack([(u1 * u2 + u3) / (norm_b * norm_c), u2 / norm_c, u1 / norm_b])
            radians = xp.arccos(cosines)
        elif self._rhombohedral:
            radians = xp.arccos(1 - 1.5 / (1 + xp.exp(free)))
        else:
            radians = xp.arctan2(xp.ones_like(free), free)
        return xp.concatenate([lengths, xp.rad2deg(radians)])

    @property
    def _rhombohedral(self) -> bool:
        return self.n_angles == 1 and all(isinstance(a, int) for a in self.angles)


@functools.partial(jax.jit, static_argnums=0)
def _compiled_unconstrain(system: LatticeSystem, parameters: Array) -> Array:
    return system._unconstrained(jnp, parameters)


@functools.partial(jax.jit, static_argnums=0)
def _compiled_constrain(system: LatticeSystem, variables: Array) -> Array:
    return system._constrained(jnp, variables)


def _tie(columns: np.ndarray, fixed: dict[int, float]) -> tuple[tuple[Any, ...], int]:
    """Label columns that agree in every sample with one index; fixed ones keep their value."""
    labels: list[Any] = []
    representatives: list[int] = []
    for i in range(3):
        if i in fixed:
            labels.append(fixed[i])
            continue
        same = [
            k for k, j in enumerate(representatives) if np.allclose(columns[:, i], columns[:, j])
        ]
        if not same:
            representatives.append(i)
        labels.append(same[0] if same else len(representatives) - 1)
    return tuple(labels), len(representatives)


def _n_invariant_metrics(W: np.ndarray) -> int:
    """Dimension of the space of symmetric G with W^T G W = G: the mean character."""
    trace = np.einsum("nii->n", W)
    trace_squared = np.einsum("nij,nji->n", W, W)
    return round(float(np.mean((trace**2 + trace_squared) / 2)))
