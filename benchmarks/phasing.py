"""How often, how fast and how surely phases are found, and what a NumPy/SciPy program needs.

    JAXTAL_DATA=... python benchmarks/phasing.py [SECTION ...]   (all but `batch` by default)

Sections are recipe, sweep, grids, peer, stages, double, models, batch (for accelerators). Data are
the measured Cd-Yb quasicrystal (522 866 reflections with symmetry) and model crystals. Sections
run one after the other on an otherwise idle machine; each goes to `results/phasing.json` and from
there to `README.md`. "True" means an agreement above 0.97 with the solution of a long sweep on
the alias-free grid, modulo origin and hand.
"""

import dataclasses
import importlib.metadata
import json
import os
import platform
import resource
import sys
import time
from fractions import Fraction
from pathlib import Path

import equinox as eqx
import jax
import numpy as np
import report
import scipy
import scipy.fft

from jaxtal import grids, io, lattice, phasing, reflections, symmetry
from jaxtal.phasing import Stage, SweepDown, Transform

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "phasing.json"
TRUE = 0.97


def cdyb():
    """The Cd-Yb problem of the reference toolkit."""
    path = Path(os.environ["JAXTAL_DATA"]) / "quasicrystal" / "cdyb" / "cdyb_integrated_bck"
    table = io.read_reflection_columns(
        path, [f"n{i}" for i in range(1, 7)], "I", sigma="Sigma(I)", header_line=7
    )
    space = lattice.Superspace.icosahedral(5.689)
    listed = reflections.Reflections.from_table(
        space, "icosahedral P235", table, min_i_over_sigma=1.0
    )
    amplitudes = reflections.normalised_amplitudes(
        listed,
        sharpening=reflections.Composition("Cd5.7Yb", 1.8),
        window=reflections.Window(),
    )
    return phasing.PhasingProblem.build(listed, amplitudes / listed.amplitude)


def alias_free(problem, seed=0):
    """The default grid of a run with this seed."""
    rotations = problem.orbits.group.point_rotations
    grid = grids.search_grid(problem.orbits.all_indices, rotations=rotations, seed=seed)
    return grid.with_origin(np.random.default_rng(seed).random(grid.dimension))


def reference(problem, grid):
    """Phases that a long sweep on the alias-free grid finds, confirmed by a second start."""
    recipe = phasing.Recipe((Stage(SweepDown(0.8, 0.99), 110),), restarts=3)
    found = phasing.phase(problem, recipe=recipe, grid=grid, starts=2, seed=9000)
    assert found.converged, found.message
    return found.f[found.best]


def truth(problem, f, reference):
    """Agreement of each start with the reference, modulo origin and hand."""
    equivalences = phasing.Equivalences.build(problem.orbits)
    return np.array([equivalences.compare(reference, one).value for one in f])


def summary(found, agreement):
    starts = found.starts
    claimed = np.array([start.converged for start in starts])
    ratio = np.array([start.ratio for start in starts])
    right = agreement > TRUE
    return {
        "starts": len(starts),
        "claimed": int(claimed.sum()),
        "false_claims": int((claimed & ~right).sum()),
        "true": int(right.sum()),
        "first_attempt": int(sum(start.attempts == 1 for start in starts)),
        "seconds_median": float(np.median([start.seconds for start in starts])),
        "seconds_mean": float(np.mean([start.seconds for start in starts])),
        "lowest_true_ratio": float(ratio[right].min(initial=np.inf)),
        "lowest_claimed_agreement": float(agreement[claimed].min(initial=1.0)),
        "run_seconds": found.seconds["run"],
        "grid_points": found.grid_points,
    }


