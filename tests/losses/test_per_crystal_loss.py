"""Gradients beside values: every crystal is evaluated once."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxtal.crystal.apply import map_crystals
from jaxtal.losses._per_crystal_loss import per_crystal_loss

CALLS = []


def well(smooth, fixed, shared):
    """A loss of one crystal whose every evaluation is noted."""
    jax.debug.callback(lambda: CALLS.append(None))
    x, y = smooth["x"], smooth["y"]
    return shared * jnp.sum(x**3) * y - fixed, y > 0


@pytest.mark.parametrize("chunk", [1, 2, 3, None])
def test_each_crystal_is_evaluated_once(chunk):
    smooth = {"x": jnp.arange(10.0).reshape(5, 2), "y": jnp.arange(-2.0, 3.0)}
    factors = jnp.arange(1.0, 6.0)

    @jax.jit
    def descent(smooth, shared):
        def total(smooth):
            losses, flags = per_crystal_loss(well, smooth, factors, shared, chunk=chunk)
            return jnp.sum(losses * factors), (losses, flags)

        def step(smooth, _):
            (_, aux), gradient = jax.value_and_grad(total, has_aux=True)(smooth)
            return jax.tree.map(lambda x, g: x - 1e-3 * g, smooth, gradient), (aux, gradient)

        return jax.lax.scan(step, smooth, None, length=2)

    CALLS.clear()
    end, ((losses, flags), gradient) = jax.block_until_ready(descent(smooth, jnp.asarray(2.0)))
    jax.effects_barrier()
    if chunk == 1:
        assert len(CALLS) == 10
    x, y = smooth["x"], smooth["y"]
    np.testing.assert_allclose(losses[0], 2 * jnp.sum(x**3, axis=1) * y - factors)
    np.testing.assert_array_equal(flags[0], y > 0)
    np.testing.assert_allclose(gradient["x"][0], 6 * x**2 * (y * factors)[:, None])
    np.testing.assert_allclose(gradient["y"][0], 2 * jnp.sum(x**3, axis=1) * factors)
    np.testing.assert_allclose(end["y"], y - 1e-3 * jnp.sum(gradient["y"], axis=0), rtol=1e-5)


def test_limits():
    smooth = {"x": jnp.ones((3, 2)), "y": jnp.ones(3)}

    def losses(smooth, shared):
        return per_crystal_loss(well, smooth, jnp.zeros(3), shared)[0]

    with pytest.raises(TypeError, match="forward-mode"):
        jax.jvp(losses, (smooth, 1.0), (smooth, 1.0))
    by_shared = jax.grad(lambda shared: jnp.sum(losses(smooth, shared)))(1.0)
    assert by_shared == 0
    for chunk in (1, 2, None):
        assert map_crystals(jnp.sum, smooth["x"], chunk=chunk).tolist() == [2, 2, 2]
