"""Gradients of every public function stay finite where formulas have no derivative.

Coincident atoms, atoms at special positions, an empty cell (nothing but padding, which holds
garbage), reflections of no intensity, zero vectors, and equal descriptions.
"""

import re

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cells import finite
from variants import slow_but

import jaxtal as jxt
from jaxtal import descriptors, diffraction, lattice, metric, reconstruct, scattering
from jaxtal.crystal import Crystal, WyckoffCrystal
from jaxtal.descriptors import expansion
from jaxtal.descriptors._presets import PRESETS

HKL = np.array([[0, 0, 0], [1, 0, 0], [2, 2, 2], [0, 2, -1]])
FACTORS = scattering.FormFactors.build(["C", "O"])
SPACE = diffraction.ReciprocalSpace(q_max=4.0)
DISPLACED = diffraction.ReciprocalSpace(q_max=4.0, displacements=True)
TENSOR = 0.01 * np.eye(3)
BASES = (
    descriptors.OrthonormalBasis(),
    descriptors.SphericalBesselBasis(),
    descriptors.compat.PaperBesselBasis(),
    descriptors.ChebyshevBasis(),
    descriptors.compat.GaussianBasis(),
)
PAIRS = descriptors.PairDistribution(3.0, 8)
POWDER = diffraction.PowderPattern(1.54, limits=(20, 60), n_points=81, fwhm=0.6)


def crystals() -> dict[str, Crystal]:
    cell = 3.5 * np.eye(3)
    two = Crystal.from_arrays(
        cell,
        [[0, 0, 0], [0, 0, 0], [0.5, 0.5, 0.5]],
        [6, 8, 6],
        occupancies=[0.5, 0.5, 1.0],
        u_aniso=[0 * TENSOR, TENSOR, TENSOR],
        pad_to=5,
    )
    garbage = jnp.where(two.mask[:, None], two.frac_coords, 1e10)
    coincident = eqx.tree_at(lambda c: c.frac_coords, two, garbage)
    empty = eqx.tree_at(lambda c: c.mask, coincident, jnp.zeros_like(two.mask))
    return {"coincident": coincident, "empty": empty}


CRYSTALS = crystals()
PLAN_FOR = CRYSTALS["coincident"]


def of_crystal():
    def numbers(specification):
        """Everything that a specification says of a crystal, with a plan made once."""
        plan = specification.plan(PLAN_FOR)

        def function(crystal):
            leaves = jax.tree.leaves(eqx.filter(plan(crystal), eqx.is_inexact_array))
            return jnp.concatenate([x.ravel() for x in leaves])

        return function

    yield (
        "structure_factors",
        lambda c: jnp.abs(diffraction.structure_factors(c, jnp.asarray(HKL), FACTORS) + 1),
    )
    for space in (SPACE, DISPLACED):
        yield repr(space), numbers(space)
    for basis in BASES:
        yield repr(basis), numbers(descriptors.PowerSpectrum(3, 2, space=SPACE, radial=basis))
    for histogram in (False, True):
        one = descriptors.RadialDistribution(9, space=SPACE, histogram=histogram)
        yield f"G, {histogram=}", numbers(one)
    for name in PRESETS:
        yield f"preset {name}", numbers(descriptors.preset(name, 2, 2, 4.0))
    found = descriptors.Descriptor(2, 2, 4.0, n_bins=9).plan(PLAN_FOR, reflections="found")
    yield "found reflections", lambda c: found(c).rdf
    yield "powder pattern", numbers(POWDER)
    yield "g(r)", numbers(PAIRS)


OF_CRYSTAL = dict(of_crystal())
#: What shares all but its radial functions with others.
VARIANTS = r"(Paper|Chebyshev|Gaussian|Spherical)\w*Basis|G, histogram=True|preset paper"


@pytest.mark.parametrize(
    "name", slow_but([n for n in OF_CRYSTAL if not re.match(VARIANTS, n)], OF_CRYSTAL)
)
def test_functions_of_a_crystal(name):
    function = OF_CRYSTAL[name]
    both = eqx.filter_jit(eqx.filter_value_and_grad(lambda c: jnp.sum(function(c))))
    for which, crystal in CRYSTALS.items():
        value, slope = both(crystal)
        assert jnp.isfinite(value), which
        assert finite(slope), which


