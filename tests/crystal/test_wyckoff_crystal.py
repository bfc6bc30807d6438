"""`WyckoffCrystal`: expansion against ASE, gemmi and spglib; gradients; displacement tensors."""

import equinox as eqx
import gemmi
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import spglib
from ase.spacegroup import crystal as ase_crystal

from jaxtal._core import call_spglib
from jaxtal.crystal import Crystal, WyckoffCrystal, prototype
from jaxtal.crystal._wyckoff_plan import WyckoffPlan
from jaxtal.symmetry import SpaceGroup


def spread(rng, group: SpaceGroup) -> np.ndarray:
    """A generic point far from its own images."""
    best, gap = np.zeros(3), 0.0
    for x in rng.uniform(size=(40, 3)):
        images = group.rotations @ x + group.translations / group.denominator
        d = images[1:] - images[0]
        smallest = np.linalg.norm(d - np.round(d), axis=1).min() if len(d) else 1.0
        if smallest > gap:
            best, gap = x, smallest
    return best


def generic_cell(group: SpaceGroup) -> tuple[float, ...]:
    plan = WyckoffPlan.build(group, [group.wyckoff_positions[-1].label])
    values = {"a": 11.0, "b": 12.5, "c": 14.0, "alpha": 83.0, "beta": 97.0, "gamma": 106.0}
    return tuple(values[name] for name in plan.system.names)


def sorted_frac(x) -> np.ndarray:
    x = np.asarray(x, dtype=float) % 1.0
    x = np.where(x > 1 - 1e-6, 0.0, x)
    return x[np.lexsort(np.round(x, 5).T)]


GROUPS = [1, 2, 5, 14, 15, 43, 62, 70, 88, 109, 122, 146, 148, 152, 154, 160, 166, 167, 176, 182]
GROUPS += [194, 199, 205, 212, 216, 220, 225, 227, 230]


@pytest.mark.parametrize("number", GROUPS)
def test_a_general_atom_expands_to_the_operations_of_gemmi(x64, rng, number):
    group = SpaceGroup.from_number(number)
    x = spread(rng, group)
    crystal = WyckoffCrystal.build(group, generic_cell(group), [("C", _general(group), x)])
    ops = gemmi.SpaceGroup(group.hm).operations()
    images = [op.apply_to_xyz(x.tolist()) for op in ops]
    np.testing.assert_allclose(
        sorted_frac(crystal.expand().frac_coords), sorted_frac(images), atol=1e-9
    )


@pytest.mark.parametrize("number", GROUPS)
def test_spglib_sees_the_group_in_random_parameters(x64, rng, number):
    group = SpaceGroup.from_number(number)
    sites = [("C", _general(group), x) for x in (spread(rng, group), spread(rng, group))]
    try:
        crystal = WyckoffCrystal.build(group, generic_cell(group), sites)
    except ValueError:
        crystal = WyckoffCrystal.build(group, generic_cell(group), sites[:1])
    cell = crystal.expand()
    found = call_spglib(
        spglib.get_symmetry_dataset,
        (np.asarray(cell.lattice.matrix), np.asarray(cell.frac_coords), [6] * len(cell.mask)),
        symprec=1e-5,
    )
    assert found.number == number or len(found.rotations) > group.order


def _general(group: SpaceGroup) -> str:
    return group.wyckoff_positions[-1].label


@pytest.mark.parametrize("name", ["alpha-quartz", "rutile", "corundum", "perovskite", "spinel"])
def test_prototypes_expand_as_ase_expands_them(x64, name):
    crystal = prototype(name)
    cell = crystal.expand()
    first = [
        int(np.flatnonzero(np.asarray(crystal.plan.site) == s)[0])
        for s in range(5)
        if s < len(crystal.plan.letters)
    ]
    atoms = ase_crystal(
        [crystal.species[s] for s in range(len(first))],
        basis=np.asarray(cell.frac_coords)[first],
        spacegroup=crystal.group.number,
        setting=2 if crystal.group.setting == "2" else 1,
        cellpar=np.asarray(cell.lattice.cell),
    )
    for number in set(atoms.numbers.tolist()):
        ours = np.asarray(cell.frac_coords)[np.asarray(cell.atomic_numbers) == number]
        theirs = atoms.get_scaled_positions()[atoms.numbers == number]
        np.testing.assert_allclose(sorted_frac(ours), sorted_frac(theirs), atol=1e-6)


