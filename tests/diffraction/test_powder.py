"""Powder patterns: peers, profiles, gradients, transforms, bad input."""

import json
import pathlib

import equinox as eqx
import gemmi
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cells import finite, in_cell, relative, stored
from providers import listing
from tolerances import TOLERANCES

from jaxtal._core import CompileClock
from jaxtal.crystal import Crystal, CrystalBatch, prototype
from jaxtal.diffraction import PowderPattern, PowderPlan, powder_lines
from jaxtal.diffraction.powder import _profile as profile
from jaxtal.diffraction.powder._radiation import emission_lines, lorentz_polarisation
from jaxtal.lattice import Lattice
from jaxtal.losses import xrd_loss

REFERENCE = json.loads(
    (pathlib.Path(__file__).parent.parent / "reference" / "powder.json").read_text()
)
#: One small pattern and one small crystal for most tests, so that they share compiled programs.
PATTERN = PowderPattern(
    1.5406, limits=(20, 70), n_points=251, fwhm=0.4, displacements=True, normalisation="none"
)
traces = []


@eqx.filter_jit
def run(plan, crystal):
    traces.append(plan)
    found = plan(crystal)
    return found.intensity, found.complete


def with_pattern(plan: PowderPlan, pattern: PowderPattern) -> PowderPlan:
    """The plan with another pattern, whose lines lie among its reflections."""
    return PowderPlan(pattern, plan.reflections)


@eqx.filter_jit
def peaks(patterns, crystal, plan):
    return [with_pattern(plan, pattern).peaks(crystal) for pattern in patterns]


def scaled(crystal: Crystal, factor) -> Crystal:
    matrix = crystal.lattice.matrix
    return eqx.tree_at(lambda c: c.lattice, crystal, Lattice(matrix * factor))


def vibrating(**options) -> Crystal:
    """Quartz, every atom off its place and moving, with padding."""
    crystal = stored("alpha-quartz", pad_to=12, **options)
    off = 0.02 * np.random.default_rng(5).standard_normal((12, 3))
    return eqx.tree_at(
        lambda c: (c.frac_coords, c.u_iso),
        crystal,
        (
            crystal.frac_coords + jnp.asarray(off, crystal.frac_coords.dtype),
            jnp.full_like(crystal.u_iso, 0.006),
        ),
    )


def lines_of(pattern: PowderPattern, found, plan) -> tuple[np.ndarray, np.ndarray]:
    """Positions and intensities of some peaks within the limits, by position."""
    x, y = np.asarray(found.position), np.asarray(found.intensity)
    some = np.flatnonzero((x > pattern.limits[0]) & (x < pattern.limits[1]) & (y > 1e-9 * y.max()))
    some = some[np.argsort(x[some])]
    return x[some], y[some]


@pytest.mark.parametrize("case", REFERENCE["cases"], ids=lambda case: case["name"])
def test_lines_are_those_of_pymatgen(x64, case):
    pattern = PowderPattern(
        case["wavelength"], limits=case["limits"], kind="recp", b_overall=case["b_iso"]
    )
    lines = powder_lines(stored(case["name"]), pattern)
    assert len(lines) == len(case["d"])
    np.testing.assert_allclose(
        np.asarray([x.two_theta for x in lines]), case["two_theta"], atol=1.1e-8
    )
    np.testing.assert_allclose([x.d for x in lines], case["d"], atol=1.1e-8)
    np.testing.assert_allclose([x.intensity for x in lines], case["intensity"], rtol=1e-8)
    for line, families in zip(lines, case["hkl"], strict=True):
        assert sorted((*hkl, m) for hkl, m in line.families) == sorted(map(tuple, families))
        assert line.multiplicity == sum(m for *_, m in families)
        assert line.hkl == line.families[0][0]


