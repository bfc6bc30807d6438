"""The calculated intensities as a JAX function of the free parameters."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Complex, Float, Int

from .._core import device_array
from ._least_squares import Problem
from ._measurements import Measurements
from ._model import Model
from ._parameters import Parameters, ride
from ._sum_tables import Atoms, species_of


class Residuals(eqx.Module):
    """Weighted residuals w^(1/2) (I - Y) as a function of shifts of the free parameters.

    What `refine` makes least, in JAX: goes through `jit`, `grad`, `jacfwd` and `vmap`. Hydrogen
    atoms move with their carriers, torsions are linear in their angle. In float64 where JAX is
    (`jax.enable_x64`) when it is made and called.

        residuals = Residuals.build(data, model)
        value = lambda shift: (residuals(shift) ** 2).sum()
        jax.grad(value)(residuals.start)

    Attributes:
        numbers: all numbers of the atoms at no shift.
        map: d(numbers)/d(shift), (numbers, p).
        names: of the parameters, (p,).
    """

    numbers: Float[Array, " q"]
    map: Float[Array, "q p"]
    weight: Float[Array, " N"]
    occupied: Float[Array, " N"]
    u_iso: Float[Array, " N"]
    f: tuple[Float[Array, "N n"], Float[Array, "N n"]]
    hs: Float[Array, "t m 3 n"]
    phases: Float[Array, "t m n"]
    Q: Float[Array, "t m 6 n"]
    K: Float[Array, "t n"]
    extinction_factor: Float[Array, " n"]
    intensity: Float[Array, " r"]
    root: Float[Array, " r"]
    into: Int[Array, " n"] | None
    factor: Float[Array, " n"] | None
    aniso: tuple[int, ...] = eqx.field(static=True)
    iso: tuple[int, ...] = eqx.field(static=True)
    free_occupancies: tuple[int, ...] = eqx.field(static=True)
    extinction: bool = eqx.field(static=True)
    twins: int = eqx.field(static=True)
    real: bool = eqx.field(static=True)
    names: tuple[str, ...] = eqx.field(static=True)

    @classmethod
    def build(
        cls,
        measured: Measurements,
        model: Model,
        *,
        occupancies: tuple[str, ...] = (),
        fixed: tuple[str, ...] = (),
        dtype: Any = None,
    ) -> "Residuals":
        """Prepare them, on the host.

        Args:
            measured: the intensities.
            model: where shifts are zero; its weights hold throughout.
            occupancies: as of `refine`.
            fixed: as of `refine`.
            dtype: floating-point type, default JAX's current one.
        """
        dtype = dtype or jnp.result_type(float)
        problem = Problem(measured)
        model = ride(model)
        model = model if model.scale is not None else problem.scaled(model)
        free = Parameters.of(model, occupancies=occupancies, fixed=fixed)
        species = species_of(model)
        atoms = Atoms.of(model, problem.operations, species)
        f = problem.factors(species)[atoms.kind]
        points = [problem.points(law) for law in (None, *model.twin_laws)]
        weights = problem.weights(model, problem.calculate(model).intensity)

        def array(x: Any) -> Array:
            return device_array(np.asarray(x), dtype)

        stacked = {
            name: array(np.stack([getattr(p, name) for p in points]))
            for name in ("hs", "phases", "Q", "K")
        }
        overlap = measured.overlap
        share = model.multiplicities / model.group.order * problem.operations.factor
        return cls(
            numbers=array(free.numbers(model)),
            map=array(free.map.toarray()),
            weight=array(share),
            occupied=array(model.occupancies),
            u_iso=array(model.u_iso),
            f=(array(np.real(f)), array(np.imag(f))),
            **stacked,
            extinction_factor=array(problem.extinction_factor),
            intensity=array(measured.intensity),
            root=array(np.sqrt(weights)),
            into=None if overlap is None else device_array(overlap.into, np.int32),
            factor=None if overlap is None else array(overlap.factor),
            aniso=tuple(map(int, atoms.aniso)),
            iso=tuple(map(int, atoms.iso)),
            free_occupancies=tuple(map(int, free.occupied)),
            extinction=free.extinction,
            twins=free.twins,
            real=problem.operations.real,
            names=free.names,
        )

    @property
    def start(self) -> Float[Array, " p"]:
        """No shift."""
        return jnp.zeros(self.map.shape[1], self.map.dtype)

    def __call__(self, shift: Float[Array, " p"]) -> Float[Array, " r"]:
        """Compute w^(1/2) (I - Y), (m,)."""
        return self.root * (self.intensity - self.intensities(shift))

    def intensities(self, shift: Float[Array, " p"]) -> Float[Array, " r"]:
        """Compute Y on the scale of the measured intensities, (m,)."""
        numbers = self.numbers + self.map @ shift
        N, a, i, o = (len(self.weight), len(self.aniso), len(self.iso), len(self.free_occupancies))
        x, numbers = numbers[: 3 * N].reshape(3, N).T, numbers[3 * N :]
        six, numbers = numbers[: 6 * a].reshape(6, a).T, numbers[6 * a :]
        u, numbers = numbers[:i], numbers[i:]
        occupancies = self.occupied.at[np.array(self.free_occupancies, int)].set(numbers[:o])
        numbers = numbers[o:]
        k, numbers = numbers[0], numbers[1:]
        F2 = jnp.stack(
            [_square(self._amplitude(t, x, six, u, occupancies)) for t in range(len(self.K))]
        )
        g = jnp.zeros_like(F2[0])
        if self.extinction:
            extinction, numbers = numbers[0], numbers[1:]
        shares = jnp.concatenate([1 - jnp.sum(numbers, keepdims=True), numbers])
        Q = shares @ F2
        if self.extinction:
            g = extinction * self.extinction_factor * Q
        Y = k * Q / jnp.sqrt(1 + g)
        if self.into is None or self.factor is None:
            return Y
        return jax.ops.segment_sum(self.factor * Y, self.into, len(self.intensity))

    def _amplitude(
        self, domain: int, x: Array, six: Array, u: Array, occupancies: Array
    ) -> Complex[Array, " n"]:
        aniso, iso = np.array(self.aniso, int), np.array(self.iso, int)

        def term(total: tuple[Array, Array], op: tuple) -> tuple[tuple[Array, Array], None]:
            h, phase, Q = op
            turns = x @ h + phase[None]
            turns = 2 * jnp.pi * (turns - lax.stop_gradient(jnp.round(turns)))
            exponent = jnp.zeros_like(turns).at[aniso].set(six @ Q)
            exponent = exponent.at[iso].set(u[:, None] * self.K[domain][None])
            T = jnp.exp(-exponent)
            real, imag = total
            return (real + T * jnp.cos(turns), imag + T * jnp.sin(turns)), None

        zero = jnp.zeros((len(self.weight), self.K.shape[1]), self.map.dtype)
        ops = (self.hs[domain], self.phases[domain], self.Q[domain])
        (A, B), _ = lax.scan(jax.checkpoint(term), (zero, zero), ops)
        B = jnp.zeros_like(B) if self.real else B
        w = (self.weight * occupancies)[:, None]
        fr, fi = self.f
        real = jnp.sum(w * (fr * A - fi * B), axis=0)
        return lax.complex(real, jnp.sum(w * (fr * B + fi * A), axis=0))


def _square(F: Array) -> Array:
    return F.real**2 + F.imag**2
