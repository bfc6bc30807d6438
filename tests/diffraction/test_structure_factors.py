"""Structure factors by three independent routes, and their identities."""

import equinox as eqx
import gemmi
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cells import finite, relative
from tolerances import TOLERANCES
from variants import slow_but

from jaxtal.crystal import Crystal
from jaxtal.diffraction import _structure_factors as direct
from jaxtal.diffraction import hkl_sphere, structure_factors
from jaxtal.diffraction._box_sums import box_sums
from jaxtal.diffraction._structure_factors import missing_species
from jaxtal.diffraction.sums import _signed_sums, signed_places
from jaxtal.lattice import Lattice
from jaxtal.scattering import FormFactors

direct_sum = eqx.filter_jit(structure_factors)

MATRIX = np.array([[5.1, 0.0, 0.0], [-0.6, 6.2, 0.0], [0.4, -0.9, 7.3]])
NUMBERS = np.array([14, 8, 8, 26, 1])
SPECIES = [1, 8, 14, 26]
BOUNDS = (4, 5, 6)


def structure_factor_box(crystal, bounds, factors):
    """Structure factors of a half box of indices by the separable product."""
    hkl = box_hkl(bounds)
    sums = box_sums(crystal, signed_places(hkl, bounds), bounds, factors)
    real, imag = direct.combine_species(sums, direct.stol2(crystal, jnp.asarray(hkl)), factors)
    F = direct.nan_if_missing(jax.lax.complex(real, imag), crystal, factors)
    h, k, l = bounds
    return F.reshape(h + 1, 2 * k + 1, 2 * l + 1)


separable = eqx.filter_jit(structure_factor_box)


def make(rng, **options) -> Crystal:
    frac = rng.uniform(size=(5, 3)) + 0.2 * np.arange(5)[:, None]
    return Crystal.from_arrays(MATRIX, frac, NUMBERS, **options)


def box_hkl(bounds=BOUNDS) -> np.ndarray:
    h, k, l = bounds
    axes = [np.arange(h + 1), np.arange(-k, k + 1), np.arange(-l, l + 1)]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)


def tensors(rng, n: int) -> np.ndarray:
    root = 0.1 * rng.standard_normal((n, 3, 3))
    return root @ root.transpose(0, 2, 1) + 0.005 * np.eye(3)


def by_numpy(crystal: Crystal, hkl: np.ndarray, factors: FormFactors, displacements=True):
    """The textbook sum in NumPy float64, atom by atom."""
    matrix = np.asarray(crystal.lattice.matrix, dtype=np.float64)
    star = np.linalg.inv(matrix).T
    s2 = np.sum((hkl @ star) ** 2, axis=1) / 4
    a, b, c = (np.asarray(x, dtype=np.float64) for x in (factors.a, factors.b, factors.c))
    total = np.zeros(len(hkl), dtype=complex)
    for j in np.flatnonzero(np.asarray(crystal.mask)):
        key = [int(x[j]) for x in (crystal.atomic_numbers, crystal.charges, crystal.isotopes)]
        s = np.asarray(factors.keys).tolist().index(key)
        f = c[s] + np.sum(a[s] * np.exp(-b[s] * s2[:, None]), axis=1) + 0j
        f += 0 if factors.fp is None else float(factors.fp[s])
        f += 0 if factors.fpp is None else 1j * float(factors.fpp[s])
        if displacements:
            f *= np.exp(-8 * np.pi**2 * float(crystal.u_iso[j]) * s2)
            if crystal.u_aniso is not None:
                scaled = hkl * np.linalg.norm(star, axis=1)
                u = np.asarray(crystal.u_aniso[j], dtype=np.float64)
                f *= np.exp(-2 * np.pi**2 * np.einsum("pi,ij,pj->p", scaled, u, scaled))
        x = np.asarray(crystal.frac_coords[j], dtype=np.float64)
        total += float(crystal.occupancies[j]) * f * np.exp(2j * np.pi * (hkl @ x))
    return total


