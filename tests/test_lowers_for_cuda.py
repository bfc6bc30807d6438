"""Every public compiled program lowers for CUDA, and float32 stays float32 in it.

Nothing is compiled and no GPU is needed: `jax.export` lowers for a platform that is not there. Each
program is looked through for

    custom calls   none: they may be missing on a GPU, or run on the host
    float64        none where float32 came in, with 64-bit mode on: NumPy's numbers and JAX's
                   defaults are float64 then, and GPUs for games do those at 1/64 of their rate

With 64-bit mode off nothing can be float64; the slow tests lower everything so as well. A program
is a short function that makes a pure function and its arguments, all of 32 bits. Functions that
raise at run time (`eqx.error_if`) ask the host and cannot be exported; each has a form that returns
a flag instead, which is lowered here.
"""

import functools
import re
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export

from jaxtal import (
    crystal,
    density,
    descriptors,
    diffraction,
    fields,
    grids,
    lattice,
    losses,
    metric,
    phasing,
    reconstruct,
    scattering,
)
from jaxtal.descriptors._presets import PRESETS
from jaxtal.diffraction._gaussian_density import gaussian_images
from jaxtal.phasing._observers import flipped_fraction
from jaxtal.reconstruct._run_chunk import on_device, run_chunk
from jaxtal.reconstruct._search_plan import search_problem
from jaxtal.reconstruct._two_stages import TwoStages

PROGRAMS: dict[str, Callable[[], tuple]] = {}
#: Programs that share what they are made of with others, and are lowered by the slow tests alone.
SLOW: set[str] = set()


def program(name: str, *, gradient: bool = True, slow: bool = False):
    """Register a factory of (function, *arguments); the gradient is by the first argument."""

    def register(make: Callable[[], tuple]) -> Callable[[], tuple]:
        assert name not in PROGRAMS
        PROGRAMS[name] = functools.partial(_with_gradient, make) if gradient else make
        if slow:
            SLOW.add(name)
        return make

    return register


def planned(
    name: str, make: Callable[[], Any], *, slow: bool = False, has_loss: bool = False
) -> None:
    """Register the calls of a plan with every form of crystals.

    All are one function of one crystal, so that by default the gradient is that of a batch alone,
    all side by side as on a GPU, or none where a loss has it.
    """

    @program(f"{name}, batch", slow=slow or has_loss)
    def _():
        return lambda crystals, plan: plan(crystals, chunk=None), batch(), make()

    @program(f"{name}, one crystal", gradient=False, slow=slow)
    def _():
        return lambda crystal, plan: plan(crystal), atoms(), make()

    @program(f"{name}, arrays one after another", slow=True)
    def _():
        return lambda crystals, plan: plan(crystals, chunk=1), arrays(), make()


def _with_gradient(make: Callable[[], tuple]) -> tuple:
    function, *arguments = make()

    def total(*arguments):
        leaves = [x for x in jax.tree.leaves(function(*arguments)) if eqx.is_inexact_array(x)]
        return sum(jnp.sum(jnp.square(jnp.abs(x))) for x in leaves)

    return eqx.filter_value_and_grad(total), *arguments


def lowered(function: Callable, *arguments: Any) -> str:
    """The program for CUDA, in text."""
    dynamic, static = eqx.partition(arguments, eqx.is_array)
    wide = [x.dtype for x in jax.tree.leaves(dynamic) if x.dtype in (np.float64, np.complex128)]
    assert not wide, "the arguments must be of 32 bits"

    def arrays(dynamic):
        found = function(*eqx.combine(dynamic, static))
        return [x for x in jax.tree.leaves(found) if eqx.is_array(x)]

    return export.export(jax.jit(arrays), platforms=["cuda"])(dynamic).mlir_module()


# --- ingredients ---------------------------------------------------------------------------------


@functools.cache
def quartz() -> crystal.WyckoffCrystal:
    return crystal.prototype("alpha-quartz")


@functools.cache
def atoms() -> crystal.Crystal:
    return quartz().expand()


@functools.cache
def batch() -> crystal.CrystalBatch:
    return crystal.CrystalBatch.from_crystals([quartz(), crystal.prototype("beta-quartz")])


