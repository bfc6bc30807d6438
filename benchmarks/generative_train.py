"""Training of the model of `generative.py`, with or without a term on what it predicts."""

import time

import equinox as eqx
import generative_model as model
import jax
import jax.numpy as jnp
import numpy as np
import optax

#: Crystals of a step, crystals sampled in a step, steps from noise to one of those.
BATCH, SAMPLED, UNROLLED = 64, 32, 8
#: Steps of one compiled program.
CHUNK = 50


def objective(network, data, term, where, weight, which, keys):
    """Flow-matching loss plus the term of a batch, and both apart."""
    # One time in each of BATCH equal intervals.
    t = (jnp.arange(BATCH) + jax.random.uniform(keys[0], (BATCH,))) / BATCH
    losses, ends = jax.vmap(model.one_loss, in_axes=(None, None, 0, 0, 0))(
        network, data, which, t, keys[2:]
    )
    flow = jnp.mean(losses)
    if term is None:
        return flow, (flow, jnp.zeros(()))
    if where == "end points":
        which, (k, x) = which[BATCH // 2 :], jax.tree.map(lambda end: end[BATCH // 2 :], ends)
        lattice = jax.vmap(data.matrix)(k, jnp.sum(data.mask[which], axis=1))
    else:
        which = which[:SAMPLED]
        lattice, x = model.sample(network, data, which, keys[1], UNROLLED)
    extra = jnp.mean(term(data, which, lattice, x))
    return flow + weight * extra, (flow, extra)


@eqx.filter_jit
def train_some(network, average, state, data, term, where, weight, key, first, total, rate):
    """CHUNK steps of Adam with a cosine schedule, and the running average of the network."""
    parameters, static = eqx.partition(network, eqx.is_inexact_array)

    def step(carry, i):
        parameters, average, state = carry
        keys = jax.random.split(jax.random.fold_in(key, i), BATCH + 3)
        which = jax.random.randint(keys[0], (BATCH,), 0, len(data.k))
        slope = eqx.filter_grad(objective, has_aux=True)
        gradient, parts = slope(
            eqx.combine(parameters, static), data, term, where, weight, which, keys[1:]
        )
        scale = jnp.minimum(1.0, (i + 1) / 200) * 0.5 * (1 + jnp.cos(jnp.pi * i / total))
        updates, state = optimiser().update(gradient, state)
        parameters = jax.tree.map(lambda p, u: p - rate * scale * u, parameters, updates)
        keep = jnp.minimum(0.998, (i + 1) / (i + 10))
        average = jax.tree.map(lambda a, p: keep * a + (1 - keep) * p, average, parameters)
        return (parameters, average, state), jnp.stack(parts)

    carry, parts = jax.lax.scan(step, (parameters, average, state), first + jnp.arange(CHUNK))
    parameters, average, state = carry
    return eqx.combine(parameters, static), average, state, jnp.mean(parts, axis=0)


def optimiser():
    return optax.chain(optax.clip_by_global_norm(1.0), optax.scale_by_adam())


def train(network, data, steps, key, *, term=None, where="", weight=0.0, rate=2e-3, report=None):
    """The averaged network, the parts of the loss every CHUNK steps, and the seconds of a step."""
    average, static = eqx.partition(network, eqx.is_inexact_array)
    state = optimiser().init(average)
    history, spent = [], []
    for first in range(0, steps, CHUNK):
        start = time.perf_counter()
        network, average, state, parts = train_some(
            *(network, average, state, data, term, where, jnp.asarray(weight), key),
            *(jnp.asarray(first), jnp.asarray(float(steps)), jnp.asarray(rate)),
        )
        history.append([float(x) for x in parts])
        spent.append((time.perf_counter() - start) / CHUNK)
        if report and (first + CHUNK) % 1000 == 0:
            report(f"{first + CHUNK} steps, flow {history[-1][0]:.3f}, term {history[-1][1]:.4f}")
    return eqx.combine(average, static), history, float(np.median(spent))
