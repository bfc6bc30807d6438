"""Ellipsoids, packings, basis reduction, and the searches for small alias-free grids."""

import itertools
import math

import numpy as np
import pytest
import scipy.optimize
from test_grids import HEXAGONAL, ball

from jaxtal._core import lll, smooth_sizes
from jaxtal.grids import (
    cyclic_grid,
    grid_report,
    inertia_ellipsoid,
    loewner_ellipsoid,
    packing_basis,
    packing_density,
    quotient_grid,
    search_grid,
)
from jaxtal.grids._ellipsoid import ellipsoid_volume
from jaxtal.grids._sublattices import SublatticePool, projective_closure, subgroup_classes
from jaxtal.symmetry import SpaceGroup

R3 = np.array([[0, 0, 1, 0, 0, 0], [1, 0, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0]])
R3 = np.vstack([R3, [[0, 0, 0, 0, 0, 1], [0, 0, 0, 1, 0, 0], [0, 0, 0, 0, 1, 0]]])
R5 = np.zeros((6, 6), dtype=int)
R5[[0, 1, 2, 3, 4, 5], [0, 4, 1, 2, 5, 3]] = [1, 1, 1, 1, -1, -1]
ICOSAHEDRAL = np.stack([R3, R5])


def icosahedral_metric(weight: float) -> np.ndarray:
    """Parallel length squared plus `weight` times perpendicular length squared."""
    t = (1 + math.sqrt(5)) / 2
    parallel = np.array([[1, t, 0, -1, t, 0], [t, 0, 1, t, 0, -1], [0, 1, t, 0, -1, t]])
    perpendicular = np.array([[-t, 1, 0, t, 1, 0], [1, 0, -t, 1, 0, t], [0, -t, 1, 0, t, 1]])
    return (parallel.T @ parallel + weight * perpendicular.T @ perpendicular) / (1 + t * t)


def test_packings_are_the_densest_known():
    # Conway & Sloane, table 1.2, and the 6D value that the phasing paper quotes.
    densities = [1, 0.90690, 0.74048, 0.61685, 0.46526, 0.37295, 0.29530, 0.25367]
    np.testing.assert_allclose([packing_density(n) for n in range(1, 9)], densities, atol=5e-6)
    assert packing_density(6) == pytest.approx(math.pi**3 / (48 * math.sqrt(3)))
    for n in (1, 2, 5, 6, 7, 8, 9):
        gram = packing_basis(n) @ packing_basis(n).T
        np.testing.assert_allclose(gram, np.rint(gram), atol=1e-12)
        assert (np.rint(np.diag(gram)) == 4).all()
    # D_9 has 2 n (n - 1) shortest vectors and determinant 4 before scaling.
    assert np.linalg.det(packing_basis(9)) == pytest.approx(2 * 2**4.5)
    signs = np.array(list(itertools.product((-1, 0, 1), repeat=6)))
    lengths = np.linalg.norm(signs @ packing_basis(6), axis=1)
    assert lengths[lengths > 0].min() == pytest.approx(2)
    with pytest.raises(ValueError, match="dimension of at least 1"):
        packing_basis(0)


def test_lll(rng):
    metric = icosahedral_metric(9.0)
    skew = np.eye(6, dtype=int)
    for _ in range(40):
        i, j = rng.choice(6, size=2, replace=False)
        skew[i] += rng.integers(-2, 3) * skew[j]
    reduced = lll(skew, metric)
    change = reduced @ np.linalg.inv(skew)
    np.testing.assert_allclose(change, np.rint(change), atol=1e-6)
    assert abs(np.linalg.det(reduced)) == pytest.approx(1)
    R = np.linalg.qr((reduced @ np.linalg.cholesky(metric)).T, mode="r")
    mu = np.triu(R / np.diag(R)[:, None], 1)
    assert np.abs(mu).max() <= 0.5 + 1e-9
    squares = np.diag(R) ** 2
    assert (squares[1:] >= (0.99 - np.diag(mu, 1) ** 2) * squares[:-1] - 1e-9).all()
    with pytest.raises(ValueError, match="independent rows"):
        lll(np.array([[1, 2], [2, 4]]), np.eye(2))
    with pytest.raises(ValueError, match="expected a basis"):
        lll(np.eye(2, dtype=int), np.eye(3))