def test_intensities_are_those_of_gemmi(x64):
    """|F|^2 of gemmi's IT92 factors, times multiplicity and the factor written out by hand."""
    crystal = stored("kyanite")
    small = gemmi.SmallStructure()
    small.cell = gemmi.UnitCell(*np.asarray(crystal.lattice.cell).tolist())
    small.spacegroup_hm = "P 1"
    elements = [gemmi.Element(int(number)) for number in crystal.atomic_numbers]
    for element, x in zip(elements, crystal.frac_coords, strict=True):
        site = gemmi.SmallStructure.Site()
        site.element = element
        site.type_symbol = element.name
        site.fract = gemmi.Fractional(*np.asarray(x).tolist())
        small.add_site(site)
    pattern = PowderPattern(1.5406, limits=(10, 50), kind="it92", normalisation="none")
    plan = pattern.plan(crystal, max_stretch=1.0)
    calculator = gemmi.StructureFactorCalculatorX(small.cell)
    forward = sum(element.it92.calculate_sf(0.0) for element in elements)
    (got,) = peaks([pattern], crystal, plan)
    angle = np.asarray(got.position)
    seen = np.flatnonzero(
        (angle > 10) & (angle < 50) & (np.asarray(listing(plan).multiplicity) > 0)
    )
    assert len(seen) > 90
    theta = np.deg2rad(angle[seen] / 2)
    expected = np.array(
        [
            2 * abs(calculator.calculate_sf_from_small_structure(small, h.tolist())) ** 2
            for h in np.asarray(listing(plan).hkl)[seen]
        ]
    )
    expected *= (1 + np.cos(2 * theta) ** 2) / (np.sin(theta) ** 2 * np.cos(theta)) / forward**2
    # gemmi keeps its coefficients in float32.
    assert relative(np.asarray(got.intensity)[seen], expected) < 1e-6


def test_families_follow_the_laue_group(x64):
    # The patterns of two of pymatgen's cases, whose programs are thus at hand.
    pattern = PowderPattern(1.5406, limits=(5, 90), kind="recp")
    lines = powder_lines(prototype("alpha-quartz"), pattern)
    # Class -3m: 101 and 011 have one angle and two intensities.
    assert [m for _, m in lines[0].families] == [6]
    assert sorted(lines[1].families) == [((0, 1, 1), 6), ((1, 0, 1), 6)]
    pattern = PowderPattern(0.7107, limits=(5, 90), kind="recp")
    lines = powder_lines(prototype("diamond"), pattern)
    assert [line.hkl for line in lines[:3]] == [(1, 1, 1), (2, 2, 0), (3, 1, 1)]
    assert [line.multiplicity for line in lines[:3]] == [8, 12, 24]
    assert max(line.intensity for line in lines) == 100
    again = powder_lines(prototype("diamond").expand(), pattern, scaled=False)
    assert [line.families for line in again] == [line.families for line in lines]
    assert lines[1].intensity == pytest.approx(100 * again[1].intensity / again[0].intensity)


@pytest.mark.parametrize(("mixing", "reach"), [(0.0, 6.0), (0.4, 30.0), (1.0, 6.0)])
def test_profile_has_unit_area_and_width(x64, mixing, reach):
    u = np.linspace(-reach, reach, 40001)
    p = np.asarray(profile.line_shape(jnp.asarray(u), mixing, reach))
    assert np.sum(p) * (u[1] - u[0]) == pytest.approx(1, rel=1e-9)
    half = profile.line_shape(jnp.asarray([-0.5, 0.0, 0.5]), mixing, reach)
    np.testing.assert_allclose(half / half[1], [0.5, 1, 0.5], rtol=1e-12)
    assert p[0] == 0
    assert np.all(p >= 0)


