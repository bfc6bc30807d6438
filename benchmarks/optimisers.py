"""Ways of searching, compared at equal CPU time on the same crystals and the same starts.

    python benchmarks/optimisers.py [STRATEGY ...] [--crystals 12] [--starts 64] [--minutes M]

Twelve AFLOW prototypes of 8 to 12 free parameters, every group once, drawn with a fixed seed; group
and sites are told, cell lengths within 20 %, coordinates random, the same draws for every strategy:

    halving          the default: 256 starts, 50 steps of Adam, the best 64 go on to 400, then
                     Levenberg-Marquardt
    plain            the first 64 of these starts, 400 steps of Adam, Levenberg-Marquardt
    half as long     halving with 200 steps of Adam instead of 400
    no blur          halving, with G(d) as it is from the first step
    half the rate    halving with a learning rate of 0.03 instead of 0.06
    spread           plain, from starts of which no two atoms are closer than 0.7 of the shortest
                     distance in the crystal (which the user of a start would have to know)
    q_max rising     plain with q_max = 4 1/A first, its ends carried to 6 by another plain run
    hopping          plain with half of the starts; then the best 16 ends, each moved by 0.2 A twice
    LM alone         the 64 starts, up to 100 steps of Levenberg-Marquardt and nothing before
    L-BFGS           the 64 starts, 60 steps of optax's L-BFGS, then Levenberg-Marquardt

A start counts if it ends within the tolerance, 1e-8. Strategies do not cost the same; what is
compared is the CPU time that one such start takes, of all crystals together, each run twice and
the second taken, so that nothing is compiled in it. Results go to `results/optimisers.json` after
every crystal; what is there is not run again.
"""

import argparse
import importlib.metadata
import json
import os
import time
from pathlib import Path

import jax
import numpy as np
import report

from jaxtal.crystal import Crystal, WyckoffCrystal
from jaxtal.descriptors import Descriptor, describe
from jaxtal.reconstruct import LBFGS, Adam, LevenbergMarquardt, from_descriptor, random_crystal

RESULTS = Path(__file__).parent / "results" / "optimisers.json"
LEAST, MOST, MOST_ATOMS, TOLERANCE = 8, 12, 24, 1e-8
SPREAD = 0.7


def chosen(count):
    """Name, number of free parameters and arrays of crystals, every group once."""
    from disguise import name, prototypes

    listed = []
    for entry in prototypes():
        if len(entry["z"]) > MOST_ATOMS:
            continue
        arrays = {key: entry[key] for key in ("matrix", "frac", "z")}
        crystal = WyckoffCrystal.from_crystal(
            Crystal.from_arrays(*(np.array(x) for x in arrays.values()))
        )
        if LEAST <= crystal.n_free <= MOST:
            label = name(entry).replace("|", "/")
            listed.append((crystal.n_free, crystal.group.number, label, arrays))
    rng, groups, picked = np.random.default_rng(20261201), set(), []
    for i in rng.permutation(len(listed)):
        if listed[i][1] not in groups and len(picked) < count:
            groups.add(listed[i][1])
            picked.append(listed[i])
    return sorted(picked, key=lambda c: c[:2])


def descriptor(q_max):
    return Descriptor(8, 8, q_max, n_bins=61)


def variables(crystals):
    return np.stack([np.asarray(one.to_variables(), np.float64) for one in crystals])


def nearest(crystal):
    """Shortest distance between two atoms, angstrom."""
    atoms = crystal.to_ase().repeat(2)
    distances = atoms.get_all_distances(mic=True)
    return distances[distances > 1e-6].min()


def strategies(crystal, starts, seed=0):
    """Name -> function that searches once and returns how many starts have converged."""
    target = describe(crystal.expand(), descriptor(6.0))
    options = {"key": seed, "progress": False, "tolerance": TOLERANCE}

    def drawn(n, good=lambda one: True):
        found, last = [], 0
        while len(found) < n:
            one = random_crystal(crystal, jax.random.key(1000 * seed + last))
            last += 1
            if good(one) or last > 50 * n:
                found.append(one)
        return variables(found)

    plain = drawn(starts)

    def halving(**changed):
        return lambda: converged(
            from_descriptor(target, crystal, starts=starts, **options, **changed)
        )

    def from_these(initial, to=target, **changed):
        return from_descriptor(to, crystal, initial=initial, **options, **changed)

    def rising():
        coarse = describe(crystal.expand(), descriptor(4.0))
        ends = from_these(plain, coarse, polish=None)
        return converged(from_these(np.asarray(ends.variables, np.float64)))

    def hopping():
        first = from_these(plain[: starts // 2])
        done = converged(first)
        rest = np.flatnonzero(~np.asarray(first.converged))
        best = rest[np.argsort(np.asarray(first.losses)[rest])][:16]
        if not len(best):
            return done
        rng = np.random.default_rng(seed)
        moved = np.repeat(np.asarray(first.variables, np.float64)[best], 2, axis=0)
        n_cell = crystal.n_free - sum(
            position.n_free for position in (crystal.group.wyckoff(x) for x in crystal.plan.letters)
        )
        length = float(np.cbrt(crystal.lattice.volume))
        moved[:, n_cell:] += 0.2 / length * rng.standard_normal(moved[:, n_cell:].shape)
        return done + converged(from_these(moved, optimiser=Adam(200, learning_rate=0.03)))

    apart = SPREAD * nearest(crystal)
    spread = drawn(starts, lambda one: nearest(one) > apart)
    return {
        "halving": halving(),
        "plain": lambda: converged(from_these(plain)),
        "half as long": halving(optimiser=Adam(200)),
        "no blur": halving(optimiser=Adam(blur=0.0)),
        "half the rate": halving(optimiser=Adam(learning_rate=0.03)),
        "spread": lambda: converged(from_these(spread)),
        "q_max rising": rising,
        "hopping": hopping,
        "LM alone": lambda: converged(
            from_these(plain, optimiser=LevenbergMarquardt(steps=100), polish=None)
        ),
        "L-BFGS": lambda: converged(from_these(plain, optimiser=LBFGS(60))),
    }


def converged(found):
    return int(np.sum(found.converged))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("strategies", nargs="*", help="default all")
    parser.add_argument("--crystals", type=int, default=12)
    parser.add_argument("--starts", type=int, default=64)
    parser.add_argument("--minutes", type=float, default=float("inf"))
    options = parser.parse_args()
    result = (
        json.loads(RESULTS.read_text())
        if RESULTS.exists()
        else {"crystals": chosen(options.crystals), "rows": {}}
    )
    end = time.monotonic() + 60 * options.minutes
    for n_free, group, label, entry in result["crystals"]:
        arrays = (np.array(entry[k]) for k in ("matrix", "frac", "z"))
        crystal = WyckoffCrystal.from_crystal(Crystal.from_arrays(*arrays, dtype="float32"))
        rows = result["rows"].setdefault(label, {})
        for name, search in strategies(crystal, options.starts).items():
            if name in rows or (options.strategies and name not in options.strategies):
                continue
            if time.monotonic() > end:
                raise SystemExit("out of time: run again to go on")
            search()
            begin = time.process_time()
            rows[name] = {"converged": search(), "cpu_s": time.process_time() - begin}
            print(label, group, n_free, name, rows[name], flush=True)
            versions = {p: importlib.metadata.version(p) for p in ("jax", "jaxtal")}
            result |= {"starts": options.starts, "versions": versions, "cores": os.cpu_count()}
            RESULTS.write_text(json.dumps(result) + "\n")
    report.write()


if __name__ == "__main__":
    main()
