"""A small flow-matching model of crystals, given their elements: cell and coordinates together.

Coordinates live on a torus and start anywhere on it, the cell's six numbers start from a normal
distribution. Between noise at t = 0 and a crystal at t = 1 lies a straight line, on the torus the
shortest one to a near copy of the crystal; the network predicts its velocity, for the coordinates
without the common translation. From any t that predicts an end point, which is a crystal and so can
be compared with the true one by any differentiable measure of crystals: that is where a descriptor
comes in.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from generative_data import Crystals
from jaxtyping import Array, Bool, Float, Int, Key

FREQUENCIES = 8
TIMES = 16
ORDERS = 16


class Network(eqx.Module):
    """Messages between all pairs of atoms, that see differences of coordinates and the cell."""

    elements: eqx.nn.Embedding
    first: eqx.nn.Linear
    messages: list[eqx.nn.MLP]
    updates: list[eqx.nn.MLP]
    norms: list[eqx.nn.LayerNorm]
    to_frac: eqx.nn.MLP
    to_cell: eqx.nn.MLP

    def __init__(self, width: int, layers: int, *, key: Key[Array, ""]):
        keys = iter(jax.random.split(key, 4 + 2 * layers))
        edge = 2 * width + 6 + 6 * FREQUENCIES

        def mlp(n_in: int, n_out: int) -> eqx.nn.MLP:
            return eqx.nn.MLP(n_in, n_out, width, 1, jax.nn.silu, jax.nn.silu, key=next(keys))

        self.elements = eqx.nn.Embedding(119, width, key=next(keys))
        self.first = eqx.nn.Linear(width + TIMES + 6, width, key=next(keys))
        self.messages = [mlp(edge, width) for _ in range(layers)]
        self.updates = [mlp(2 * width, width) for _ in range(layers)]
        self.norms = [eqx.nn.LayerNorm(width) for _ in range(layers)]
        self.to_frac = eqx.nn.MLP(edge, 3, width, 2, jax.nn.silu, key=next(keys))
        self.to_cell = eqx.nn.MLP(width, 6, width, 1, jax.nn.silu, key=next(keys))

    def __call__(
        self,
        t: Float[Array, ""],
        k: Float[Array, " 6"],
        x: Float[Array, "N 3"],
        species: Int[Array, " N"],
        mask: Bool[Array, " N"],
    ) -> tuple[Float[Array, " 6"], Float[Array, "N 3"]]:
        """Velocities of the cell's numbers and of the coordinates (without a common one)."""
        n = len(x)
        octaves = t * jnp.exp2(jnp.arange(TIMES // 2, dtype=t.dtype)) * (np.pi / 2)
        time = jnp.concatenate([jnp.sin(octaves), jnp.cos(octaves), k])
        h = jax.vmap(self.elements)(species)
        h = jnp.concatenate([h, jnp.broadcast_to(time[None], (n, len(time)))], axis=1)
        h = jax.vmap(self.first)(h)
        phases = 2 * np.pi * jnp.arange(1, FREQUENCIES + 1, dtype=x.dtype)
        phases = ((x[None, :] - x[:, None])[..., None] * phases).reshape(n, n, -1)
        pairs = jnp.concatenate([jnp.sin(phases), jnp.cos(phases)], axis=2)
        pairs = jnp.concatenate([pairs, jnp.broadcast_to(k, (n, n, 6))], axis=2)
        share = mask / jnp.sum(mask)

        def gathered(message: eqx.nn.MLP, z: Array) -> Array:
            own = jnp.broadcast_to(z[:, None], (n, n, z.shape[1]))
            edges = jnp.concatenate([own, jnp.swapaxes(own, 0, 1), pairs], axis=2)
            return jnp.sum(jax.vmap(jax.vmap(message))(edges) * share[None, :, None], axis=1)

        for norm, message, update in zip(self.norms, self.messages, self.updates, strict=True):
            z = jax.vmap(norm)(h)
            h = h + jax.vmap(update)(jnp.concatenate([z, gathered(message, z)], axis=1))
        velocity = gathered(self.to_frac, h)
        velocity = velocity - jnp.sum(velocity * share[:, None], axis=0)
        return self.to_cell(jnp.sum(h * share[:, None], axis=0)), velocity


def centred(v: Float[Array, "N 3"], mask: Bool[Array, " N"]) -> Float[Array, "N 3"]:
    """Displacements without the common one; 0 for padding."""
    v = jnp.where(mask[:, None], v, 0.0)
    return jnp.where(mask[:, None], v - jnp.sum(v, axis=0) / jnp.sum(mask), 0.0)


def shortest(
    x0: Float[Array, "N 3"],
    x1: Float[Array, "N 3"],
    species: Int[Array, " N"],
    mask: Bool[Array, " N"],
    key: Key[Array, ""],
) -> Float[Array, "N 3"]:
    """Displacements from noise to a crystal, with one of its origins and orders that is near.

    Any origin and order would do; those that are near make straighter paths. For each of several
    random orders the origin is the circular mean; the nearest of them is taken.
    """
    rank = jnp.where(mask, species, 1000) + jax.random.uniform(key, (ORDERS, len(species)))
    difference = x1[jnp.argsort(rank, axis=1)] - x0
    angle = 2 * np.pi * difference
    weight = mask[:, None].astype(x0.dtype)
    sine, cosine = (jnp.sum(f(angle) * weight, axis=1) for f in (jnp.sin, jnp.cos))
    step = difference - (jnp.arctan2(sine, cosine) / (2 * np.pi))[:, None]
    step = jax.vmap(centred, in_axes=(0, None))(step - jnp.round(step), mask)
    return step[jnp.argmin(jnp.sum(step * step, axis=(1, 2)))]


def one_loss(
    network: Network, data: Crystals, i: Int[Array, ""], t: Float[Array, ""], key: Key[Array, ""]
):
    """Flow-matching loss of one crystal at a time t, and the end point predicted there."""
    keys = jax.random.split(key, 3)
    mask, species = data.mask[i], data.species[i]
    k0, k1 = jax.random.normal(keys[0], (6,)), data.k[i]
    x0 = jax.random.uniform(keys[1], data.frac[i].shape)
    step = shortest(x0, data.frac[i], species, mask, keys[2])
    k, x = k0 + t * (k1 - k0), x0 + t * step
    dk, dx = network(t, k, x, species, mask)
    errors = jnp.sum(jnp.where(mask[:, None], dx - step, 0.0) ** 2) / jnp.sum(mask)
    loss = jnp.mean((dk - (k1 - k0)) ** 2) + 10 * errors
    end = k + (1 - t) * dk, x + (1 - t) * jnp.where(mask[:, None], dx, 0.0)
    return loss, end


def roll(
    network: Network, data: Crystals, i: Int[Array, ""], key: Key[Array, ""], steps: int
) -> tuple[Float[Array, " 6"], Float[Array, "N 3"]]:
    """A new crystal with the elements of crystal i: its cell's numbers and its coordinates."""
    mask, species = data.mask[i], data.species[i]
    keys = jax.random.split(key)
    start = jax.random.normal(keys[0], (6,)), jax.random.uniform(keys[1], data.frac[i].shape)

    def advance(state: tuple[Array, Array], t: Array) -> tuple[tuple[Array, Array], None]:
        k, x = state
        dk, dx = network(t, k, x, species, mask)
        return (k + dk / steps, x + centred(dx, mask) / steps), None

    return jax.lax.scan(jax.checkpoint(advance), start, jnp.arange(steps) / steps)[0]


@eqx.filter_jit
def sample(
    network: Network, data: Crystals, which: Int[Array, " B"], key: Key[Array, ""], steps: int = 50
) -> tuple[Float[Array, "B 3 3"], Float[Array, "B N 3"]]:
    """Lattices and coordinates of new crystals with the elements of some of the data."""

    def one(i: Int[Array, ""], key: Key[Array, ""]) -> tuple[Array, Array]:
        k, x = roll(network, data, i, key, steps)
        return data.matrix(k, jnp.sum(data.mask[i])), x

    return jax.vmap(one)(which, jax.random.split(key, len(which)))
