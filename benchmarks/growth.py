"""Mixed use in one process for hours: memory, and memory maps, of which Linux allows 65,530.

    python benchmarks/growth.py [--minutes 120] [--seed 0] [--jobs NAME ...]

Jobs are drawn at random and given crystals, batches, lists and fields of random sizes: no two calls
get the same numbers, and few the same shapes. After every job the resident memory and the number of
maps of the process are noted, with what the job added to them; rows of equal spans of time go to
`results/growth.json`. Compiled programs are mapped, some four maps each, so that a program for
every size shows here as maps without end. Flat: the maps and the memory of the last third are not
above those of the third before by more than a hundredth and a fiftieth.
"""

import argparse
import gc
import json
import pathlib
import tempfile
import time
from collections.abc import Callable
from typing import Any

import ase
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import report

import jaxtal as jxt
from jaxtal.crystal import CrystalBatch, prototype_names
from jaxtal.fields import BasisField, PeriodicField

RESULT = pathlib.Path(__file__).parent / "results" / "growth.json"
#: Rows of the table.
SPANS = 24
ELEMENTS = ("O", "Na", "Al", "Si", "S", "Cl", "Ti", "Fe", "Zn", "Ba")
SYSTEMS = {
    "P -1": ("triclinic", [3.0, 3.3, 3.7, 1.5, 1.6, 1.7]),
    "P 2 2 2": ("orthorhombic", [3.0, 3.3, 3.7]),
    "P 4/m m m": ("tetragonal", [3.0, 3.7]),
    "P m -3 m": ("cubic", [3.0]),
    "I a -3 d": ("cubic", [3.0]),
}

Random = np.random.Generator


def atoms_of(rng: Random, most: int = 40) -> ase.Atoms:
    """A random crystal without symmetry, of 1 to `most` atoms."""
    while True:
        n = int(rng.integers(1, most + 1))
        edges = (15 * n) ** (1 / 3) * rng.uniform(0.7, 1.4, 3)
        atoms = ase.Atoms(
            rng.choice(ELEMENTS[: int(rng.integers(1, 5))], n),
            scaled_positions=rng.random((n, 3)),
            cell=np.diag(edges) @ (np.eye(3) + rng.uniform(-0.15, 0.15, (3, 3))),
            pbc=True,
        )
        apart = atoms.get_all_distances(mic=True) + 9 * np.eye(n)
        if apart.min() > 0.5:  # closer ones are refused
            return atoms


def symmetric(rng: Random) -> Any:
    """A prototype with other values of its free parameters."""
    known = jxt.prototype(str(rng.choice(prototype_names())))
    values = np.asarray(known.to_variables())
    return known.with_variables(values * (1 + 0.02 * rng.uniform(-1, 1, values.shape)))


def crystal_of(rng: Random) -> Any:
    return symmetric(rng) if rng.random() < 0.5 else jxt.Crystal.from_ase(atoms_of(rng))


def batch_of(rng: Random) -> CrystalBatch:
    count = int(rng.integers(2, 7))
    listed = [jxt.Crystal.from_ase(atoms_of(rng, 12)) for _ in range(count)]
    return CrystalBatch.from_crystals(listed)


def specification_of(rng: Random) -> jxt.Descriptor:
    n = int(rng.choice([4, 6, 8]))
    return jxt.Descriptor(n_max=n, l_max=n, q_max=float(rng.choice([4.0, 5.0, 6.0])))


def describe(rng: Random) -> None:
    jxt.describe(crystal_of(rng), specification_of(rng))


def distance(rng: Random) -> None:
    jxt.distance(crystal_of(rng), crystal_of(rng))


def fingerprints(rng: Random) -> None:
    jxt.fingerprints([crystal_of(rng) for _ in range(int(rng.integers(2, 8)))]).groups()


def match(rng: Random) -> None:
    one = atoms_of(rng, 12)
    other = one.copy()
    other.rattle(0.02, seed=int(rng.integers(1 << 30)))
    jxt.match_crystals(jxt.Crystal.from_ase(one), jxt.Crystal.from_ase(other))


def powder(rng: Random) -> None:
    top = float(rng.uniform(30, 70))
    pattern = jxt.diffraction.PowderPattern(limits=(10, top), n_points=int(rng.integers(400, 900)))
    pattern(crystal_of(rng))


@eqx.filter_jit
def _slopes(matrix: jax.Array, batch: CrystalBatch, target: Any, loss: Any) -> Any:
    def total(matrix: jax.Array) -> jax.Array:
        return loss(eqx.tree_at(lambda b: b.matrix, batch, matrix), target)[0].sum()

    return jax.value_and_grad(total)(matrix)


def _trained(rng: Random, make: Callable[[CrystalBatch], Any]) -> None:
    """A few steps of a training loop, of a model of its own size."""
    batch = batch_of(rng)
    loss = make(batch)
    target = loss.represent(batch)
    for _ in range(3):
        matrix = batch.matrix * (1 + 0.02 * rng.random())
        value, slope = _slopes(jnp.asarray(matrix), batch, target, loss)
        if not (np.isfinite(value) and np.isfinite(slope).all()):
            raise RuntimeError("a loss or its gradient is not finite")


