"""`RecpDescriptor` against values of pyxtal's class `RECP` (reference/generate_recp.py)."""

import json
import pathlib

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from variants import slow_but

from jaxtal.crystal import Crystal
from jaxtal.descriptors.compat import RecpDescriptor
from jaxtal.descriptors.compat._recp import recp_hkl, recp_points
from jaxtal.diffraction import hkl_sphere

REFERENCE = pathlib.Path(__file__).parent.parent / "reference"
CRYSTALS = json.loads((REFERENCE / "crystals.json").read_text())
NAMES = [entry["name"] for entry in CRYSTALS]
SPECIES = sorted({z for entry in CRYSTALS for z in entry["numbers"]})
STORED = dict(np.load(REFERENCE / "recp.npz"))

SPECTRA = {
    "bessel": RecpDescriptor(),
    "chebyshev": RecpDescriptor(rbasis="chebyshev"),
    "gto": RecpDescriptor(rbasis="gto"),
    "default": RecpDescriptor(n_max=4, l_max=4, q_max=6.0, rbasis="chebyshev"),
}


def entry(name: str) -> dict:
    return CRYSTALS[NAMES.index(name)]


def crystal(name: str, **options) -> Crystal:
    one = entry(name)
    return Crystal.from_arrays(one["matrix"], one["frac"], one["numbers"], **options)


def relative(got, expected) -> float:
    return float(np.abs(np.asarray(got) - expected).max() / np.abs(expected).max())


@eqx.filter_jit
def evaluate(plan, one):
    """P, G, and how many points were kept."""
    found = plan(one)
    return found.power_spectrum, found.rdf, 2 * jnp.sum(recp_points(plan, one)[2])


def evaluate_all(spectrum: RecpDescriptor, dtype=None):
    """Every crystal of the set, padded to few shapes so that compilation is shared."""
    for i, name in enumerate(NAMES):
        large = name == "alpha-quartz-rattled"
        one = crystal(name, pad_to=72 if large else 32, dtype=dtype)
        plan = spectrum.plan(one, capacity=8192 if large else 3200, elements=SPECIES)
        yield i, name, evaluate(plan, one)


def test_reference_files_agree():
    assert STORED["names"].tolist() == NAMES
    assert len(NAMES) == 20


@pytest.mark.parametrize(
    "key",
    # "default" is made of the same radial functions.
    slow_but(["default"], ["bessel", "chebyshev", "gto", "default"]),
)
def test_float64_matches_pyxtal(x64, key):
    # pyxtal adds 1e-10 to the argument of the Bessel functions
    tolerance = 1e-9 if key == "bessel" else 1e-11
    prefix = "default_" if key == "default" else ""
    for i, name, (P, G, kept) in evaluate_all(SPECTRA[key]):
        assert P.dtype == jnp.float64
        assert relative(P, STORED[key][i]) < tolerance, name
        assert relative(G, STORED[prefix + "rdf"][i]) < 1e-11, name
        assert int(kept) == STORED[prefix + "points"][i], name
        if key == "bessel":  # the class as published, with its float32 in the middle
            assert relative(P, STORED["bessel_float32"][i]) < 1e-5, name
            P = np.asarray(P)
            unit = P / (np.linalg.norm(P) + 1e-9)
            assert relative(unit, STORED["bessel_normalised"][i]) < 1e-9, name


def test_float32_matches_pyxtal():
    for i, name, (P, G, _) in evaluate_all(SPECTRA["bessel"], dtype=jnp.float32):
        assert P.dtype == G.dtype == jnp.float32
        assert relative(P, STORED["bessel"][i]) < 2e-5, name


def test_normalised(x64):
    spectrum = RecpDescriptor(norm=True)
    one = crystal("rutile")
    P = spectrum(one).power_spectrum
    assert relative(P, STORED["bessel_normalised"][NAMES.index("rutile")]) < 1e-9


def test_sheared_cell_fails_as_in_pyxtal():
    """The same crystal on skewed axes: RECP's 26 directions miss most of the sphere."""
    conventional, sheared = NAMES.index("diamond"), NAMES.index("diamond-sheared")
    change = relative(STORED["bessel"][sheared], STORED["bessel"][conventional])
    assert change > 0.8  # and test_float64_matches_pyxtal reproduces both
    assert STORED["points"][conventional] == 142
    assert STORED["points"][sheared] == 12
    complete = hkl_sphere(entry("diamond-sheared")["matrix"], 10.0, half=False)
    assert (len(recp_hkl(entry("diamond-sheared")["matrix"], 10.0)), len(complete)) == (16, 180)


def test_list_is_part_of_the_complete_one():
    incomplete = []
    for name in NAMES:
        listed = recp_hkl(entry(name)["matrix"], 10.0)
        complete = hkl_sphere(entry(name)["matrix"], 10.0, half=False)
        codes = {tuple(row) for row in complete.tolist()}
        assert {tuple(row) for row in listed.tolist()} <= codes, name
        assert {tuple(row) for row in (-listed).tolist()} == {tuple(r) for r in listed.tolist()}
        if len(listed) < len(complete):
            incomplete.append(name)
    # not only on skewed axes: the cut reaches an ordinary hexagonal supercell (15058 of 15298)
    assert incomplete == ["alpha-quartz-rattled", "diamond-sheared"]


def test_translation_and_padding(x64):
    spectrum = RecpDescriptor(n_max=4, l_max=4, q_max=5.0)
    one = crystal("kyanite", pad_to=40)
    plan = spectrum.plan(one, capacity=400)
    expected = plan(one).power_spectrum
    shift = jnp.asarray([0.123, -0.456, 0.789])
    frac = jnp.where(one.mask[:, None], one.frac_coords + shift[None, :], 1e10)
    moved = eqx.tree_at(lambda c: c.frac_coords, one, frac)
    assert relative(plan(moved).power_spectrum, np.asarray(expected)) < 1e-12