def test_build_places_any_point_of_the_orbit(x64):
    """A point given by another atom of the orbit, shifted by a lattice vector, is the same site."""
    quartz = prototype("alpha-quartz")
    for k in (1, 4, 5):
        x = np.asarray(quartz.expand().frac_coords)[3 + k] + [1, -2, 3]
        again = WyckoffCrystal.build(
            154, (4.916, 5.4054), [("Si", "3a", (0.4697, 0, 2 / 3)), ("O", "c", x)]
        )
        np.testing.assert_allclose(
            sorted_frac(again.expand().frac_coords[3:]),
            sorted_frac(quartz.expand().frac_coords[3:]),
            atol=1e-9,
        )


# --- derivatives ----------------------------------------------------------------------------------

CASES = {
    "quartz": ("alpha-quartz", None),
    "coesite, monoclinic, special positions": ("coesite", None),
    "diamond, nothing free but the cell": ("diamond", None),
    "tensors on special positions": ("rutile", [[0.006, 0.006, 0.004], [0.005, 0.005, 0.003]]),
}


def case(name: str) -> WyckoffCrystal:
    prototype_name, diagonal = CASES[name]
    crystal = prototype(prototype_name)
    if diagonal is None:
        return crystal
    tensors = np.stack([np.diag(d) for d in diagonal])
    tensors[:, 0, 1] = tensors[:, 1, 0] = 0.001
    return eqx.tree_at(
        lambda c: c.u_aniso, crystal, jnp.asarray(tensors), is_leaf=lambda x: x is None
    )


def scalar(crystal: WyckoffCrystal):
    """A smooth scalar of everything that expand returns."""
    cell = crystal.expand()
    weights = jnp.sin(1.0 + jnp.arange(cell.frac_coords.size, dtype=cell.frac_coords.dtype))
    value = jnp.sum(jnp.sin(cell.lattice.to_cartesian(cell.frac_coords)).ravel() * weights)
    value = value + jnp.sum(cell.occupancies * weights[: cell.occupancies.size])
    value = value + jnp.sum(cell.u_iso * weights[: cell.u_iso.size])
    if cell.u_aniso is not None:
        w = jnp.sin(2.0 + jnp.arange(cell.u_aniso.size, dtype=cell.u_aniso.dtype))
        value = value + jnp.sum(cell.u_aniso.ravel() * w)
    return value


@pytest.mark.parametrize("name", CASES)
def test_gradients_against_finite_differences(x64, name):
    crystal = case(name)
    dynamic, static = eqx.partition(crystal, _is_parameter(crystal))
    value = jax.jit(lambda p: scalar(eqx.combine(p, static)))
    grads = jax.tree.leaves(jax.jit(jax.grad(lambda p: scalar(eqx.combine(p, static))))(dynamic))
    leaves, tree = jax.tree.flatten(dynamic)
    eps = 1e-5
    for k, (leaf, grad) in enumerate(zip(leaves, grads, strict=True)):
        assert np.isfinite(grad).all()
        for i in np.ndindex(leaf.shape):

            def at(step, k=k, i=i, leaf=leaf):
                moved = [*leaves]
                moved[k] = leaf.at[i].add(step)
                return value(jax.tree.unflatten(tree, moved))

            numeric = (at(eps) - at(-eps)) / (2 * eps)
            np.testing.assert_allclose(grad[i], numeric, rtol=1e-6, atol=1e-6)


def _is_parameter(crystal: WyckoffCrystal):
    none = jax.tree.map(lambda _: False, crystal)
    return eqx.tree_at(
        lambda c: (c.lattice_parameters, c.site_parameters, c.occupancies, c.u_iso, c.u_aniso),
        none,
        (True, True, True, True, crystal.u_aniso is not None),
        is_leaf=lambda x: x is None,
    )


def test_variables_round_trip_and_are_unconstrained(x64, rng):
    crystal = prototype("coesite")
    variables = crystal.to_variables()
    assert variables.shape == (crystal.n_free,)
    back = crystal.with_variables(variables)
    np.testing.assert_allclose(back.lattice_parameters, crystal.lattice_parameters, rtol=1e-12)
    np.testing.assert_allclose(back.site_parameters, crystal.site_parameters, rtol=1e-12)
    wild = crystal.with_variables(variables + jnp.asarray(rng.standard_normal(variables.shape)))
    assert np.isfinite(wild.expand().lattice.matrix).all()
    assert float(wild.expand().volume) > 0