def test_sum_of_profiles(x64, monkeypatch):
    """Against the dense sum; the same in blocks; lines outside reach in or do not."""
    x = jnp.asarray([12.0, 12.0, 9.99, 14.3333, 20.4, 200.0, 1.0])
    a = jnp.asarray([1.0, 2.0, 3.0, 0.5, 7.0, 1.0, 1.0])
    h = jnp.asarray([0.2, 0.2, 0.3, 0.5, 0.4, 0.5, 0.5])
    options = {"axis": (10.0, 0.05, 201), "mixing": 0.3, "reach": 8.0, "widest": 0.5}
    got = jax.jit(lambda *lines: profile.sum_lines(*lines, **options))(x, a, h)
    axis = 10.0 + 0.05 * np.arange(201)
    u = (axis[None, :] - x[:, None]) / h[:, None]
    dense = np.sum((a / h)[:, None] * profile.line_shape(u, 0.3, 8.0), axis=0)
    np.testing.assert_allclose(got, dense, atol=1e-12)
    assert dense[0] > 0
    assert dense[-1] > 0
    monkeypatch.setattr(profile, "BLOCK", 500)
    blocks = jax.jit(lambda *lines: profile.sum_lines(*lines, **options))(x, a, h)
    np.testing.assert_allclose(blocks, got, atol=1e-12)


def test_factors_axes_and_doublets(x64):
    """Every option beside the plain pattern, and the factors by hand, in one program."""
    crystal = stored("diamond")
    options = {"limits": (20.0, 80.0), "n_points": 601, "fwhm": 0.8, "kind": "recp"}
    on_q = {"limits": (1.5, 5.2), "n_points": 741, "axis": "q", "fwhm": 0.03, "kind": "recp"}
    patterns = {
        "plain": PowderPattern("CuKa1", **options),
        "doublet": PowderPattern("CuKa1+CuKa2", **options),
        "second": PowderPattern("CuKa2", **options),
        "monochromator": PowderPattern("CuKa1", monochromator=26.6, **options),
        "bare": PowderPattern("CuKa1", lorentz_polarisation=False, **options),
        "q": PowderPattern(None, lorentz_polarisation=False, **on_q),
        "q of an angle": PowderPattern("CuKa1", **on_q),
        "warm": PowderPattern("CuKa1", b_overall=1.5, **options),
    }
    plan = patterns["plain"].plan(crystal, max_stretch=1.05)
    found = dict(zip(patterns, peaks(list(patterns.values()), crystal, plan), strict=True))
    lines = {name: lines_of(patterns[name], found[name], plan) for name in patterns}
    angle, plain = lines["plain"]
    theta = np.deg2rad(angle / 2)
    lorentz = 1 / (np.sin(theta) ** 2 * np.cos(theta))
    a = np.cos(np.deg2rad(26.6)) ** 2
    np.testing.assert_allclose(
        lines["monochromator"][1], lines["bare"][1] * lorentz * (1 + a * np.cos(2 * theta) ** 2)
    )
    np.testing.assert_allclose(plain, lines["bare"][1] * lorentz * (1 + np.cos(2 * theta) ** 2))
    s2 = np.square(np.sin(theta) / emission_lines("CuKa1")[0][0])
    np.testing.assert_allclose(lines["warm"][1], plain * np.exp(-2 * 1.5 * s2))
    # Carbon nuclei are points: 8 of them have |F|^2 of (8 b)^2 in 220, and F_0^2 is so too.
    nuclei = PowderPattern("CuKa1", **{**options, "kind": "neutron"})
    other = nuclei.plan(crystal, max_stretch=1.05)
    x, y = lines_of(nuclei, peaks([nuclei], crystal, other)[0], other)
    is_220 = np.abs(x - 75.3) < 0.1
    np.testing.assert_allclose(y[is_220], 2 * lorentz[np.abs(angle - 75.3) < 0.1])
    # On a q axis the same lines, elsewhere.
    np.testing.assert_allclose(lines["q"][0], 4 * np.pi * np.sqrt(s2))
    np.testing.assert_allclose(lines["q"][1], lines["bare"][1])
    np.testing.assert_allclose(lines["q of an angle"][1], plain)
    # The doublet: two parts of one, one of the other.
    for n, (name, share) in enumerate((("plain", 2 / 3), ("second", 1 / 3))):
        half = np.split(np.asarray(found["doublet"].intensity), 2)[n]
        np.testing.assert_allclose(half, share * np.asarray(found[name].intensity), atol=1e-12)
    assert np.all(lines["second"][0] > angle)
    assert emission_lines("CuKa")[0][0] == pytest.approx(1.54187, abs=1e-5)
    assert [w for _, w in emission_lines("MoKa1+MoKa2")] == pytest.approx([2 / 3, 1 / 3])


