"""Measured sets solved from nothing: how many, how well, how long; and what is claimed wrongly.

    JAXTAL_DATA=... python benchmarks/solving.py [--seeds N] [--sets NAME ...] [--again]

Every set of `JAXTAL_DATA/reflections` is given to `jxt.solve` with its cell, composition,
wavelength and radiation, not its space group, and with one set of defaults. *Right*: at least 95 %
of the reference's atoms but hydrogen (of occupancy one half and more) have an atom of the model
within 0.3 A after the best shift of origin and choice of hand, and the space group is the
reference's, or named among the alternatives (*named*). A *false claim* is a set claimed solved that
is not right. Atoms that the refinement of the reference has itself smeared out (U above 0.15 A^2)
are none: one derived model, R1 0.13, has four of them where its crystal has others. The result goes
to `results/solving.json` after every run, and from there to `README.md`; runs that are there are
not made again, unless told to.
"""

import argparse
import json
import os
import platform
import time
import warnings
from pathlib import Path
from typing import Any

import gemmi
import jax
import numpy as np
import report

import jaxtal as jxt
from jaxtal.phasing._free_agreement import superpose
from jaxtal.phasing._wave_vectors import wave_vectors_within
from jaxtal.solution._attempt import unexplained

RESULT = Path(__file__).parent / "results" / "solving.json"
REFERENCES = ("reference.cif", "reference.res", "reference_derived.cif")
NEAR, ENOUGH = 0.3, 0.95
#: U of an atom that its own refinement has smeared out, A^2.
SMEARED = 0.15


def sites_of(folder: Path, smeared: float = np.inf) -> list[tuple[str, list[float]]]:
    """Elements and positions of a reference, but rare sites and those of a larger U, A^2."""
    path = next(folder / name for name in REFERENCES if (folder / name).exists())
    if path.suffix == ".res":
        atoms = shelx_atoms(path.read_text(errors="replace"))
    else:
        sites = gemmi.read_small_structure(str(path)).sites
        there = [s for s in sites if not s.u_iso > smeared]
        atoms = [(s.element.name, s.fract.tolist(), s.occ) for s in there]
    return [(e, x) for e, x, share in atoms if share >= 0.5]


def reference(folder: Path) -> tuple[list[str], np.ndarray]:
    """Elements and positions of the asymmetric unit, but hydrogen, rare and smeared sites."""
    kept = [(e, x) for e, x in sites_of(folder, SMEARED) if e not in ("H", "D")]
    return [e for e, _ in kept], np.array([x for _, x in kept])


def shelx_atoms(text: str) -> list[tuple[str, list[float], float]]:
    """Element, position and occupancy of the atoms of a .res, those tied to FVAR left out."""
    elements, atoms = [], []
    for line in text.split("HKLF")[0].splitlines():
        words = line.split()
        if words and words[0].upper() == "SFAC":
            elements += [word.capitalize() for word in words[1:] if word.isalpha()]
        elif len(words) > 5 and words[1].isdigit() and 0 < int(words[1]) <= len(elements):
            # 10 is added to numbers that are fixed; of the site the share in the general position.
            x, y, z, share = (float(w) - 10 if float(w) > 5 else float(w) for w in words[2:6])
            atoms.append((elements[int(words[1]) - 1], [x, y, z], 1.0 if 0 < share <= 1 else 0.0))
    return atoms


