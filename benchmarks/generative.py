"""What a descriptor loss changes in a generative model of crystals, trained on a CPU in minutes.

    pip install ".[bench]"
    python benchmarks/generative.py [--seeds 5] [--steps 4000] [--arms flow descriptor]

The model (`generative_model.py`) learns to make the AFLOW prototypes of at most six atoms from
their elements by flow matching. Arms, on the same data, network, random numbers and schedule:

- flow: the flow-matching loss alone;
- flow, longer: the same with half as many steps again, about the time the others take;
- descriptor: plus `descriptor_loss` of the crystal that the network predicts for t = 1 from where
  it stands, against the true one, for t > 1/2; L / (1 + L);
- metric: plus the squared distance in `CrystalMetric`, in the same way.

Then every composition is sampled several times and the samples are judged by what neither loss
knows: valid (no two atoms closer than 0.5 times the sum of their covalent radii, and a volume
within a factor 2 of the true one), and matched (superposes on a crystal of that composition; see
`judge`). Everything is repeated over seeds. Results are added to `results/generative.json` run by
run, and a run that is there is not made again.
"""

import argparse
import importlib.metadata
import json
import os
import platform
import time
from functools import partial
from pathlib import Path
from typing import Any

import equinox as eqx
import generative_data
import generative_model as model
import jax
import jax.numpy as jnp
import numpy as np
import optax
from generative_judge import judge

import jaxtal as jxt
from jaxtal.descriptors import (
    CrystalMetric,
    MetricPlan,
    RepresentPlan,
    descriptor_loss,
    represent_batch,
)

HERE = Path(__file__).parent
RESULT = HERE / "results" / "generative.json"
ARMS = {
    "flow": (None, 1.0),
    "flow, longer": (None, 1.5),
    "descriptor": ("descriptor", 1.0),
    "metric": ("metric", 1.0),
}
BATCH, CHUNK = 64, 50
SAMPLING_STEPS = (8, 50)
WEIGHT = 1.0
DESCRIPTOR = jxt.Descriptor(n_max=6, l_max=6, q_max=6.0)
METRIC = CrystalMetric(n_max=6, l_max=6, q_max=12.0)


class DescriptorTerm(eqx.Module):
    """L / (1 + L) of the descriptor loss of predicted crystals; finite for whatever comes."""

    plan: RepresentPlan
    targets: Any

    @classmethod
    def build(cls, data, crystals):
        batch = jxt.crystal.CrystalBatch.from_crystals(crystals, pad_to=data.species.shape[1])
        plan = RepresentPlan.for_crystals(DESCRIPTOR, batch, margin=1.5)
        return cls(plan, eqx.filter_jit(represent_batch)(batch, plan))

    def __call__(self, data, which, lattice, frac):
        batch = jxt.crystal.CrystalBatch(lattice, frac, data.species[which], data.mask[which])
        found = represent_batch(batch, self.plan)
        wanted = jax.tree.map(lambda x: x[which], self.targets)
        loss = descriptor_loss(found, wanted)
        # One that does not fit the plan counts as far off, as it is.
        return jnp.where(found.complete, loss / (1 + loss), 1.0)


class MetricTerm(eqx.Module):
    """L / (1 + L) of the squared relative distance |v - v0|^2 / |v0|^2 in the metric."""

    plan: MetricPlan
    targets: Any

    @classmethod
    def build(cls, data, crystals):
        plan = METRIC.plan(crystals, margin=1.5)
        arrays = (data.lattice, data.frac, data.species, data.mask)
        found = eqx.filter_jit(jax.vmap(lambda *cell: METRIC.fingerprint(*cell, plan)))(*arrays)
        return cls(plan, found)

    def __call__(self, data, which, lattice, frac):
        def one(cell):
            lattice, frac, species, mask, wanted = cell
            found = METRIC.fingerprint(lattice, frac, species, mask, self.plan)
            loss = jnp.sum((found.vector - wanted) ** 2) / jnp.sum(wanted**2)
            return jnp.where(found.complete, loss / (1 + loss), 1.0)

        cells = (lattice, frac, data.species[which], data.mask[which], self.targets.vector[which])
        return jax.lax.map(jax.checkpoint(one), cells)