def test_normalisations(x64):
    crystal = stored("diamond")
    options = {"limits": (20.0, 80.0), "n_points": 601, "fwhm": 0.8, "kind": "recp"}
    names = ("none", "max", "area")
    patterns = [PowderPattern("CuKa1", normalisation=n, **options) for n in names]
    plan = patterns[0].plan(crystal, max_stretch=1.05)
    found = plan.peaks(crystal)
    raw, top, area = (np.asarray(with_pattern(plan, p)(crystal).intensity) for p in patterns)
    assert top.max() == 1
    assert area.sum() * 0.1 == pytest.approx(1)
    np.testing.assert_allclose(raw / raw.max(), top, rtol=1e-12)
    # The integral of 111, alone within reach, is its intensity.
    x, y = lines_of(patterns[0], found, plan)
    near = np.abs(patterns[0].samples - 43.9) < 15.7
    assert raw[near].sum() * 0.1 == pytest.approx(y[np.abs(x - 43.9) < 1].sum(), rel=1e-6)


def test_lorentz_polarisation(x64):
    """2 theta = 60 degrees: sin^2 = 1/4, cos = sqrt(3)/2, cos 2 theta = 1/2, all by hand."""
    sine = jnp.asarray([0.5])
    unit = 8 / np.sqrt(3)
    assert lorentz_polarisation(sine)[0] == pytest.approx(1.25 * unit)
    a = np.cos(np.deg2rad(26.6))
    assert lorentz_polarisation(sine, a)[0] == pytest.approx((1 + a * a / 4) * unit)
    assert lorentz_polarisation(sine, None)[0] == pytest.approx(unit)


def test_widths(x64):
    """Caglioti's formula, its extremes over the range, and constant beyond the ends."""
    fwhm, limits = (0.05, -0.03, 0.02), (10.0, 120.0)
    angle = np.linspace(5, 130, 4000)
    tan = np.tan(np.deg2rad(np.clip(angle, *limits) / 2))
    square = 0.05 * tan**2 - 0.03 * tan + 0.02
    got = profile.line_width(jnp.asarray(angle), fwhm, limits)
    np.testing.assert_allclose(np.square(got), square, rtol=1e-12)
    low, high = profile.width_range(fwhm, limits)
    assert low == pytest.approx(np.sqrt(square.min()), rel=1e-5)
    assert high == pytest.approx(np.sqrt(square.max()), rel=1e-5)
    assert np.isnan(profile.width_range((0.1, -1.0, 0.05), limits)[0])
    pattern = PowderPattern("CuKa", limits=limits, n_points=2201, fwhm=fwhm, mixing=0.0)
    assert pattern.space.q_max == pytest.approx(
        4 * np.pi / 1.5418711 * np.sin(np.deg2rad((120 + 6 * high) / 2)), rel=1e-5
    )


def test_the_cell_chosen_does_not_matter(x64):
    crystal = stored("alpha-quartz")
    base, _ = run(PATTERN.plan(crystal), crystal)
    other = in_cell(crystal, [[1, 1, 0], [0, 1, 0], [0, 3, 1]])
    values, complete = run(PATTERN.plan(other), other)
    assert complete
    assert relative(values, base) < 1e-10


