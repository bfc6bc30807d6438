"""What a descriptor loss changes in a generative model of crystals, trained on a CPU in minutes.

    pip install ".[bench]"
    python benchmarks/generative.py [--seeds 1 2 3 4 5] [--arms "flow" "metric on samples"]

The model (`generative_model.py`) learns to make the AFLOW prototypes of at most four atoms from
their elements by flow matching. Arms, on the same data, network and random numbers:

- flow: the flow-matching loss alone;
- flow, longer: twice as many steps, about the time that the longest of the others takes;
- descriptor, metric on end points: plus L / (1 + L) of the crystal that the network predicts for
  t = 1 from t > 1/2 on the way between noise and a crystal, against that crystal; L is
  `PowerSpectrumLoss`, or the squared relative distance in `CrystalMetric`;
- descriptor, metric on samples: the network of `flow`, trained on for a quarter as many steps with
  ten times that term of crystals that it makes itself, from noise, in eight steps, through which
  the gradient goes. No loss on coordinates can do that, since the order of equal atoms, the origin
  and the variant that a sample tends to are not those of the data; the term does not see them.

Then every composition is sampled several times and the samples are judged by what no loss knows
(`generative_judge.py`): valid (no two atoms closer than half the sum of their covalent radii, and a
volume within a factor 2 of the true one), and matched (superposes on a crystal of that
composition). Everything is repeated over seeds; form and weights of the terms were chosen by
looking at seed 0, which is not among them. Results are added to `results/generative.json` run by
run, and a run that is there is not made again.
"""

import argparse
import importlib.metadata
import json
import os
import platform
import tempfile
import time
from functools import partial
from pathlib import Path

import equinox as eqx
import generative_data
import generative_model as model
import jax
import jax.numpy as jnp
import numpy as np
from generative_judge import judge
from generative_terms import TERMS
from generative_train import BATCH, CHUNK, train

HERE = Path(__file__).parent
RESULT = HERE / "results" / "generative.json"
WIDTH, LAYERS = 64, 3
WEIGHTS = {"end points": 1.0, "samples": 10.0}
ARMS = ("flow", "flow, longer", *(f"{t} on {w}" for w in WEIGHTS for t in TERMS))
LONGER, AFTER = 2.0, 0.25  # steps of `flow, longer`, and of training on with samples


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


def trained(arm, seed, steps, data, built, cache, report):
    """The network of an arm, the parts of its loss, steps and seconds of one."""
    key = jax.random.key(1000 + seed)
    fresh = model.Network(WIDTH, LAYERS, key=jax.random.key(seed))
    if arm in ("flow", "flow, longer"):
        steps = rounded(steps * (1.0 if arm == "flow" else LONGER))
        file = cache / f"flow_{seed}_{steps}.eqx"
        if arm == "flow" and file.exists():  # made for a run that was interrupted
            return eqx.tree_deserialise_leaves(file, fresh), [], steps, None
        network, history, step = train(fresh, data, steps, key, report=report)
        eqx.tree_serialise_leaves(file, network)
        return network, history, steps, step
    term, where = arm.split(" on ")
    options = {"term": built[term], "where": where, "weight": WEIGHTS[where], "report": report}
    if where == "end points":
        network, history, step = train(fresh, data, steps, key, **options)
        return network, history, steps, step
    start, *_ = trained("flow", seed, steps, data, built, cache, report)
    after = rounded(steps * AFTER)
    key = jax.random.fold_in(key, 1)
    network, history, step = train(start, data, after, key, rate=1e-3, **options)
    return network, history, after, step


def rounded(steps):
    return max(1, round(steps / CHUNK)) * CHUNK


def run(arm, seed, args, data, crystals, built, cache):
    """One training run and its samples, as it is kept."""
    report = partial(print, f"{arm}, seed {seed}:", flush=True)
    start = time.perf_counter()
    network, history, steps, step = trained(arm, seed, args.steps, data, built, cache, report)
    seconds = time.perf_counter() - start
    judged = {
        str(n): summary(evaluate(network, data, crystals, seed, args.repeats, n))
        for n in args.sampling
    }
    report(judged)
    return {
        "arm": arm,
        "seed": seed,
        "steps": steps,
        "seconds": seconds,
        "step_ms": None if step is None else 1e3 * step,
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
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=ARMS)
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--repeats", type=int, default=2, help="samples of each composition")
    parser.add_argument(
        "--sampling", type=int, nargs="+", default=[8, 50], help="steps of a sample"
    )
    parser.add_argument("--atoms", type=int, default=4, help="largest crystals of the data")
    parser.add_argument("--result", type=Path, default=RESULT)
    parser.add_argument("--cache", type=Path, help="folder of networks, to go on after a stop")
    args = parser.parse_args()

    data, crystals = generative_data.load(generative_data.entries(args.atoms))
    settings = {
        "crystals": len(crystals),
        "compositions": len({tuple(host(c)[2]) for c in crystals}),
        "batch": BATCH,
        "width": WIDTH,
        "weights": WEIGHTS,
        **{name: getattr(args, name) for name in ("steps", "repeats", "sampling", "atoms")},
    }
    result = {"settings": settings, "runs": []}
    if args.result.exists():
        result = json.loads(args.result.read_text())
        if result["settings"] != settings:
            raise SystemExit(f"{args.result} has other settings: {result['settings']}")
    cells = [host(crystal) for crystal in crystals]
    result["data"] = summary([judge(*cell, [cell]) for cell in cells])
    done = {(r["arm"], r["seed"]) for r in result["runs"]}
    built = {name: make(data, crystals) for name, make in TERMS.items()}
    cache = args.cache or Path(tempfile.mkdtemp())
    cache.mkdir(parents=True, exist_ok=True)
    for seed in args.seeds:
        for arm in args.arms:
            if (arm, seed) in done:
                continue
            result["runs"].append(run(arm, seed, args, data, crystals, built, cache))
            result["environment"] = environment()
            part = args.result.with_suffix(".part")
            part.write_text(json.dumps(result, indent=1) + "\n")
            os.replace(part, args.result)


if __name__ == "__main__":
    main()