def test_loewner_ellipsoid_against_a_minimiser(rng):
    k = rng.integers(-9, 10, size=(12, 2))
    k = np.unique(np.concatenate([k, -k]), axis=0)

    def volume(factor):
        L = np.array([[factor[0], 0], [factor[1], factor[2]]])
        Q = L @ L.T
        Q = Q / np.einsum("ij,jk,ik->i", k, Q, k).max()
        return ellipsoid_volume(Q)

    best = min(
        scipy.optimize.minimize(volume, start, method="Nelder-Mead", options={"xatol": 1e-9}).fun
        for start in ([1, 0, 1], [1, 0.5, 1], [1, -0.5, 1])
    )
    Q = loewner_ellipsoid(k, tol=1e-6)
    assert ellipsoid_volume(Q) == pytest.approx(best, rel=1e-4)
    assert np.einsum("ij,jk,ik->i", k, Q, k).max() <= 1 + 1e-12


def test_ellipsoids():
    corners = np.array([[3, 2], [3, -2], [-3, 2], [-3, -2], [0, 1], [0, -1]])
    # Around a rectangle: half axes sqrt 2 times its half sides.
    Q = loewner_ellipsoid(corners, tol=1e-8)
    np.testing.assert_allclose(Q, np.diag([1 / 18, 1 / 8]), atol=1e-6)
    k = ball(6, 4.0, icosahedral_metric(2.0))
    inertia, loewner = inertia_ellipsoid(k), loewner_ellipsoid(k)
    assert ellipsoid_volume(loewner) <= ellipsoid_volume(inertia) * (1 + 1e-3)
    for W in ICOSAHEDRAL:
        np.testing.assert_allclose(W @ inertia @ W.T, inertia, atol=1e-12)
    with pytest.raises(ValueError, match="span 2 dimensions"):
        inertia_ellipsoid(np.array([[1, 1], [-1, -1]]))


