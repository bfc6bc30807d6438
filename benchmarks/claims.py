"""Everything that the package claims, against the truth by an independent judge.

    python benchmarks/claims.py [--judge PYTHON] [--only-files]

Counted are the claims of other benchmarks, from their results: `reconstruct` (`success`), crystals
from a composition, phases of measured sets and `solve`. Runs made here, on fixed seeds: phases of
models, and crystals that `fingerprints(...).groups()` and `match_crystals` call the same. The judge
is never what made the claim: known phases and atoms, superposition on the crystal that the data
were made of, or pymatgen's StructureMatcher (`claims_judge.py`, by the Python that --judge names).

Two bounds for the share of false claims, one-sided, 95 %, of Clopper and Pearson: over claims, as
if they were independent; and over cases (crystals, sets), of which one is false if any claim of it
is. Claims of one case are repetitions with other seeds, so the second is the honest one.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import report
from solving_report import TWINS

RESULTS = Path(__file__).parent / "results"
RESULT = RESULTS / "claims.json"
#: Agreement of phases above which a structure is the true one, of models and of measured data.
MODEL, MEASURED = 0.97, 0.6
MODELS, SEEDS, STARTS = ("2d", "quartz", "3d", "laves", "modulated"), (11, 12, 13), 4

#: Case, tried, claims, false claims.
Count = tuple[str, int, int, int]


def load(name: str) -> Any:
    return json.loads((RESULTS / f"{name}.json").read_text())


def rebuilt() -> list[Count]:
    counts = [
        (row["name"], 1, int(row["claimed"]), int(row["claimed"] and not row["rebuilt"]))
        for rows in load("rebuilding")["builds"]["this"].values()
        for row in rows
    ]
    rates = load("reconstruction")["rates"]
    return counts + [
        (f"{name} ({row['starts']})", row["seeds"], row["claimed"], row["false_claims"])
        for name, row in rates.items()
    ]


def composed() -> list[Count]:
    return [
        (row["name"], 1, int(row["claimed"]), int(row["claimed"] and not row["right"]))
        for row in load("from_composition")["rows"]
    ]


def measured() -> list[Count]:
    """Starts of runs of four, of measured sets in all recipes."""
    counts = []
    for line in (RESULTS / "verdict.jsonl").read_text().splitlines():
        row = json.loads(line)
        wrong = [
            row["set"] in TWINS or row["agreement"][start] <= MEASURED
            for start in row["claimed"]["4"]
        ]
        counts.append((row["set"], 4, len(wrong), sum(wrong)))
    return counts


def solved(name: str) -> list[Count]:
    counts = []
    for case, seeds in load(name)["runs"].items():
        claimed = [row for row in seeds.values() if row["solved"]]
        false = sum(not row["right"] for row in claimed)
        counts.append((case, len(seeds), len(claimed), false))
    return counts


def phased() -> list[Count]:
    """Phases of models, whose structures, and others of the same moduli, are known."""
    from phasing import model_problem

    from jaxtal import phasing

    counts = []
    for name in MODELS:
        problem, known = model_problem(name)
        listed = phasing.model(name).reflections
        turn = np.exp(-2j * np.pi * listed.orbits.angle)
        right = [known, *(f * turn for f in phasing.model(name).alternatives)]
        equal = phasing.Equivalences.build(problem.orbits)
        for seed in SEEDS:
            found = phasing.phase(problem, starts=STARTS, seed=seed)
            claimed = [i for i, start in enumerate(found.starts) if start.converged]
            false = sum(
                max(equal.compare(one, found.f[i]).value for one in right) <= MODEL for i in claimed
            )
            counts.append((name, STARTS, len(claimed), int(false)))
    return counts


def pairs(judge: str) -> dict[str, list[Count]]:
    """Prototypes in other cells, and others much like them: which pairs are called one crystal."""
    import jaxtal as jxt
    from jaxtal.crystal import prototype_names

    rng = np.random.default_rng(0)
    listed, kinds = [], []
    for name in prototype_names():
        whole = jxt.prototype(name).expand().to_ase()
        for noise in (0.0, 0.0, 0.002, 0.002, 0.05, 0.1, 0.2, 0.4):
            listed.append(_disguised(whole, noise, rng))
            kinds.append((name, noise))
    groups = np.asarray(jxt.fingerprints([jxt.Crystal.from_ase(one) for one in listed]).groups())
    n = len(listed)
    near = [(i, j) for i in range(n) for j in range(i) if kinds[i][0] == kinds[j][0]]
    together = [(i, j) for i in range(n) for j in range(i) if groups[i] == groups[j]]
    matched = [
        (i, j)
        for i, j in near
        if jxt.match_crystals(jxt.Crystal.from_ase(listed[i]), jxt.Crystal.from_ase(listed[j]))
        is not None
    ]
    found = {}
    for title, tried, claims in (
        ("duplicates (`groups`)", n * (n - 1) // 2, together),
        ("`match_crystals`", len(near), matched),
    ):
        same = _judged([(listed[i], listed[j]) for i, j in claims], judge)
        by_case: dict[str, list[int]] = {name: [0, 0] for name in prototype_names()}
        for (i, _), right in zip(claims, same, strict=True):
            by_case[kinds[i][0]][0] += 1
            by_case[kinds[i][0]][1] += not right
        each = tried // len(by_case)
        found[title] = [(name, each, *numbers) for name, numbers in by_case.items()]
    return found


def _disguised(atoms: Any, noise: float, rng: np.random.Generator) -> Any:
    """Another cell, origin and order of atoms, all of them moved by so many angstrom, rms."""
    from ase.build import make_supercell

    moved = atoms.copy()
    steps = rng.normal(size=(len(moved), 3))
    steps -= steps.mean(axis=0)
    size = np.sqrt((steps**2).sum() / len(moved))
    moved.positions += steps * (noise / size if size > 0 else 0.0)
    skew = np.eye(3, dtype=int)
    i, j = rng.permutation(3)[:2]
    skew[i, j] = rng.integers(-1, 2)
    moved = make_supercell(moved, skew)
    moved.positions += rng.random(3) @ np.asarray(moved.cell)
    return moved[rng.permutation(len(moved))]


def _judged(claims: list[tuple[Any, Any]], judge: str) -> list[bool]:
    plain = [
        [
            {
                "matrix": np.asarray(one.cell).tolist(),
                "frac": one.get_scaled_positions().tolist(),
                "z": one.numbers.tolist(),
            }
            for one in pair
        ]
        for pair in claims
    ]
    words = [judge, str(Path(__file__).with_name("claims_judge.py"))]
    done = subprocess.run(words, input=json.dumps(plain), capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"the judge: {done.stderr[-500:]}")
    return json.loads(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--judge", default=sys.executable, help="a Python that has pymatgen")
    parser.add_argument("--only-files", action="store_true", help="run nothing")
    options = parser.parse_args()
    result: dict[str, list[Count]] = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    result |= {
        "`reconstruct`: success, sites known": rebuilt(),
        "`from_composition`: a crystal found": composed(),
        "`phase`: starts, measured sets": measured(),
        "`solve`: solved, measured sets": solved("solving"),
        "`solve`: solved, simulated, hard and nonsense": solved("robustness"),
    }
    if not options.only_files:
        result["`phase`: starts, models"] = phased()
        RESULT.write_text(json.dumps(result, indent=1) + "\n")
        result |= pairs(options.judge)
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    report.write()


if __name__ == "__main__":
    main()