def test_jit_and_vmap_agree_with_eager(x64, rng):
    crystal = prototype("alpha-quartz")
    noise = 0.1 * rng.standard_normal((4, crystal.n_free))
    variables = crystal.to_variables()[None] + jnp.asarray(noise)

    def frac(v):
        return crystal.with_variables(v).expand().frac_coords

    batch = eqx.filter_jit(jax.vmap(frac))(variables)
    for one, v in zip(batch, variables, strict=True):
        np.testing.assert_allclose(one, frac(v), atol=1e-12)
    jitted = eqx.filter_jit(lambda c: c.expand())(crystal)
    np.testing.assert_allclose(jitted.frac_coords, crystal.expand().frac_coords, atol=1e-12)


def test_one_trace_per_shape():
    traces = []

    @eqx.filter_jit
    def run(c):
        traces.append(1)
        return c.expand().frac_coords

    quartz = prototype("alpha-quartz")
    run(quartz)
    run(eqx.tree_at(lambda c: c.site_parameters, quartz, quartz.site_parameters + 0.1))
    run(prototype("alpha-quartz"))
    assert len(traces) == 1


# --- displacement tensors -------------------------------------------------------------------------


def star_scale(matrix) -> np.ndarray:
    star = np.linalg.norm(np.linalg.inv(np.asarray(matrix)), axis=0)
    return np.outer(star, star)


@pytest.mark.parametrize("name", ["rutile", "corundum", "alpha-quartz", "spinel", "coesite"])
def test_any_tensor_expands_to_one_that_every_operation_keeps(x64, rng, name):
    crystal = prototype(name)
    n = len(crystal.plan.letters)
    crystal = eqx.tree_at(
        lambda c: c.u_aniso,
        crystal,
        jnp.asarray(0.01 * rng.standard_normal((n, 3, 3))),
        is_leaf=lambda x: x is None,
    )
    cell = crystal.expand()
    assert cell.u_aniso is not None
    U = np.asarray(cell.u_aniso) * star_scale(cell.lattice.matrix)
    x = np.asarray(cell.frac_coords)
    group = crystal.group
    for W, w in zip(group.rotations, group.translations / group.denominator, strict=True):
        gap = (x @ W.T + w)[:, None, :] - x[None, :, :]
        gap -= np.round(gap)
        image = np.argmin(np.sum(gap**2, axis=-1), axis=1)
        np.testing.assert_allclose(W @ U @ W.T, U[image], atol=1e-12)


def test_an_isotropic_tensor_stays_isotropic(x64):
    """U_cart = u I is u G*_ij / (a*_i a*_j) in the CIF convention, in every group."""
    for name in ("coesite", "corundum"):
        crystal = prototype(name)
        matrix = np.asarray(crystal.lattice.matrix)
        sphere = np.linalg.inv(matrix @ matrix.T) / star_scale(matrix)
        sites = len(crystal.plan.letters)
        tensors = jnp.asarray(np.broadcast_to(0.01 * sphere, (sites, 3, 3)))
        cell = eqx.tree_at(
            lambda c: c.u_aniso, crystal, tensors, is_leaf=lambda x: x is None
        ).expand()
        assert cell.u_aniso is not None
        np.testing.assert_allclose(
            cell.u_aniso, np.broadcast_to(0.01 * sphere, cell.u_aniso.shape), atol=1e-14
        )


def test_the_tensor_given_is_that_of_the_point_given(x64):
    """Rutile's oxygen given by any of its four atoms, each with its own tensor."""
    reference = WyckoffCrystal.build(
        136,
        (4.593, 2.959),
        [("Ti", "2a", (0, 0, 0)), ("O", "4f", (0.3051, 0.3051, 0))],
        u_aniso=[
            [[0.007, 0.001, 0], [0.001, 0.007, 0], [0, 0, 0.005]],
            [[0.006, -0.002, 0], [-0.002, 0.006, 0], [0, 0, 0.004]],
        ],
    ).expand()
    assert reference.u_aniso is not None
    for k in range(2, 6):
        again = WyckoffCrystal.build(
            136,
            (4.593, 2.959),
            [("Ti", "2a", (0, 0, 0)), ("O", "4f", np.asarray(reference.frac_coords[k]))],
            u_aniso=np.asarray(reference.u_aniso)[[0, k]],
        ).expand()
        assert again.u_aniso is not None
        for x, U in zip(again.frac_coords, again.u_aniso, strict=True):
            gap = np.asarray(reference.frac_coords - x[None, :])
            nearest = int(np.argmin(np.sum((gap - np.round(gap)) ** 2, axis=1)))
            np.testing.assert_allclose(U, reference.u_aniso[nearest], atol=1e-12)


