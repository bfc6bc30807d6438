"""Any loss as a PyTorch module: equal to JAX, checked by differences, compiled once."""

import copy
import pathlib
import pickle
import re
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

torch = pytest.importorskip("torch")

import jaxtal  # noqa: E402
from jaxtal.crystal import CrystalArrays, CrystalBatch, prototype  # noqa: E402
from jaxtal.losses import MetricLoss, PowderLoss, PowerSpectrumLoss  # noqa: E402
from jaxtal.torch import Loss, pad_ragged, to_jax  # noqa: E402

NAMES = ("alpha-quartz", "rutile", "diamond")
SIZE = 12
SETTINGS = {
    PowerSpectrumLoss: {"n_max": 2, "l_max": 2, "q_max": 4.0, "n_bins": 9},
    MetricLoss: {"n_max": 2, "l_max": 2, "q_max": 8.0, "density": 1.0},
    PowderLoss: {"wavelength": "CuKa1", "limits": (15, 45), "n_points": 61, "fwhm": 1.5},
}
LOSSES = pytest.mark.parametrize("kind", list(SETTINGS), ids=lambda kind: kind.__name__)


def crystals():
    return [prototype(name) for name in NAMES]


def made(kind, **options):
    return Loss(kind(crystals(), max_stretch=1.3, **SETTINGS[kind]), **options)


def arguments(dtype="float32"):
    """Lattice, coordinates, species, mask as tensors; the padding holds rubbish."""
    batch = CrystalBatch.from_crystals(crystals(), pad_to=SIZE)
    lattice, frac, numbers, mask = (
        torch.tensor(np.asarray(x))
        for x in (batch.matrix, batch.frac_coords, batch.atomic_numbers, batch.mask)
    )
    frac = torch.where(mask[:, :, None], frac, torch.tensor(1e10))
    kind = getattr(torch, dtype)
    return lattice.to(kind), frac.to(kind), numbers.long(), mask


def moved(lattice, frac, numbers, mask, scale=0.02):
    """The same crystals with a little of everything changed."""
    generator = torch.Generator().manual_seed(3)
    noise = torch.randn(frac.shape, generator=generator, dtype=torch.float64).to(frac)
    strain = torch.randn(lattice.shape, generator=generator, dtype=torch.float64).to(lattice)
    frac = torch.where(mask[:, :, None], frac + scale * noise, frac)
    lattice = lattice + scale * lattice @ strain
    return lattice.requires_grad_(), frac.requires_grad_(), numbers, mask


def as_arrays(lattice, frac, numbers, mask):
    return CrystalArrays(*(to_jax(x) for x in (lattice, frac, numbers.int(), mask)))


@LOSSES
def test_equals_that_of_jax(kind):
    loss = made(kind)
    start, end = arguments(), moved(*arguments())
    targets = loss.represent(*start)
    assert bool(targets.complete.all())
    values, fits = loss.flagged(*end, target=targets)
    assert values.shape == (3,)
    assert bool(fits.all())
    (values * torch.tensor([1.0, -2.0, 3.0])).sum().backward()

    @eqx.filter_jit
    def reference(loss, start, end):
        def total(smooth):
            lattice, frac = smooth
            there = CrystalArrays(lattice, frac, end.species, end.mask)
            values, _ = loss(there, loss.represent(start))
            return jnp.sum(values * jnp.asarray([1.0, -2.0, 3.0])), values

        return jax.grad(total, has_aux=True)((end.matrix, end.frac_coords))

    (by_lattice, by_frac), expected = reference(loss.loss, as_arrays(*start), as_arrays(*end))
    assert np.allclose(values.detach(), expected, rtol=1e-4)
    for found, wanted in ((end[0].grad, by_lattice), (end[1].grad, by_frac)):
        assert np.allclose(found, wanted, rtol=1e-3, atol=1e-4 * float(jnp.abs(wanted).max()))
    assert not end[1].grad[~end[3]].any()