def arrays(*, mixed: tuple[int, ...] | None = None) -> crystal.CrystalArrays:
    """The batch as a training loop has it; `mixed` are the elements that share its sites."""
    plain = crystal.CrystalArrays.of_batch(batch())
    if mixed is None:
        return plain
    shares = (np.asarray(plain.species)[..., None] == np.asarray(mixed)).astype(np.float32)
    return crystal.CrystalArrays(plain.matrix, plain.frac_coords, jnp.asarray(shares), plain.mask)


def small_descriptor() -> descriptors.Descriptor:
    return descriptors.Descriptor(3, 2, 4.0, n_bins=9)


def shaped(function: Callable, *arguments: Any) -> Any:
    """What a function returns, with ones for all arrays: nothing is compiled."""
    shapes = eqx.filter_eval_shape(function, *arguments)
    is_shape = lambda x: isinstance(x, jax.ShapeDtypeStruct)  # noqa: E731
    return jax.tree.map(
        lambda x: jnp.ones(x.shape, x.dtype) if is_shape(x) else x, shapes, is_leaf=is_shape
    )


def float32(*shape: int) -> jax.Array:
    return jnp.asarray(np.random.default_rng(0).uniform(0.1, 0.9, shape), jnp.float32)


# --- lattice, scattering, crystal ----------------------------------------------------------------


@program("lattice: matrix of a cell and back")
def _():
    def function(cell):
        return lattice.matrix_to_cell(lattice.cell_to_matrix(cell))

    return function, jnp.asarray([4.0, 5, 6, 80, 90, 100], jnp.float32)


@program("lattice: what follows from a matrix")
def _():
    def function(matrix, hkl):
        cell = lattice.Lattice(matrix)
        frac = cell.to_fractional(cell.to_cartesian(hkl))
        return cell.reciprocal, cell.metric, cell.volume, cell.q(hkl), frac

    return function, atoms().lattice.matrix, float32(5, 3)


@program("lattice: Bravais lattices")
def _():
    bravais = lattice.BravaisLattice.find("triclinic", 3)
    parameters = jnp.asarray([4.0, 5, 6, 80, 10, 100], jnp.float32)
    return bravais.matrix, parameters


@program("scattering: form factors and displacements")
def _():
    factors = scattering.FormFactors.build(["Si4+", "O2-"], dtype=np.float32)

    def function(stol2, u_iso, u, hkl, matrix, factors):
        isotropic = scattering.isotropic_displacement(u_iso, stol2)
        anisotropic = scattering.anisotropic_displacement(u, hkl, matrix)
        return factors(stol2), isotropic, anisotropic

    hkl, tensor = jnp.ones((5, 3), jnp.int32), float32(2, 3, 3)
    return function, float32(5), float32(2), tensor, hkl, atoms().lattice.matrix, factors


@program("scattering: tensors in other axes")
def _():
    def function(u, matrix):
        cart = scattering.u_cif_to_cart(u, matrix)
        return scattering.u_cart_to_cif(cart, matrix), scattering.u_equivalent(u, matrix)

    return function, float32(2, 3, 3), atoms().lattice.matrix


@program("crystal: atoms of the free parameters")
def _():
    return lambda one: one.expand(), quartz()


@program("crystal: free variables")
def _():
    def function(variables, like):
        return like.with_variables(variables).to_variables()

    return function, quartz().to_variables(), quartz()


# --- diffraction ---------------------------------------------------------------------------------


@program("diffraction: structure factors")
def _():
    factors = scattering.FormFactors.build(["Si", "O"], dtype=np.float32)
    hkl = jnp.asarray(diffraction.hkl_sphere(np.asarray(atoms().lattice.matrix), 4.0), jnp.int32)
    return diffraction.structure_factors, atoms(), hkl, factors