def test_vmap_is_a_loop(x64):
    spectrum = RecpDescriptor(n_max=3, l_max=4, q_max=6.0)
    chosen = [crystal(name, pad_to=12) for name in ("alpha-quartz", "fluorite", "anatase")]
    plans = [spectrum.plan(one, capacity=400, elements=SPECIES) for one in chosen]
    stack = lambda *leaves: jnp.stack(leaves)  # noqa: E731
    batch = eqx.filter_jit(eqx.filter_vmap(lambda plan, one: plan(one).power_spectrum))(
        jax.tree.map(stack, *plans), jax.tree.map(stack, *chosen)
    )
    for got, one, plan in zip(batch, chosen, plans, strict=True):
        assert relative(got, np.asarray(plan(one).power_spectrum)) < 1e-12


@pytest.mark.parametrize("rbasis", slow_but(["gto"], ["bessel", "gto"]))
def test_gradient_against_differences(x64, rbasis):
    spectrum = RecpDescriptor(n_max=4, l_max=4, q_max=5.0, rbasis=rbasis)
    one = crystal("baddeleyite")
    plan = spectrum.plan(one)
    rng = np.random.default_rng(1)
    weights = jnp.asarray(rng.standard_normal((4, 5)))

    def with_arrays(matrix, frac):
        where = lambda c: (c.lattice.matrix, c.frac_coords)  # noqa: E731
        return eqx.tree_at(where, one, (matrix, frac))

    @jax.jit
    def loss(matrix, frac):
        return jnp.sum(weights * jnp.asarray(plan(with_arrays(matrix, frac)).power_spectrum))

    start = (one.lattice.matrix, one.frac_coords)
    gradient = jax.jit(jax.grad(loss, argnums=(0, 1)))(*start)
    step = 1e-5
    for k in range(2):
        direction = jnp.asarray(rng.standard_normal(start[k].shape))
        moved = [list(start), list(start)]
        moved[0][k] = start[k] + step * direction
        moved[1][k] = start[k] - step * direction
        numeric = float(loss(*moved[0]) - loss(*moved[1])) / (2 * step)
        assert float(jnp.sum(gradient[k] * direction)) == pytest.approx(numeric, rel=1e-6)


def test_gradient_of_the_radial_distribution(x64):
    spectrum = RecpDescriptor(q_max=5.0)
    one = crystal("baddeleyite")
    plan = spectrum.plan(one)
    rng = np.random.default_rng(2)
    bins = jnp.asarray(rng.standard_normal(spectrum.n_bins))
    direction = jnp.asarray(rng.standard_normal(one.frac_coords.shape))

    @jax.jit
    def along(t):  # a displacement of the atoms; the bins are hard, so the cell stays
        frac = one.frac_coords + t * direction
        moved = eqx.tree_at(lambda c: c.frac_coords, one, frac)
        return jnp.sum(bins * jnp.asarray(plan(moved).rdf))

    numeric = float(along(1e-5) - along(-1e-5)) / 2e-5
    assert float(jax.grad(along)(0.0)) == pytest.approx(numeric, rel=1e-6)


def test_gradient_is_finite_at_special_positions_and_padding():
    spectrum = RecpDescriptor(n_max=4, l_max=4, q_max=5.0, norm=True)
    one = crystal("diamond", pad_to=12)
    plan = spectrum.plan(one, capacity=64)

    @eqx.filter_jit
    @eqx.filter_grad
    def gradient(c):
        found = plan(c)
        return jnp.sum(found.power_spectrum) + jnp.sum(found.rdf)

    for leaf in jax.tree.leaves(gradient(one)):
        assert np.all(np.isfinite(np.asarray(leaf)))


def test_charges_are_ignored_and_unknown_elements_show(x64):
    spectrum = RecpDescriptor(n_max=2, l_max=2, q_max=6.0)
    neutral, ionic = crystal("rock-salt"), crystal("rock-salt", charges=[1] * 4 + [-1] * 4)
    plan = spectrum.plan(ionic)
    found = plan(ionic)
    np.testing.assert_array_equal(plan(neutral).power_spectrum, found.power_spectrum)
    assert bool(found.complete)
    unknown = plan(crystal("zincblende"))
    assert not bool(unknown.complete)
    assert np.isfinite(np.asarray(unknown.power_spectrum)).all()


def test_bad_input():
    with pytest.raises(ValueError, match="q_max"):
        RecpDescriptor(q_max=0.0)
    with pytest.raises(ValueError, match="q_max"):
        RecpDescriptor(q_max=float("nan"))
    with pytest.raises(ValueError, match="n_max"):
        RecpDescriptor(n_max=0)
    with pytest.raises(ValueError, match="l_max"):
        RecpDescriptor(l_max=-1)
    with pytest.raises(ValueError, match="resolution"):
        RecpDescriptor(q_max=0.05)
    with pytest.raises(ValueError, match="capacity: expected at least 8 reflections, got 5"):
        RecpDescriptor().plan(crystal("diamond-sheared"), capacity=5)
    with pytest.raises(ValueError, match="shape"):
        recp_hkl(np.eye(2), 5.0)
    with pytest.raises(ValueError, match="finite"):
        recp_hkl(np.full((3, 3), np.nan), 5.0)
    with pytest.raises(ValueError, match="static shape"):
        jax.jit(lambda m: recp_hkl(m, 5.0))(jnp.eye(3))