def test_either_layout_and_every_form_of_a_target():
    loss = made(MetricLoss)
    padded = moved(*arguments())
    targets = loss.represent(*arguments())
    expected = loss(*padded, target=targets[0])
    expected.sum().backward()
    lattice, frac, numbers, mask = (x.detach() for x in padded)
    lattice, some = lattice.requires_grad_(), frac[mask].requires_grad_()
    in_jax = jax.tree.map(to_jax, targets[0])
    told = Loss(loss.loss, in_jax, pad_to=SIZE)
    found = told(lattice, some, numbers[mask], num_atoms=mask.sum(1))
    found.sum().backward()
    assert torch.equal(found, expected)
    assert torch.equal(some.grad, padded[1].grad[padded[3]])
    for target in (targets[[0, 0, 0]], targets[torch.tensor([0, 0, 0])], in_jax):
        assert torch.equal(loss(*padded, target=target), expected)
    powder = made(PowderLoss)
    patterns = powder.represent(*arguments())
    values = powder(*padded, target=patterns)
    for measured in (patterns.intensity, patterns.intensity.numpy()):
        assert torch.allclose(powder(*padded, target=measured), values, rtol=1e-4, atol=1e-6)


@LOSSES
def test_gradcheck(kind, x64):
    """In everything at once: cell, coordinates, and the gradient that comes in."""
    loss = made(kind)
    start = [x[:2] for x in arguments("float64")]
    targets = loss.represent(*start)
    lattice, frac, numbers, mask = (x.detach() for x in moved(*start))

    def value(strain, shift, factors):
        cells = lattice @ (torch.eye(3, dtype=torch.float64) + strain)
        x = torch.where(mask[:, :, None], frac + shift, frac)
        return (loss(cells, x, numbers, mask, targets) * factors).sum()

    at = [
        torch.zeros(3, 3, dtype=torch.float64),
        torch.zeros(SIZE, 3, dtype=torch.float64),
        torch.tensor([1.0, -2.0], dtype=torch.float64),
    ]
    at = [x.requires_grad_() for x in at]
    assert torch.autograd.gradcheck(value, at, eps=1e-6, atol=1e-6, rtol=1e-5)


def test_one_program_for_all_batches_of_a_size(monkeypatch):
    loss = made(MetricLoss)
    targets = loss.represent(*arguments())
    loss(*moved(*arguments()), target=targets).mean().backward()

    def traced(*args, **options):
        raise AssertionError("traced again")

    monkeypatch.setattr(MetricLoss, "mismatch", traced)
    for step in range(3):
        order = torch.roll(torch.arange(3), step)
        batch = moved(*(x[order] for x in arguments()), scale=0.01 * step)
        loss(*batch, target=targets[order]).mean().backward()
    some = [x[:2] for x in arguments()]
    with pytest.raises(AssertionError, match="traced again"):
        loss(*some, target=targets[:2])


def test_crystals_that_do_not_fit_follow_the_policy():
    lattice, frac, numbers, mask = arguments()
    for outgrown, expected in (("ignore", 0.0), ("far off", None)):
        inner = MetricLoss(crystals(), outgrown=outgrown, **SETTINGS[MetricLoss])
        loss = Loss(inner)
        targets = loss.represent(lattice, frac, numbers, mask)
        flat = lattice.clone()
        flat[0, 0] = flat[0, 1]  # no volume
        flat.requires_grad_()
        values, fits = loss.flagged(flat, frac + 0.01, numbers, mask, targets)
        assert fits.tolist() == [False, True, True]
        far = 2 * targets.vector[0].square().sum().item() if expected is None else expected
        assert values[0].item() == pytest.approx(far)
        values.sum().backward()
        assert not flat.grad[0].any()
        assert bool(torch.isfinite(flat.grad).all())