@pytest.mark.slow
def test_nothing_jumps(x64):
    """Lines cross both ends of the range while the cell breathes; the pattern follows smoothly."""
    crystal = stored("diamond")
    options = {"n_points": 101, "fwhm": 0.6, "reach": 4, "normalisation": "none"}
    patterns = [
        PowderPattern(1.5406, limits=ends, **options)
        for ends in ((20.0, 43.0), (44.5, 70.0), (90.0, 100.0))
    ]
    plan = patterns[-1].plan([crystal, scaled(crystal, 1.06)], max_stretch=1.01)

    @eqx.filter_jit
    @eqx.filter_vmap(in_axes=(0, None))
    def breathe(factor, plan):
        found = [with_pattern(plan, p)(scaled(crystal, factor)) for p in patterns]
        return [(one.intensity, one.complete) for one in found]

    worst = []
    for start, stop in ((0.94, 1.06), (0.97, 1.0)):
        found = breathe(jnp.linspace(start, stop, 401), plan)
        assert all(np.all(complete) and np.max(values) > 0 for values, complete in found)
        steps = [np.max(np.abs(np.diff(np.asarray(v), axis=0))) for v, _ in found]
        worst.append(np.array(steps) / (stop - start))
    # A jump would not shrink with the step, so its rate would grow fourfold.
    assert np.all(worst[1] < 1.5 * worst[0])


def test_gradients_against_differences(x64, rng):
    """In the cell, the coordinates and the displacements."""
    crystal = vibrating()
    plan = PATTERN.plan(crystal, max_stretch=1.02)
    weights = jnp.asarray(rng.standard_normal(251))

    @jax.jit
    @jax.value_and_grad
    def value(leaves):
        moved = eqx.tree_at(lambda c: (c.lattice.matrix, c.frac_coords, c.u_iso), crystal, leaves)
        return jnp.sum(weights * plan(moved).intensity)

    leaves = (crystal.lattice.matrix, crystal.frac_coords, crystal.u_iso)
    _, grads = value(leaves)
    for i, step in enumerate((1e-4, 1e-5, 1e-6)):
        direction = jnp.asarray(rng.standard_normal(leaves[i].shape))

        def at(n, i=i, move=step * direction):
            return float(
                value(tuple(x + n * move if j == i else x for j, x in enumerate(leaves)))[0]
            )

        slope = (8 * (at(1) - at(-1)) - at(2) + at(-2)) / (12 * step)
        assert float(jnp.sum(grads[i] * direction)) == pytest.approx(
            slope, rel=TOLERANCES["float64"]["gradient"]
        )


def test_padding_transforms_and_one_trace(x32):
    """Padding of 1e10 changes nothing; vmap is the loop; a moved crystal compiles nothing."""
    crystal = vibrating()
    wild = eqx.tree_at(
        lambda c: (c.frac_coords, c.u_iso, c.occupancies),
        crystal,
        (
            jnp.where(crystal.mask[:, None], crystal.frac_coords, 1e10),
            jnp.where(crystal.mask, crystal.u_iso, 1e10),
            jnp.where(crystal.mask, crystal.occupancies, 1e10),
        ),
    )
    plan = PATTERN.plan(crystal, max_stretch=1.1)
    base, complete = run(plan, crystal)
    assert complete
    assert base.dtype == jnp.float32
    before = len(traces)
    np.testing.assert_array_equal(run(plan, wild)[0], base)
    others = [scaled(wild, f) for f in (0.98, 1.0, 1.03)]
    loop = jnp.stack([run(plan, one)[0] for one in others])
    _, complete = run(plan, scaled(crystal, 1.2))
    assert not complete
    assert len(traces) == before
    arrays = jax.tree.map(lambda *x: jnp.stack(x), *others)
    together = eqx.filter_jit(
        lambda plan, arrays: jax.vmap(lambda one: plan(one).checked())(arrays)
    )
    assert relative(together(plan, arrays).intensity, loop) < 1e-5
    assert relative(plan(others).intensity, loop) < 1e-5
    # The checked form stops where the flag is False.
    arrays = eqx.tree_at(lambda c: c.lattice.matrix, arrays, 1.2 * arrays.lattice.matrix)
    with pytest.raises(eqx.EquinoxRuntimeError, match="outgrown"):
        together(plan, arrays)