@program("diffraction: structure factors, anomalous, anisotropic")
def _():
    fp, fpp = scattering.anomalous(["C", "O"], 1.54)
    factors = scattering.FormFactors.build(["C", "O"], fp=fp, fpp=fpp, dtype=np.float32)
    tensors = np.tile(0.01 * np.eye(3), (2, 1, 1))
    one = crystal.Crystal.from_arrays(
        3.5 * np.eye(3), [[0, 0, 0], [0.5, 0.5, 0.5]], [6, 8], u_aniso=tensors, pad_to=4
    )
    return diffraction.structure_factors, one, jnp.ones((7, 3), jnp.int32), factors


@program("diffraction: density of Gaussian atoms")
def _():
    images = jnp.asarray(gaussian_images(atoms().lattice, [0.4]), jnp.int32)

    def function(frac, cell, amplitude, sigma, images):
        return diffraction.gaussian_density((8, 8, 8), cell, frac, amplitude, sigma, images)

    return function, float32(2, 3), atoms().lattice, float32(2), float32(2), images


def _space(**settings: Any) -> diffraction.ReciprocalSpace:
    return diffraction.ReciprocalSpace(q_max=4.0, **settings)


planned("diffraction: points found", lambda: _space().plan(batch()), has_loss=True)
planned("diffraction: points listed", lambda: _space().plan(batch(), reflections="listed"))
planned(
    "diffraction: points of anomalous scattering",
    lambda: _space(displacements=True, wavelength=1.54).plan(atoms()),
    slow=True,
)
planned(
    "diffraction: points of neutrons, no taper",
    lambda: _space(kind="neutron", taper="none").plan(batch()),
    slow=True,
)


@program("diffraction: points thinned by a Laue group")
def _():
    plan = _space().plan(atoms(), laue=quartz().group.laue_rotations)
    return lambda crystal, plan: plan(crystal), quartz(), plan


@program("diffraction: points of mixed sites")
def _():
    plan = _space().plan(batch(), elements=[8, 14])
    return lambda crystals, plan: plan(crystals, chunk=None), arrays(mixed=(8, 14)), plan


planned(
    "diffraction: density on a mesh",
    lambda: diffraction.AtomDensity((12, 12, 12), blur=0.02).plan(quartz()),
)
planned(
    "diffraction: density on a mesh, atoms at rest",
    lambda: diffraction.AtomDensity((12, 12, 12), displacements=False).plan(quartz()),
    slow=True,
)

for _name, _options in {
    "Cu K alpha": {},
    "Caglioti widths, monochromator": {"fwhm": (0.02, -0.01, 0.04), "monochromator": 26.6},
    "on a q axis": {
        "axis": "q",
        "wavelength": None,
        "limits": (1, 4),
        "lorentz_polarisation": False,
    },
    "displacements": {"displacements": True, "normalisation": "area", "b_overall": 0.5},
}.items():

    def _powder(options=_options):
        options = {"limits": (10, 40), "n_points": 301, "fwhm": 0.3} | options
        if options.get("axis") == "q":
            options["fwhm"] = 0.05
        return diffraction.PowderPattern(**options).plan(batch())

    planned(f"diffraction: powder pattern, {_name}", _powder, slow=bool(_options), has_loss=True)


@program("diffraction: lines of a powder pattern", gradient=False, slow=True)
def _():
    return lambda crystals, plan: plan.peaks(crystals), batch(), _powder({})


# --- descriptors ---------------------------------------------------------------------------------

planned("descriptors: descriptor", lambda: small_descriptor().plan(batch()), has_loss=True)
planned(
    "descriptors: descriptor, listed reflections",
    lambda: small_descriptor().plan(batch(), reflections="listed"),
    slow=True,
)
planned(
    "descriptors: pair distribution",
    lambda: descriptors.PairDistribution(3.0, 8).plan(batch()),
)

for _basis in (
    descriptors.OrthonormalBasis(),
    descriptors.SphericalBesselBasis(),
    descriptors.ChebyshevBasis(),
    descriptors.compat.PaperBesselBasis(),
    descriptors.compat.GaussianBasis(),
):

    def _spectrum(basis=_basis):
        one = descriptors.PowerSpectrum(3, 2, space=_space(), radial=basis)
        return (
            lambda points, one: one.from_points(points),
            shaped(_space().plan(atoms()), atoms()),
            one,
        )

    program(f"descriptors: power spectrum, {type(_basis).__name__}")(_spectrum)