def test_half_precision_gets_gradients_of_its_own():
    loss = made(MetricLoss)
    lattice, frac, numbers, mask = arguments()
    targets = loss.represent(lattice, frac, numbers, mask)
    half = lattice.bfloat16().requires_grad_()
    values = loss(half, torch.where(mask[:, :, None], frac, 0.0), numbers, mask, targets)
    assert values.dtype == torch.float32
    values.sum().backward()
    assert half.grad.dtype == torch.bfloat16
    assert half.grad.any()


def test_modules_are_copied_and_pickled():
    losses = torch.nn.ModuleDict({"metric": made(MetricLoss), "powder": made(PowderLoss)})
    assert not losses.state_dict()
    cells = arguments()
    targets = losses["metric"].represent(*cells)
    expected = losses["metric"](*moved(*cells), target=targets)
    for other in (copy.deepcopy(losses), pickle.loads(pickle.dumps(losses))):
        assert torch.equal(other["metric"](*moved(*cells), target=targets), expected)
    assert "MetricLoss(CrystalMetric(n_max=2, l_max=2, q_max=8.0, density=1.0)" in repr(losses)


def test_the_example_of_the_readme_runs():
    readme = (pathlib.Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"^```py\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    start, end = arguments(), moved(*arguments())
    names: dict[str, Any] = dict(zip(("lattice0", "frac0", "numbers", "mask"), start, strict=True))
    names |= {"jxt": jaxtal, "crystals": crystals(), "lattice": end[0], "frac": end[1]}
    exec(code, names)
    assert names["value"].shape == (3,)
    assert bool(end[0].grad.abs().amax((1, 2)).gt(0).all())


def test_pad_ragged_is_differentiable():
    frac = torch.arange(12.0).reshape(4, 3).requires_grad_()
    padded, numbers, mask = pad_ragged(frac, torch.tensor([1, 2, 3, 4]), torch.tensor([3, 0, 1]))
    assert padded.shape == (3, 8, 3)
    assert numbers.tolist()[0] == [1, 2, 3, 0, 0, 0, 0, 0]
    assert mask.sum(1).tolist() == [3, 0, 1]
    assert torch.equal(padded[mask], frac)
    (padded * torch.arange(8.0)[None, :, None]).sum().backward()
    assert frac.grad[:, 0].tolist() == [0, 1, 2, 0]
    weights = torch.ones(4, 5)
    assert pad_ragged(frac, weights, torch.tensor([4]), pad_to=4)[1].shape == (1, 4, 5)


def test_what_is_refused():
    lattice, frac, numbers, mask = arguments()
    loss = made(MetricLoss)
    targets = loss.represent(lattice, frac, numbers, mask)
    count = mask.sum(1)
    for said, call in (
        ("target: expected what to reach", lambda: loss(lattice, frac, numbers, mask)),
        ("lattice: expected shape", lambda: loss(lattice[0], frac, numbers, mask, targets)),
        ("frac_coords: expected shape", lambda: loss(lattice, frac[:2], numbers, mask, targets)),
        ("atomic_numbers: expected", lambda: loss(lattice, frac, numbers[:, 1:], mask, targets)),
        ("mask: expected shape", lambda: loss(lattice, frac, numbers, mask[:, 1:], targets)),
        ("got both", lambda: loss(lattice, frac, numbers, mask, targets, num_atoms=count)),
        ("with num_atoms", lambda: loss(lattice, frac, numbers, None, targets, num_atoms=count)),
        (
            "that of 2 crystals or of one",
            lambda: loss(lattice[:2], frac[:2], numbers[:2], None, targets),
        ),
        ("add up", lambda: pad_ragged(frac[0], numbers[0], count)),
        (
            "pad_to: expected at least the 9",
            lambda: pad_ragged(frac[mask], numbers[mask], count, pad_to=8),
        ),
        ("what `represent` of the loss returns", lambda: loss(*arguments(), lattice)),
    ):
        with pytest.raises(ValueError, match=said):
            call()
