"""The losses as PyTorch modules: equal to those of JAX, checked by differences, compiled once."""

import copy
import dataclasses
import pathlib
import pickle
import re

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

torch = pytest.importorskip("torch")

import jaxtal  # noqa: E402
from jaxtal.crystal import CrystalBatch, prototype  # noqa: E402
from jaxtal.descriptors import Description, Descriptor, RepresentPlan, represent_batch  # noqa: E402
from jaxtal.diffraction import PowderPattern, xrd_loss  # noqa: E402
from jaxtal.losses import descriptor_loss  # noqa: E402
from jaxtal.torch import (  # noqa: E402
    DescriptorLoss,
    PowderLoss,
    Spectra,
    _descriptor_loss,
    pad_ragged,
    to_jax,
)

NAMES = ("alpha-quartz", "rutile", "diamond")
SIZE = 12
DESCRIPTOR = Descriptor(2, 2, 4.0, n_bins=9)
PATTERN = PowderPattern("CuKa1", limits=(15, 60), n_points=181, fwhm=1.0)


def crystals():
    return [prototype(name).expand() for name in NAMES]


def descriptor_plan(dtype="float32"):
    return RepresentPlan.for_crystals(DESCRIPTOR, crystals(), margin=1.5, dtype=dtype)


def powder_plan():
    return PATTERN.plan(crystals(), margin=1.2)


def arguments(dtype="float32"):
    """Lattice, coordinates, species, mask as tensors; the padding holds rubbish."""
    batch = CrystalBatch.from_crystals(crystals(), pad_to=SIZE)
    lattice, frac, species, mask = (
        torch.tensor(np.asarray(x))
        for x in (batch.matrix, batch.frac_coords, batch.atomic_numbers, batch.mask)
    )
    frac = torch.where(mask[:, :, None], frac, torch.tensor(1e10))
    kind = getattr(torch, dtype)
    return lattice.to(kind), frac.to(kind), species.long(), mask


def moved(lattice, frac, species, mask, scale=0.02):
    """The same crystals with a little of everything changed."""
    generator = torch.Generator().manual_seed(3)
    noise = torch.randn(frac.shape, generator=generator, dtype=torch.float64).to(frac)
    strain = torch.randn(lattice.shape, generator=generator, dtype=torch.float64).to(lattice)
    frac = torch.where(mask[:, :, None], frac + scale * noise, frac)
    lattice = lattice + scale * lattice @ strain
    return lattice.requires_grad_(), frac.requires_grad_(), species, mask


def ragged(lattice, frac, species, mask):
    return lattice, frac[mask], species[mask], mask.sum(1)


def as_batch(lattice, frac, species, mask):
    lattice, frac, species, mask = (x.detach().numpy() for x in (lattice, frac, species, mask))
    return CrystalBatch(
        jnp.asarray(lattice), jnp.asarray(frac), jnp.asarray(species, jnp.int32), jnp.asarray(mask)
    )


@pytest.fixture(scope="module")
def plan():
    return descriptor_plan()


@pytest.fixture(scope="module")
def powder():
    return PowderLoss(PATTERN, powder_plan())


def test_descriptor_loss_equals_that_of_jax(plan):
    loss = DescriptorLoss(plan)
    start, end = arguments(), moved(*arguments())
    targets = loss.represent(*start)
    assert bool(targets.complete.all())
    value, complete = loss.flagged(*end, target=targets)
    assert value.shape == (3,)
    assert bool(complete.all())
    (value * torch.tensor([1.0, -2.0, 3.0])).sum().backward()

    @jax.jit
    def reference(start, end):
        def total(lattice, frac):
            moved = dataclasses.replace(end, matrix=lattice, frac_coords=frac)
            losses = descriptor_loss(represent_batch(moved, plan), represent_batch(start, plan))
            return jnp.sum(losses * jnp.asarray([1.0, -2.0, 3.0])), losses

        return jax.grad(total, (0, 1), has_aux=True)(end.matrix, end.frac_coords)

    (by_lattice, by_frac), expected = reference(as_batch(*start), as_batch(*end))
    assert np.allclose(value.detach(), expected, rtol=1e-5)
    for found, wanted in ((end[0].grad, by_lattice), (end[1].grad, by_frac)):
        assert np.allclose(found, wanted, rtol=1e-3, atol=1e-5 * float(jnp.abs(wanted).max()))
    assert not end[1].grad[~end[3]].any()


def test_descriptor_loss_in_either_layout_and_with_either_target(plan):
    padded = moved(*arguments())
    targets = DescriptorLoss(plan).represent(*arguments())
    quartz = Spectra(*(x[0] for x in targets))
    loss = DescriptorLoss(plan, Description(*(to_jax(x) for x in quartz)), pad_to=SIZE)
    expected = loss(*padded)
    expected.sum().backward()
    lattice, frac, species, num_atoms = ragged(*moved(*arguments()))
    lattice, frac = lattice.detach().requires_grad_(), frac.detach().requires_grad_()
    found = loss(lattice, frac, species, num_atoms=num_atoms)
    found.sum().backward()
    assert torch.equal(found, expected)
    assert torch.equal(frac.grad, padded[1].grad[padded[3]])
    three = Spectra(*(x[[0, 0, 0]] for x in targets))
    for target in (quartz, three):
        assert torch.equal(loss(*padded, target=target), expected)