@program("descriptors: radial distribution, histogram")
def _():
    one = descriptors.RadialDistribution(9, space=_space(), histogram=True)
    return lambda points, one: one.from_points(points), shaped(_space().plan(atoms()), atoms()), one


for _preset in PRESETS:

    def _described(preset=_preset):
        plan = descriptors.preset(preset, 2, 2, 4.0).plan(atoms())
        return lambda crystal, plan: plan(crystal), quartz(), plan

    program(f"descriptors: preset {_preset}", slow=_preset != "recp")(_described)


@program("descriptors: mixed sites", slow=True)
def _():
    plan = small_descriptor().plan(batch(), elements=[8, 14])
    return lambda crystals, plan: plan(crystals, chunk=None), arrays(mixed=(8, 14)), plan


@program("descriptors: pair distribution of mixed sites", slow=True)
def _():
    plan = descriptors.PairDistribution(3.0, 8).plan(batch())
    return lambda crystals, plan: plan(crystals, chunk=None), arrays(mixed=(8, 14)), plan


# --- metric --------------------------------------------------------------------------------------

#: The metric's terms, each alone beside the spectrum, and all of them.
METRICS = {
    "spectrum": {},
    "composition": {"composition": 1.0},
    "density": {"density": 1.0},
    "neighbour distances": {"distances": 1.0},
    "hand": {"hand": 1.0},
}
METRICS["all terms"] = {name: value for each in METRICS.values() for name, value in each.items()}

for _name, _terms in METRICS.items():
    planned(
        f"metric: {_name}",
        lambda terms=_terms: metric.CrystalMetric(3, 2, 12.0, **terms).plan(batch()),
        slow=_name != "all terms",
        has_loss=True,
    )


@program("metric: mixed sites, all terms", slow=True)
def _():
    one = metric.CrystalMetric(3, 2, 12.0, **METRICS["all terms"])
    plan = one.plan(batch(), elements=[8, 14])
    return lambda crystals, plan: plan(crystals, chunk=None), arrays(mixed=(8, 14)), plan


@program("metric: distances")
def _():
    def function(a, b):
        return (
            metric.distance(a, b),
            metric.relative_distance(a, b),
            metric.rdf_distance(a[0], b[0]),
        )

    return function, float32(3, 3), float32(3, 3)


# --- losses --------------------------------------------------------------------------------------

LOSSES = {
    "PowerSpectrumLoss": lambda **options: losses.PowerSpectrumLoss(
        batch(), small_descriptor(), **options
    ),
    "MetricLoss": lambda **options: losses.MetricLoss(
        batch(), metric.CrystalMetric(3, 2, 12.0, **METRICS["all terms"]), **options
    ),
    "PowderLoss": lambda **options: losses.PowderLoss(
        batch(), limits=(10, 40), n_points=301, fwhm=0.3, **options
    ),
}


def _losses_of(crystals, target, loss):
    return loss(crystals, target)


for _name, _make in LOSSES.items():

    @program(f"losses: {_name}")
    def _(make=_make):
        loss = make(chunk=None, outgrown="far off")
        return _losses_of, batch(), shaped(lambda loss, x: loss.represent(x), loss, batch()), loss

    @program(f"losses: {_name}, one after another", slow=True)
    def _(make=_make):
        loss = make(chunk=1)
        return _losses_of, batch(), shaped(lambda loss, x: loss.represent(x), loss, batch()), loss

    @program(f"losses: {_name}, bfloat16", slow=_name != "PowerSpectrumLoss")
    def _(make=_make):
        loss = make(chunk=None)
        narrow = jax.tree.map(
            lambda x: x.astype(jnp.bfloat16) if eqx.is_inexact_array(x) else x, arrays()
        )
        return _losses_of, narrow, shaped(lambda loss, x: loss.represent(x), loss, batch()), loss

    @program(f"losses: {_name}, free parameters", slow=True)
    def _(make=_make):
        loss = make()
        return _losses_of, quartz(), shaped(lambda loss, x: loss.represent(x), loss, quartz()), loss

    @program(f"losses: {_name}, of results", slow=_name == "MetricLoss")
    def _(make=_make):
        loss = make()
        found = shaped(lambda loss, x: loss.represent(x), loss, batch())
        return lambda found, target, loss: loss.between(found, target), found, found, loss