def metric_loss(rng: Random) -> None:
    _trained(rng, lambda b: jxt.losses.MetricLoss(b, n_max=4, l_max=4, q_max=8.0, max_stretch=1.2))


def spectrum_loss(rng: Random) -> None:
    _trained(
        rng,
        lambda b: jxt.losses.PowerSpectrumLoss(b, n_max=4, l_max=4, q_max=5.0, max_stretch=1.2),
    )


def gradient(rng: Random) -> None:
    """The gradient of one crystal's descriptor, not inside of `jit`, as in the handbook."""
    one = symmetric(rng)
    plan = jxt.Descriptor(n_max=4, l_max=4, q_max=4.0).plan(one, max_stretch=1.1)
    eqx.filter_jit(eqx.filter_grad(lambda c, p: p(c).power_spectrum.sum()))(one, plan)


def phase(rng: Random) -> None:
    """A list of reflections of a structure and a resolution of its own."""
    atoms = atoms_of(rng, 6)
    matrix = np.asarray(atoms.cell)
    q_max = float(rng.uniform(4, 6))
    hkl = jxt.diffraction.hkl_sphere(matrix, q_max)
    q = 2 * np.pi * np.linalg.norm(hkl @ np.linalg.inv(matrix).T, axis=1)
    waves = np.exp(2j * np.pi * hkl @ atoms.get_scaled_positions().T)
    values = np.abs(waves @ atoms.numbers * np.exp(-0.02 * q**2)) ** 2
    listed = jxt.Reflections.from_arrays(matrix, "P 1", hkl, values)
    jxt.phase(listed, starts=1, seed=int(rng.integers(100)), progress=False)


def fields(rng: Random) -> None:
    group = str(rng.choice(list(SYSTEMS)))
    system, cell = SYSTEMS[group]
    size = int(rng.choice([8, 12, 16, 20, 24]))
    values = rng.normal(size=(int(rng.integers(1, 4)), size, size, size))
    field = PeriodicField.from_arrays(values, system, cell, group)
    basis = BasisField.from_field(field, project=True)
    other = basis.field()
    if not np.isfinite(np.asarray(other.values)).all():
        raise RuntimeError("a field is not finite")


def files(rng: Random) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = pathlib.Path(name) / "one.cif"
        jxt.io.write_cif(crystal_of(rng), path)
        jxt.io.read(path)


#: How often each is drawn: the quick ones more often.
JOBS: dict[str, tuple[Callable[[Random], None], int]] = {
    "describe": (describe, 8),
    "distance": (distance, 4),
    "fingerprints": (fingerprints, 2),
    "match": (match, 2),
    "powder": (powder, 3),
    "files": (files, 3),
    "fields": (fields, 3),
    "phase": (phase, 3),
    "gradient": (gradient, 1),
    "metric loss": (metric_loss, 1),
    "spectrum loss": (spectrum_loss, 1),
}


def state() -> tuple[float, int]:
    """Resident memory in MB and the number of maps of this process."""
    status = pathlib.Path("/proc/self/status").read_text()
    resident = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    maps = pathlib.Path("/proc/self/maps").read_bytes().count(b"\n")
    return int(resident.split()[1]) / 1024, maps


def verdict(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """By how much the last third is above the one before, and whether that is flat."""
    third = len(rows) // 3
    grown = {}
    for key in ("memory", "maps"):
        values = [row[key] for row in rows]
        before, last = (max(part) for part in (values[third:-third], values[-third:]))
        grown[key] = round(last / before - 1, 4)
    return {"grown": grown, "flat": grown["memory"] <= 0.02 and grown["maps"] <= 0.01}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=120.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", nargs="*", default=list(JOBS))
    parser.add_argument("--out", type=pathlib.Path, default=RESULT)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    weights = np.array([JOBS[name][1] for name in options.jobs], float)
    added: dict[str, dict[str, float]] = {
        name: {"calls": 0, "seconds": 0.0, "memory": 0.0, "maps": 0} for name in options.jobs
    }
    rows: list[dict[str, Any]] = []
    begin, calls = time.monotonic(), 0
    memory, maps = state()
    while (passed := (time.monotonic() - begin) / 60) < options.minutes:
        name = str(rng.choice(options.jobs, p=weights / weights.sum()))
        since = time.process_time()
        JOBS[name][0](rng)
        one = added[name]
        now = state()
        one["calls"] += 1
        one["seconds"] += time.process_time() - since
        one["memory"] += now[0] - memory
        one["maps"] += now[1] - maps
        memory, maps = now
        calls += 1
        if passed >= options.minutes * (len(rows) + 1) / SPANS:
            gc.collect()
            rows.append(
                {
                    "minutes": round(passed, 1),
                    "calls": calls,
                    "memory": round(memory),
                    "maps": maps,
                    "cpu": round(time.process_time()),
                }
            )
            print(rows[-1], flush=True)
            result: dict[str, Any] = {
                "minutes": options.minutes,
                "rows": rows,
                "jobs": {k: {n: round(v, 1) for n, v in one.items()} for k, one in added.items()},
            }
            if len(rows) >= 6:
                result |= verdict(rows)
            options.out.write_text(json.dumps(result, indent=1) + "\n")
    report.write()


if __name__ == "__main__":
    main()
