"""Writes jaxtal/scattering/_data/doyle_turner_smith_burge.csv.

The numbers are the published four-Gaussian fits of electron scattering factors by Doyle & Turner
(1968) and, for the elements that they left out, Smith & Burge (1962), rounded to three decimals as
textbooks print them. No package that jaxtal depends on holds this set (gemmi's C4322 is the
five-Gaussian table of International Tables C 4.3.2.2), and the `recp` form factors of published
descriptor work are built on it, so the values are kept as data.

Needs pymatgen (the `bench` extra), whose JSON holds the same set in no particular order:

    python tests/reference/make_electron_gaussians.py
"""

import importlib.resources
import json
import pathlib

from pymatgen.core import Element

HEADER = (
    "# Electron scattering factors f_e(s) = sum_i a_i exp(-b_i s^2), s = sin(theta)/lambda;"
    " a in A, b in A^2.\n"
    "# Doyle & Turner (1968), Acta Cryst. A24, 390; Smith & Burge (1962), Acta Cryst. 15, 182"
    " (three-Gaussian rows).\n"
    "# atomic_number,a1,a2,a3,a4,b1,b2,b3,b4\n"
)


def main() -> None:
    source = importlib.resources.files("pymatgen.analysis.diffraction")
    rows = json.loads((source / "atomic_scattering_params.json").read_text())
    by_number = {
        Element(symbol).Z: pairs for symbol, pairs in rows.items() if symbol not in ("D", "T")
    }
    target = pathlib.Path(__file__).parents[2] / "jaxtal/scattering/_data"
    lines = [HEADER]
    for z, pairs in sorted(by_number.items()):
        numbers = [f"{pair[column]:g}" for column in (0, 1) for pair in pairs]
        lines.append(f"{z},{','.join(numbers)}\n")
    (target / "doyle_turner_smith_burge.csv").write_text("".join(lines))


if __name__ == "__main__":
    main()
