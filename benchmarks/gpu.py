"""What a GPU does beside the CPU of the same machine and beside what its memory and units allow.

    python benchmarks/gpu.py [--minutes 8] [--small] [--output FILE]

Rows are programs of the library (descriptors and their gradients, distances, structure factors,
steps of a reconstruction, cycles of phasing, basis transforms), each compiled for the GPU and for
the CPU, and two whole jobs (`from_descriptor`, `phase`), whose starts per second are wall time
(without the search for phasing's grid, which is done once for a set of data).
First call and compilation apart; warm, `block_until_ready`, median and best. The roofline is

    least time = max(flops / measured matmul rate, bytes / measured copy rate)

with flops and bytes as `compiled.cost_analysis()` has them and both rates measured in the same run
(float32, highest precision). XLA counts the body of a loop once; where a batch is walked through in
chunks that is multiplied, inner loops are not, so that the roofline is a lower bound.

Every row is printed and saved as soon as it is there, those of the GPU first; one that fails is
noted and the others go on; none is begun after `--minutes`. JAXTAL_DATA adds the measured Cd-Yb
quasicrystal. Without a GPU the CPU alone is measured, the last line says so, and neither `results/`
nor `README.md` changes.
"""

import argparse
import dataclasses
import functools
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import report

from jaxtal.crystal import Crystal, CrystalBatch, host_crystal, prototype
from jaxtal.descriptors import Descriptor
from jaxtal.diffraction import hkl_sphere, structure_factors
from jaxtal.fields import StarBasis
from jaxtal.grids import folded_grids
from jaxtal.lattice import Lattice
from jaxtal.losses import MetricLoss, PowderLoss, PowerSpectrumLoss
from jaxtal.metric import CrystalMetric
from jaxtal.phasing import (
    PhasingProblem,
    RelaxedReflections,
    Transform,
    begin,
    model,
    phase,
    step,
)
from jaxtal.reconstruct import Adam, Objective, Problem, from_descriptor
from jaxtal.scattering import FormFactors

RESULTS = Path(__file__).parent / "results" / "gpu.json"
#: Seconds of repetitions of a row on a device, and the most of them.
SECONDS, MOST = 2.0, 50
#: Crystals side by side on a GPU: enough to fill it, and a few GiB of intermediates.
CHUNK = 128


@dataclasses.dataclass(frozen=True)
class Row:
    """Something to measure.

    Attributes:
        name: what it is.
        unit: what a call does `count` of.
        count: number of them in one call.
        make: of a platform, "cpu" or "gpu": a pure function, its arguments, and how often the body
            of its outermost loop runs.
        job: instead, a whole job of the library: does it once and returns its seconds.
    """

    name: str
    unit: str
    count: int
    make: Callable[[str], tuple[Callable, tuple, int]] | None = None
    job: Callable[[], float] | None = None


# --- rows ----------------------------------------------------------------------------------------


@functools.cache
def batch_of(n: int, small: bool) -> CrystalBatch:
    """Rattled and strained 2 x 2 x 2 cells of alpha-quartz, 72 atoms (the cell itself if small)."""
    rng = np.random.default_rng(0)
    quartz = host_crystal(prototype("alpha-quartz"))
    edge = 1 if small else 2
    shifts = np.stack(np.meshgrid(*[np.arange(edge)] * 3, indexing="ij"), -1).reshape(-1, 1, 3)
    frac = ((np.asarray(quartz.frac_coords, float) + shifts) / edge).reshape(-1, 3)
    numbers = np.tile(np.asarray(quartz.atomic_numbers), edge**3)
    matrix = edge * np.asarray(quartz.matrix, float)
    strain = np.eye(3) + 0.01 * rng.standard_normal((n, 3, 3))
    moved = frac + 0.005 * rng.standard_normal((n, *frac.shape))
    return CrystalBatch.from_ragged(
        moved.reshape(-1, 3),
        np.tile(numbers, n),
        np.full(n, len(numbers)),
        matrix @ strain,
        dtype="float32",
        pad_to=len(numbers),
    )