@pytest.mark.parametrize("options", [{}, {"reduced": True}, {"distinct": "integers"}])
@pytest.mark.parametrize(
    "k",
    [ball(1, 5.0), ball(2, 9.0), ball(3, 4.0, HEXAGONAL), ball(6, 4.0, icosahedral_metric(2.0))],
    ids=["1D", "2D", "3D", "6D"],
)
def test_cyclic_grid(k, options):
    grid = cyclic_grid(k, seed=1, **options)
    assert grid.is_alias_free(k)
    assert len(grid.moduli) == 1
    again = cyclic_grid(k, seed=1, **options)
    np.testing.assert_array_equal(grid.characters, again.characters)
    if options.get("distinct") == "integers":
        v = (grid.characters[:, 0] + grid.size // 2) % grid.size - grid.size // 2
        values = k @ v
        assert len(np.unique(values)) == len(k)
        assert np.ptp(values) < grid.size


def test_cyclic_grid_in_a_chosen_ellipsoid():
    k = ball(3, 4.0, HEXAGONAL)
    grid = cyclic_grid(k, ellipsoid=loewner_ellipsoid(k), scale=1.05)
    assert grid.is_alias_free(k)
    with pytest.raises(ValueError, match="positive definite"):
        cyclic_grid(k, ellipsoid=np.diag([1.0, 1.0, -1.0]))
    with pytest.raises(ValueError, match=r"expected an ellipsoid \(3, 3\)"):
        cyclic_grid(k, ellipsoid=np.eye(2))
    with pytest.raises(ValueError, match="no alias-free cyclic grid in 3 trials"):
        cyclic_grid(k, scale=0.2, max_trials=3)
    with pytest.raises(ValueError, match="at least one trial"):
        cyclic_grid(k, max_trials=0)
    with pytest.raises(ValueError, match='"modulo" or "integers"'):
        cyclic_grid(k, distinct="all")


def smallest_sublattice(k: np.ndarray, sizes: list[int]) -> int:
    """The least index of a 2D sublattice without differences of K, by trying all of them."""
    for size in sizes:
        for a in (a for a in range(1, size + 1) if size % a == 0):
            for b in range(size // a):
                if quotient_grid([[a, b], [0, size // a]]).is_alias_free(k):
                    return size
    raise AssertionError("no size is enough")


def test_search_is_near_the_optimum_in_two_dimensions():
    k = ball(2, 4.0)
    best = smallest_sublattice(k, [s for s in smooth_sizes(100, (2, 3, 5, 7)) if s >= len(k)])
    found = search_grid(k, even=False, max_trials=1500, seed=0)
    assert best <= found.size <= 1.05 * best
    turned = search_grid(k, rotations=np.array([[[0, 1], [-1, 0]]]), even=False, max_trials=600)
    assert best <= turned.size <= 1.15 * best


@pytest.mark.slow
def test_invariant_search_in_three_dimensions():
    k = ball(3, 4.5, HEXAGONAL)
    group = SpaceGroup.find("P 6/m m m")
    grid = search_grid(k, rotations=group.rotations, max_trials=600, seed=3)
    assert grid.is_alias_free(k)
    assert grid.moduli[-1] % 2 == 0
    assert all(set(_prime_factors(m)) <= {2, 3, 5, 7} for m in grid.moduli)
    report = grid_report(grid, k)
    assert report.filling > 0.5
    assert grid.size < 1.2 * report.packing_size


@pytest.mark.slow
def test_search_in_six_dimensions():
    k = ball(6, 4.0, icosahedral_metric(2.0))
    plain = search_grid(k, seed=0, max_trials=150)
    symmetric = search_grid(k, rotations=ICOSAHEDRAL, seed=0, max_trials=300)
    assert plain.is_alias_free(k)
    assert symmetric.is_alias_free(k)
    assert len(plain.moduli) <= 3
    assert symmetric.size < plain.size
    assert symmetric.size < 1.2 * grid_report(symmetric, k).packing_size


@pytest.mark.slow
def test_search_repeats_with_its_seed():
    k = ball(6, 4.0, icosahedral_metric(2.0))
    for options in ({}, {"rotations": ICOSAHEDRAL[:1]}):
        one, two = (search_grid(k, seed=4, max_trials=60, **options) for _ in range(2))
        assert one.moduli == two.moduli
        np.testing.assert_array_equal(one.characters, two.characters)


def test_sublattices_are_invariant(rng):
    group = projective_closure(ICOSAHEDRAL)
    assert len(group) == 60
    orders = [len(subgroup) for subgroup in subgroup_classes(ICOSAHEDRAL, rng)]
    assert set(orders) >= {2, 3, 5, 12, 60}
    assert len(projective_closure(SpaceGroup.find("F d -3 m").rotations)) == 24
    tetrahedral = next(g for g in subgroup_classes(ICOSAHEDRAL, rng) if len(g) == 12)
    pool = SublatticePool(2, tetrahedral, 2**9)
    pool.extend(6, 6, rng)
    k = rng.integers(-6, 7, size=(60_000, 6))
    for exponent, choices in pool.by_exponent.items():
        for parts in choices[:3]:
            V = np.array([column for _, column in parts]).reshape(-1, 6).T
            moduli = np.array([q for q, _ in parts], dtype=int)
            assert math.prod(moduli.tolist()) == 2**exponent
            inside = k[((k @ V) % moduli == 0).all(axis=1)]
            assert len(inside) > 0
            for W in tetrahedral:
                assert ((inside @ W @ V) % moduli == 0).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rotations": np.ones((1, 3, 3), int)}, r"integer rotations \(ops, 2, 2\)"),
        ({"rotations": np.array([[[2, 0], [0, 1]]])}, "determinant"),
        ({"rotations": np.array([[[1, 1], [0, 1]]])}, "finite group"),
        ({"primes": (4, 2)}, "prime numbers"),
        ({"primes": (3, 5)}, "2 among the primes"),
        ({"max_axes": 0}, "at least one axis"),
        ({"max_trials": 0}, "at least one trial"),
        ({"primes": (2,), "max_length": 2}, "no alias-free grid found"),
        ({"ellipsoid": np.zeros((2, 2))}, "positive definite"),
    ],
)
def test_bad_searches(options, message):
    with pytest.raises(ValueError, match=message):
        search_grid(ball(2, 3.0), **{"max_trials": 20, **options})


def _prime_factors(n: int) -> list[int]:
    return [p for p in range(2, n + 1) if n % p == 0 and all(p % d for d in range(2, p))]


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_measured_quasicrystal(data_dir, seed):
    path = data_dir / "quasicrystal" / "cdyb" / "cdyb_integrated_bck"
    lines = (line.split() for line in path.read_text().splitlines() if not line.startswith("#"))
    rows = np.array([row for row in lines if row and row[0].lstrip("-").isdigit()], dtype=float)
    assert len(rows) == 5381
    intensity, sigma = rows[:, -2:].T
    k = np.rint(rows[(intensity > 0) & (intensity > sigma), 8:14]).astype(int)
    group = projective_closure(ICOSAHEDRAL)
    images = (k @ group).reshape(-1, 6)
    full = np.unique(np.concatenate([images, -images]), axis=0)
    assert len(full) == 522_866
    grid = search_grid(full, rotations=ICOSAHEDRAL, seed=seed)
    assert grid.is_alias_free(full)
    assert grid.size <= 3_000_000
    assert cyclic_grid(full, seed=seed).is_alias_free(full)
