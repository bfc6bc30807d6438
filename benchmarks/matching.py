"""Which distance finds a perturbed, disguised crystal again, and which grows with the perturbation?

    pip install ".[bench]"
    python benchmarks/matching.py [--only TEXT] [--cache FOLDER]    # all methods, or those named so
    python benchmarks/matching.py --time                            # time per structure
    python benchmarks/matching.py --wheel crystal_toolkit-*.whl     # the held-out crystals

The 288 prototypes of the AFLOW encyclopaedia are the entries; `disguise.py` makes five queries of
each at two noise levels (and writes them to a folder as queries_0.05.json and queries_0.10.json).
A query is found if its nearest entry is its own, or the other entry of its class. Five numbers per
method and level: of all queries; of those of the ten SiO2 polymorphs, among all entries; the same
among the SiO2 entries alone; those of entries whose composition another entry has too, among the
entries of that composition (what is left of the task if the composition is known).

Ranking: 50 entries of two or more atoms, 20 sizes s = 0.01..0.2 A (RMS displacement s, strain 0.2
s/A, volume 1 +- 0.5 s/A: at s = 0.1 A the larger noise), disguised anew each time; Spearman's
correlation of s with the distance from the unperturbed entry, once along a fixed direction, once
with new random numbers at each size.

Held out: nothing was chosen with the crystals of Matbench's dielectric set (`property_data.py` says
where they come from). 288 of them of at most 40 atoms, drawn at random, and the same queries. Many
have the same structure type and differ in their elements alone, so that the metric is also run with
its composition term, and SOAP sees elements.

Fingerprints are kept in a cache folder, named after the crystals they belong to. Peers that are not
installed are left out; methods of the library alone need none but pymatgen, which has the entries.
The result goes to `results/matching.json` and from there to `README.md`.
"""

import argparse
import contextlib
import hashlib
import importlib.metadata
import json
import os
import pickle
import platform
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

with contextlib.suppress(ImportError):
    # Its libraries end the process when others have been loaded before them.
    import rinse_descriptor  # noqa: F401

import disguise
import jax
import jax.numpy as jnp
import numpy as np
import peers
import report
from scipy.stats import spearmanr

from jaxtal import descriptors
from jaxtal.crystal import Crystal, CrystalArrays
from jaxtal.descriptors import DescriptorPlan
from jaxtal.diffraction._found_reflections import FoundReflections
from jaxtal.lattice import niggli_reduce
from jaxtal.metric import CrystalMetric

HERE = Path(__file__).parent
RESULT = HERE / "results" / "matching.json"
SIZES = np.linspace(0.01, 0.2, 20)
RANKED = 50
HELD_OUT, HELD_OUT_ATOMS = 288, 40


@dataclass
class Method:
    """A distance: what is made of a list of crystals, and how two such lists are compared.

    `key` names what is cached ("": nothing); methods that share it share the fingerprints.
    `compare(a, b, pairs)` has pairs = None if every pair is wanted; `slow` says it gets the pairs
    that matter instead, and its distances are cached too.
    """

    key: str
    make: Any
    compare: Any
    slow: bool = False
    ranked: bool = True


