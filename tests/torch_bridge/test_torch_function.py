"""JAX functions that PyTorch differentiates through."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from jaxtal.torch import torch_function  # noqa: E402

TRACES = []


@torch_function
def mixed(x, table, options, power=2):
    """A dictionary in, a dictionary out; floats, integers and an input handed back."""
    TRACES.append(power)
    y = jnp.sin(x) * table["scale"] * options[0] ** power
    return {"y": y, "largest": jnp.argmax(x), "same": x}


@torch_function
def smooth(x, y):
    return jnp.sum(jnp.sin(x) * y[None, :], axis=1), jnp.exp(y)


@pytest.fixture
def tensors():
    x = torch.arange(3.0, requires_grad=True)
    return x, {"scale": jnp.asarray([1.0, 2.0, 3.0])}, (torch.tensor(0.5), "name")


def test_values_and_gradients(tensors):
    x, table, options = tensors
    out = mixed(x, table, options)
    assert not out["largest"].requires_grad
    assert int(out["largest"]) == 2
    expected = np.sin([0, 1, 2]) * [1, 2, 3] * 0.25
    assert np.allclose(out["y"].detach(), expected, atol=1e-6)
    (out["y"].sum() + 2 * out["same"].sum()).backward()
    assert np.allclose(x.grad, np.cos([0, 1, 2]) * [1, 2, 3] * 0.25 + 2, atol=1e-6)


def test_compiled_once_for_each_shape(tensors):
    x, table, options = tensors
    TRACES.clear()
    for step in range(4):
        z = (x.detach() + step).requires_grad_()
        mixed(z, {"scale": table["scale"] * step}, options, power=3)["y"].sum().backward()
    assert TRACES == [3]
    with torch.no_grad():  # another program, from the same trace
        mixed(x, table, options, power=3)
    assert TRACES == [3]
    mixed(x, table, options, power=4)  # a number of Python is static
    assert TRACES == [3, 4]


def test_without_gradients_nothing_is_kept(tensors):
    x, table, options = tensors
    with torch.no_grad():
        assert not mixed(x, table, options)["y"].requires_grad
    assert not mixed(x.detach(), table, options)["y"].requires_grad


def test_gradcheck(x64):
    torch.manual_seed(0)
    x = torch.randn(2, 3, dtype=torch.float64, requires_grad=True)
    y = torch.randn(3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(smooth, (x, y))
    assert torch.autograd.gradcheck(lambda x: smooth(x.T[:2, :2], y[:2])[0], (x,))
    assert torch.autograd.gradcheck(lambda y: smooth(x.detach(), y)[1], (y,))


def test_gradcheck_of_complex_numbers(x64):
    z = torch.tensor([1 + 2j, -0.5 + 0.3j], dtype=torch.complex128, requires_grad=True)
    real = torch_function(lambda z: jnp.abs(z) ** 2 + jnp.imag(z**3))
    general = torch_function(lambda z: z * jnp.conj(z) + z**2)
    assert torch.autograd.gradcheck(real, z)
    assert torch.autograd.gradcheck(general, z)


def test_backward_remembers_the_precision_of_forward():
    x = torch.ones(3, dtype=torch.float64, requires_grad=True)
    with jax.enable_x64(True):
        value = smooth(x[None, :], x)[0]
    value.sum().backward()  # outside, where JAX has no double precision
    assert x.grad.dtype == torch.float64
    assert torch.allclose(x.grad, torch.sin(x.detach()) + torch.cos(x.detach()), rtol=1e-14)


def test_agrees_with_pytorch_inside_a_larger_graph():
    torch.manual_seed(1)
    layer = torch.nn.Linear(3, 3)
    x = torch.randn(5, 3)
    y = torch.randn(3)

    def gradients(function):
        layer.zero_grad()
        a, b = function(layer(x), torch.tanh(layer(y)))
        (a.square().mean() + b.sum()).backward()
        return torch.cat([p.grad.flatten().clone() for p in layer.parameters()])

    def same(x, y):
        return torch.sum(torch.sin(x) * y[None, :], dim=1), torch.exp(y)

    assert torch.allclose(gradients(smooth), gradients(same), rtol=1e-5, atol=1e-6)


def test_second_derivatives_are_refused_not_zero():
    x, y = torch.ones(1, 3, requires_grad=True), torch.ones(3, requires_grad=True)
    (slope,) = torch.autograd.grad(smooth(x, y)[0].sum(), x, create_graph=True)
    assert torch.allclose(slope, torch.cos(x))  # the first one is there
    with pytest.raises(RuntimeError, match="second derivative"):
        (slope.square().sum() + x.sum()).backward()


def test_writing_into_arguments_before_backward_is_noticed():
    for position in (0, 1):  # the second one is not differentiated, but the gradient needs it
        x, y = torch.ones(1, 3).requires_grad_(), torch.ones(3)
        value = smooth(x, y)[0]
        with torch.no_grad():
            (x, y)[position].add_(1)
        with pytest.raises(RuntimeError, match="inplace"):
            value.sum().backward()


def test_results_may_be_written_into():
    x = torch.zeros(3, requires_grad=True)
    y = torch_function(lambda x: (jnp.exp(x), x))(x)
    with torch.no_grad():
        y[0].mul_(100)
        y[1].add_(7)
    y[0].sum().backward()
    assert torch.equal(x.detach(), torch.zeros(3))
    assert torch.equal(x.grad, torch.ones(3))


def test_graph_is_kept_or_freed():
    x, y = torch.ones(1, 3, requires_grad=True), torch.ones(3)
    value = smooth(x, y)[0].sum()
    value.backward(retain_graph=True)
    value.backward()
    assert torch.allclose(x.grad, 2 * torch.cos(x.detach()))
    with pytest.raises(RuntimeError, match="second time"):
        value.backward()


def test_what_is_refused(tensors):
    x, *_ = tensors
    with pytest.raises(ValueError, match="got no tensors"):
        mixed(jnp.ones(3), None, None)
    with pytest.raises(ValueError, match="expected tensors on one device, got cpu, meta"):
        smooth(x[None], torch.ones(3, device="meta"))
    with pytest.raises(ValueError, match="expected arrays as result, got str"):
        torch_function(lambda x: "text")(x)
    with pytest.raises(ValueError, match="enable_x64"):
        smooth(x[None].double(), x.double())
