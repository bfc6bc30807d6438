"""BraggCalculator's powder lines of crystals, for `throughput.py`: Python 3.12 or newer.

Reads a list of [matrix, fractional coordinates, atomic numbers] as JSON, and prints the seconds of
each turn, the first one cold, and the version.
"""

import importlib.metadata
import json
import sys
import time

from braggcalculator import BraggCalculator
from pymatgen.core import Structure


def main():
    turns = int(sys.argv[1])
    structures = [Structure(m, z, x) for m, x, z in json.load(sys.stdin)]
    times = []
    for _ in range(turns):
        begin = time.perf_counter()
        calculator = BraggCalculator(wavelength="CuKa1", two_theta_range=(5.0, 90.0))
        for structure in structures:
            calculator.load(structure).line_pattern()
        times.append(time.perf_counter() - begin)
    print(json.dumps([times, importlib.metadata.version("braggcalculator")]))


if __name__ == "__main__":
    main()