def every(group: Any, x: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """All distinct atoms of the cell."""
    W, w = group.rotations, group.translations / group.denominator
    taken = np.zeros((0, 3))
    for image in (np.einsum("oij,pj->poi", W, x) + w).reshape(-1, 3):
        d = taken - image
        if np.linalg.norm((d - np.rint(d)) @ matrix, axis=1).min(initial=np.inf) > 0.05:
            taken = np.concatenate([taken, image[None]])
    return taken


def share_found(truth: np.ndarray, model: np.ndarray, matrix: np.ndarray, space: Any) -> float:
    """Share of true atoms with one of the model near, over origins and hands."""
    k = wave_vectors_within(space, 2 * np.pi / 1.0)
    k = k[k.any(axis=1)]
    k = k[[tuple(row) > (0, 0, 0) for row in k.tolist()]]
    F = np.exp(2j * np.pi * (k @ truth.T)).sum(axis=1)
    best = 0.0
    for hand in (1, -1):
        moved = hand * model
        shift = superpose(k, F, np.exp(2j * np.pi * (k @ moved.T)).sum(axis=1), hands=False)[2]
        d = truth[:, None] - (moved + shift)[None]
        near = np.linalg.norm((d - np.rint(d)) @ matrix, axis=-1).min(axis=1) < NEAR
        best = max(best, float(near.mean()))
    return best


def run(folder: Path, seed: int) -> dict[str, Any]:
    """Solve one set, and compare."""
    known = json.loads((folder / "meta.json").read_text())
    stated = {key: known[key] for key in ("cell", "wavelength", "radiation")}
    table = jxt.io.read_reflection_table(folder / "data.hkl").stating(**stated)
    begin, cpu = time.perf_counter(), time.process_time()
    found = jxt.solve(table, known["composition"].split("(")[0], seed=seed)
    row: dict[str, Any] = {
        "radiation": known["radiation"],
        "group": known["space_group"],
        "solved": found.solved,
        "message": found.message,
        "alternatives": found.alternatives,
        "seconds": time.perf_counter() - begin,
        "cpu": time.process_time() - cpu,
        "stages": found.seconds,
        "rung": found.structure.rung.text(),
        "reference_r1": known.get("verification", {}).get("R1"),
    }
    if found.refinement is None or found.candidate is None:
        return row | {"found": None, "r1": None, "share": 0.0, "right": False}
    model, group = found.refinement.model, jxt.SpaceGroup.find(known["space_group"])
    _, x = reference(folder)
    heavy = np.flatnonzero(model.atomic_numbers > 1)
    # The reference is in the axes of the file.
    inverse = np.linalg.inv(np.asarray(found.report.laue.index_matrix, float))
    atoms = every(found.candidate.group, model.frac[heavy], model.matrix)
    space = jxt.Superspace.periodic(known["cell"])
    matrix = 2 * np.pi * np.linalg.inv(space.parallel).T
    share = share_found(every(group, x, matrix), atoms @ inverse.T, matrix, space)
    same = found.candidate.group.number == group.number
    named = any(jxt.SpaceGroup.find(one).number == group.number for one in found.alternatives)
    return row | {
        "found": found.candidate.group.hm,
        "same": same,
        "named": named,
        "r1": found.refinement.R1,
        "left": unexplained(found.refinement),
        "share": share,
        "right": share >= ENOUGH and (same or named),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--sets", nargs="*", default=[])
    parser.add_argument("--again", action="store_true")
    options = parser.parse_args()
    home = Path(os.environ["JAXTAL_DATA"]) / "reflections"
    names = options.sets or sorted(path.name for path in home.iterdir() if path.is_dir())
    result = json.loads(RESULT.read_text()) if RESULT.exists() else {"runs": {}}
    result |= {"jax": jax.__version__, "cores": os.cpu_count(), "machine": platform.machine()}
    warnings.simplefilter("ignore")
    for seed in range(options.seeds):
        for name in names:
            if str(seed) in result["runs"].get(name, {}) and not options.again:
                continue
            row = run(home / name, seed)
            result["runs"].setdefault(name, {})[str(seed)] = row
            RESULT.write_text(json.dumps(result, indent=1) + "\n")
            r1 = "-" if row["r1"] is None else f"{row['r1']:.4f}"
            print(
                f"{name:18} seed {seed}: claimed {row['solved']!s:5} right {row['right']!s:5} "
                f"{row['found']} R1 {r1} {100 * row['share']:.0f} % {row['seconds']:.0f} s",
                flush=True,
            )
    report.write()


if __name__ == "__main__":
    main()