def spectra(crystals, descriptor):
    """P of the library's descriptor; crystals of about one size share a compiled program."""

    def power(n, least, step):
        return int(least * step ** max(0, np.ceil(np.log(n / least) / np.log(step) - 1e-9)))

    q_max, plans, found = descriptor.space.q_max, {}, []
    for c in crystals:
        matrix, transform = niggli_reduce(np.asarray(c["matrix"]))
        lengths = np.sort(np.linalg.norm(matrix, axis=1))
        bounds = tuple(power(q_max * a / (2 * np.pi) + 1, 16, 2) for a in lengths)
        points = power(1.1 * q_max**3 * abs(np.linalg.det(matrix)) / (12 * np.pi**2) + 50, 1024, 4)
        slots = power(len(set(np.asarray(c["z"]).tolist())), 4, 2)
        if (bounds, points, slots) not in plans:
            room = FoundReflections.build(descriptor.space, bounds, points, max_species=slots)
            plans[bounds, points, slots] = DescriptorPlan(descriptor, room, None)
        n = len(c["z"])
        size = min(max(power(n, 32, 4), points // 128), 512)
        frac, z = np.zeros((size, 3), np.float32), np.zeros(size, np.int32)
        frac[:n], z[:n] = np.asarray(c["frac"]) @ np.linalg.inv(transform) % 1.0, c["z"]
        arrays = (jnp.asarray(x) for x in (matrix.astype(np.float32), frac, z, z > 0))
        made = plans[bounds, points, slots](CrystalArrays(*arrays))
        if not made.complete:
            raise ValueError("a plan was too small for a crystal")
        found.append(np.asarray(made.power_spectrum, float).ravel())
    return np.array(found)


def metric_vectors(crystals, metric):
    """Vectors of the library's metric, on the cells as they come."""
    made = [Crystal.from_arrays(c["matrix"], c["frac"], c["z"]) for c in crystals]
    found = metric(made)
    if not np.all(found.complete):
        print(f"{np.sum(~found.complete)} of {len(crystals)} crystals are not complete")
    return np.asarray(found.vector, dtype=float)


def methods(species):
    """All methods by name; those whose package is missing are left out."""
    table = {}
    terms = {", composition": {"composition": 1.0}}
    terms[", composition, stacking"] = {"composition": 1.0, "stacking": 1.0}
    for name, weights in ({"": {}} | terms).items():
        made = partial(metric_vectors, metric=CrystalMetric(**weights))
        table[f"jaxtal CrystalMetric{name}"] = Method("", made, _euclidean)
    for name, text in (("default", "P, default"), ("paper", "P, paper's equations")):
        made = partial(spectra, descriptor=descriptors.preset(name))
        table[f"jaxtal {text}"] = Method(f"jaxtal-{name}", made, _euclidean)
    if _installed("pyxtal"):
        table["RECP"] = Method("recp", peers.recp, _euclidean)
    if _installed("rinse-descriptor"):
        for volume, text in ((None, ""), (peers.VOLUME_PER_ATOM, ", scaled")):
            made = partial(peers.rinse, volume=volume)
            table[f"RINSE{text}"] = Method(f"rinse{text[2:]}", made, _euclidean)
    if _installed("dscribe"):
        for options in SOAPS:
            key = "-".join(["soap", *(str(v) for v in options.values())])
            made = partial(peers.soap, species=species, **options)
            for text, compare in (("Euclidean", _euclidean), ("normalised", _cosine)):
                name = _soap_name(options, text)
                table[name] = Method(key, made, compare, ranked=name in RANKED_SOAPS)
    if _installed("average-minimum-distance"):
        for volume, text in ((None, ""), (1.0, ", scaled")):
            made = partial(peers.pdd, volume=volume)
            key = "pdd-scaled" if volume else "pdd"
            table[f"AMD{text}"] = Method(key, made, lambda a, b, pairs: peers.amd_distances(a, b))
            table[f"PDD{text}"] = Method(key, made, peers.pdd_distances, slow=True)
    table["StructureMatcher"] = Method("matcher", peers.structures, _matcher, slow=True)
    return table


#: SOAP as it is used, of a crystal as it is, and what may suit the task better: blind to elements
#: or weighted by Z, scaled to one volume per atom, narrower Gaussians.
SOAPS = (
    *(
        {"average": average, "weights": weights}
        for weights in ("off", "1", "Z")
        for average in ("inner", "outer")
    ),
    *(
        {"average": average, "weights": "off", "volume": peers.VOLUME_PER_ATOM, "sigma": sigma}
        for sigma in (1.0, 0.5)
        for average in ("inner", "outer")
    ),
)
RANKED_SOAPS = (
    "SOAP inner, elements apart, normalised",
    "SOAP outer, elements apart, normalised, scaled, sigma 0.5",
)


def _soap_name(options, text):
    kinds = {"off": "elements apart", "1": "no elements", "Z": "weights Z"}
    parts = [f"SOAP {options['average']}", kinds[options["weights"]], text]
    parts += ["scaled"] if "volume" in options else []
    parts += [f"sigma {options['sigma']}"] if options.get("sigma", 1.0) != 1.0 else []
    return ", ".join(parts)


def _euclidean(a, b, pairs):
    return peers.euclidean(a, b)


def _cosine(a, b, pairs):
    return peers.cosine(a, b)


def _matcher(a, b, pairs, nearest=True):
    return peers.matcher_distances(a, b, pairs)


def _installed(package):
    try:
        importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        print(f"{package} is not installed: left out")
        return False
    return True


class Cache:
    """Results on disk by a name and the crystals they belong to."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)

    def __call__(self, name, crystals, make):
        text = repr(
            [[np.asarray(c[k]).tolist() for k in ("matrix", "frac", "z")] for c in crystals]
        )
        path = self.folder / f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:12]}.pkl"
        if path.exists():
            return pickle.loads(path.read_bytes())
        begin = time.perf_counter()
        made = make()
        print(
            f"  {name}: {len(crystals)} crystals, {time.perf_counter() - begin:.0f} s", flush=True
        )
        part = path.with_suffix(".part")
        part.write_bytes(pickle.dumps(made))
        part.rename(path)
        return made


def distances(method, queries, entries, pairs, cache, nearest=True):
    """The matrix of distances, through the cache."""
    a = cache(method.key, queries, lambda: method.make(queries))
    b = cache(method.key, entries, lambda: method.make(entries))
    if not method.slow:
        return method.compare(a, b, None)
    name = f"{method.key}-distances"
    return cache(name, queries, lambda: method.compare(a, b, pairs, nearest=nearest))


def held_out(wheel):
    """Entries that no choice was made with, as `disguise.prototypes` has its own."""
    import property_data

    crystals, _, _ = property_data.load(wheel)
    small = [i for i, atoms in enumerate(crystals) if len(atoms) <= HELD_OUT_ATOMS]
    chosen = np.sort(np.random.default_rng(11).choice(small, HELD_OUT, replace=False))
    return [
        {
            "matrix": np.asarray(crystals[i].cell).tolist(),
            "frac": crystals[i].get_scaled_positions().tolist(),
            "z": crystals[i].numbers.tolist(),
            "formula": disguise.formula(crystals[i].numbers),
            "tags": {"aflow": f"no. {i}", "mineral": None},
        }
        for i in chosen
    ]


def score(D, index, entries, own):
    """Counts of queries found, and what most of the others were taken for."""
    formulas = np.array([e["formula"] for e in entries])
    same = formulas[index][:, None] == formulas[None]
    nearest, among = D.argmin(axis=1), np.where(same, D, np.inf).argmin(axis=1)
    rows = np.arange(len(index))
    found = (own[nearest] == own[index]) & np.isfinite(D[rows, nearest])
    found_among = (own[among] == own[index]) & np.isfinite(D[rows, among])
    silica = formulas[index] == "SiO2"
    shared = same.sum(axis=1) > 1
    wrong = Counter(
        (int(i), int(j) if np.isfinite(D[q, j]) else -1)
        for q, i, j in zip(rows, index, nearest, strict=True)
        if not found[q]
    )
    names = [disguise.name(e) for e in entries] + ["nothing"]
    return {
        "all": [int(found.sum()), len(index)],
        "SiO2 among all": [int(found[silica].sum()), int(silica.sum())],
        "SiO2 among SiO2": [int(found_among[silica].sum()), int(silica.sum())],
        "same composition": [int(found_among[shared].sum()), int(shared.sum())],
        "confusions": [[names[i], names[j], n] for (i, j), n in wrong.most_common(10)],
    }


def ranking_queries(entries, fresh):
    """The crystals of the ranking: (queries, index of the entry of each)."""
    many = [i for i, e in enumerate(entries) if len(e["z"]) > 1]
    chosen = np.sort(np.random.default_rng(5).choice(many, RANKED, replace=False))
    found, index = [], []
    for i in chosen:
        for number, size in enumerate(SIZES):
            rng = np.random.default_rng([7, i, number if fresh else 0])
            moved = disguise.perturb(
                entries[i], size, rng, strain=0.2 * size, volume=min(0.5 * size, 0.5)
            )
            found.append(disguise.disguise(moved, np.random.default_rng([8, i, number, fresh])))
            index.append(int(i))
    return found, np.array(index)


def rank(method, entries, fresh, cache):
    """Spearman's correlations of size and distance: least, mean, and how many are above 0.95."""
    queries, index = ranking_queries(entries, fresh)
    pairs = index[:, None] == np.arange(len(entries))[None]
    D = distances(method, queries, entries, pairs, cache, nearest=False)
    own = D[np.arange(len(index)), index].reshape(RANKED, len(SIZES))
    # No match at all is further than every match.
    own = np.where(np.isfinite(own), own, 1e9)
    r = np.array([spearmanr(SIZES, row).statistic if np.ptp(row) > 0 else 0.0 for row in own])
    return {"least": float(r.min()), "mean": float(r.mean()), "above": int(np.sum(r > 0.95))}


def seconds(method, crystals, entries):
    """Time of a fingerprint and of a distance, ms: lists of crystals, warm.

    Slow distances are those of each query to its own entry, the others all of a matrix.
    """
    n = len(crystals)
    a, b = method.make(crystals), method.make([entries[c["index"]] for c in crystals])
    rest = {"pairs": np.eye(n, dtype=bool), "nearest": False} if method.slow else {"pairs": None}
    made = _median_seconds(lambda: method.make(crystals))
    compared = _median_seconds(lambda: method.compare(a, b, **rest))
    pairs = n if method.slow else n * n
    return {"fingerprint_ms": 1e3 * made / n, "pair_ms": 1e3 * compared / pairs}


def _median_seconds(job, turns=3):
    """Time of a job that has run once before."""
    job()
    times = []
    for _ in range(turns):
        begin = time.perf_counter()
        job()
        times.append(time.perf_counter() - begin)
    return float(np.median(times))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="methods whose name contains this")
    parser.add_argument("--cache", default=Path(tempfile.gettempdir()) / "jaxtal-matching")
    parser.add_argument("--time", action="store_true", help="times, nothing else")
    parser.add_argument("--wheel", help="the held-out crystals, from this wheel, nothing else")
    options = parser.parse_args()
    entries = held_out(options.wheel) if options.wheel else disguise.prototypes()
    own = np.arange(HELD_OUT) if options.wheel else disguise.classes(len(entries))
    result = {}
    species = sorted({z for e in entries for z in e["z"]})
    table = {n: m for n, m in methods(species).items() if options.only in n}
    cache = Cache(options.cache)
    levels = {f"{noise:.2f}": disguise.queries(entries, noise) for noise in disguise.NOISES}
    if options.time:
        some = levels["0.10"][::24]
        result["time"] = {n: seconds(m, some, entries) for n, m in table.items() if m.ranked}
        result["time_structures"] = [len(some), float(np.mean([len(c["z"]) for c in some]))]
        table = {}
    if options.wheel:
        repeated = Counter(e["formula"] for e in entries)
        alone = sum(repeated[e["formula"]] == 1 for e in entries)
        result["held_out_crystals"] = {"atoms": HELD_OUT_ATOMS, "alone": alone}
        table = {name: method for name, method in table.items() if method.ranked}
    formulas = np.array([e["formula"] for e in entries])
    for name, method in table.items():
        print(name, flush=True)
        for level, queries in levels.items():
            index = np.array([q["index"] for q in queries])
            pairs = formulas[index][:, None] == formulas[None]
            D = distances(method, queries, entries, pairs, cache)
            found = score(D, index, entries, own)
            place = "held out" if options.wheel else "noise"
            result.setdefault(place, {}).setdefault(level, {})[name] = found
            print(f"  {level}", {k: v for k, v in found.items() if k != "confusions"}, flush=True)
        if method.ranked and not options.wheel:
            for fresh, kind in ((False, "one direction"), (True, "random")):
                found = rank(method, entries, fresh, cache)
                result.setdefault("ranking", {}).setdefault(kind, {})[name] = found
                print(f"  ranking, {kind}", found, flush=True)
        _save(result)
    _save(result)
    report.write()


def _save(result):
    """Add to what the file has."""
    packages = (
        *("pymatgen", "pyxtal", "dscribe", "average-minimum-distance", "rinse-descriptor"),
        *("ase", "jaxtal"),
    )
    result["versions"] = {"jax": jax.__version__} | {
        p: importlib.metadata.version(p) for p in packages if _installed(p)
    }
    result["cores"], result["machine"] = os.cpu_count(), platform.machine()
    result["device"], result["dtype"] = jax.devices()[0].device_kind, "float32"
    before = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(_joined(before, result), indent=1) + "\n")


def _joined(old, new):
    """Dictionaries merged at the levels that hold methods, the new one's values first."""
    both = dict(old)
    for key, value in new.items():
        deeper = isinstance(value, dict) and isinstance(old.get(key), dict) and "all" not in value
        both[key] = _joined(old[key], value) if deeper else value
    return both


if __name__ == "__main__":
    main()