def ones_like_result(function: Callable, *arguments: Any) -> Any:
    """A target of the right shapes, which costs nothing to make."""
    shapes = eqx.filter_eval_shape(function, *arguments)

    def fill(x):
        return jnp.ones(x.shape, x.dtype) if isinstance(x, jax.ShapeDtypeStruct) else x

    return jax.tree.map(fill, shapes, is_leaf=lambda x: isinstance(x, jax.ShapeDtypeStruct))


def loss_with_gradient(batch: CrystalBatch, target: Any, loss: Any) -> Any:
    """Sum of the losses of a batch, and its gradient in cells and coordinates."""
    smooth, others = eqx.partition(batch, eqx.is_inexact_array)

    def total(smooth):
        values, _ = loss(eqx.combine(smooth, others), target)
        return jnp.sum(values)

    return jax.value_and_grad(total)(smooth)


def descriptor_rows(sizes: tuple[int, ...], small: bool):
    """What losses compare, of batches of crystals, and the losses with gradients."""
    descriptor = Descriptor(3, 2, 4.0) if small else Descriptor(10, 10, 10.0)
    metric = CrystalMetric(3, 2, 12.0) if small else CrystalMetric()
    range_ = {"limits": (10, 40), "n_points": 301} if small else {"limits": (10, 80)}

    def loss_of(which: str, batch: CrystalBatch, chunk: int) -> Any:
        if which == "descriptor":
            plan = descriptor.plan(batch, max_stretch=1, reflections="found", max_species=2)
            return PowerSpectrumLoss(plan, chunk=chunk)
        if which == "metric":
            return MetricLoss(metric.plan(batch, max_stretch=1, max_species=2), chunk=chunk)
        return PowderLoss(batch, max_stretch=1, fwhm=0.3, chunk=chunk, **range_)

    def one(n: int, which: str, gradient: bool, kind: str) -> tuple[Callable, tuple, int]:
        batch = batch_of(n, small)
        chunk = 1 if kind == "cpu" else min(n, CHUNK)
        loss = loss_of(which, batch, chunk)

        def represent(batch, loss):
            return loss.represent(batch)

        if not gradient:
            return represent, (batch, loss), n // chunk
        target = ones_like_result(represent, batch, loss)
        return loss_with_gradient, (batch, target, loss), n // chunk

    for which in ("descriptor", "metric", "powder pattern"):
        for gradient in (False, True):
            for n in sizes:
                name = f"{which}{' loss, gradient' if gradient else ''}, batch of {n}"
                make = functools.partial(one, n, which, gradient)
                yield Row(name, "crystals", n, make)


def structure_factor_rows(n_atoms: int, n_points: int):
    """Structure factors by the direct sum, and the gradient of their power."""

    def arguments():
        rng = np.random.default_rng(0)
        side = int(np.ceil(n_atoms ** (1 / 3) - 1e-9))
        places = np.indices((side,) * 3).reshape(3, -1).T[:n_atoms]
        frac = (places + 0.2 * rng.random((n_atoms, 3))) / side
        edge, numbers = 2.7 * side, rng.choice([8, 14], n_atoms)
        crystal = Crystal.from_arrays(edge * np.eye(3), frac, numbers, dtype="float32")
        q_max = 1.05 * (12 * np.pi**2 * n_points) ** (1 / 3) / edge
        hkl = hkl_sphere(edge * np.eye(3), q_max)[:n_points].astype(np.int32)
        return crystal, jnp.asarray(hkl), FormFactors.build(["O", "Si"], dtype="float32")

    def power(frac, crystal, hkl, factors):
        moved = eqx.tree_at(lambda c: c.frac_coords, crystal, frac)
        return jnp.sum(jnp.square(jnp.abs(structure_factors(moved, hkl, factors))))

    def slope(kind):
        crystal, hkl, factors = arguments()
        return jax.value_and_grad(power), (crystal.frac_coords, crystal, hkl, factors), 1

    name = f"structure factors, {n_atoms} atoms"
    yield Row(name, "reflections", n_points, lambda kind: (structure_factors, arguments(), 1))
    yield Row(f"{name}, gradient", "reflections", n_points, slope)