OF_ARRAYS = {
    "cell_to_matrix": (lattice.cell_to_matrix, [3.0, 4, 5, 90, 90, 90]),
    "matrix_to_cell": (lattice.matrix_to_cell, 3 * np.eye(3)),
    "lattice": (
        lambda m: jnp.sum(lattice.Lattice(m).reciprocal) + lattice.Lattice(m).volume,
        3 * np.eye(3),
    ),
    "metric": (lambda m: lattice.Lattice(m).metric, np.eye(3)),
    "q": (lambda m: lattice.Lattice(m).q(jnp.zeros((2, 3))), np.eye(3)),
    "form factors": (FACTORS, np.zeros(2)),
    "isotropic_displacement": (
        lambda u: scattering.isotropic_displacement(u, jnp.zeros(2)),
        np.zeros(2),
    ),
    "anisotropic_displacement": (
        lambda m: scattering.anisotropic_displacement(jnp.zeros((1, 3, 3)), jnp.asarray(HKL), m),
        np.eye(3),
    ),
    "u_cif_to_cart": (lambda u: scattering.u_cif_to_cart(u, 3 * jnp.eye(3)), np.zeros((1, 3, 3))),
    "u_cart_to_cif": (lambda u: scattering.u_cart_to_cif(u, 3 * jnp.eye(3)), np.zeros((1, 3, 3))),
    "u_equivalent": (lambda u: scattering.u_equivalent(u, 3 * jnp.eye(3)), np.zeros((1, 3, 3))),
    "harmonics": (
        lambda x: expansion.real_spherical_harmonics(x, 4),
        [[0, 0, 0], [0, 0, 1.0], [1, 0, 0]],
    ),
    "spherical_bessel": (lambda x: expansion.spherical_bessel(x, 4), np.zeros(2)),
    "cylindrical_bessel": (lambda x: descriptors.compat.cylindrical_bessel(x, 4), np.zeros(2)),
    "taper": (SPACE.window, [0.0, 1.0]),
    "distance": (lambda p: metric.distance(p, p), np.ones((2, 2))),
    "relative_distance": (lambda p: metric.relative_distance(p, p), np.zeros((2, 2))),
    "rdf_distance": (lambda p: metric.rdf_distance(p, p), np.zeros(3)),
}


@pytest.mark.parametrize("name", OF_ARRAYS)
def test_functions_of_arrays(name):
    function, at = OF_ARRAYS[name]
    x = jnp.asarray(at, jnp.float32)
    slope = jax.jit(jax.grad(lambda x: jnp.sum(function(x))))(x)
    assert slope.dtype == jnp.float32
    assert finite(slope)


def fluorite_with_tensors() -> WyckoffCrystal:
    return WyckoffCrystal.build(
        225,
        5.46,
        [("Ca", "4a", (0, 0, 0)), ("F", "8c", (0.25, 0.25, 0.25))],
        u_aniso=np.stack([TENSOR, TENSOR]),
    )


def test_expansion_and_variables():
    for crystal in (fluorite_with_tensors(), jxt.prototype("beta-quartz")):

        @eqx.filter_grad
        def slope(one):
            atoms = one.expand()
            tensors = 0.0 if atoms.u_aniso is None else jnp.sum(atoms.u_aniso)
            return jnp.sum(atoms.frac_coords @ atoms.lattice.matrix) + tensors

        assert finite(slope(crystal))
        through = jax.grad(lambda v, c=crystal: jnp.sum(c.with_variables(v).to_variables()))
        np.testing.assert_allclose(through(crystal.to_variables()), 1.0, rtol=1e-4)


def test_objective_at_its_target_and_with_coincident_atoms():
    like = jxt.prototype("alpha-quartz")
    target = descriptors.Descriptor(2, 2, 4.0, n_bins=9)(like)
    plan = reconstruct.Objective().plan(target, like)
    loss = jax.jit(jax.value_and_grad(lambda v: plan(like.with_variables(v))))
    at = like.to_variables()
    for variables in (at, at.at[like.plan.system.n_free :].set(0.0)):
        value, slope = loss(variables)
        assert jnp.isfinite(value)
        assert finite(slope)
