"""What a model should obey beside the intensities: differentiable terms, by automatic gradients."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._core import namespace, safe_norm
from ..scattering import cif_scale
from ._bonds import shortest_image
from ._model import Model
from ._parameters import Parameters


@dataclasses.dataclass(frozen=True)
class Values:
    """The numbers of a model that a restraint sees, by the labels of its atoms.

    Attributes:
        index: row of each label.
        frac: fractional coordinates, (N, 3).
        u_cart: displacement tensors along Cartesian axes, A^2, (N, 3, 3); U_iso times the identity
            for isotropic atoms.
        occupancies: (N,).
        matrix: lattice vectors as rows, angstrom, (3, 3).
    """

    index: dict[str, int]
    frac: Any
    u_cart: Any
    occupancies: Any
    matrix: np.ndarray

    def position(self, label: str, shift: Any = (0, 0, 0)) -> Any:
        """Cartesian coordinates of an atom, shifted by a lattice translation, angstrom, (3,)."""
        return (self.frac[self.index[label]] + np.asarray(shift, float)) @ self.matrix

    def u(self, label: str) -> Any:
        """The Cartesian displacement tensor of an atom, A^2, (3, 3)."""
        return self.u_cart[self.index[label]]

    def distance(self, one: str, other: str, shift: Any = (0, 0, 0)) -> Any:
        """The distance of two atoms, the second shifted by a lattice translation, angstrom."""
        xp = namespace(self.frac)
        bond = self.position(other, shift) - self.position(one)
        return np.linalg.norm(bond) if xp is np else safe_norm(bond)


@dataclasses.dataclass(frozen=True, eq=False)
class Restraint:
    """A differentiable term: residuals over their standard uncertainty are kept small.

        Restraint(lambda v: v.distance("C1", "C2") - 1.54, sigma=0.02)

    Attributes:
        residuals: function of `Values`, to a number or an array, in JAX.
        sigma: standard uncertainty, one or as many as residuals.
        name: for messages.
    """

    residuals: Callable[[Values], Any]
    sigma: Any = 0.02
    name: str = "restraint"

    def _scaled(self, values: Values) -> Array:
        found = jnp.ravel(jnp.asarray(self.residuals(values)))
        sigma = np.broadcast_to(np.asarray(self.sigma, float), found.shape)
        return found / jnp.asarray(sigma, found.dtype)


@dataclasses.dataclass(frozen=True, eq=False)
class RestraintTerms:
    """Residuals of restraints over their uncertainties, (r,), and their Jacobian, (r, p)."""

    residuals: Float[np.ndarray, " r"]
    jacobian: Float[np.ndarray, "r p"]

    @property
    def chi2(self) -> float:
        """Sum of the squares."""
        return float(self.residuals @ self.residuals)

    @classmethod
    def of(
        cls, program: Callable[[Any], tuple[Array, Array]], model: Model, free: Parameters
    ) -> "RestraintTerms":
        """Those of a model, by the program made for its atoms."""
        with _double():
            residuals, jacobian = map(np.array, program(jnp.asarray(free.numbers(model))))
        for name, array in (("residual", residuals), ("gradient", jacobian)):
            if not np.isfinite(array).all():
                raise ValueError(f"restraints: a {name} is not finite at this model")
        return cls(residuals, np.asarray(jacobian @ free.map))


def restraint_program(
    restraints: Sequence[Restraint], model: Model, free: Parameters
) -> Callable[[Any], tuple[Array, Array]]:
    """Residuals and their derivatives by all numbers of a model, compiled once for its atoms."""

    def terms(numbers: Array) -> Array:
        values = values_of(model, jnp, (free, numbers))
        return jnp.concatenate([one._scaled(values) for one in restraints])

    return jax.jit(lambda numbers: (terms(numbers), jax.jacrev(terms)(numbers)))


@contextlib.contextmanager
def _double() -> Iterator[None]:
    """Float64, and the usual promotion of what users write, for the length of a block."""
    with jax.enable_x64(True), jax.numpy_dtype_promotion("standard"):
        yield


def values_of(model: Model, xp: Any, traced: tuple[Parameters, Array] | None = None) -> Values:
    """What restraints see of a model, or of traced numbers of its parameters."""
    index = {label: i for i, label in enumerate(model.labels)}
    frac, u_iso, six = model.frac, model.u_iso, None
    occupancies: Any = model.occupancies
    N = len(model)
    aniso, iso = np.flatnonzero(model.anisotropic), np.flatnonzero(~model.anisotropic)
    U: Any = model.u_aniso
    if traced is not None:
        free, numbers = traced
        ends = np.cumsum([3 * N, 6 * len(aniso), len(iso), len(free.occupied)])
        frac = numbers[: ends[0]].reshape(3, N).T
        six = numbers[ends[0] : ends[1]].reshape(6, len(aniso)).T
        u_iso = jnp.asarray(model.u_iso).at[iso].set(numbers[ends[1] : ends[2]])
        rows = np.array([[0, 3, 4], [3, 1, 5], [4, 5, 2]])
        U = jnp.asarray(model.u_aniso).at[aniso].set(six[:, rows])
        occupancies = jnp.asarray(occupancies).at[free.occupied].set(numbers[ends[2] : ends[3]])
    M = model.matrix
    scale = cif_scale(M)
    cart = xp.einsum("nij,ik,jl->nkl", xp.asarray(U) * scale[None], M, M)
    sphere = xp.asarray(u_iso)[:, None, None] * np.eye(3)[None]
    u_cart = xp.where(model.anisotropic[:, None, None], cart, sphere)
    return Values(index, xp.asarray(frac), u_cart, xp.asarray(occupancies), M)


def fix_distances(
    model: Model, pairs: Sequence[tuple[str, str]], target: float | int, sigma: float | int = 0.02
) -> Restraint:
    """Keep distances near a value (DFIX).

    Args:
        model: tells which image of the second atom is meant: the nearest one.
        pairs: labels of atoms.
        target: angstrom.
        sigma: angstrom.

    Raises:
        ValueError: an unknown label.
    """
    shifts = [shortest_image(model, one, other) for one, other in pairs]

    def residuals(v: Values) -> Array:
        found = [v.distance(*pair, s) for pair, s in zip(pairs, shifts, strict=True)]
        return jnp.stack(found) - target

    return Restraint(residuals, sigma, "distances")


def similar_distances(
    model: Model, pairs: Sequence[tuple[str, str]], sigma: float | int = 0.02
) -> Restraint:
    """Keep distances equal to their mean (SADI).

    Args:
        model: tells which image of the second atom is meant: the nearest one.
        pairs: labels of atoms, two pairs or more.
        sigma: angstrom.

    Raises:
        ValueError: an unknown label, or a single pair.
    """
    if len(pairs) < 2:
        raise ValueError(f"pairs: expected two or more to be alike, got {pairs}")
    shifts = [shortest_image(model, one, other) for one, other in pairs]

    def residuals(v: Values) -> Array:
        found = jnp.stack([v.distance(*pair, s) for pair, s in zip(pairs, shifts, strict=True)])
        return found - jnp.mean(found)

    return Restraint(residuals, sigma, "similar distances")


def rigid_bonds(
    model: Model, pairs: Sequence[tuple[str, str]], sigma: float | int = 0.01
) -> Restraint:
    """Keep the mean-square displacements of bonded atoms along their bond equal (DELU).

    Args:
        model: tells which image of the second atom is meant: the nearest one.
        pairs: labels of bonded atoms.
        sigma: A^2.

    Raises:
        ValueError: an unknown label.

    References:
        Hirshfeld (1976), Acta Cryst. A32, 239.
    """
    shifts = [shortest_image(model, one, other) for one, other in pairs]

    def residuals(v: Values) -> Array:
        found = []
        for (one, other), shift in zip(pairs, shifts, strict=True):
            bond = v.position(other, shift) - v.position(one)
            along = bond / safe_norm(bond)
            found.append(along @ (v.u(one) - v.u(other)) @ along)
        return jnp.stack(found)

    return Restraint(residuals, sigma, "rigid bonds")