@program("losses: patterns")
def _():
    def function(pred, target):
        return losses.xrd_loss(pred, target, step=0.1, width=2.0)

    return function, float32(2, 64), float32(2, 64)


# --- reconstruct ---------------------------------------------------------------------------------


def problem(objective: reconstruct.Objective) -> reconstruct.Problem:
    plan = small_descriptor().plan(quartz())
    target = shaped(lambda plan, crystal: plan(crystal), plan, quartz())
    return reconstruct.Problem(quartz(), objective.plan(target, quartz()))


def _loss(variables, blur, problem):
    return problem.loss(variables, blur)


@program("reconstruct: objective", slow=True)
def _():
    one = problem(reconstruct.Objective())
    return _loss, quartz().to_variables(), jnp.asarray(0.3, jnp.float32), one


@program("reconstruct: objective and a property", slow=True)
def _():
    def volume(crystal, plan):
        return crystal.lattice.volume

    term = reconstruct.PropertyTerm(volume, wanted=110.0, scale=10.0, weight=0.05)
    # A term keeps NumPy's float64, which takes the precision of whatever crystal it meets.
    term = jax.tree.map(lambda x: x.astype(np.float32) if eqx.is_array(x) else x, term)
    one = problem(reconstruct.Objective() + term)
    return _loss, quartz().to_variables(), jnp.asarray(0.3, jnp.float32), one


for _optimiser in (
    reconstruct.Adam(),
    reconstruct.LBFGS(),
    reconstruct.LevenbergMarquardt(),
):

    def _step(optimiser=_optimiser):
        start = jnp.stack([quartz().to_variables()] * 3)

        def function(start, index, problem):
            def one(variables):
                state = optimiser.init(variables, problem)
                return optimiser.step(variables, state, index, problem)

            return jax.vmap(one)(start)

        one = problem(reconstruct.Objective())
        return function, start, jnp.asarray(0, jnp.int32), one

    # The line search of L-BFGS takes as long as the others together.
    is_slow = isinstance(_optimiser, reconstruct.LBFGS)
    program(f"reconstruct: a step of {type(_optimiser).__name__}", gradient=False, slow=is_slow)(
        _step
    )


@program("reconstruct: the search, both stages", gradient=False)
def _():
    target = descriptors.describe(quartz(), descriptors.Descriptor(2, 2, 3.0, n_bins=8))
    found = search_problem(reconstruct.Objective(), target, quartz(), 1.3)
    assert found is not None
    stages = TwoStages.of(reconstruct.Adam(), reconstruct.LevenbergMarquardt(), False)

    def function(start, numbers, problem, first, length):
        return run_chunk(numbers, problem, start, None, first, length, stages.room)

    numbers = jax.tree.map(lambda x: jnp.asarray(x, jnp.float32), stages)
    one, length = jnp.asarray(0, jnp.int32), jnp.asarray(50, jnp.int32)
    width = found[0].maps.shape[2]
    return function, float32(2, width), numbers, on_device(found[0]), one, length


@program("reconstruct: starts", gradient=False)
def _():
    def function(key, like):
        drawn = reconstruct.random_crystal(like, key, 0.2, 110.0)
        return drawn.to_variables(), reconstruct.perturb(like, key, 0.2, 0.3).to_variables()

    return function, jax.random.key(0), quartz()


# --- phasing -------------------------------------------------------------------------------------

ALGORITHMS = {
    "SweepDown": phasing.SweepDown(),
    "SweepDown, exact": phasing.SweepDown(exact=True),
    "ChargeFlipping": phasing.ChargeFlipping(),
    "ChargeFlipping, clip and weak": phasing.ChargeFlipping(clip=3.0, weak=0.2),
    "RandomisedMedian": phasing.RandomisedMedian(),
    "LowDensityElimination": phasing.LowDensityElimination(),
    "RelaxedReflections": phasing.RelaxedReflections(),
}


