"""Write `powder.json`: powder lines of crystals of `crystals.json` by pymatgen's `XRDCalculator`.

    pip install pymatgen
    python tests/reference/generate_powder.py

Per crystal: name, wavelength (angstrom), range of 2 theta (degrees), and columns of lines in the
order of the angle: `two_theta` (degrees), `d` (angstrom), `intensity` (of 100 for the strongest)
and `hkl`, a list of [h, k, l, multiplicity] for the families of each line. Four-index symbols of
hexagonal cells are written without i = -h - k. `b_iso` (angstrom^2) is B of every element.
"""

import importlib.metadata
import json
import pathlib

from pymatgen.analysis.diffraction.xrd import XRDCalculator
from pymatgen.core import Structure

HERE = pathlib.Path(__file__).parent

# name: (wavelength, range, B of all atoms)
CASES = {
    "alpha-quartz": (1.5406, (5.0, 90.0), 0.0),
    "rock-salt": (1.54184, (5.0, 120.0), 0.8),
    "diamond": (0.7107, (5.0, 90.0), 0.0),
    "kyanite": (1.5406, (5.0, 50.0), 0.0),
}


def main() -> None:
    entries = {e["name"]: e for e in json.loads((HERE / "crystals.json").read_text())}
    cases = []
    for name, (wavelength, limits, b) in CASES.items():
        entry = entries[name]
        structure = Structure(entry["matrix"], entry["numbers"], entry["frac"])
        factors = {element.symbol: b for element in structure.elements} if b else None
        calculator = XRDCalculator(wavelength, debye_waller_factors=factors)
        pattern = calculator.get_pattern(structure, two_theta_range=limits)
        hkl = [
            [[f["hkl"][0], f["hkl"][1], f["hkl"][-1], f["multiplicity"]] for f in families]
            for families in pattern.hkls
        ]
        cases.append(
            {
                "name": name,
                "wavelength": wavelength,
                "limits": limits,
                "b_iso": b,
                "two_theta": [round(float(x), 8) for x in pattern.x],
                "d": [round(float(x), 8) for x in pattern.d_hkls],
                "intensity": [float(f"{y:.9g}") for y in pattern.y],
                "hkl": hkl,
            }
        )
        print(f"{name:22s} {len(hkl):4d} lines")
    version = f"pymatgen {importlib.metadata.version('pymatgen')}"
    lines = ",\n ".join(json.dumps(case, separators=(",", ":")) for case in cases)
    (HERE / "powder.json").write_text(f'{{"version": "{version}", "cases": [\n {lines}\n]}}\n')


if __name__ == "__main__":
    main()
