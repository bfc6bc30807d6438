"""Strict JAX flags for every test, float64 on request, one tolerance table."""

import os
import pathlib
import signal

import jax
import numpy as np
import pytest

# Compiled programs are kept between test runs and shared by the workers of one: most of the time is
# compilation, more than half of that of programs of a single operation, which are kept too.
_CACHE = os.environ.get("JAXTAL_TEST_CACHE") or str(
    pathlib.Path(__file__).parent.parent / ".jax_cache"
)
jax.config.update("jax_compilation_cache_dir", _CACHE)
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
jax.config.update("jax_numpy_rank_promotion", "raise")
# In 64-bit mode throughout (`JAX_ENABLE_X64=1`) float32 meets float64 where a user mixes them.
if not jax.config.values["jax_enable_x64"]:
    jax.config.update("jax_numpy_dtype_promotion", "strict")


# What a shell runs in the background ignores interrupts, and so does Python; some tests send them.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

#: Flags for the code that XLA makes for the default tests, by versions of JAX: not optimised, and
#: where there still is a choice by its older emitter of kernels. Most of the time goes into
#: compiling programs that run for a millisecond; this takes a third of it with jax 0.10. XLA stops
#: the process at flags that it does not know, so versions that nobody tried get none. The slow
#: tests and the notebooks, which run for long, are compiled as users have it, and so is everything
#: where XLA_FLAGS is set, be it to nothing.
_FLAGS = {
    "0.10.": "--xla_cpu_use_fusion_emitters=false --xla_backend_optimization_level=0",
    "0.12.": "--xla_backend_optimization_level=0",
}


def pytest_configure(config: pytest.Config) -> None:
    """Before anything is compiled; the workers inherit it."""
    if config.getoption("markexpr") == "not slow":
        for version, flags in _FLAGS.items():
            if jax.__version__.startswith(version):
                os.environ.setdefault("XLA_FLAGS", flags)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first: begun last, one of them keeps one worker busy while the other waits."""
    items.sort(key=lambda item: item.path.name not in ("test_notebooks.py", "test_readme.py"))


@pytest.fixture(autouse=True, scope="module")
def few_programs():
    """Compiled programs are dropped when they fill most of the memory maps that Linux allows."""
    yield
    maps = pathlib.Path("/proc/self/maps")
    if maps.exists() and maps.read_text().count("\n") > 48_000:
        jax.clear_caches()


@pytest.fixture
def float64_stays_as_it_is():
    """What a test calls must not switch 64-bit mode for those who come after it."""
    before = jax.config.values["jax_enable_x64"]
    yield
    assert jax.config.values["jax_enable_x64"] == before


@pytest.fixture
def x64():
    """Float64 inside one test; switched off again whatever happens."""
    with jax.enable_x64(True):
        yield


@pytest.fixture
def x32():
    """Float32 by default inside one test, be the run in 64-bit mode or not."""
    with jax.enable_x64(False):
        yield


@pytest.fixture(scope="session")
def data_dir() -> pathlib.Path:
    """The folder of measured reference data, from the environment variable JAXTAL_DATA."""
    value = os.environ.get("JAXTAL_DATA")
    if not value or not pathlib.Path(value).is_dir():
        pytest.skip("JAXTAL_DATA does not name a folder with the measured reference data")
    return pathlib.Path(value)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20260127)


@pytest.fixture(params=["float32", "float64"])
def dtype(request: pytest.FixtureRequest) -> str:
    """Both floating-point types, JAX switched to the one at hand."""
    request.getfixturevalue("x64" if request.param == "float64" else "x32")
    return request.param
