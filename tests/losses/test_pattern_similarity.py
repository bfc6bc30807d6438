"""De Gelder's similarity of powder patterns, and the loss made of it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cells import finite

from jaxtal.losses import pattern_similarity, xrd_loss

STEP, WIDTH, N = 0.1, 2.03, 301
AXIS = STEP * np.arange(N)
similarity = jax.jit(pattern_similarity, static_argnums=(2, 3))
loss = jax.jit(lambda f, g: xrd_loss(f, g, step=STEP, width=WIDTH))


def peak(x: float, height: float = 1.0) -> np.ndarray:
    return height * np.exp(-np.square((AXIS - x) / 0.15))


def by_hand(f: np.ndarray, g: np.ndarray, step: float, width: float) -> float:
    """The double sums, written out."""
    r = step * np.abs(np.subtract.outer(np.arange(len(f)), np.arange(len(g))))
    w = np.maximum(1 - r / width, 0)
    return float((f @ w @ g) / np.sqrt((f @ w @ f) * (g @ w @ g)))


def test_the_double_sum(x64, rng):
    f, g = rng.uniform(size=(2, N)) ** 8
    widths = (0.1, 2.0, 2.03, 30.1)
    found = jax.jit(lambda f, g: [pattern_similarity(f, g, STEP, w) for w in widths])(f, g)
    for got, width in zip(found, widths, strict=True):
        # Between whole steps the sampled triangle is positive definite but for a trace.
        trace = 1e-6 if width == 2.03 else 1e-12
        assert float(got) == pytest.approx(by_hand(f, g, STEP, width), abs=trace)


def test_shifts_are_forgiven_up_to_the_width(x64):
    base = jnp.asarray(peak(15.0))
    shifts = np.arange(0, 4.0, 0.25)
    found = [float(similarity(base, jnp.asarray(peak(15.0 + s)), STEP, 2.0)) for s in shifts]
    assert found[0] == pytest.approx(1, abs=1e-12)
    assert np.all(np.diff(found[:9]) < 0)
    assert found[-1] == pytest.approx(0, abs=1e-12)
    # Far less than the triangle wide, a line is a point: the triangle itself.
    np.testing.assert_allclose(found[:8], 1 - shifts[:8] / 2, atol=0.06)


def test_scale_and_order_do_not_matter(x64, rng):
    f, g = rng.uniform(size=(2, N)) ** 8
    one = loss(jnp.asarray([f]), jnp.asarray([g]))
    for a, b in ((1e-30 * f, 1e30 * g), (g, f)):
        np.testing.assert_allclose(loss(jnp.asarray([a]), jnp.asarray([b])), one, rtol=1e-12)
    assert one[0] == pytest.approx(
        1 - float(similarity(jnp.asarray(f), jnp.asarray(g), STEP, WIDTH))
    )


def test_gradient(x64, rng):
    f, g, d = rng.uniform(size=(3, 1, N))
    value = jax.jit(jax.value_and_grad(lambda f: jnp.sum(xrd_loss(f, jnp.asarray(g), step=STEP))))
    _, grad = value(jnp.asarray(f))
    eps = 1e-5
    slope = (value(jnp.asarray(f + eps * d))[0] - value(jnp.asarray(f - eps * d))[0]) / (2 * eps)
    assert float(jnp.sum(grad * d)) == pytest.approx(float(slope), rel=1e-6)


def test_equal_and_empty_patterns(rng):
    """In float32: zero at equality, relative precision near it, finite without any line."""
    f = np.float32(peak(10) + peak(20, 0.3))
    near = f + np.float32(1e-4) * np.float32(peak(20))
    zero = np.zeros_like(f)
    pred = jnp.asarray(np.stack([f, near, zero, f, zero, f, np.float32(1e-40) * f]))
    target = jnp.asarray(np.stack([f, f, f, zero, zero, np.roll(f, 8), f]))

    def total(pred):
        values = xrd_loss(pred, target, step=STEP, width=WIDTH)
        return jnp.sum(values), values

    (_, values), grad = jax.jit(jax.value_and_grad(total, has_aux=True))(pred)
    assert values.dtype == jnp.float32
    assert finite((values, grad))
    np.testing.assert_allclose(np.asarray(values)[[0, 2, 3, 4]], [0, 1, 1, 0], atol=1e-13)
    np.testing.assert_array_equal(np.asarray(grad)[[2, 4]], 0)
    np.testing.assert_allclose(np.asarray(grad)[0], 0, atol=1e-7)
    assert np.max(np.abs(grad)) > 0.01
    # 1 - S itself would have no digit of this left.
    exact = 1 - by_hand(np.float64(near), np.float64(f), STEP, 2.0)
    assert 1e-10 < exact < 1e-8
    assert float(values[1]) == pytest.approx(exact, rel=0.05)
    assert np.any(np.asarray(grad)[1] != 0)


def test_scan_and_half_precision(rng):
    f, g = (jnp.asarray(x, jnp.float32) for x in rng.uniform(size=(2, 4, N)) ** 8)
    expected = loss(f, g)

    def step(total, pair):
        values = xrd_loss(pair[0][None], pair[1][None], step=STEP, width=WIDTH)
        return total + values[0], values[0]

    total, values = jax.lax.scan(step, jnp.zeros(()), (f, g))
    np.testing.assert_allclose(values, expected, rtol=1e-5)
    assert float(total) == pytest.approx(float(jnp.sum(expected)), rel=1e-5)
    got = loss(f.astype(jnp.bfloat16), g.astype(jnp.float16))
    assert got.dtype == jnp.float32
    np.testing.assert_allclose(got, expected, atol=0.01)


def test_a_loss_leads_back():
    """Descent on the place of a line, from outside its own width but within the triangle."""
    target = jnp.asarray(peak(16.2), jnp.float32)[None]
    axis = jnp.asarray(AXIS, jnp.float32)

    @jax.jit
    @jax.grad
    def slope(x):
        return xrd_loss(jnp.exp(-jnp.square((axis - x) / 0.15))[None], target, step=STEP)[0]

    x = jnp.asarray(15.0, jnp.float32)
    for _ in range(60):
        x = x - 0.1 * jnp.sign(slope(x)) * min(1.0, float(jnp.abs(slope(x))) * 2)
    assert float(x) == pytest.approx(16.2, abs=0.02)


@pytest.mark.parametrize(
    ("step", "width"),
    [(0.0, 2.0), (-0.1, 2.0), (0.1, 0.05), (0.1, -2.0), (0.1, float("nan")), (0.1, 1.0)],
)
def test_bad_steps_and_widths_are_refused(step, width):
    f = jnp.ones((8,))
    with pytest.raises(ValueError, match="expected"):
        pattern_similarity(f, f, step, width)