TERMS = {"descriptor": DescriptorTerm, "metric": MetricTerm}


def objective(network, data, term, weight, which, keys):
    """Mean loss of a batch, and its parts."""
    # One time in each of BATCH equal intervals; the end points of the later half are judged.
    t = (jnp.arange(BATCH) + jax.random.uniform(keys[0], (BATCH,))) / BATCH
    losses, ends = jax.vmap(model.one_loss, in_axes=(None, None, 0, 0, 0))(
        network, data, which, t, keys[1:]
    )
    flow = jnp.mean(losses)
    if term is None:
        return flow, (flow, jnp.zeros(()))
    which, (k, x) = which[BATCH // 2 :], jax.tree.map(lambda end: end[BATCH // 2 :], ends)
    lattice = jax.vmap(data.matrix)(k, jnp.sum(data.mask[which], axis=1))
    extra = jnp.mean(term(data, which, lattice, x))
    return flow + weight * extra, (flow, extra)


@eqx.filter_jit
def train_some(network, average, state, data, term, key, first, total, weight, rate):
    """CHUNK steps of Adam with a cosine schedule, and the running average of the network."""
    static = eqx.filter(network, eqx.is_inexact_array, inverse=True)

    def step(carry, i):
        parameters, average, state = carry
        keys = jax.random.split(jax.random.fold_in(key, i), BATCH + 2)
        which = jax.random.randint(keys[0], (BATCH,), 0, len(data.k))
        slope = eqx.filter_grad(objective, has_aux=True)
        gradient, parts = slope(
            eqx.combine(parameters, static), data, term, weight, which, keys[1:]
        )
        progress = i / total
        scale = rate * jnp.minimum(1.0, (i + 1) / 200) * 0.5 * (1 + jnp.cos(jnp.pi * progress))
        updates, state = optimiser().update(gradient, state)
        parameters = jax.tree.map(lambda p, u: p + scale * u, parameters, updates)
        keep = jnp.minimum(0.998, (i + 1) / (i + 10))
        average = jax.tree.map(lambda a, p: keep * a + (1 - keep) * p, average, parameters)
        return (parameters, average, state), jnp.stack(parts)

    parameters = eqx.filter(network, eqx.is_inexact_array)
    carry, parts = jax.lax.scan(step, (parameters, average, state), first + jnp.arange(CHUNK))
    parameters, average, state = carry
    return eqx.combine(parameters, static), average, state, jnp.mean(parts, axis=0)


def optimiser():
    return optax.chain(optax.clip_by_global_norm(1.0), optax.scale_by_adam(), optax.scale(-1.0))


def train(data, term, seed, steps, *, width=64, layers=3, weight=WEIGHT, rate=2e-3, report=None):
    """The averaged network, the history of the parts of the loss, and the seconds of a step."""
    network = model.Network(width, layers, key=jax.random.key(seed))
    average = eqx.filter(network, eqx.is_inexact_array)
    state = optimiser().init(average)
    history, spent = [], []
    for first in range(0, steps, CHUNK):
        start = time.perf_counter()
        network, average, state, parts = train_some(
            *(network, average, state, data, term, jax.random.key(1000 + seed)),
            *(jnp.asarray(first), jnp.asarray(float(steps)), jnp.asarray(weight), rate),
        )
        history.append([float(x) for x in parts])
        spent.append((time.perf_counter() - start) / CHUNK)
        if report and (first + CHUNK) % 1000 == 0:
            report(f"{first + CHUNK} steps, flow {history[-1][0]:.3f}, term {history[-1][1]:.4f}")
    static = eqx.filter(network, eqx.is_inexact_array, inverse=True)
    return eqx.combine(average, static), history, float(np.median(spent))


def evaluate(network, data, crystals, seed, repeats, steps):
    """Samples of every composition, judged (rows of `judge`)."""
    n = len(crystals)
    cells = [host(crystal) for crystal in crystals]
    rows = []
    for repeat in range(repeats):
        key = jax.random.key(10_000 + 100 * seed + repeat)
        lattices, coordinates = model.sample(network, data, jnp.arange(n), key, steps)
        lattices, coordinates = np.asarray(lattices, float), np.asarray(coordinates, float)
        for (_, _, z), lattice, frac in zip(cells, lattices, coordinates, strict=True):
            targets = [cell for cell in cells if np.array_equal(cell[2], z)]
            rows.append(judge(lattice, frac[: len(z)], z, targets))
    return rows


def host(crystal):
    """Matrix, coordinates and atomic numbers."""
    return (
        np.asarray(crystal.lattice.matrix, float),
        np.asarray(crystal.frac_coords, float),
        np.asarray(crystal.atomic_numbers),
    )


def summary(rows):
    """Rates over all samples, and medians."""
    rmsd = [row["rmsd"] for row in rows if row["rmsd"] is not None]
    known = [row for row in rows if "closest" in row]
    spread = np.abs(np.log([row["volume_ratio"] for row in known]))
    return {
        "samples": len(rows),
        **{
            key: float(np.mean([row[key] for row in rows])) for key in ("valid", "matched", "close")
        },
        "rmsd": float(np.median(rmsd)) if rmsd else None,
        "closest": float(np.median([row["closest"] for row in known])) if known else None,
        "volume_error": float(np.median(spread)) if known else None,
    }


def run(arm, seed, args, data, crystals):
    """One training run and its samples, as it is kept."""
    term, factor = ARMS[arm]
    steps = round(args.steps * factor / CHUNK) * CHUNK
    built = TERMS[term].build(data, crystals) if term else None
    report = partial(print, f"{arm}, seed {seed}:", flush=True)
    start = time.perf_counter()
    network, history, step = train(data, built, seed, steps, weight=args.weight, report=report)
    seconds = time.perf_counter() - start
    judged = {
        str(n): summary(evaluate(network, data, crystals, seed, args.repeats, n))
        for n in SAMPLING_STEPS
    }
    report(judged)
    return {
        "arm": arm,
        "seed": seed,
        "steps": steps,
        "seconds": seconds,
        "step_ms": 1e3 * step,
        "flow": [round(x[0], 4) for x in history],
        "term": [round(x[1], 5) for x in history],
        "judged": judged,
    }


def environment():
    packages = ("jax", "jaxtal", "equinox", "optax")
    return {
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "device": jax.devices()[0].platform,
        "dtype": "float32",
        **{name: importlib.metadata.version(name) for name in packages},
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--arms", nargs="+", choices=list(ARMS), default=list(ARMS))
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--weight", type=float, default=WEIGHT, help="of the term")
    parser.add_argument("--repeats", type=int, default=2, help="samples of each composition")
    parser.add_argument("--atoms", type=int, default=6, help="largest crystals of the data")
    parser.add_argument("--result", type=Path, default=RESULT)
    args = parser.parse_args()

    data, crystals = generative_data.load(generative_data.entries(args.atoms))
    settings = {
        "crystals": len(crystals),
        "compositions": len({tuple(host(c)[2]) for c in crystals}),
        **{name: getattr(args, name) for name in ("steps", "weight", "repeats", "atoms")},
    }
    result = {"settings": settings, "runs": []}
    if args.result.exists():
        result = json.loads(args.result.read_text())
        if result["settings"] != settings:
            raise SystemExit(f"{args.result} has other settings: {result['settings']}")
    cells = [host(crystal) for crystal in crystals]
    result["data"] = summary([judge(*cell, [cell]) for cell in cells])
    done = {(r["arm"], r["seed"]) for r in result["runs"]}
    for seed in range(args.seeds):
        for arm in args.arms:
            if (arm, seed) in done:
                continue
            result["runs"].append(run(arm, seed, args, data, crystals))
            result["environment"] = environment()
            partial_file = args.result.with_suffix(".part")
            partial_file.write_text(json.dumps(result, indent=1) + "\n")
            os.replace(partial_file, args.result)


if __name__ == "__main__":
    main()
