"""The cycle of phasing: pure and compiled, as one `lax.scan` or driven from the host."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Complex, Float, PRNGKeyArray

from ._algorithm import AbstractAlgorithm, Observed
from ._figures_of_merit import extrema_ratio, r_value
from ._transform import Transform


class PhasingState(eqx.Module):
    """What one start carries from cycle to cycle.

    Attributes:
        f: amplitudes of the orbits, (n,).
        memory: the state of the algorithm.
    """

    f: Complex[Array, " n"]
    memory: Any


class Cycle(eqx.Module):
    """Everything one cycle computed, for observers.

    Attributes:
        before, changed: the density that the cycle began with, and what the algorithm made of it.
        f, back, new: amplitudes before, of the changed density, and after.
        observed: the measurement.
    """

    before: Float[Array, "*grid"]
    changed: Float[Array, "*grid"]
    f: Complex[Array, " n"]
    back: Complex[Array, " n"]
    new: Complex[Array, " n"]
    observed: Observed


def random_start(observed: Observed, key: PRNGKeyArray) -> Complex[Array, " n"]:
    """Measured moduli with random phases, or random signs for real orbits, (n,).

    Unmeasured orbits begin at zero.
    """
    modulus = jnp.where(observed.measured, observed.lower, 0.0)
    turns = jax.random.uniform(key, modulus.shape, modulus.dtype)
    angle = jnp.where(observed.real, jnp.pi * jnp.round(turns), 2.0 * jnp.pi * turns)
    imaginary = jnp.where(observed.real, 0.0, modulus * jnp.sin(angle))
    return lax.complex(modulus * jnp.cos(angle), imaginary)


def begin(
    observed: Observed,
    algorithm: AbstractAlgorithm,
    key: PRNGKeyArray,
    f: Complex[Array, " n"] | None = None,
) -> PhasingState:
    """Make the state before the first cycle, from random phases unless amplitudes are given."""
    start, rest = jax.random.split(key)
    f = random_start(observed, start) if f is None else f
    return PhasingState(f, algorithm.init(observed, f, rest))


def step(
    transform: Transform, observed: Observed, algorithm: AbstractAlgorithm, state: PhasingState
) -> tuple[PhasingState, Cycle]:
    """Run one cycle: amplitudes -> density -> changed density -> amplitudes."""
    before = transform.to_density(state.f)
    changed, memory = algorithm.flip_density(before, state.memory)
    back = transform.to_amplitudes(changed)
    new, memory = algorithm.flip_amplitudes(observed, state.f, back, memory)
    cycle = Cycle(before, changed, state.f, back, new, observed)
    return PhasingState(new, memory), cycle


@eqx.filter_jit
def scan_cycles(
    transforms: Transform,
    observed: Observed,
    algorithm: AbstractAlgorithm,
    state: PhasingState,
    rounds: int,
    observers: tuple = (),
) -> tuple[PhasingState, tuple]:
    """Run some rounds of cycles as one compiled program.

    Args:
        transforms: the maps taken in turn, stacked along a first axis; one round is a cycle on
            each.
        observed: the measurement.
        algorithm: what a cycle does.
        state: of one start (`jax.vmap` over it for several).
        rounds: how often to go through all maps.
        observers: functions of a `Cycle`; their values are stacked, (rounds * maps, ...).

    Returns:
        the state after the last cycle, and the record of each observer.
    """

    def one_map(state, transform):
        state, cycle = step(transform, observed, algorithm, state)
        return state, tuple(observer(cycle) for observer in observers)

    def one_round(state, _):
        return lax.scan(one_map, state, transforms)

    state, records = lax.scan(one_round, state, length=rounds)
    return state, jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), records)


def host_cycles(
    transform: Transform,
    observed: Observed,
    algorithm: AbstractAlgorithm,
    state: PhasingState,
    cycles: int,
    observers: tuple = (),
) -> tuple[PhasingState, tuple]:
    """Run cycles on one map from Python, each part its own compiled program.

    On CPUs a Fourier transform uses all cores only when it is a program of its own; on grids of
    millions of points that outweighs the calls from the host.
    """
    records = []
    for _ in range(cycles):
        before = _irfftn(_fill(transform, state.f), transform.moduli)
        changed, memory = _flip(algorithm, before, state.memory)
        half = _rfftn(changed)
        new, back, memory = _replace(transform, observed, algorithm, state.f, half, memory)
        if observers:
            records.append(
                _observe(observers, Cycle(before, changed, state.f, back, new, observed))
            )
        state = PhasingState(new, memory)
    return state, jax.tree.map(lambda *values: jnp.stack(values), *records) if records else ()


def judge(
    transform: Transform, observed: Observed, algorithm: AbstractAlgorithm, f: Array, memory: Any
) -> tuple[Array, Array]:
    """One more cycle that changes nothing: ratio of the density's extrema, and R.

    Args:
        transform: one map, alias-free.
        observed: the measurement.
        algorithm: whose changed density R is taken of.
        f: amplitudes to be judged, (n,).
        memory: the state of the algorithm.

    Returns:
        `extrema_ratio` of the density of f, and `r_value` of the density that the algorithm
        makes of it.
    """
    density = _irfftn(_fill(transform, f), transform.moduli)
    changed, _ = _flip(algorithm, density, memory)
    back = _read(transform, _rfftn(changed))
    return _measures(observed, density, back)


@eqx.filter_jit
def _fill(transform, f):
    return transform.fill(f)


@eqx.filter_jit
def _irfftn(half, shape):
    return jnp.fft.irfftn(half, s=shape, norm="forward")


@eqx.filter_jit
def _rfftn(density):
    return jnp.fft.rfftn(density, norm="forward")


@eqx.filter_jit
def _flip(algorithm, density, memory):
    return algorithm.flip_density(density, memory)


@eqx.filter_jit
def _replace(transform, observed, algorithm, f, half, memory):
    back = transform.read(half)
    new, memory = algorithm.flip_amplitudes(observed, f, back, memory)
    return new, back, memory


@eqx.filter_jit
def _read(transform, half):
    return transform.read(half)


@eqx.filter_jit
def _measures(observed, density, back):
    return extrema_ratio(density), r_value(observed, back)


@eqx.filter_jit
def _observe(observers, cycle):
    return tuple(observer(cycle) for observer in observers)
