"""The judge of `claims.py`: pymatgen's StructureMatcher, in an environment that has it.

python benchmarks/claims_judge.py < PAIRS > VERDICTS

A list of pairs of crystals in JSON (matrix, frac, z) becomes a list of true and false. Nothing of
jaxtal is used. Lengths must agree to 2 %, angles to 1 degree, sites to 0.02 (V / N)^(1/3) rms; the
volume is not scaled.
"""

import json
import sys

from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.core import Structure


def main() -> None:
    matcher = StructureMatcher(
        ltol=0.02, stol=0.02, angle_tol=1.0, scale=False, primitive_cell=True
    )
    found = []
    for pair in json.load(sys.stdin):
        one, other = (Structure(x["matrix"], x["z"], x["frac"]) for x in pair)
        found.append(bool(matcher.fit(one, other)))
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