@functools.cache
def phasing_tables(name: str) -> tuple[phasing.Transform, phasing.Observed]:
    """Transforms to folded grids (few slots, quickly built), and the measurement."""
    model = {
        "3D": functools.partial(phasing.model, "laves"),
        "6D": functools.partial(phasing.model, "icosahedral", q_max=(5.0, 1.5)),
    }[name]()
    problem = phasing.PhasingProblem.build(model.reflections)
    sizes = (8, 8, 8)
    folded = grids.folded_grids(sizes, model.reflections.space.dimension, count=2, seed=0)
    built = [phasing.Transform.build(problem.orbits, grid) for grid in folded]
    entries = max(len(one.slot) for one in built)
    stacked = jax.tree.map(lambda *x: jnp.stack(x), *(one.padded(entries) for one in built))
    return stacked, problem.observed()


for _model in ("3D", "6D"):
    for _name, _algorithm in ALGORITHMS.items():

        def _cycles(model=_model, algorithm=_algorithm):
            transforms, observed = phasing_tables(model)

            def function(key, transforms, observed):
                def one(key):
                    state = phasing.begin(observed, algorithm, key)
                    state, _ = phasing.scan_cycles(transforms, observed, algorithm, state, 3)
                    last = jax.tree.map(lambda x: x[0], transforms)
                    f = algorithm.solution(observed, state.f, state.memory)
                    return f, phasing.extrema_ratio(last.to_density(f))

                return jax.vmap(one)(jax.random.split(key, 4))

            return function, jax.random.key(0), transforms, observed

        # Algorithms do not see the dimension: one stands for all.
        is_slow = _name in ("SweepDown, exact", "ChargeFlipping")
        is_slow = is_slow or (_model == "6D") == (_name != "SweepDown")
        program(f"phasing: cycles in {_model}, {_name}", gradient=False, slow=is_slow)(_cycles)


@program("phasing: cycles from the host, observed", gradient=False)
def _():
    transforms, observed = phasing_tables("3D")
    one, algorithm = jax.tree.map(lambda x: x[0], transforms), phasing.SweepDown()
    watched = (
        *(phasing.extrema, phasing.deciles, phasing.r_factor),
        *(flipped_fraction, phasing.phase_change),
    )

    def function(key, one, observed):
        state = phasing.begin(observed, algorithm, key)
        return phasing.host_cycles(one, observed, algorithm, state, 1, watched)

    return function, jax.random.key(0), one, observed


@program("phasing: transform of a 6D model")
def _():
    transforms, observed = phasing_tables("6D")
    one = jax.tree.map(lambda x: x[0], transforms)

    def function(modulus, one):
        f = jax.lax.complex(modulus, modulus)
        return one.to_amplitudes(one.to_density(f))

    return function, observed.lower, one


# --- fields --------------------------------------------------------------------------------------

MESH = (16, 16, 16)
EDGE = 3.5


@functools.cache
def star_basis() -> fields.StarBasis:
    return fields.StarBasis("I a -3 d", MESH, ("cubic", [EDGE]), np.float32)


@functools.cache
def waves() -> fields.Waves:
    return fields.Waves.build(fields.Mesh(MESH), EDGE * np.eye(3), np.float32)


def cube() -> lattice.Lattice:
    return lattice.Lattice.from_matrix(EDGE * np.eye(3), np.float32)


@program("fields: star basis to the mesh and back")
def _():
    def function(a, basis):
        values = basis.to_mesh(a)
        return values, basis.from_mesh(values), basis.project(values), basis.asymmetry(values)

    return function, float32(star_basis().n_basis), star_basis()


@program("fields: energy in a star basis")
def _():
    def function(matrix, a, basis):
        f = basis.to_mesh(a)
        return jnp.mean(f * f * f) - a @ basis.laplacian(a, lattice.Lattice(matrix))

    return function, cube().matrix, float32(star_basis().n_basis), star_basis()


@program("fields: gradient")
def _():
    return fields.gradient, float32(*MESH), cube(), waves()


@program("fields: Laplacian")
def _():
    return fields.laplacian, float32(*MESH), cube(), waves()


@program("fields: evaluation between the nodes")
def _():
    return fields.evaluate, float32(*MESH), float32(7, 3), waves()