def test_gradcheck_of_the_descriptor_loss(x64):
    """In everything at once: cell, coordinates, species weights, and the gradient that comes in."""
    plan = RepresentPlan.for_crystals(
        DESCRIPTOR, crystals(), margin=1.5, elements=[6, 8, 14, 22], dtype="float64"
    )
    loss = DescriptorLoss(plan)
    start = list(arguments("float64"))
    start[2] = (start[2][:, :, None] == torch.tensor(plan.elements)).double()
    targets = loss.represent(*start)
    assert bool(targets.complete.all())
    lattice, frac, weights, mask = (x.detach() for x in moved(*start))
    assert loss(*start, target=targets).max().item() < 1e-20

    def value(strain, shift, change, factors):
        cells = lattice @ (torch.eye(3, dtype=torch.float64) + strain)
        x = torch.where(mask[:, :, None], frac + shift, frac)
        return (loss(cells, x, weights * (1 + change), mask, targets) * factors).sum()

    at = [
        torch.zeros(3, 3, dtype=torch.float64),
        torch.zeros(SIZE, 3, dtype=torch.float64),
        torch.full((4,), 0.1, dtype=torch.float64),
        torch.tensor([1.0, -2.0, 0.3], dtype=torch.float64),
    ]
    at = [x.requires_grad_() for x in at]
    assert torch.autograd.gradcheck(value, at, eps=1e-6, atol=1e-7, rtol=1e-5)


def test_one_program_for_all_batches_of_a_size(plan, monkeypatch):
    loss = DescriptorLoss(plan)
    targets = loss.represent(*arguments())
    loss(*moved(*arguments()), target=targets).mean().backward()

    def traced(*args, **options):
        raise AssertionError("traced again")

    monkeypatch.setattr(_descriptor_loss, "represent_loss", traced)
    for step in range(3):
        order = torch.roll(torch.arange(3), step)
        batch = moved(*(x[order] for x in arguments()), scale=0.01 * step)
        loss(*batch, target=Spectra(*(x[order] for x in targets))).mean().backward()
    with pytest.raises(AssertionError, match="traced again"):
        DescriptorLoss(plan, chunk=2)(*moved(*arguments()), target=targets)


def test_incomplete_crystals_have_no_loss(plan):
    loss = DescriptorLoss(plan)
    lattice, frac, species, mask = arguments()
    targets = loss.represent(lattice, frac, species, mask)
    flat = lattice.clone()
    flat[0, 0] = flat[0, 1]  # no volume
    flat[1] *= 10  # more reflections than the plan holds
    flat.requires_grad_()
    value, complete = loss.flagged(flat, frac + 0.01, species, mask, targets)
    assert complete.tolist() == [False, False, True]
    assert value[:2].tolist() == [0, 0]
    value.sum().backward()
    assert not flat.grad[:2].any()
    assert bool(torch.isfinite(flat.grad).all())


def test_half_precision_is_taken_to_single(plan):
    loss = DescriptorLoss(plan)
    lattice, frac, species, mask = arguments()
    targets = loss.represent(lattice, frac, species, mask)
    half = lattice.bfloat16().requires_grad_()
    frac = torch.where(mask[:, :, None], frac, 0.0).bfloat16()
    value = loss(half, frac, species, mask, targets)
    assert value.dtype == torch.float32
    value.sum().backward()
    assert half.grad.dtype == torch.bfloat16


def test_powder_loss_equals_that_of_jax(powder):
    start, end = arguments(), moved(*arguments(), scale=0.003)
    targets, complete = powder.represent(*start)
    assert bool(complete.all())
    quartz = eqx.filter_jit(PATTERN)(crystals()[0], powder.plan)
    assert np.allclose(targets[0], quartz, atol=1e-5)
    value = powder(*end, target=targets)
    found, _ = powder.represent(*end)
    expected = xrd_loss(
        jnp.asarray(found.detach().numpy()), jnp.asarray(targets.numpy()), step=PATTERN.step
    )
    assert np.allclose(value.detach(), expected, rtol=1e-3, atol=1e-7)
    value.sum().backward()
    assert bool(end[0].grad.abs().amax((1, 2)).gt(0).all())
    assert bool(torch.isfinite(end[1].grad).all())
    one = powder(*end, target=targets[0])
    assert torch.allclose(one[0], value[0])
    flags = torch.tensor([True, False, True])
    some, counted = powder.flagged(*end, target=(targets, flags))
    assert torch.equal(counted, flags)
    assert torch.equal(some, torch.where(flags, value, 0.0))
    both = zip(powder.represent(*start), (targets, complete), strict=True)
    assert all(torch.equal(one, other) for one, other in both)


