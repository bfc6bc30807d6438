"""Distances in a metric as a PyTorch module."""

import equinox as eqx
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from jaxtal.crystal import prototype  # noqa: E402
from jaxtal.metric import CrystalMetric, Fingerprint  # noqa: E402
from jaxtal.torch import MetricLoss, Vectors, to_jax  # noqa: E402

METRIC = CrystalMetric(2, 2, 10.0, density=1.0)
SIZE = 10


def crystals():
    return [prototype(name).expand() for name in ("alpha-quartz", "rutile")]


def arguments(dtype="float32"):
    """Lattice, coordinates, species and mask as tensors, nonsense in the padding."""
    frac, species = np.full((2, SIZE, 3), 1e10), np.zeros((2, SIZE), int)
    for i, crystal in enumerate(crystals()):
        n = len(crystal.mask)
        frac[i, :n], species[i, :n] = crystal.frac_coords, crystal.atomic_numbers
    lattice = np.stack([np.asarray(c.lattice.matrix) for c in crystals()])
    kind = getattr(torch, dtype)
    species = torch.tensor(species)
    return torch.tensor(lattice).to(kind), torch.tensor(frac).to(kind), species, species > 0


@pytest.fixture(scope="module")
def loss():
    return MetricLoss(METRIC, METRIC.plan(crystals(), margin=1.5))


def test_equals_the_distance_of_fingerprints(loss):
    lattice, frac, species, mask = arguments()
    vectors = loss.represent(lattice, frac, species, mask)
    assert bool(vectors.complete.all())
    made = eqx.filter_jit(METRIC.fingerprint)(
        *(to_jax(x[1]) for x in (lattice, frac, species.int(), mask)), plan=loss.plan
    )
    assert np.allclose(vectors.vector[1], made.vector, rtol=1e-4, atol=1e-6)
    frac = torch.where(mask[:, :, None], frac, 0.0).requires_grad_()
    lattice.requires_grad_()
    swapped = Vectors(*(x.flip(0) for x in vectors))
    value = loss(lattice, frac, species, mask, target=swapped)
    expected = (vectors.vector[0] - vectors.vector[1]).square().sum()
    assert torch.allclose(value.detach(), expected.expand(2), rtol=1e-4)
    value.sum().backward()
    assert bool(lattice.grad.abs().amax((1, 2)).gt(0).all())
    assert not frac.grad[~mask].any()
    one = loss(lattice, frac, species, mask, target=made)  # a Fingerprint of one crystal
    assert torch.allclose(one[0], value[0], rtol=1e-4)
    assert one[1].item() < 1e-8
    num_atoms, some = mask.sum(1), frac.detach()[mask]
    ragged = MetricLoss(METRIC, loss.plan, made, pad_to=SIZE)
    assert torch.allclose(ragged(lattice, some, species[mask], num_atoms=num_atoms), one)


def test_gradcheck(x64):
    plan = METRIC.plan(crystals(), margin=1.5, dtype="float64")
    loss = MetricLoss(METRIC, plan)
    lattice, frac, species, mask = arguments("float64")
    targets = loss.represent(lattice, frac, species, mask)
    targets = Vectors(*(x.flip(0) for x in targets))
    strain = torch.linspace(0.01, 0.02, 3, dtype=torch.float64, requires_grad=True)
    shift = torch.linspace(0, 0.03, 3 * SIZE, dtype=torch.float64).reshape(SIZE, 3)
    shift.requires_grad_()

    def value(strain, shift):
        x = torch.where(mask[:, :, None], frac + shift, 0.0)
        return loss(lattice * (1 + strain), x, species, mask, targets)

    assert torch.autograd.gradcheck(value, (strain, shift), eps=1e-6, atol=1e-6, rtol=1e-5)


def test_incomplete_crystals_have_no_loss(loss):
    lattice, frac, species, mask = arguments()
    targets = loss.represent(lattice, frac, species, mask)
    bad = lattice.clone()
    bad[0, 0] = bad[0, 1]
    bad.requires_grad_()
    targets = Vectors(*(x.flip(0) for x in targets))
    value, complete = loss.flagged(bad, frac, species, mask, targets)
    assert complete.tolist() == [False, True]
    assert value[0].item() == 0
    value.sum().backward()
    assert not bad.grad[0].any()
    assert bool(torch.isfinite(bad.grad).all())


def test_what_is_refused(loss):
    cells = arguments()
    other = MetricLoss(CrystalMetric(2, 2, 8.0), loss.plan)
    short = Vectors(torch.zeros(2, 3), torch.ones(2, dtype=torch.bool))
    three = Vectors(torch.zeros(3, 3), torch.ones(3, dtype=torch.bool))
    made = Fingerprint(*(to_jax(x) for x in short), specification=METRIC.specification)
    for said, call in (
        ("target: expected what to reach", lambda: loss(*cells)),
        ("expected a vector of", lambda: other(*cells, target=made)),
        ("that of 2 crystals or of one", lambda: loss(*cells, target=three)),
        ("fingerprints: expected equal shapes", lambda: loss(*cells, target=short)),
    ):
        with pytest.raises(ValueError, match=said):
            call()