@program("fields: another mesh")
def _():
    plan = fields.ResamplePlan.build(MESH, (20, 20, 12), EDGE * np.eye(3), np.float32)
    return fields.resample, float32(*MESH), plan


@program("fields: several cells, more dimensions")
def _():
    cubic = fields.PeriodicField.from_arrays(float32(*MESH), "cubic", [EDGE])
    flat = fields.PeriodicField.from_arrays(float32(8, 8), "oblique", [3.0, 4.0, 80.0])

    def function(cubic, flat):
        return cubic.replicate((2, 1, 1)), flat.expand(3, (5,))

    return function, cubic, flat


@program("fields: a field on a mesh as a density")
def _():
    def function(field, x, waves):
        return field.density(waves=waves)(x)

    field = fields.PeriodicField.from_arrays(float32(*MESH), "cubic", [EDGE])
    return function, field, float32(5, 3), waves()


# --- density -------------------------------------------------------------------------------------


@program("density: of structure factors, at points, in a box, on a grid")
def _():
    k = np.eye(6, dtype=np.int32)
    placed = jnp.asarray(k)  # not traced: it decides where the transform puts them
    grid = grids.folded_grids((8, 8, 8), 6, count=1, seed=0)[0]

    def function(modulus, x, edges):
        f = jax.lax.complex(modulus, modulus)
        rho = density.Density.from_reflections(k, f, 10.0)
        inside = rho.in_box(x[0], edges, (4, 5))
        return rho(x), rho.taylor(x), inside, density.Density(placed, f).on_grid(grid)

    return function, float32(6), float32(5, 6), float32(2, 6)


@program("density: of orbits")
def _():
    orbits = phasing.PhasingProblem.build(phasing.model("laves").reflections).orbits

    def function(modulus, x):
        f = jax.lax.complex(modulus, modulus)
        return density.Density.from_orbits(orbits, f, 10.0)(x)

    return function, float32(len(orbits.k)), float32(5, 3)


# --- the test ------------------------------------------------------------------------------------


def float64_in(text: str) -> list[str]:
    """Lines of a program that compute in float64.

    JAX writes Python's numbers as scalars of the default width and converts them at once to the
    type that they meet; the compiler does that, not the GPU, and it is no float64.
    """
    found = []
    for line in text.splitlines():
        types = set(re.findall(r"tensor<([^>]*\bf64>?)>", line.replace("xf64", "x f64")))
        if not types or line.startswith("#loc"):
            continue
        is_scalar = types == {"f64"}
        is_signature = re.search(r"func\.func|\bcall @", line)
        is_number = re.search(r"stablehlo\.constant|\(tensor<f64>\) -> tensor<\w+>", line)
        if not (is_scalar and (is_signature or is_number)):
            found.append(line.strip())
    return found


@pytest.mark.parametrize(
    "x64", [True, pytest.param(False, marks=pytest.mark.slow)], ids=["64-bit", "32-bit"]
)
@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in PROGRAMS],
)
def test_lowers_for_cuda(name, x64):
    with jax.enable_x64(False):
        function, *arguments = PROGRAMS[name]()
    with jax.enable_x64(x64):
        text = lowered(function, *arguments)
    called = set(re.findall(r"custom_call @([\w.$]+)", text))
    assert not called, f"{name} calls {sorted(called)}"
    wide = float64_in(text)
    assert not wide, f"{len(wide)} lines with float64, the first ones:\n" + "\n".join(wide[:8])


def test_float64_would_be_found():
    def leaks(x):
        return x * jnp.sum(jnp.asarray(np.linspace(0, 1, 3)).astype(x.dtype))

    def counts_in_double(x, n):
        return x * jnp.cos(n.astype(float)).astype(x.dtype)

    def clean(x):
        return jnp.where(x > 0, 2.0 * x, 0.5)

    with jax.enable_x64(True):
        x, n = jnp.ones(3, jnp.float32), jnp.asarray(1, jnp.int32)
        assert float64_in(lowered(leaks, x))
        assert float64_in(lowered(counts_in_double, x, n))
        assert not float64_in(lowered(clean, x))
