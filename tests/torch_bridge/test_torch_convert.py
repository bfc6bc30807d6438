"""Tensors and arrays in the same memory, and what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from jaxtal.torch import to_jax, to_torch  # noqa: E402

SMALL_TYPES = ("float32", "float16", "bfloat16", "int32", "int16", "uint8", "bool", "complex64")


def pointer(x):
    return x.unsafe_buffer_pointer() if isinstance(x, jax.Array) else x.data_ptr()


def aligned(shape, dtype="float32"):
    """A tensor that begins where JAX's arrays do, as those of PyTorch itself usually do."""
    size = int(np.prod(shape)) * 8 + 64
    raw = torch.zeros(size, dtype=torch.uint8)
    start = -raw.data_ptr() % 64
    return (
        raw[start : start + size - 64]
        .view(getattr(torch, dtype))[: int(np.prod(shape))]
        .view(shape)
    )


@pytest.mark.parametrize("dtype", SMALL_TYPES)
def test_there_and_back(dtype):
    values = torch.arange(6).reshape(2, 3).to(getattr(torch, dtype))
    array = to_jax(values)
    assert array.dtype == dtype
    back = to_torch(array)
    assert back.dtype == values.dtype
    assert torch.equal(back, values)


@pytest.mark.parametrize("dtype", ["float64", "int64", "complex128"])
def test_wide_types_with_x64(x64, dtype):
    values = torch.tensor([1, 2, 3]).to(getattr(torch, dtype))
    assert to_jax(values).dtype == dtype
    assert torch.equal(to_torch(to_jax(values)), values)


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_double_precision_is_not_halved_in_silence(dtype):
    with pytest.raises(ValueError, match="enable_x64"):
        to_jax(torch.ones(2, dtype=getattr(torch, dtype)))


def test_integers_of_64_bits():
    assert to_jax(torch.tensor([2**31 - 1, -(2**31)])).dtype == jnp.int32
    assert to_jax(torch.zeros(0, dtype=torch.int64)).shape == (0,)
    with pytest.raises(ValueError, match="32 bits"):
        to_jax(torch.tensor([0, 2**31]))


def test_memory_is_shared_unless_a_copy_is_wanted():
    x = aligned((4, 3))
    assert pointer(to_jax(x)) == pointer(x)
    assert pointer(to_jax(x.T)) == pointer(x)  # a transposed one too
    assert pointer(to_jax(x, copy=True)) != pointer(x)
    array = jnp.arange(6.0)
    assert pointer(to_torch(array)) == pointer(array)
    separate = to_torch(array, copy=True)
    separate += 1
    assert float(array[0]) == 0


@pytest.mark.parametrize(
    "view",
    [
        lambda x: x[:, ::2],
        lambda x: x[1:, 1:],
        lambda x: x[:1].expand(5, 3),
        lambda x: x.T[1:],
        lambda x: x.flip(0)[0],
        lambda x: x.clone().requires_grad_(),
        lambda x: torch.complex(x, x).conj(),
        lambda x: torch.complex(x, x).conj().imag,  # PyTorch keeps a bit for the sign
        lambda x: x[:0],
        lambda x: x[0, 0],
    ],
)
def test_views(view):
    x = view(torch.arange(12.0).reshape(4, 3))
    assert np.array_equal(np.asarray(to_jax(x)), x.detach().resolve_conj().resolve_neg().numpy())


def test_what_is_refused():
    for bad, said in (
        (np.ones(2), "torch.Tensor, got ndarray"),
        (torch.eye(3).to_sparse(), "dense tensor"),
        (torch.ones(2, device="meta"), "meta"),
    ):
        with pytest.raises(ValueError, match=said):
            to_jax(bad)
    with pytest.raises(ValueError, match="got ndarray"):
        to_torch(np.ones(2))
    with pytest.raises(ValueError, match="key<"):
        to_torch(jax.random.key(0))
    with pytest.raises(ValueError, match="traced value"):
        jax.jit(to_torch)(jnp.ones(2))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_tensors_of_a_gpu():
    x = torch.ones(3, device="cuda")
    if any(device.platform == "gpu" for device in jax.devices()):
        assert to_torch(to_jax(x)).device == x.device
    else:
        with pytest.raises(ValueError, match="cuda12"):
            to_jax(x)
