"""A peer of `throughput.py` that has to have a process of its own.

    python throughput_peer.py RINSE|BraggCalculator TURNS < crystals.json

RINSE, since cctbx crashes beside other libraries; BraggCalculator, since it takes Python 3.12 or
newer. Reads a list of [matrix, fractional coordinates, atomic numbers], and prints the seconds of
each turn, the first one cold, and the version.
"""

import importlib.metadata
import json
import sys
import time


def rinse(cells):
    import rinse_descriptor
    from peers import cctbx_structures

    keys = ("matrix", "frac", "z")
    structures = cctbx_structures([dict(zip(keys, cell, strict=True)) for cell in cells])
    return lambda: rinse_descriptor.descriptor_many(structures)


def bragg_calculator(cells):
    from braggcalculator import BraggCalculator
    from pymatgen.core import Structure

    structures = [Structure(m, z, x) for m, x, z in cells]

    def run():
        calculator = BraggCalculator(wavelength="CuKa1", two_theta_range=(5.0, 90.0))
        return [calculator.load(one).line_pattern() for one in structures]

    return run


def main():
    makers = {
        "RINSE": (rinse, "rinse-descriptor"),
        "BraggCalculator": (bragg_calculator, "braggcalculator"),
    }
    make, package = makers[sys.argv[1]]
    run, times = make(json.load(sys.stdin)), []
    for _ in range(int(sys.argv[2])):
        begin = time.perf_counter()
        run()
        times.append(time.perf_counter() - begin)
    print(json.dumps([times, importlib.metadata.version(package)]))


if __name__ == "__main__":
    main()