def basis_rows(sizes: tuple[int, ...]):
    """Coefficients of a gyroid's basis to the nodes and back, and an energy with its gradient."""

    @functools.cache
    def basis(n: int) -> StarBasis:
        return StarBasis("I a -3 d", (n, n, n), ("cubic", [3.51]), np.float32)

    def transforms(n: int, kind: str):
        a = jnp.ones(basis(n).n_basis, jnp.float32)
        return lambda a, basis: basis.from_mesh(basis.to_mesh(a)), (a, basis(n)), 1

    def energy(a, basis, matrix):
        f = basis.to_mesh(a)
        return jnp.mean(f * f * f) + a @ (basis.squared(Lattice(matrix)) * a)

    def slope(n: int, kind: str):
        matrix = Lattice.from_matrix(3.51 * np.eye(3), np.float32).matrix
        a = jnp.ones(basis(n).n_basis, jnp.float32)
        return jax.value_and_grad(energy), (a, basis(n), matrix), 1

    for n in sizes:
        name = f"star basis {n}^3"
        yield Row(f"{name}, there and back", "transforms", 2, functools.partial(transforms, n))
        yield Row(f"{name}, energy, gradient", "energies", 1, functools.partial(slope, n))


def reconstruction_rows(sizes: tuple[int, ...], small: bool):
    """Steps of Adam from many starts at once, and whole reconstructions of alpha-quartz."""
    quartz = prototype("alpha-quartz")
    descriptor = Descriptor(3, 2, 4.0, n_bins=9) if small else Descriptor(8, 8, 6.0, n_bins=61)
    target = descriptor(quartz)

    def steps(n: int, kind: str):
        problem = Problem(quartz, Objective().plan(target, quartz))
        optimiser = Adam()
        noise = 0.02 * np.random.default_rng(0).standard_normal((n, quartz.n_free))
        starts = quartz.to_variables()[None, :] + jnp.asarray(noise, jnp.float32)

        def function(starts, index, problem):
            def one(x):
                return optimiser.step(x, optimiser.init(x, problem), index, problem)

            return jax.vmap(one)(starts)

        return function, (starts, jnp.asarray(0, jnp.int32), problem), 1

    def whole(n: int) -> float:
        stages = {"optimiser": Adam(2), "polish": None} if small else {}
        found = from_descriptor(target, quartz, starts=n, progress=False, **stages)
        return found.seconds

    for n in sizes:
        yield Row(f"reconstruction, a step of Adam, {n} starts", "starts", n,
                  functools.partial(steps, n))  # fmt: skip
    n = min(256, sizes[-1])
    job = functools.partial(whole, n)
    yield Row(f"reconstruction, whole, {n} starts", "starts", n, job=job)


def phasing_rows(sizes: tuple[int, ...], small: bool):
    """Cycles of many starts at once, and whole runs, of a model and of the measured Cd-Yb."""

    @functools.cache
    def simulated() -> PhasingProblem:
        found = model("laves" if small else "icosahedral")
        return PhasingProblem.build(found.reflections, 1.0 / found.falloff)

    @functools.cache
    def measured() -> PhasingProblem:
        import phasing  # the benchmark beside this file

        return phasing.cdyb()

    def cycles(problem: Callable, shape: tuple[int, ...], n: int, kind: str):
        orbits, algorithm = problem().orbits, RelaxedReflections(0.5, 0.1)
        grid = folded_grids(shape, orbits.group.dimension, count=1, seed=0)[0]
        transform = Transform.build(orbits, grid)
        observed = problem().observed()
        keys = jax.random.split(jax.random.key(0), n)
        states = jax.vmap(lambda key: begin(observed, algorithm, key))(keys)

        def function(states, transform, observed):
            return jax.vmap(lambda one: step(transform, observed, algorithm, one)[0])(states)

        return function, (states, transform, observed), 1

    def whole(problem: Callable, n: int) -> float:
        return phase(problem(), starts=n, seed=1).seconds["run"]

    name = "model Laves phase" if small else "model quasicrystal"
    sets = [(name, simulated, (8, 8, 8) if small else (32, 32, 32))]
    if os.environ.get("JAXTAL_DATA") and not small:
        sets.append(("Cd-Yb", measured, (32, 64, 64)))
    for name, problem, shape in sets:
        for n in sizes:
            make = functools.partial(cycles, problem, shape, n)
            yield Row(f"phasing, {name}, a cycle, {n} starts", "cycles", n, make)
        n = sizes[-1]
        job = functools.partial(whole, problem, n)
        yield Row(f"phasing, {name}, whole, {n} starts", "starts", n, job=job)