def test_gradients_are_finite_everywhere(rng):
    """Equal and extinct lines, empty ranges, special positions, padding, noisy lattices."""
    cubic = stored("diamond", pad_to=12)
    cubic = eqx.tree_at(
        lambda c: (c.frac_coords, c.u_iso),
        cubic,
        (jnp.where(cubic.mask[:, None], cubic.frac_coords, 1e10), jnp.full((12,), 0.01)),
    )
    # Extinct lines alone, and the last tail of a Gaussian.
    empty = [
        PowderPattern(1.5406, limits=(start, 70), n_points=61, fwhm=0.4, mixing=0, normalisation=n)
        for start, n in ((50.0, "area"), (46.1, "max"))
    ]
    plan = PATTERN.plan(cubic)

    @eqx.filter_jit
    @eqx.filter_vmap(in_axes=(0, None))
    def grads(strain, plan):
        def total(crystal):
            found = plan(crystal)
            others = jnp.stack([with_pattern(plan, p)(crystal).intensity for p in empty])
            total = jnp.sum(jnp.sin(found.intensity)) + jnp.sum(others[:, ::3])
            return total, (found.complete, others)

        matrix = cubic.lattice.matrix @ strain
        moved = eqx.tree_at(lambda c: c.lattice, cubic, Lattice(matrix))
        return eqx.filter_grad(total, has_aux=True)(moved)

    noise = rng.standard_normal((500, 3, 3)) * np.geomspace(0.01, 3, 500)[:, None, None]
    strains = [np.zeros((1, 3, 3)), noise, [np.diag([0, 0, e - 1]) for e in (1e-2, 30.0, 1e4)]]
    strains = jnp.asarray(np.eye(3) + np.concatenate(strains), jnp.float32)
    values, (complete, others) = grads(strains, plan)
    assert finite((values, others))
    assert complete[0]
    assert not np.all(complete)
    np.testing.assert_array_equal(others[0], 0)
    assert np.max(others) > 0


def test_half_precision_is_taken_to_float32(x32):
    crystal = vibrating()
    half = jax.tree.map(lambda x: x.astype(jnp.bfloat16) if x.dtype == jnp.float32 else x, crystal)
    back = jax.tree.map(lambda x: x.astype(jnp.float32) if x.dtype == jnp.bfloat16 else x, half)
    plan = PATTERN.plan(half, max_stretch=1.1)
    assert listing(plan).references.dtype == jnp.float32
    values, _ = run(plan, half)
    assert values.dtype == jnp.float32
    np.testing.assert_array_equal(values, run(plan, back)[0])
    mixed = eqx.tree_at(lambda c: c.frac_coords, crystal, half.frac_coords)
    assert eqx.filter_eval_shape(plan, mixed).intensity.dtype == jnp.float32


def test_float32_stays_float32(x64):
    crystal = vibrating(dtype=jnp.float32)
    for options in ({"normalisation": "max"}, {"normalisation": "area", "fwhm": (0.1, 0.0, 0.1)}):
        pattern = PowderPattern("CuKa1+CuKa2", monochromator=26.6, b_overall=1, **options)
        plan = pattern.plan(crystal)
        assert eqx.filter_eval_shape(plan, crystal).intensity.dtype == jnp.float32
    pair = jax.ShapeDtypeStruct((2, 251), jnp.float32)
    assert jax.eval_shape(lambda f: xrd_loss(f, f, step=0.2), pair).dtype == jnp.float32


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"wavelength": -1.0}, "wavelength"),
        ({"wavelength": float("nan")}, "wavelength"),
        ({"wavelength": "CuKb7"}, "wavelength"),
        ({"wavelength": "Unobtainium"}, "wavelength"),
        ({"wavelength": None}, "wavelength"),
        ({"wavelength": "CuKa1+CuKa2", "axis": "q", "limits": (1, 5), "fwhm": 0.1}, "single line"),
        ({"limits": (30, 30)}, "limits"),
        ({"limits": (60, 30)}, "limits"),
        ({"limits": (0, 90)}, "limits"),
        ({"limits": (5, 179)}, "limits"),
        ({"limits": (5, 200), "fwhm": (0.1, 0.0, 0.1)}, "180"),
        ({"axis": "q", "limits": (1, 9), "fwhm": 0.02}, "limits"),
        ({"axis": "d"}, "axis"),
        ({"n_points": 1}, "n_points"),
        ({"fwhm": 0.01}, "fwhm"),
        ({"fwhm": -0.2}, "fwhm"),
        ({"fwhm": (0.1, -1.0, 0.05)}, "fwhm"),
        ({"mixing": 1.2}, "mixing"),
        ({"reach": 0.5}, "reach"),
        ({"b_overall": -1}, "b_overall"),
        ({"monochromator": 200}, "monochromator"),
        ({"normalisation": "sum"}, "normalisation"),
        ({"kind": "muon"}, "kind"),
        ({"kind": "neutron", "anomalous": True}, "X-rays"),
    ],
)
def test_bad_patterns_are_refused(options, match):
    with pytest.raises((ValueError, TypeError), match=match):
        PowderPattern(**options)


