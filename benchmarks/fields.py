"""Symmetry-adapted bases: construction, transforms and derivatives, against SciPy and PSCF.

    python benchmarks/fields.py

One process, one machine, warm, `block_until_ready`, compile time apart; float64. The peer of the
transforms is `scipy.fft` with two workers and a NumPy gather through the same tables, in the same
run. The times of the compiled PSCF 1.3.3 are of one core of another machine, best of three or four
(reference data of the project, gyroid I a -3 d). The result goes to `results/fields.json` and from
there to `README.md`.
"""

import json
import os
import platform
import time
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import report
import scipy
import scipy.fft

from jaxtal.fields import Mesh, StarBasis, Stars, Waves, gradient
from jaxtal.lattice import Lattice

HERE = Path(__file__).parent
WORKERS = 2
EDGE = 3.51
#: Seconds for the basis; milliseconds for coefficients -> nodes and nodes -> coefficients.
PSCF = {32: (0.09, 0.14, 0.086), 64: (0.68, 1.67, 0.95), 96: (2.3, 10.4, 5.81)}


def timed(function, repeats=40):
    """First call, median and best of the others, in milliseconds."""
    return interleaved([function], repeats)[0]


def interleaved(functions, repeats=200):
    """`timed` of several functions in turns, so that they share what else the machine does.

    Each runs twice, and the second run is timed: the other one has emptied the caches.
    """
    first, times = [], [[] for _ in functions]
    for function in functions:
        begin = time.perf_counter()
        function()
        first.append(time.perf_counter() - begin)
    for _ in range(repeats):
        for function, row in zip(functions, times, strict=True):
            if len(functions) > 1:
                function()
            begin = time.perf_counter()
            function()
            row.append(time.perf_counter() - begin)
    return [
        {"first_ms": 1e3 * f, "median_ms": 1e3 * float(np.median(t)), "best_ms": 1e3 * min(t)}
        for f, t in zip(first, times, strict=True)
    ]


def peer(basis):
    """Coefficients -> nodes and back with SciPy and NumPy, through the tables of the basis."""
    source, factor, slot, weight = map(
        np.asarray, (basis.source, basis.factor, basis.slot, basis.weight)
    )
    mirrored, first = np.asarray(basis.mirrored), np.asarray(basis.first)
    mesh = basis.mesh

    def to_mesh(a):  # every star of I a -3 d is closed
        table = np.concatenate([a[first], a[first], np.zeros(1)])
        half = (table[source] * factor).reshape(mesh.half_shape)
        return scipy.fft.irfftn(half, s=mesh.sizes, norm="forward", workers=WORKERS)

    def from_mesh(values):
        read = scipy.fft.rfftn(values, norm="forward", workers=WORKERS).reshape(-1)[slot]
        return (np.where(mirrored, read.conj(), read) * weight).sum(axis=1).real

    return to_mesh, from_mesh


def measure(n):
    """All times on the mesh n x n x n."""
    mesh, matrix = Mesh((n, n, n)), EDGE * np.eye(3)
    lattice = Lattice.from_matrix(matrix)
    rows = {"stars": timed(lambda: Stars.build(mesh, matrix, "I a -3 d"), 8 if n < 96 else 4)}

    def build():
        return jax.block_until_ready(StarBasis("I a -3 d", mesh, matrix))

    rows["basis"] = timed(build, 8 if n < 96 else 4)
    basis = build()
    a = np.random.default_rng(0).standard_normal(basis.n_basis)
    to_mesh, from_mesh = peer(basis)
    values = to_mesh(a)
    coefficients, field = jnp.asarray(a), jnp.asarray(values)
    np.testing.assert_allclose(basis.to_mesh(coefficients), values, atol=1e-10)
    np.testing.assert_allclose(from_mesh(values), a, atol=1e-10)
    rows["to_mesh"], rows["scipy to_mesh"] = interleaved(
        [lambda: jax.block_until_ready(basis.to_mesh(coefficients)), lambda: to_mesh(a)]
    )
    rows["from_mesh"], rows["scipy from_mesh"] = interleaved(
        [lambda: jax.block_until_ready(basis.from_mesh(field)), lambda: from_mesh(values)]
    )

    @eqx.filter_jit
    @eqx.filter_value_and_grad
    def energy(a, basis, matrix):
        f = basis.to_mesh(a)
        return jnp.mean(f * f * f) + a @ (basis.squared(Lattice(matrix)) * a)

    rows["energy with gradient"] = timed(
        lambda: jax.block_until_ready(energy(coefficients, basis, lattice.matrix))
    )
    waves = Waves.build(mesh, matrix)
    slope = eqx.filter_jit(gradient)
    rows["field gradient"] = timed(lambda: jax.block_until_ready(slope(field, lattice, waves)))
    return {"n_basis": basis.n_basis, "rows": rows, "pscf": PSCF[n]}


def main():
    jax.config.update("jax_enable_x64", True)
    result = {"meshes": {}, "cores": os.cpu_count(), "dtype": "float64", "workers": WORKERS}
    for n in (32, 64, 96):
        result["meshes"][str(n)] = measure(n)
        print(n, {k: round(v["median_ms"], 3) for k, v in result["meshes"][str(n)]["rows"].items()})
    result["device"] = jax.devices()[0].device_kind
    result["machine"] = platform.machine()
    result["versions"] = {
        "jax": jax.__version__, "numpy": np.__version__, "scipy": scipy.__version__
    }  # fmt: skip
    (HERE / "results" / "fields.json").write_text(json.dumps(result, indent=1) + "\n")
    report.write()


if __name__ == "__main__":
    main()