def all_rows(small: bool) -> list[Row]:
    """Everything, the most telling first."""
    if small:
        return [
            *descriptor_rows((2,), True),
            *phasing_rows((2,), True),
            *reconstruction_rows((2,), True),
            *structure_factor_rows(4, 50),
            *basis_rows((8,)),
        ]
    return [
        *descriptor_rows((16, 128, 1024), False),
        *reconstruction_rows((64, 1024), False),
        *phasing_rows((1, 64), False),
        *structure_factor_rows(200, 20_000),
        *basis_rows((32, 64, 96, 128)),
    ]


# --- measuring -----------------------------------------------------------------------------------


def timed(call: Callable[[], Any], seconds: float) -> dict[str, float]:
    """Median and best of repeated calls, in seconds; the caller has warmed up."""
    times, begin = [], time.perf_counter()
    while not times or (time.perf_counter() - begin < seconds and len(times) < MOST):
        once = time.perf_counter()
        jax.block_until_ready(call())
        times.append(time.perf_counter() - once)
    return {"median_s": float(np.median(times)), "best_s": min(times), "calls": len(times)}


def compiled(function: Callable, arguments: tuple, device: Any) -> tuple[Any, Any, float]:
    """The program on a device, its arguments there, and the seconds of compilation."""
    dynamic, static = eqx.partition(arguments, eqx.is_array)
    dynamic = jax.device_put(dynamic, device)

    def pure(dynamic):
        found = function(*eqx.combine(dynamic, static))
        return [x for x in jax.tree.leaves(found) if eqx.is_array(x)]

    begin = time.perf_counter()
    program = jax.jit(pure).lower(dynamic).compile()
    return program, dynamic, time.perf_counter() - begin


def rates(device: Any, small: bool) -> dict[str, float]:
    """What the device reaches: bytes per second of a copy, flops per second of a product."""
    large = device.platform != "cpu"
    n, m = (2**20, 256) if small else (2**28, 8192) if large else (2**25, 2048)
    copy, x, _ = compiled(lambda x: x + 1.0, (jnp.zeros(n, jnp.float32),), device)
    product, a, _ = compiled(
        lambda a: jnp.matmul(a, a, precision="highest"), (jnp.ones((m, m), jnp.float32),), device
    )
    jax.block_until_ready((copy(x), product(a)))
    seconds = 0.1 if small else 1.0
    return {
        "bytes_per_s": 8.0 * n / timed(lambda: copy(x), seconds)["best_s"],
        "flops_per_s": 2.0 * m**3 / timed(lambda: product(a), seconds)["best_s"],
    }


def measure(
    row: Row, device: Any, peak: dict[str, float], seconds: float = SECONDS
) -> dict[str, float]:
    """One row on one device, repeated for some seconds."""
    if row.job is not None:
        with jax.default_device(device):
            first, warm = row.job(), row.job()
        found = {"first_s": first, "median_s": warm, "best_s": warm, "calls": 1}
        return found | {"per_s": row.count / warm}
    assert row.make is not None
    with jax.default_device(device):
        function, arguments, turns = row.make("cpu" if device.platform == "cpu" else "gpu")
        program, dynamic, compilation = compiled(function, arguments, device)
        begin = time.perf_counter()
        jax.block_until_ready(program(dynamic))
        first = time.perf_counter() - begin
        found = timed(lambda: program(dynamic), seconds)
    cost = program.cost_analysis() or {}
    flops, moved = (turns * cost.get(key, 0.0) for key in ("flops", "bytes accessed"))
    least = max(flops / peak["flops_per_s"], moved / peak["bytes_per_s"])
    return found | {
        "compile_s": compilation,
        "first_s": first,
        "per_s": row.count / found["median_s"],
        "gflop": flops / 1e9,
        "gb": moved / 1e9,
        "share_of_roofline": least / found["best_s"],
    }


