"""Batches on a CPU: every core takes its part, and nothing but the time depends on how many."""

import threading

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxtal as jxt
from jaxtal._core import _on_cores, as_here, on_cores
from jaxtal.crystal import CrystalBatch
from jaxtal.metric import _size_classes


@pytest.fixture
def three_cores(monkeypatch):
    monkeypatch.setattr(_on_cores, "cores", lambda: 3)
    monkeypatch.setattr(_size_classes, "cores", lambda: 3)


def some_crystals(n):
    rng = np.random.default_rng(5)
    quartz, rutile = jxt.prototype("alpha-quartz"), jxt.prototype("rutile")
    for i in range(n):
        atoms = (quartz, rutile)[i % 2].to_ase()
        atoms.rattle(0.02, rng=rng)
        yield atoms


def test_rows_are_shared_out_in_equal_parts(three_cores):
    seen = []

    def run(shared, rows):
        seen.append((len(rows[0]), threading.get_ident()))
        return shared * rows[0], (rows[1] + 1, "label")

    x, k = jnp.arange(20.0), jnp.arange(40, dtype=jnp.int16).reshape(20, 2)
    product, (more, label) = on_cores(run, 2.0, (x, k))
    # 20 rows are two parts of at least 8.
    assert sorted(n for n, _ in seen) == [10, 10]
    assert threading.get_ident() not in {thread for _, thread in seen}
    np.testing.assert_array_equal(product, 2 * x)
    np.testing.assert_array_equal(more, k + 1)
    assert more.dtype == jnp.int16
    assert label == "label"


@pytest.mark.parametrize("n", [25, 31])
def test_rows_that_do_not_divide_are_all_there_once(three_cores, n):
    seen = []

    def run(shared, rows):
        seen.append(len(rows))
        return rows + shared

    np.testing.assert_array_equal(on_cores(run, 1, jnp.arange(n)), np.arange(n) + 1)
    assert seen == [-(-n // 3)] * 3


def test_few_rows_and_traced_ones_stay_together(three_cores):
    def run(shared, rows):
        assert threading.current_thread() is threading.main_thread()
        return rows * shared

    assert on_cores(run, 2, jnp.ones(15)).shape == (15,)
    slope = jax.jit(jax.grad(lambda s: on_cores(run, s, jnp.ones(64)).sum()))(3.0)
    assert slope == 64


def test_settings_of_this_thread_hold_in_the_others():
    found, setting = [], "jax_default_matmul_precision"
    with jax.enable_x64(True), jax.default_matmul_precision("highest"):
        function = as_here(
            lambda: found.append((jnp.arange(2.0).dtype, getattr(jax.config, setting)))
        )
    thread = threading.Thread(target=function)
    thread.start()
    thread.join()
    assert found == [(jnp.float64, "highest")]


def test_an_error_in_a_part_is_raised(three_cores):
    def run(shared, rows):
        raise ValueError("expected something else")

    with pytest.raises(ValueError, match="something else"):
        on_cores(run, None, jnp.ones(64))


@pytest.mark.parametrize("x64", [False, True])
def test_descriptors_do_not_depend_on_the_cores(x64, monkeypatch):
    with jax.enable_x64(x64):
        batch = CrystalBatch.from_crystals(list(some_crystals(19)))
        plan = jxt.Descriptor(4, 4, 3.0).plan(batch)
        found = []
        for n in (1, 2, 3):
            monkeypatch.setattr(_on_cores, "cores", lambda n=n: n)
            found.append(plan(batch))
        assert found[0].power_spectrum.shape[0] == 19
        assert found[0].power_spectrum.dtype == (jnp.float64 if x64 else jnp.float32)
        for other in found[1:]:
            jax.tree.map(np.testing.assert_array_equal, found[0], other)


def test_fingerprints_do_not_depend_on_the_cores(monkeypatch):
    monkeypatch.setattr(_size_classes, "BATCH", 4)
    # Terms of neighbours take programs, however few the crystals.
    metric = jxt.CrystalMetric(2, 2, 8.0, distances=1.0)
    crystals = [*some_crystals(9), jxt.prototype("diamond")]
    found = []
    for n in (1, 3):
        monkeypatch.setattr(_size_classes, "cores", lambda n=n: n)
        found.append(metric(crystals))
    np.testing.assert_array_equal(found[0].vector, found[1].vector)
    alone = [metric(one).vector for one in crystals[:2]]
    np.testing.assert_allclose(found[0].vector[:2], alone, rtol=1e-5, atol=1e-6)


def test_a_crystal_that_fails_is_named_while_others_run(three_cores, monkeypatch):
    monkeypatch.setattr(_size_classes, "BATCH", 2)
    metric = jxt.CrystalMetric(2, 2, 8.0, distances=1.0)
    crystals = list(some_crystals(6))
    broken = jxt.prototype("diamond").to_ase()
    broken.positions[0] = np.nan
    with pytest.raises(ValueError, match="crystal 6"):
        metric([*crystals, broken])
