"""Simulated sets solved from nothing: hard ones, and ones that must not be claimed solved.

    JAXTAL_DATA=... python benchmarks/robustness.py [--seeds N] [--sets NAME ...] [--again]

Sets and what is wrong with them are in `simulated_reflections.py`. Judged as in `solving.py`; the
program is told the composition, unless the case says otherwise, and not the group. A claim is false
where less than 95 % of the atoms are there, the group is neither right nor named, or the data are
nonsense. Runs that are in `results/robustness.json` are not made again, unless told to.
"""

import argparse
import json
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import report
from simulated_reflections import CASES, composition, simulated
from solving import ENOUGH, every, share_found

import jaxtal as jxt
from jaxtal.solution._attempt import unexplained

RESULT = Path(__file__).parent / "results" / "robustness.json"


def run(name: str, seed: int) -> dict[str, Any]:
    """Solve one set, and compare."""
    case = CASES[name]
    table, truth = simulated(name)
    heavy = [i for i, e in enumerate(truth.elements) if e != "H"]
    begin, cpu = time.perf_counter(), time.process_time()
    row: dict[str, Any] = {
        "group": truth.group.hm,
        "atoms": len(heavy),
        "d_min": case.d_min,
        "signal": None,
        "completeness": None,
        "believed": case.believed,
        "solved": False,
        "found": None,
        "r1": None,
        "share": 0.0,
        "right": False,
    }
    try:
        found = jxt.solve(table, composition(case, truth), seed=seed)
    except ValueError as error:
        spent = {"seconds": time.perf_counter() - begin, "cpu": time.process_time() - cpu}
        return row | spent | {"message": f"refused: {error}", "families": [], "pairs": 0.0}
    completeness = found.report.completeness
    row |= {
        "signal": found.report.r_sigma,
        "completeness": None if completeness is None else round(completeness, 3),
        "solved": found.solved,
        "message": found.message,
        "alternatives": found.alternatives,
        "seconds": time.perf_counter() - begin,
        "cpu": time.process_time() - cpu,
        "rung": found.structure.rung.text(),
        "families": [len(one) for one in found.structure.families],
        "pairs": found.structure.pairs,
    }
    if found.refinement is None or found.candidate is None:
        return row
    model = found.refinement.model
    at = np.flatnonzero(model.atomic_numbers > 1)
    inverse = np.linalg.inv(np.asarray(found.report.laue.index_matrix, float))
    atoms = every(found.candidate.group, model.frac[at], model.matrix) @ inverse.T
    space = jxt.Superspace.periodic(truth.matrix)
    share = share_found(
        every(truth.group, truth.frac[heavy], truth.matrix), atoms, truth.matrix, space
    )
    groups = [found.candidate.group.hm, *found.alternatives]
    same = any(jxt.SpaceGroup.find(one).number == truth.group.number for one in groups)
    return row | {
        "found": found.candidate.group.hm,
        "r1": found.refinement.R1,
        "left": unexplained(found.refinement),
        "share": share,
        "right": bool(share >= ENOUGH and same and case.believed),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--sets", nargs="*", default=[])
    parser.add_argument("--again", action="store_true")
    options = parser.parse_args()
    result = json.loads(RESULT.read_text()) if RESULT.exists() else {"runs": {}}
    warnings.simplefilter("ignore")
    for seed in range(options.seeds):
        for name in options.sets or CASES:
            rows = result["runs"].setdefault(name, {})
            if str(seed) in rows and not options.again:
                continue
            row = rows[str(seed)] = run(name, seed)
            RESULT.write_text(json.dumps(result, indent=1) + "\n")
            r1 = "-" if row["r1"] is None else f"{row['r1']:.3f}"
            print(
                f"{name:20} {seed}: claimed {row['solved']!s:5} right {row['right']!s:5} "
                f"{row['found']} R1 {r1} {100 * row['share']:.0f} % {row['seconds']:.0f} s  "
                f"[{row['families']} {row['pairs']:.2f}] {row['message']}",
                flush=True,
            )
    report.write()


if __name__ == "__main__":
    main()