def by_gemmi(crystal: Crystal, hkl: np.ndarray, fp=None) -> np.ndarray:
    """gemmi's own calculator: International Tables' four Gaussians, all displacements."""
    small = gemmi.SmallStructure()
    cell = [float(x) for x in crystal.lattice.cell]
    small.cell = gemmi.UnitCell(*cell)
    small.spacegroup_hm = "P 1"
    for j in range(crystal.mask.shape[0]):
        site = gemmi.SmallStructure.Site()
        site.label = f"A{j}"
        site.element = gemmi.Element(int(crystal.atomic_numbers[j]))
        site.type_symbol = site.element.name
        site.fract = gemmi.Fractional(*[float(x) for x in crystal.frac_coords[j]])
        site.occ = float(crystal.occupancies[j])
        site.u_iso = float(crystal.u_iso[j])
        if crystal.u_aniso is not None:
            u = np.asarray(crystal.u_aniso[j])
            site.u_iso = 0.0
            six = u[0, 0], u[1, 1], u[2, 2], u[0, 1], u[0, 2], u[1, 2]
            site.aniso = gemmi.SMat33d(*[float(x) for x in six])
        small.add_site(site)
    calculator = gemmi.StructureFactorCalculatorX(small.cell)
    for number, value in (fp or {}).items():
        calculator.addends.set(gemmi.Element(number), value)
    return np.array(
        [calculator.calculate_sf_from_small_structure(small, [int(i) for i in h]) for h in hkl]
    )


@pytest.mark.parametrize("displacement", ["none", "isotropic", "anisotropic"])
def test_xrays_against_gemmi(x64, rng, displacement):
    options = {}
    if displacement == "isotropic":
        options["u_iso"] = rng.uniform(0, 0.05, 5)
    if displacement == "anisotropic":
        options["u_aniso"] = tensors(rng, 5)
    crystal = make(rng, occupancies=rng.uniform(0.2, 1, 5), **options)
    factors = FormFactors.build(SPECIES, kind="it92")
    hkl = box_hkl((2, 2, 3))
    F = direct_sum(crystal, jnp.asarray(hkl), factors)
    # gemmi keeps its coefficients in float32
    assert relative(F, by_gemmi(crystal, hkl)) < 1e-6
    assert relative(F, by_numpy(crystal, hkl, factors)) < 1e-12


def test_dispersion_against_gemmi(x64, rng):
    crystal = make(rng)
    fp = {1: 0.0, 8: 0.05, 14: 0.25, 26: -1.2}
    factors = FormFactors.build(SPECIES, kind="it92", fp=list(fp.values()))
    hkl = box_hkl((2, 2, 2))
    F = direct_sum(crystal, jnp.asarray(hkl), factors)
    assert relative(F, by_gemmi(crystal, hkl, fp)) < 1e-6


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", ["waasmaier-kirfel", "it92", "electron", "neutron"])
def test_three_routes_agree(request, rng, kind, dtype):
    if dtype == "float64":
        request.getfixturevalue("x64")
    crystal = make(rng, occupancies=rng.uniform(0.2, 1, 5), dtype=dtype)
    factors = FormFactors.build(SPECIES, kind=kind, dtype=dtype)
    hkl = box_hkl()
    expected = by_numpy(crystal, hkl, factors)
    F = direct_sum(crystal, jnp.asarray(hkl, jnp.int32), factors)
    box = separable(crystal, BOUNDS, factors)
    assert F.real.dtype == box.real.dtype == dtype
    assert box.shape == (5, 11, 13)
    assert relative(F, expected) < TOLERANCES[dtype]["structure_factor"]
    assert relative(box.ravel(), expected) < TOLERANCES[dtype]["structure_factor"]


def test_all_factors_at_once(x64, rng):
    crystal = make(
        rng,
        occupancies=rng.uniform(0.2, 1, 5),
        u_iso=rng.uniform(0, 0.05, 5),
        u_aniso=tensors(rng, 5),
        charges=[4, -2, -2, 0, 0],
    )
    species = ["Si4+", "O2-", "Fe", "H"]
    fp, fpp = [0.2, 0.1, -1.2, 0.0], [0.3, 0.03, 3.2, 0.0]
    factors = FormFactors.build(species, fp=fp, fpp=fpp)
    hkl = box_hkl()
    for displacements in (True, False):
        F = direct_sum(crystal, jnp.asarray(hkl), factors, displacements=displacements)
        assert relative(F, by_numpy(crystal, hkl, factors, displacements)) < 1e-12


