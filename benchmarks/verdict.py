"""The verdict of `jxt.phase` on measured sets: what is claimed wrongly, what is not recognised.

    JAXTAL_DATA=... python benchmarks/verdict.py [--seeds N] [--minutes M] [--sets NAME ...]

Every set of `JAXTAL_DATA/reflections` is phased in its space group (rows with I > sigma, merged,
absences left out), and expanded to P 1, with 16 starts and several recipes and windows. Starts are
judged one by one in three dimensions, by a witness that depends on the seed alone: the first 4 and
8 of a run of 16 are what runs of 4 and 8 would have made and claimed. In P 1, where starts judge
each other, the verdict is made anew of the first 4 and 8, and no start is begun twice.

A start is *right* where its phases agree with those of the reference model, modulo origin and hand
and weighted with the intensity, above 0.6. A claim is *false* where a claimed start is not. A line
of `results/verdict.jsonl` is one set, recipe and seed; lines that are there are not made again.
"""

import argparse
import dataclasses
import json
import os
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import report
from solving import sites_of

import jaxtal as jxt
from jaxtal import phasing
from jaxtal.phasing._verdict import verdict
from jaxtal.scattering import FormFactors

RESULT = Path(__file__).parent / "results" / "verdict.jsonl"
STARTS = (4, 8, 16)
TABLES = {"xray": "waasmaier-kirfel", "electron": "electron", "neutron": "neutron"}
#: Options of `jxt.phase`, and the group: that of the set, or none.
RECIPES: dict[str, dict[str, Any]] = {
    "default": {},
    "triangle": {"window": "triangle"},
    "none": {"window": None},
    "sweep": {"recipe": "sweep"},
    "gaussian": {"window": "gaussian"},
    "short": {"recipe": "short"},
    "P 1": {"group": "P 1"},
    "P 1, triangle": {"group": "P 1", "window": "triangle"},
}


def named(recipe: str) -> phasing.Recipe | str:
    """A recipe by name; "short" is the default one with a quarter of its search."""
    return phasing.recipe("relaxed").resized(50) if recipe == "short" else recipe


def phases_of(folder: Path, radiation: str, problem: phasing.PhasingProblem) -> np.ndarray:
    """Measured amplitudes with the phases of the reference model, one of each orbit."""
    elements, x = zip(*sites_of(folder), strict=True)
    orbits, group = problem.orbits, jxt.SpaceGroup.find(_meta(folder)["space_group"])
    k = orbits.k
    s2 = problem.reflections.stol2
    kinds = sorted(set(elements))
    f = np.asarray(FormFactors.build(kinds, TABLES[radiation], host=True)(s2), float)
    W, w = group.rotations.astype(float), group.translations / group.denominator
    matrix = 2 * np.pi * np.linalg.inv(problem.reflections.space.parallel).T
    F = np.zeros(len(k), complex)
    for element, point in zip(elements, x, strict=True):
        images = W @ point + w
        d = images - images[0]
        own = np.linalg.norm((d - np.round(d)) @ matrix, axis=1) < 0.05
        waves = np.exp(2j * np.pi * (k @ images.T)).sum(axis=1) / own.sum()
        F += f[kinds.index(element)] * waves
    F *= np.exp(-3.0 * s2)
    return problem.lower * np.exp(1j * np.angle(F) - 2j * np.pi * orbits.angle)


def _meta(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "meta.json").read_text())


def run(folder: Path, recipe: str, seed: int) -> dict[str, Any]:
    """Phase one set with 16 starts, and judge the first 4, 8 and 16."""
    known, options = _meta(folder), dict(RECIPES[recipe])
    listed = jxt.io.read_reflections(
        folder / "data.hkl",
        known["cell"],
        known["space_group"],
        merge="mean",
        min_i_over_sigma=1.0,
        extinct="drop",
    )
    alone = options.pop("group", None) == "P 1"
    if alone:
        listed = listed.expanded()
    stages = named(options.pop("recipe", "default"))
    if isinstance(stages, str):
        stages = phasing.recipe(stages, listed.n_reflections)
    lone = alone or len(listed.group.point_rotations) == 1
    if lone:
        stages = dataclasses.replace(stages, restarts=0)
    begun = time.process_time()
    found = jxt.phase(listed, recipe=stages, starts=max(STARTS), seed=seed, **options)
    equivalences = phasing.Equivalences.build(found.problem.orbits)
    truth = phases_of(folder, known["radiation"], found.problem)
    agreement = [float(equivalences.compare(truth, one).value) for one in found.f]
    claimed = {}
    for n in STARTS:
        told = np.array([one.converged for one in found.starts[:n]])
        if lone and found.twin is None:
            ratio = np.array([one.ratio for one in found.starts[:n]])
            r_factor = np.array([one.r_factor for one in found.starts[:n]])
            told = verdict(
                equivalences, stages, found.f[:n], ratio, r_factor, list(range(n)), lambda: None
            ).converged
        claimed[str(n)] = [int(i) for i in np.flatnonzero(told)]
    return {
        "set": folder.name,
        "recipe": recipe,
        "seed": seed,
        "agreement": [round(value, 3) for value in agreement],
        "with_witness": [round(one.agreement, 3) for one in found.starts],
        "claimed": claimed,
        "witnesses": [one.text() for one in found.witnesses],
        "cpu": round(time.process_time() - begun, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--sets", nargs="*", default=[])
    parser.add_argument("--recipes", nargs="*", default=list(RECIPES))
    options = parser.parse_args()
    home = Path(os.environ["JAXTAL_DATA"]) / "reflections"
    folders = [path for path in home.iterdir() if path.is_dir()]
    # The small ones first: size of a file tells.
    folders.sort(key=lambda path: (path / "data.hkl").stat().st_size)
    if options.sets:
        folders = [path for path in folders if path.name in options.sets]
    lines = RESULT.read_text().splitlines() if RESULT.exists() else []
    done = {(row["set"], row["recipe"], row["seed"]) for row in map(json.loads, lines)}
    warnings.simplefilter("ignore")
    begun = time.perf_counter()
    for seed in range(options.seeds):
        for recipe in options.recipes:
            for folder in folders:
                if (folder.name, recipe, seed) in done:
                    continue
                if time.perf_counter() - begun > 60 * options.minutes:
                    report.write()
                    return
                row = run(folder, recipe, seed)
                with RESULT.open("a") as file:
                    file.write(json.dumps(row) + "\n")
                right = np.array(row["agreement"]) > 0.6
                false = [i for i in row["claimed"]["16"] if not right[i]]
                print(
                    f"{folder.name:18} {recipe:14} seed {seed}: right {int(right.sum()):2} "
                    f"claimed {len(row['claimed']['16']):2} false {len(false)} "
                    f"{row['cpu']:.0f} s  {row['witnesses'][:1]}",
                    flush=True,
                )
    report.write()


if __name__ == "__main__":
    main()
