"""The 288 AFLOW prototypes, perturbed and disguised: the queries of `matching.py`.

    python benchmarks/disguise.py FOLDER     # writes FOLDER/queries_0.05.json, queries_0.10.json

A query is an entry of the encyclopaedia (read from an installed pymatgen) that was first perturbed:

- strain: symmetric, traceless, random, Frobenius norm 0.02;
- volume: the cell is scaled so that its volume is 0.95 or 1.05 times that of the entry, at random;
- atoms: isotropic Gaussian displacements in angstrom, scaled so that their RMS over the atoms of
  the entry's cell is exactly the noise level, 0.05 or 0.1 A (a common displacement is not taken
  out: in an entry of one atom it is all there is);

and then written in another way, which changes no crystal: a cell that is either a random supercell
of index 1 to 4 (Hermite normal form) or a random unimodular matrix with entries up to 2 times the
old one, a random proper rotation, a random origin, atoms permuted and wrapped into the cell.

Every query has its own random stream, seeded by (noise, entry, number): nothing depends on the
order. A query is a dictionary of `index` (of its entry), `matrix` (rows a, b, c, angstrom), `frac`
(N, 3) and `z` (N,), the same keys as an entry, which adds `formula` and `tags`.
"""

import gzip
import json
import sys
from collections import Counter
from importlib import resources
from pathlib import Path

import numpy as np
from ase.data import atomic_numbers, chemical_symbols
from pymatgen.core import Composition

NOISES = (0.05, 0.10)
QUERIES = 5
STRAIN = 0.02
VOLUME = 0.05

# Entries that are one crystal within the noise: FeS2 in 205 and P1 (0.016 A apart), O2 in 166
# and 12 (0.064 A). Each pair counts as one class.
SAME = {226: 194, 116: 71}


def prototypes():
    """The entries in the order of pymatgen's file."""
    path = resources.files("pymatgen.analysis.prototypes") / "aflow_prototypes.json.gz"
    entries = []
    for item in json.loads(gzip.decompress(path.read_bytes())):
        snl = item["snl"]
        species = [site["species"] for site in snl["sites"]]
        if any(len(s) != 1 or s[0]["occu"] != 1 for s in species):
            raise ValueError(f"expected one atom per site in {item['tags']}")
        z = [atomic_numbers[s[0]["element"]] for s in species]
        entries.append(
            {
                "matrix": snl["lattice"]["matrix"],
                "frac": [site["abc"] for site in snl["sites"]],
                "z": z,
                "formula": formula(z),
                "tags": item["tags"],
            }
        )
    return entries


def formula(z):
    """Reduced formula of a list of atomic numbers."""
    return Composition(Counter(chemical_symbols[int(v)] for v in z)).reduced_formula


def name(entry):
    """An entry by formula, AFLOW's label and mineral."""
    parts = [entry["formula"], entry["tags"]["aflow"], entry["tags"]["mineral"] or ""]
    return " ".join(p for p in parts if p and p != "None")


def classes(n):
    """Class of each entry: its own index, the first of the pair for the two pairs of `SAME`."""
    return np.array([SAME.get(i, i) for i in range(n)])


def rotation(rng):
    """A proper rotation, uniform over the group: a random unit quaternion."""
    w, x, y, z = (q := rng.standard_normal(4)) / np.linalg.norm(q)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def perturb(entry, size, rng, strain=STRAIN, volume=VOLUME):
    """The entry with moved atoms (RMS `size`, A) in a strained cell of another volume."""
    matrix, frac = np.array(entry["matrix"]), np.array(entry["frac"])
    e = rng.standard_normal((3, 3))
    e = e + e.T
    e -= np.trace(e) / 3 * np.eye(3)
    new = matrix @ (np.eye(3) + strain * e / np.linalg.norm(e))
    factor = 1 + volume * rng.choice([-1.0, 1.0])
    new *= np.cbrt(abs(np.linalg.det(matrix)) * factor / abs(np.linalg.det(new)))
    moved = rng.standard_normal(frac.shape)
    moved *= size / np.sqrt(np.mean(np.sum(moved**2, axis=1)))
    return {"matrix": new, "frac": frac + moved @ np.linalg.inv(new), "z": np.array(entry["z"])}


def hermite(index, rng):
    """A random lower triangular Hermite normal form of the given determinant."""
    shapes = [
        (a, b, index // (a * b))
        for a in range(1, index + 1)
        for b in range(1, index + 1)
        if index % (a * b) == 0
    ]
    a, b, c = shapes[rng.integers(len(shapes))]
    return np.array(
        [[a, 0, 0], [rng.integers(a), b, 0], [rng.integers(a), rng.integers(b), c]], dtype=int
    )


def unimodular(rng):
    """A random integer matrix of determinant 1 with entries up to 2, not the identity."""
    while True:
        m = rng.integers(-2, 3, (3, 3))
        if round(np.linalg.det(m)) == 1 and np.any(m != np.eye(3)):
            return m


def in_cell(crystal, transform):
    """The same crystal in the cell `transform @ matrix`, whose determinant is the index."""
    index = round(np.linalg.det(transform))
    back = np.linalg.inv(transform)
    n = np.abs(transform).sum(axis=0) if index > 1 else np.zeros(3, dtype=int)
    cells = np.stack(np.meshgrid(*[np.arange(k + 1) for k in n], indexing="ij"), -1).reshape(-1, 3)
    # One translation of each class modulo the new lattice.
    shift = np.round((cells @ back % 1.0) * index).astype(int) % index
    first = np.unique(shift, axis=0, return_index=True)[1]
    if len(first) != index:
        raise ValueError(f"expected {index} cells in the supercell, got {len(first)}")
    frac = (crystal["frac"][None] + cells[first][:, None]) @ back
    return {
        "matrix": transform @ crystal["matrix"],
        "frac": frac.reshape(-1, 3),
        "z": np.tile(crystal["z"], index),
    }


def disguise(crystal, rng):
    """The same crystal in another cell, orientation, origin and order of atoms."""
    transform = hermite(int(rng.integers(1, 5)), rng) if rng.random() < 0.5 else unimodular(rng)
    other = in_cell(crystal, transform)
    order = rng.permutation(len(other["z"]))
    return {
        "matrix": other["matrix"] @ rotation(rng),
        "frac": (other["frac"][order] + rng.random(3)) % 1.0,
        "z": other["z"][order],
    }


def queries(entries, noise, repeats=QUERIES):
    """`repeats` queries of every entry at one noise level (RMS displacement, A)."""
    found = []
    for index, entry in enumerate(entries):
        for number in range(repeats):
            rng = np.random.default_rng([round(1000 * noise), index, number])
            found.append({"index": index, **disguise(perturb(entry, noise, rng), rng)})
    return found


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    entries = prototypes()
    for noise in NOISES:
        listed = [
            {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in q.items()}
            for q in queries(entries, noise)
        ]
        (folder / f"queries_{noise:.2f}.json").write_text(json.dumps(listed))


if __name__ == "__main__":
    main()