def test_gemmi_agrees_on_the_tensors_of_an_orbit(x64):
    """|F| of gemmi from the asymmetric unit and a plain sum over the expanded atoms."""
    crystal = WyckoffCrystal.build(
        "P 31 2 1",
        (4.9, 5.4),
        [("O", "6c", (0.41, 0.27, 0.12))],
        u_aniso=[[[0.016, 0.009, -0.003], [0.009, 0.012, -0.004], [-0.003, -0.004, 0.011]]],
    )
    cell = crystal.expand()
    assert cell.u_aniso is not None
    s = gemmi.SmallStructure()
    s.cell = gemmi.UnitCell(4.9, 4.9, 5.4, 90, 90, 120)
    s.spacegroup = gemmi.SpaceGroup("P 31 2 1")
    site = gemmi.SmallStructure.Site()
    site.element, site.occ = gemmi.Element("O"), 1.0
    site.fract = gemmi.Fractional(*np.asarray(cell.frac_coords[0]))
    U = np.asarray(cell.u_aniso[0])
    site.aniso = gemmi.SMat33d(U[0, 0], U[1, 1], U[2, 2], U[0, 1], U[0, 2], U[1, 2])
    s.add_site(site)
    s.setup_cell_images()
    calculator = gemmi.StructureFactorCalculatorX(s.cell)
    star = star_scale(cell.lattice.matrix)
    for hkl in ((1, 0, 0), (1, 2, 3), (-2, 1, 4), (0, 3, -1), (4, -1, 2)):
        h = np.array(hkl, float)
        stol2 = 0.25 / s.cell.calculate_d(list(hkl)) ** 2
        f = gemmi.Element("O").it92.calculate_sf(stol2)
        damping = np.exp(
            -2 * np.pi**2 * np.einsum("i,nij,j->n", h, np.asarray(cell.u_aniso) * star, h)
        )
        F = np.sum(f * damping * np.exp(2j * np.pi * np.asarray(cell.frac_coords) @ h))
        theirs = calculator.calculate_sf_from_small_structure(s, list(hkl))
        np.testing.assert_allclose(F, theirs, atol=1e-5)


# --- bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "kwargs", "message"),
    [
        ((231, 4, [("C", "a", (0, 0, 0))]), {}, "1 to 230"),
        (("F d -3 q", 4, [("C", "a", (0, 0, 0))]), {}, "symbol"),
        ((227, 4, []), {}, "at least one Wyckoff site"),
        ((227, 4, [("C", "8z", (0, 0, 0))]), {}, "no Wyckoff position '8z'.*192i"),
        ((227, 4, [("Xx", "8a", (1 / 8, 1 / 8, 1 / 8))]), {}, "Xx"),
        ((227, 4, [("C", "8a", (0, 0, 0))]), {}, r"site 0 \(C 8a\).*A away"),
        ((227, 4, [("C", "8a", (0, 0))]), {}, "three fractional coordinates"),
        ((227, 4, [("C", "8a", (0, 0, np.nan))]), {}, "finite"),
        ((227, (4, 4, 5, 90, 90, 90), [("C", "8a", (1 / 8,) * 3)]), {}, "symmetry expects"),
        ((227, (4, 5), [("C", "8a", (1 / 8,) * 3)]), {}, "expected 6 parameters or the free"),
        ((227, -4, [("C", "8a", (1 / 8,) * 3)]), {}, "positive length"),
        ((227, 4, [("C", "8a", (1 / 8,) * 3)]), {"occupancies": [2]}, "occupancy 0..1, got 2"),
        ((227, 4, [("C", "8a", (1 / 8,) * 3)]), {"u_iso": [0, 0]}, "one value per site"),
        (
            (1, (4,) * 3 + (90,) * 3, [("C", "a", (0, 0, 0)), ("O", "a", (0, 0, 0.02))]),
            {},
            r"site 0 \(C 1a\) and site 1 \(O 1a\): expected a distance .* got 0\.0800",
        ),
        (
            (227, 4, [("C", "8a", (1 / 8,) * 3)]),
            {"u_aniso": [np.diag([0.03, 0.01, 0.01])]},
            "site symmetry allows",
        ),
    ],
)
def test_bad_input(arguments, kwargs, message):
    with pytest.raises(ValueError, match=message):
        WyckoffCrystal.build(*arguments, **kwargs)


def test_expanded_crystal_is_a_valid_crystal():
    cell = prototype("spinel").expand()
    again = Crystal.from_arrays(cell.lattice.matrix, cell.frac_coords, cell.atomic_numbers)
    np.testing.assert_array_equal(again.mask, cell.mask)