def on_cpu(row: Row, small: bool, seconds: float) -> dict[str, float]:
    """A whole job on the CPU: in a process of its own, since some choose their ways by backend."""
    command = [sys.executable, __file__, "--job", row.name, *(["--small"] if small else [])]
    environment = os.environ | {"JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=seconds
    )
    if done.returncode:
        raise RuntimeError((done.stderr.strip() or "no output").splitlines()[-1])
    return json.loads(done.stdout.splitlines()[-1])


# --- the run -------------------------------------------------------------------------------------


def line_of(row: Row, kind: str, found: dict[str, Any]) -> str:
    if "error" in found:
        return f"{row.name:52s} {kind:4s} failed: {found['error']}"
    text = f"{row.name:52s} {kind:4s}{found['per_s']:14.1f} {row.unit} per s"
    if "share_of_roofline" in found:
        text += f", {100 * found['share_of_roofline']:.1f} % of the roofline"
        text += f", compiled in {found['compile_s']:.1f} s"
    return text


def gpus() -> list[Any]:
    try:
        return jax.devices("gpu")
    except RuntimeError:
        return []


def run(minutes: float, small: bool, output: Path | None) -> dict[str, Any]:
    """All rows that there is time for; saved after each."""
    end = time.perf_counter() + 60 * minutes
    devices = {"gpu": gpus()[0]} if gpus() else {}
    devices["cpu"] = jax.devices("cpu")[0]
    result: dict[str, Any] = {
        "gpu": devices["gpu"].device_kind if "gpu" in devices else None,
        "small": small,
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "dtype": "float32",
        "versions": {p: importlib.metadata.version(p) for p in ("jax", "jaxtal")},
        "rates": {},
        "rows": {},
        "left_out": [],
    }

    def save():
        if output is not None:
            output.parent.mkdir(parents=True, exist_ok=True)
            output.write_text(json.dumps(result, indent=1) + "\n")

    for kind, device in devices.items():
        result["rates"][kind] = peak = rates(device, small)
        print(
            f"{kind}: {device.device_kind}, copy {peak['bytes_per_s'] / 1e9:.0f} GB/s, "
            f"matmul {peak['flops_per_s'] / 1e12:.2f} Tflop/s",
            flush=True,
        )
    rows = all_rows(small)
    result["rows"] = {row.name: {"unit": row.unit, "count": row.count} for row in rows}
    for kind, device in devices.items():
        for row in rows:
            left = end - time.perf_counter()
            if left < 0:
                result["left_out"].append(f"{row.name}, {kind}")
                continue
            try:
                if row.job is not None and kind == "cpu" and "gpu" in devices:
                    found = on_cpu(row, small, left)
                else:
                    peak = result["rates"][kind]
                    found = measure(row, device, peak, 0.1 if small else SECONDS)
            except Exception as error:  # one row must not end the others
                lines = str(error).splitlines() or [""]
                found = {"error": f"{type(error).__name__}: {lines[0][:200]}"}
            result["rows"][row.name][kind] = found
            print(line_of(row, kind, found), flush=True)
            save()
    save()
    if result["left_out"]:
        print(f"no time for {len(result['left_out'])}: {'; '.join(result['left_out'])}")
    return result


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=8.0, help="no row begins later")
    parser.add_argument("--small", action="store_true", help="sizes that a CPU does in a moment")
    parser.add_argument("--output", type=Path, help="default results/gpu.json, with a GPU only")
    parser.add_argument("--job", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.job:
        (row,) = (one for one in all_rows(options.small) if one.name == options.job)
        print(json.dumps(measure(row, jax.devices()[0], {})))
        return
    has_gpu = bool(gpus())
    # A run on a CPU must not replace what has been measured on a GPU.
    output = options.output or (RESULTS if has_gpu and not options.small else None)
    run(options.minutes, options.small, output)
    if not has_gpu:
        print("NOT MEASURED ON A GPU: JAX sees none here; the rows above are of the CPU alone")
    elif output == RESULTS:
        report.write()


if __name__ == "__main__":
    main()