def test_gradcheck_of_the_powder_loss(x64):
    quartz = [prototype("alpha-quartz").expand()]
    plan = PATTERN.plan(quartz, margin=1.2)
    loss = PowderLoss(PATTERN, plan, width=3)
    lattice, frac, species, mask = (x[:1] for x in arguments("float64"))
    target, _ = loss.represent(lattice, frac, species, mask)
    shift = torch.linspace(0, 0.02, 3, dtype=torch.float64, requires_grad=True)
    strain = torch.full((3,), 0.01, dtype=torch.float64, requires_grad=True)

    def value(shift, strain):
        x = torch.where(mask[:, :, None], frac, 0.0)
        return loss(lattice * (1 + strain), x + x.square() * shift, species, mask, target.squeeze())

    assert torch.autograd.gradcheck(value, (shift, strain), eps=1e-6, atol=1e-7, rtol=1e-4)


def test_powder_loss_of_crystals_that_outgrow_the_plan(powder):
    lattice, frac, species, mask = arguments()
    targets, _ = powder.represent(lattice, frac, species, mask)
    large = (lattice * torch.tensor([2.0, 1.0, 1.0])[:, None, None]).requires_grad_()
    value, complete = powder.flagged(large, frac, species, mask, targets.flip(0))
    assert complete.tolist() == [False, True, True]
    value.sum().backward()
    assert value[0].item() == 0
    assert not large.grad[0].any()


def test_modules_are_copied_and_pickled(plan, powder):
    losses = torch.nn.ModuleDict({"descriptor": DescriptorLoss(plan), "powder": powder})
    assert not losses.state_dict()
    cells = arguments()
    targets = losses["descriptor"].represent(*cells)
    expected = losses["descriptor"](*moved(*cells), target=targets)
    for other in (copy.deepcopy(losses), pickle.loads(pickle.dumps(losses))):
        assert torch.equal(other["descriptor"](*moved(*cells), target=targets), expected)
    assert "chunk=1" in repr(losses)


def test_the_example_of_the_readme_runs():
    readme = (pathlib.Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"^```py\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    start, end = arguments(), moved(*arguments())
    names = dict(zip(("lattice0", "frac0", "numbers", "mask"), start, strict=True))
    names |= {"jxt": jaxtal, "crystals": crystals(), "lattice": end[0], "frac": end[1]}
    exec(code, names)
    assert names["value"].shape == (3,)
    assert bool(end[0].grad.abs().amax((1, 2)).gt(0).all())


def test_pad_ragged_is_differentiable():
    frac = torch.arange(12.0).reshape(4, 3).requires_grad_()
    padded, species, mask = pad_ragged(frac, torch.tensor([1, 2, 3, 4]), torch.tensor([3, 0, 1]))
    assert padded.shape == (3, 8, 3)
    assert species.tolist()[0] == [1, 2, 3, 0, 0, 0, 0, 0]
    assert mask.sum(1).tolist() == [3, 0, 1]
    assert torch.equal(padded[mask], frac)
    (padded * torch.arange(8.0)[None, :, None]).sum().backward()
    assert frac.grad[:, 0].tolist() == [0, 1, 2, 0]
    weights = torch.ones(4, 5)
    assert pad_ragged(frac, weights, torch.tensor([4]), pad_to=4)[1].shape == (1, 4, 5)


def test_what_is_refused(plan, powder):
    lattice, frac, species, mask = arguments()
    loss = DescriptorLoss(plan)
    targets = loss.represent(lattice, frac, species, mask)
    count = mask.sum(1)
    for said, call in (
        ("target: expected what to reach", lambda: loss(lattice, frac, species, mask)),
        ("lattice: expected shape", lambda: loss(lattice[0], frac, species, mask, targets)),
        ("frac: expected shape", lambda: loss(lattice, frac[:2], species, mask, targets)),
        ("species: expected shape", lambda: loss(lattice, frac, species[:, 1:], mask, targets)),
        ("mask: expected shape", lambda: loss(lattice, frac, species, mask[:, 1:], targets)),
        ("got both", lambda: loss(lattice, frac, species, mask, targets, num_atoms=count)),
        ("with num_atoms", lambda: loss(lattice, frac, species, None, targets, num_atoms=count)),
        ("type of lattice", lambda: loss(lattice, frac.double(), species, mask, targets)),
        ("type of the plan", lambda: loss(lattice.double(), frac.double(), species, mask, targets)),
        (
            "that of 2 crystals or of one",
            lambda: loss(lattice[:2], frac[:2], species[:2], None, targets),
        ),
        ("add up", lambda: pad_ragged(frac[0], species[0], count)),
        (
            "pad_to: expected at least the 9",
            lambda: pad_ragged(frac[mask], species[mask], count, pad_to=8),
        ),
        (
            "chunk: expected",
            lambda: DescriptorLoss(plan, chunk=0)(lattice, frac, species, mask, targets),
        ),
        ("target: expected what to reach", lambda: powder(lattice, frac, species, mask)),
        ("patterns of 181 points", lambda: powder(lattice, frac, species, mask, lattice[0])),
        ("atomic numbers", lambda: powder(lattice, frac, species.float(), mask)),
        ("displacements", lambda: PowderLoss(PowderPattern(displacements=True), powder.plan)),
    ):
        with pytest.raises(ValueError, match=said):
            call()