def test_blocks_change_nothing(x64, rng, monkeypatch):
    crystal = make(rng, u_iso=rng.uniform(0, 0.05, 5))
    factors = FormFactors.build(SPECIES)
    hkl = jnp.asarray(box_hkl())

    def evaluate():
        def loss(frac):
            moved = eqx.tree_at(lambda c: c.frac_coords, crystal, frac)
            F = structure_factors(moved, hkl, factors)
            box = structure_factor_box(moved, BOUNDS, factors).ravel()
            return jnp.sum(jnp.square(F.real) + jnp.square(box.imag)), (F, box)

        # A new function each time, and nothing kept, so that it is traced again.
        jax.clear_caches()
        return jax.jit(jax.grad(loss, has_aux=True))(crystal.frac_coords)

    slope, values = evaluate()
    # Neither divides the number of points (715) or of rows (11).
    for block in (5 * 100, 5 * 13 * 2):
        monkeypatch.setattr(direct, "BLOCK", block)
        monkeypatch.setattr(_signed_sums, "BLOCK", block)
        blocked_slope, blocked = evaluate()
        for got, expected in zip(blocked, values, strict=True):
            assert relative(got, expected) < 1e-14
        assert relative(blocked_slope, slope) < 1e-13


@pytest.mark.parametrize(("reach", "tolerance"), [(5, 1e-6), (60, 1e-5)])
def test_float32_accuracy(x64, rng, reach, tolerance):
    n = 200
    frac = np.float32(rng.uniform(size=(n, 3)))
    hkl = rng.integers(-reach, reach + 1, (400, 3))
    hkl[0] = 0
    F = {}
    for dtype in ("float32", "float64"):
        crystal = Crystal(
            lattice=Lattice(jnp.eye(3, dtype=dtype) * 20),
            frac_coords=jnp.asarray(frac, dtype),
            atomic_numbers=jnp.full(n, 6, jnp.int32),
            occupancies=jnp.ones(n, dtype),
            u_iso=jnp.zeros(n, dtype),
            u_aniso=None,
            charges=jnp.zeros(n, jnp.int32),
            isotopes=jnp.zeros(n, jnp.int32),
            mask=jnp.ones(n, bool),
        )
        factors = FormFactors.build([6], kind="constant", dtype=dtype)
        F[dtype] = np.asarray(direct_sum(crystal, jnp.asarray(hkl, jnp.int32), factors))
    typical = np.sqrt(np.mean(np.abs(F["float64"][1:]) ** 2))
    error = np.abs(F["float32"] - F["float64"])
    assert np.sqrt(np.mean(error**2)) < tolerance * typical
    assert error.max() < 5 * tolerance * typical


def test_translation_is_a_phase_and_friedel(x64, rng):
    crystal = make(rng)
    factors = FormFactors.build(SPECIES)
    hkl = box_hkl()
    shift = rng.uniform(size=3)
    moved = eqx.tree_at(lambda c: c.frac_coords, crystal, crystal.frac_coords + shift[None, :])
    F = np.asarray(direct_sum(crystal, jnp.asarray(hkl), factors))
    shifted = direct_sum(moved, jnp.asarray(hkl), factors)
    assert relative(shifted, F * np.exp(2j * np.pi * hkl @ shift)) < 1e-12
    assert relative(direct_sum(crystal, jnp.asarray(-hkl), factors), F.conj()) < 1e-14
    fpp = FormFactors.build(SPECIES, fpp=[0, 0.03, 0.3, 3.2])
    broken = [direct_sum(crystal, jnp.asarray(sign * hkl), fpp) for sign in (1, -1)]
    assert relative(jnp.abs(broken[0]), jnp.abs(broken[1])) > 1e-3


def poisoned(crystal: Crystal, value: float) -> Crystal:
    """Padding that holds nonsense."""
    pad = ~np.asarray(crystal.mask)

    def spoil(x):
        shape = pad.reshape(-1, *[1] * (x.ndim - 1))
        return jnp.where(jnp.asarray(shape), jnp.asarray(value, x.dtype), x)

    fields = ["frac_coords", "occupancies", "u_iso", "u_aniso"]
    return eqx.tree_at(
        lambda c: [getattr(c, f) for f in fields],
        crystal,
        [spoil(getattr(crystal, f)) for f in fields],
    )