def run_recipe(problem, grid, dtype=np.float32, seeds=(1, 2), starts=100):
    """The default recipe: start by start, then two side by side."""
    phasing.phase(problem, grid=grid, starts=1, seed=99, dtype=dtype)  # compilation
    known = reference(problem, grid)
    rows = {}
    for seed in seeds:
        for batch in (1, 2):
            found = phasing.phase(
                problem, grid=grid, starts=starts, seed=seed, batch=batch, dtype=dtype
            )
            row = summary(found, truth(problem, found.f, known))
            rows[f"seed {seed}, {batch} at once"] = row
            print(seed, batch, row, flush=True)
    rows["peak_memory_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return rows


def sweep_until_solved(problem, grid, algorithm, starts, limit=100, chunk=2, seed=0):
    """Iterations until the ratio of the extrema passes 50, one number per start, 0 for never."""
    observed = problem.observed()
    transform = Transform.build(problem.orbits, grid)
    solved = np.zeros(starts, int)
    amplitudes = []
    for start in range(starts):
        key = jax.random.fold_in(jax.random.key(seed), start)
        state = phasing.begin(observed, algorithm, key)
        for done in range(chunk, limit + 1, chunk):
            state, _ = phasing.host_cycles(transform, observed, algorithm, state, chunk)
            if float(_ratio(transform, state.f)) > 50:
                solved[start] = done
                break
        amplitudes.append(np.asarray(state.f))
    return solved, np.stack(amplitudes)


@eqx.filter_jit
def _ratio(transform, f):
    return phasing.extrema_ratio(transform.to_density(f))


def iterations(solved):
    done = solved[solved > 0]
    return {
        "starts": len(solved),
        "solved": len(done),
        "median": float(np.median(done)) if len(done) else None,
        "first": int(done.min(initial=10**6)),
        "last": int(done.max(initial=0)),
        "all": solved.tolist(),
    }


def run_sweep(problem, grid):
    """SweepDown on the alias-free grid: share of starts solved within 100 iterations."""
    rows = {}
    for decrement in (0.99, 0.995):
        solved, _ = sweep_until_solved(problem, grid, SweepDown(0.8, decrement), 100)
        rows[f"0.8 / {decrement}"] = iterations(solved)
        print(decrement, {k: v for k, v in rows[f"0.8 / {decrement}"].items() if k != "all"})
    return rows


def symmetric_grid(problem):
    """The smallest alias-free grid that the whole icosahedral group leaves invariant.

    Sublattices invariant under the group are a + b sqrt(5) times the lattice, whose matrix is
    integral in six dimensions: sqrt(5) scales physical space and its negative internal space.
    """
    space = lattice.Superspace.icosahedral(1.0)
    basis = np.concatenate([space.parallel, space.perpendicular], axis=1)
    root = basis @ np.diag([5**0.5] * 3 + [-(5**0.5)] * 3) @ np.linalg.inv(basis)
    root = np.rint(root).astype(int)
    k = problem.orbits.all_indices
    sizes = [(abs(a * a - 5 * b * b), a, b) for a in range(1, 40) for b in range(-18, 19)]
    for norm, a, b in sorted(sizes):
        if norm**3 < len(k):
            continue
        grid = grids.quotient_grid(a * np.eye(6, dtype=int) + b * root)
        if grid.is_alias_free(k):
            return grid
    raise ValueError("no symmetric grid found")


def run_grids(problem, grid, starts=40):
    """The paper's open question: the same sweep on four grids, with symmetry and without."""
    algorithm = SweepDown(0.8, 0.99)
    symmetric = symmetric_grid(problem)
    shift = np.random.default_rng(0).random(6)
    k = problem.orbits.all_indices
    # As published, with a smooth length; a slow transform, hence fewer starts.
    cyclic = grids.cyclic_grid(k, distinct="integers", seed=0)
    trivial = symmetry.SpaceGroup.from_operations([symmetry.SymOp.identity(6)])
    members, orbit = problem.orbits.members, problem.orbits.orbit
    lone = dataclasses.replace(
        problem,
        orbits=symmetry.Orbits.build(trivial, members),
        lower=problem.lower[orbit],
        upper=problem.upper[orbit],
    )
    cases = {
        "symmetric grid, origin on the centre": (problem, symmetric, starts),
        "the same grid, shifted": (problem, symmetric.with_origin(shift), starts),
        "small grid, shifted (the default)": (problem, grid, starts),
        "small grid, no symmetry imposed": (lone, grid, starts // 2),
        "cyclic grid (the reference's search)": (problem, cyclic, starts // 2),
    }
    rows = {}
    for name, (case, where, count) in cases.items():
        solved, _ = sweep_until_solved(case, where, algorithm, count)
        rows[name] = {**iterations(solved), "points": where.size}
        print(name, {k: v for k, v in rows[name].items() if k != "all"}, flush=True)
    return rows


def run_peer(problem, cycles=6):
    """The reference algorithm in NumPy and SciPy, as one would write it."""
    orbits = problem.orbits
    grid = grids.cyclic_grid(orbits.all_indices, distinct="integers", seed=0)
    M, n = grid.size, len(orbits.k)
    slots = grid.flat(orbits.members)
    upper = slots > M // 2
    slots = np.where(upper, M - slots, slots)
    f = problem.lower * np.exp(2j * np.pi * np.random.default_rng(0).random(n))
    f = np.where(orbits.real, problem.lower * np.sign(f.real), f)
    order = np.argsort(slots)
    slots, upper, orbit = slots[order], upper[order], orbits.orbit[order]
    count = np.bincount(orbit, minlength=n)
    fraction, times = 0.8, []
    half = np.zeros(M // 2 + 1, complex)
    for _ in range(cycles):
        begin = time.perf_counter()
        half[slots] = np.where(upper, f[orbit], np.conj(f[orbit]))
        density = scipy.fft.irfft(half, M, norm="forward", workers=2)
        place = int(np.ceil(M * fraction)) - 1
        threshold = np.partition(density, place)[place]
        density = np.where(density < threshold, 2 * threshold - density, density)
        back = scipy.fft.rfft(density, norm="forward", workers=2)[slots]
        back = np.where(upper, back, np.conj(back))
        mean = (np.bincount(orbit, back.real, n) + 1j * np.bincount(orbit, back.imag, n)) / count
        mean = np.where(orbits.real, mean.real, mean)
        f = problem.lower * mean / np.abs(mean)
        fraction *= 0.995
        times.append(time.perf_counter() - begin)
    return {"points": M, "ms_per_iteration": 1e3 * float(np.median(times)), "cycles": cycles}


def timed(function, repeats=30):
    jax.block_until_ready(function())
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        jax.block_until_ready(function())
        times.append(time.perf_counter() - begin)
    return {"median_ms": 1e3 * float(np.median(times)), "best_ms": 1e3 * min(times)}


def run_stages(problem, grid):
    """One iteration of each stage, and the parts of an alias-free one."""
    observed, algorithm = problem.observed(), SweepDown(0.5, 0.99)
    state = phasing.begin(observed, algorithm, jax.random.key(0))
    maps = grids.folded_grids((32, 64, 64), 6, count=4, seed=0)
    built = [Transform.build(problem.orbits, one) for one in maps]
    entries = max(len(one.slot) for one in built)
    stacked = jax.tree.map(lambda *x: np.stack(x), *(one.padded(entries) for one in built))
    folded = timed(
        lambda: phasing.scan_cycles(stacked, observed, algorithm, state, 5)[0].f, repeats=10
    )
    transform = Transform.build(problem.orbits, grid)
    whole = timed(lambda: phasing.host_cycles(transform, observed, algorithm, state, 1)[0].f)
    single = jax.tree.map(lambda x: x[None], transform)
    scanned = timed(
        lambda: phasing.scan_cycles(single, observed, algorithm, state, 5)[0].f, repeats=5
    )
    jit = eqx.filter_jit
    half = jit(lambda t, f: t.fill(f))(transform, state.f)
    density = jit(lambda t, f: t.to_density(f))(transform, state.f)
    inverse = jit(lambda h: jax.numpy.fft.irfftn(h, s=grid.moduli, norm="forward"))
    forward = jit(lambda d: jax.numpy.fft.rfftn(d, norm="forward"))
    flip = jit(lambda d, m: algorithm.flip_density(d, m)[0])
    fill, read = jit(lambda t, f: t.fill(f)), jit(lambda t, h: t.read(h))
    return {
        "folded, 131 072 points (scan)": {k: v / 20 for k, v in folded.items()},
        f"alias-free, {grid.size} points (host)": whole,
        "alias-free (scan)": {k: v / 5 for k, v in scanned.items()},
        "- orbits to slots": timed(lambda: fill(transform, state.f)),
        "- inverse transform": timed(lambda: inverse(half)),
        "- threshold and flip": timed(lambda: flip(density, state.memory)),
        "- transform": timed(lambda: forward(density)),
        "- slots to orbits": timed(lambda: read(transform, half)),
    }


def model_problem(name):
    """A model crystal as `jaxtal phase --demo` prepares it: the known fall-off divided out."""
    model = phasing.model(name)
    listed = model.reflections
    aperiodic = listed.space.n_internal and name != "modulated"
    windows = reflections.Window(perpendicular="ball" if aperiodic else "none")
    factors = windows.factors(listed) / model.falloff
    known = model.F * np.exp(-2j * np.pi * listed.orbits.angle)
    return phasing.PhasingProblem.build(listed, factors), known


def shared_problem(name):
    """A set with known phases from the folder of reference data.

    The decagonal one is phased without windows, which smear its many weak atoms. The ratio of its
    true solution is then 13, like that of false ones: nothing is claimed.
    """
    folder = Path(os.environ["JAXTAL_DATA"]) / "quasicrystal" / f"synthetic_{name}"
    data = np.load(folder / f"{name}.npz")
    exact = [[Fraction(float(v)).limit_denominator(24) for v in row] for row in data["gens_b"]]
    generators = [symmetry.SymOp(W, w) for W, w in zip(data["gens_a"], exact, strict=True)]
    group = symmetry.SpaceGroup.from_generators(generators)
    internal = data["md_perp"].T if "md_perp" in data else None
    space = lattice.Superspace(data["md_par"].T, internal)
    present = data["k"].any(axis=1)
    listed = reflections.Reflections.from_arrays(
        space, group, data["k"][present], data["I"][present]
    )
    known = data["F"][present] * np.exp(-2j * np.pi * listed.orbits.angle)
    windows = reflections.Window(perpendicular="ball" if name == "ico6d" else "none")
    factors = None if name == "deca5d" else windows.factors(listed)
    return phasing.PhasingProblem.build(listed, factors), known


#: Crystals with known phases, and recipes other than the default.
KNOWN = {
    **dict.fromkeys(("2d", "quartz", "3d", "laves"), (model_problem, "default")),
    **dict.fromkeys(("modulated", "decagonal", "icosahedral"), (model_problem, "default")),
    "mod4d": (shared_problem, "default"),
    "deca5d": (shared_problem, "default"),
    "ico6d": (shared_problem, "thorough"),
}


def run_models(starts=20):
    """Crystals with known phases: single attempts, and what restarts and the verdict add."""
    rows = {}
    for name, (make, recipe) in KNOWN.items():
        problem, known = make(name)
        recipe = phasing.recipe(recipe, problem.orbits.n_reflections)
        single = dataclasses.replace(recipe, restarts=0)
        first = phasing.phase(problem, recipe=single, starts=starts, seed=3)
        found = phasing.phase(problem, recipe=recipe, starts=starts, seed=3, grid=first.grid)
        alone, agreement = truth(problem, first.f, known), truth(problem, found.f, known)
        rows[name] = {
            **summary(found, agreement),
            "single_true": int((alone > TRUE).sum()),
            "single_above_0.9": int((alone > 0.9).sum()),
            "above_0.9": int((agreement > 0.9).sum()),
            "orbits": len(problem.orbits.k),
            "reflections": problem.orbits.n_reflections,
            "agreements": np.sort(agreement).round(3).tolist(),
        }
        print(name, rows[name], flush=True)
    return rows


def run_batch(problem, grid):
    """Many starts at once in one program: for accelerators."""
    rows = {}
    for batch in (64, 128, 256, 512):
        arguments = {"grid": grid, "starts": batch, "batch": batch}
        phasing.phase(problem, seed=1, **arguments)
        found = phasing.phase(problem, seed=2, **arguments)
        run = found.seconds["run"]
        rows[str(batch)] = {"run_seconds": run, "starts_per_second": batch / run}
        print(batch, rows[str(batch)], flush=True)
    return rows


def environment():
    return {
        "cores": os.cpu_count(),
        "device": str(jax.devices()[0]),
        "machine": platform.machine(),
        "dtype": "float32",
        "versions": {
            "jax": jax.__version__,
            "numpy": np.__version__,
            "scipy": scipy.__version__,
            "jaxtal": importlib.metadata.version("jaxtal"),
        },
    }


def main():
    wanted = sys.argv[1:] or ["recipe", "sweep", "grids", "peer", "stages", "double", "models"]
    result = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    problem = cdyb()
    grid = alias_free(problem)
    for section in wanted:
        print("==", section, flush=True)
        if section == "double":
            with jax.enable_x64(True):
                result[section] = run_recipe(problem, grid, np.float64, seeds=(1,))
        elif section == "models":
            result[section] = run_models()
        elif section == "peer":
            result[section] = run_peer(problem)
        else:
            result[section] = globals()[f"run_{section}"](problem, grid)
        result["environment"] = environment()
        RESULTS.write_text(json.dumps(result, indent=1) + "\n")
    report.write()


if __name__ == "__main__":
    main()
