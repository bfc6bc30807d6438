"""Crystals found from a descriptor and a composition alone: right group, right crystal, time.

    python benchmarks/from_composition.py [--count 40] [--seed 0] [--seconds 600]

The first 40 AFLOW prototypes that pymatgen ships of at most 8 atoms in the primitive cell, in the
order of its list, each described (n_max = l_max = 8, q_max = 6 1/A, 61 bins) and sought by
`from_composition` with its composition and the atoms of its primitive cell; volume, lattice, group
and sites are not told. All in one process with an empty compilation cache. Right: a solution
superposes on the crystal (RMSD < 0.01 A over origin, cell choice and hand, cell within 0.1 %) and
has its group or that of its other hand. CPU seconds of the process, compilation included.

Results go to `results/from_composition.json` after every crystal; what is there is not run again.
"""

import argparse
import collections
import importlib.metadata
import json
import os
import time
from pathlib import Path

import numpy as np

RESULTS = Path(__file__).resolve().parent / "results" / "from_composition.json"
MOST_ATOMS = 8
#: Groups that are each other's mirror images.
HANDS = (76, 78), (91, 95), (92, 96), (144, 145), (151, 153), (152, 154), (169, 170), (171, 172)
HANDS += (178, 179), (180, 181), (212, 213)


def crystals(count):
    """Label, arrays, and atoms per primitive cell of the first prototypes that are small."""
    from disguise import name, prototypes

    from jaxtal.crystal import Crystal, WyckoffCrystal

    for entry in prototypes():
        arrays = (np.array(entry[key]) for key in ("matrix", "frac", "z"))
        crystal = WyckoffCrystal.from_crystal(Crystal.from_arrays(*arrays))
        cells = len(crystal.group.centering)
        if len(crystal.to_host().frac_coords) // cells <= MOST_ATOMS:
            yield name(entry).replace("|", "/"), crystal, cells
            count -= 1
            if not count:
                return


def judged(found, crystal):
    """Whether a solution is the crystal, and whether one has its group."""
    from jaxtal.crystal import match_crystals

    number = crystal.group.number
    alike = {number, *(n for pair in HANDS if number in pair for n in pair)}
    right = group = False
    for one in found.solutions:
        match = match_crystals(crystal, one.crystal)
        same = match is not None and match.rmsd < 0.01 and match.cell_error < 1e-3
        right |= same
        group |= same and one.crystal.group.number in alike
    return bool(right), bool(group)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=600.0, help="at most for one crystal")
    options = parser.parse_args()
    from ase.data import chemical_symbols

    from jaxtal.descriptors import Descriptor, describe
    from jaxtal.reconstruct import from_composition

    result = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"rows": []}
    result["versions"] = {p: importlib.metadata.version(p) for p in ("jax", "jaxtal")}
    result["cores"], result["seconds"] = os.cpu_count(), options.seconds
    done = {(row["name"], row["seed"]) for row in result["rows"]}
    descriptor = Descriptor(8, 8, 6.0, n_bins=61)
    for label, crystal, cells in crystals(options.count):
        if (label, options.seed) in done:
            continue
        target = describe(crystal, descriptor)
        numbers = collections.Counter(crystal.to_host().atomic_numbers.tolist())
        composition = {chemical_symbols[z]: n // cells for z, n in numbers.items()}
        begin = time.process_time()
        found = from_composition(
            target,
            composition,
            atoms=sum(composition.values()),
            seed=options.seed,
            seconds=options.seconds,
            progress=False,
        )
        right, group = judged(found, crystal)
        row = {"name": label, "seed": options.seed, "group": crystal.group.number}
        row |= {"free": crystal.n_free, "atoms": sum(composition.values())}
        row |= {"right": right, "right_group": group, "claimed": found.success}
        row |= {"solutions": [[s.loss, s.crystal.group.number] for s in found.solutions]}
        row |= {"counted": found.counted, "tried": found.tried, "lattices": found.lattices}
        row |= {"interrupted": found.interrupted, "cpu_s": time.process_time() - begin}
        result["rows"].append(row)
        RESULTS.write_text(json.dumps(result) + "\n")
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