@pytest.mark.parametrize("value", slow_but([1e10], [0.0, 1e10, np.nan, np.inf]))
def test_padding_is_never_used(x64, rng, value):
    options = {"u_iso": rng.uniform(0, 0.05, 5), "u_aniso": tensors(rng, 5)}
    state = rng.bit_generator.state
    plain = make(rng, **options)
    rng.bit_generator.state = state
    padded = poisoned(make(rng, pad_to=8, **options), value)
    factors = FormFactors.build(SPECIES)
    hkl = jnp.asarray(box_hkl((2, 2, 2)))

    def loss(crystal):
        F = direct_sum(crystal, hkl, factors)
        box = separable(crystal, (2, 2, 2), factors)
        return jnp.sum(jnp.square(F.real)) + jnp.sum(jnp.square(box.imag)), (F, box)

    differentiate = eqx.filter_jit(eqx.filter_grad(loss, has_aux=True))
    slope, got = differentiate(padded)
    wanted, expected = differentiate(plain)
    for one, other in zip(got, expected, strict=True):
        assert relative(one, other) < 1e-14
    assert finite(slope)
    assert relative(slope.frac_coords[:5], wanted.frac_coords) < 1e-13
    assert relative(slope.lattice.matrix, wanted.lattice.matrix) < 1e-13
    assert not np.any(np.asarray(slope.frac_coords[5:]))


def test_nothing_but_padding(rng):
    crystal = make(rng)
    empty = eqx.tree_at(lambda c: c.mask, crystal, jnp.zeros(5, bool))
    factors = FormFactors.build(SPECIES)
    F = direct_sum(empty, jnp.asarray(box_hkl()), factors)
    assert not np.any(np.asarray(F))
    assert not np.any(np.asarray(separable(empty, BOUNDS, factors)))


def test_single_atom_and_no_reflections(rng):
    factors = FormFactors.build([6])
    crystal = Crystal.from_arrays(MATRIX, [[0, 0, 0]], [6])
    F = direct_sum(crystal, jnp.zeros((1, 3), jnp.int32), factors)
    assert abs(complex(F[0]) - float(factors.f0[0])) < 1e-5
    assert direct_sum(crystal, jnp.zeros((0, 3), jnp.int32), factors).shape == (0,)


def test_missing_species_are_nan(rng):
    crystal = make(rng)
    factors = FormFactors.build([14, 26, 1])
    assert missing_species(crystal, factors).tolist() == [False, True, True, False, False]
    hkl = jnp.asarray(box_hkl((1, 1, 1)))
    assert np.all(np.isnan(direct_sum(crystal, hkl, factors)))
    assert np.all(np.isnan(separable(crystal, (1, 1, 1), factors)))
    # An ion is another species than the atom.
    ions = make(rng, charges=[4, -2, -2, 2, 0])
    assert bool(missing_species(ions, FormFactors.build(SPECIES))[0])


def test_gradients_against_finite_differences(x64, rng):
    crystal = make(rng, occupancies=rng.uniform(0.3, 0.9, 5), u_iso=rng.uniform(0.01, 0.05, 5))
    crystal = eqx.tree_at(
        lambda c: c.u_aniso, crystal, jnp.asarray(tensors(rng, 5)), is_leaf=lambda x: x is None
    )
    factors = FormFactors.build(SPECIES, fpp=[0, 0.03, 0.3, 3.2])
    hkl = jnp.asarray(hkl_sphere(MATRIX, 3.0))

    def parts(c: Crystal):
        return [c.lattice.matrix, c.frac_coords, c.occupancies, c.u_iso, c.u_aniso]

    @jax.jit
    def loss(values):
        moved = eqx.tree_at(parts, crystal, values)
        F = direct_sum(moved, hkl, factors)
        return jnp.mean(jnp.log(jnp.square(F.real) + jnp.square(F.imag)))

    values = parts(crystal)
    slopes = jax.jit(jax.grad(loss))(values)
    eps = 1e-6
    for i, slope in enumerate(slopes):
        direction = rng.standard_normal(slope.shape)
        ahead, behind = list(values), list(values)
        ahead[i] = values[i] + eps * direction
        behind[i] = values[i] - eps * direction
        expected = float(loss(ahead) - loss(behind)) / (2 * eps)
        got = float(jnp.sum(slope * direction))
        assert abs(got - expected) < TOLERANCES["float64"]["gradient"] * abs(expected)