def test_bad_plans_are_refused():
    with pytest.raises(ValueError, match="at least one"):
        PATTERN.plan([])
    with pytest.raises(ValueError, match="max_stretch"):
        PATTERN.plan(stored("diamond"), max_stretch=0.9)
    with pytest.raises(ValueError, match="plan on the host first"):
        eqx.filter_jit(PATTERN)(stored("diamond"))


def test_without_a_plan_and_for_any_cell():
    """A pattern called with crystals, and reflections found by the program."""
    pattern = PowderPattern(1.5406, limits=(20, 70), n_points=251, fwhm=0.4)
    crystals = [stored("alpha-quartz"), stored("rutile")]
    together = pattern(crystals)
    assert together.intensity.shape == (2, 251)
    assert repr(together).startswith("Diffractogram(2, 251) of PowderPattern(wavelength=1.5406")
    found = pattern.plan(CrystalBatch.from_crystals(crystals))(crystals)
    assert bool(jnp.all(found.complete))
    for i, crystal in enumerate(crystals):
        alone = pattern(crystal)
        assert bool(alone.complete)
        assert relative(together[i].intensity, alone.intensity) < 1e-4
        assert relative(found[i].intensity, alone.intensity) < 1e-4


@pytest.mark.parametrize(
    "pattern",
    [
        PowderPattern("CuKa1+CuKa2", limits=(20, 70), n_points=501, monochromator=26.6, reach=8),
        PowderPattern(1.54, limits=(15, 60), n_points=301, fwhm=(0.1, -0.05, 0.08), anomalous=True),
        PowderPattern(None, axis="q", limits=(1, 5), n_points=201, lorentz_polarisation=False),
        PowderPattern(1.0, kind="neutron", normalisation="area", b_overall=0.5, limits=(20, 50)),
    ],
    ids=lambda pattern: str(pattern.wavelength),
)
def test_in_numpy_as_compiled(x64, pattern):
    crystals = [
        stored("alpha-quartz"),
        in_cell(stored("rutile"), [[2, 1, 0], [0, 1, 0], [3, 0, 1]]),
    ]
    for crystal in crystals:
        found = pattern(crystal)
        compiled = pattern.plan(crystal, once=True)(crystal)
        assert bool(found.complete)
        assert relative(found.intensity, compiled.intensity) < 1e-11


def test_lines_are_listed_without_compiling_and_with_displacements():
    clock = CompileClock()
    lines = powder_lines(prototype("rutile"))
    assert clock.seconds == 0
    still = powder_lines(prototype("rutile"), PowderPattern(displacements=True))
    assert [line.families for line in still] == [line.families for line in lines]
    assert relative([x.intensity for x in still], [x.intensity for x in lines]) < 1e-4


def test_lines_of_a_cell_that_is_none():
    endless = Crystal.from_arrays([5, 5, 20_000, 90, 90, 90], [[0, 0, 0]], [6])
    with pytest.raises(ValueError, match=r"axes of 0\.01 to 10,000 angstrom"):
        powder_lines(endless)
