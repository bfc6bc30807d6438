"""Write `crystals.json`: twenty crystals as plain cells, read alike by jaxtal and by its peers.

    python tests/reference/generate_crystals.py

Needs NumPy and ASE only. Every entry holds `name`, `matrix` (rows a, b, c in angstrom), `frac`
(fractional coordinates), `numbers` (atomic numbers), `spacegroup` (International number of the
crystal; the listed cell may be non-standard or rattled, see `note`) and `source`.
"""

import json
import pathlib

import numpy as np
from ase import Atoms
from ase.spacegroup import crystal

THIRD = 1.0 / 3.0

# name: (number, setting, cellpar, [(symbol, (x, y, z)), ...], source)
PUBLISHED = {
    "diamond": (227, 1, (3.567,) * 3 + (90, 90, 90), [("C", (0, 0, 0))], "Straumanis & Aka 1951"),
    "h-diamond": (
        194,
        1,
        (2.52, 2.52, 4.12, 90, 90, 120),
        [("C", (THIRD, 2 * THIRD, 0.0625))],
        "Bundy & Kasper 1967 (lonsdaleite), ideal z",
    ),
    "alpha-quartz": (
        154,
        1,
        (4.916, 4.916, 5.4054, 90, 90, 120),
        [("Si", (0.4697, 0, 2 * THIRD)), ("O", (0.4135, 0.2669, 0.1191 + 2 * THIRD))],
        "Levien, Prewitt & Weidner 1980",
    ),
    "beta-quartz": (
        180,
        1,
        (4.9977, 4.9977, 5.4601, 90, 90, 120),
        [("Si", (0.5, 0, 0)), ("O", (0.2072, 0.4144, 0.5))],
        "Wright & Lehmann 1981",
    ),
    "rutile": (
        136,
        1,
        (4.593, 4.593, 2.959, 90, 90, 90),
        [("Ti", (0, 0, 0)), ("O", (0.3051, 0.3051, 0))],
        "Meagher & Lager 1979",
    ),
    "anatase": (
        141,
        1,
        (3.7842, 3.7842, 9.5146, 90, 90, 90),
        [("Ti", (0, 0, 0)), ("O", (0, 0, 0.2081))],
        "Horn, Schwerdtfeger & Meagher 1972",
    ),
    "rock-salt": (
        225,
        1,
        (5.6402,) * 3 + (90, 90, 90),
        [("Na", (0, 0, 0)), ("Cl", (0.5, 0.5, 0.5))],
        "Wyckoff 1963 (NaCl)",
    ),
    "fluorite": (
        225,
        1,
        (5.463,) * 3 + (90, 90, 90),
        [("Ca", (0, 0, 0)), ("F", (0.25, 0.25, 0.25))],
        "Wyckoff 1963 (CaF2)",
    ),
    "perovskite": (
        221,
        1,
        (3.905,) * 3 + (90, 90, 90),
        [("Sr", (0.5, 0.5, 0.5)), ("Ti", (0, 0, 0)), ("O", (0.5, 0, 0))],
        "cubic SrTiO3, 293 K",
    ),
    "wurtzite": (
        186,
        1,
        (3.2498, 3.2498, 5.2066, 90, 90, 120),
        [("Zn", (THIRD, 2 * THIRD, 0)), ("O", (THIRD, 2 * THIRD, 0.3821))],
        "Kisi & Elcombe 1989 (ZnO)",
    ),
    "corundum": (
        167,
        1,
        (4.7602, 4.7602, 12.9933, 90, 90, 120),
        [("Al", (0, 0, 0.35216)), ("O", (0.30624, 0, 0.25))],
        "Lewis, Schwarzenbach & Flack 1982",
    ),
    "zincblende": (
        216,
        1,
        (5.4093,) * 3 + (90, 90, 90),
        [("Zn", (0, 0, 0)), ("S", (0.25, 0.25, 0.25))],
        "Skinner 1961 (ZnS)",
    ),
    "calcite": (
        167,
        1,
        (4.9896, 4.9896, 17.061, 90, 90, 120),
        [("Ca", (0, 0, 0)), ("C", (0, 0, 0.25)), ("O", (0.2568, 0, 0.25))],
        "Effenberger, Mereiter & Zemann 1981",
    ),
    "kyanite": (
        2,
        1,
        (7.126, 7.852, 5.572, 89.99, 101.11, 106.03),
        [
            ("Al", (0.3254, 0.7040, 0.4582)),
            ("Al", (0.2974, 0.6989, 0.9505)),
            ("Al", (0.0998, 0.3862, 0.6403)),
            ("Al", (0.1120, 0.9175, 0.1649)),
            ("Si", (0.2962, 0.0649, 0.7066)),
            ("Si", (0.2910, 0.3317, 0.1892)),
            ("O", (0.1095, 0.1468, 0.1288)),
            ("O", (0.1230, 0.6856, 0.1812)),
            ("O", (0.2747, 0.4545, 0.9547)),
            ("O", (0.2831, 0.9354, 0.9353)),
            ("O", (0.1084, 0.1520, 0.6669)),
            ("O", (0.1219, 0.6307, 0.6389)),
            ("O", (0.2822, 0.4453, 0.4288)),
            ("O", (0.2915, 0.9467, 0.4659)),
            ("O", (0.5008, 0.2749, 0.2440)),
            ("O", (0.5015, 0.2312, 0.7553)),
        ],
        "Winter & Ghose 1979 (triclinic Al2SiO5)",
    ),
    "baddeleyite": (
        14,
        1,
        (5.1505, 5.2116, 5.3173, 90, 99.23, 90),
        [
            ("Zr", (0.2754, 0.0395, 0.2083)),
            ("O", (0.0700, 0.3317, 0.3447)),
            ("O", (0.4496, 0.7569, 0.4792)),
        ],
        "Howard, Hill & Reichert 1988 (monoclinic ZrO2)",
    ),
    "aragonite": (  # published in P m c n; here P n m a, (c, a, b) and (z, x, y)
        62,
        1,
        (5.7404, 4.9614, 7.9671, 90, 90, 90),
        [
            ("Ca", (-0.2405, 0.25, 0.4150)),
            ("C", (-0.0852, 0.25, 0.7621)),
            ("O", (-0.0956, 0.25, 0.9222)),
            ("O", (-0.0873, 0.4735, 0.6807)),
        ],
        "de Villiers 1971 (CaCO3)",
    ),
    "forsterite": (  # published in P b n m; here P n m a, (b, c, a) and (y, z, x)
        62,
        1,
        (10.1943, 5.9807, 4.7535, 90, 90, 90),
        [
            ("Mg", (0, 0, 0)),
            ("Mg", (0.2774, 0.25, 0.9915)),
            ("Si", (0.0940, 0.25, 0.4262)),
            ("O", (0.0913, 0.25, 0.7657)),
            ("O", (0.4474, 0.25, 0.2215)),
            ("O", (0.1628, 0.0331, 0.2777)),
        ],
        "Fujino, Sasaki, Takeuchi & Sadanaga 1981 (Mg2SiO4)",
    ),
    "magnesium": (
        194,
        1,
        (3.2094, 3.2094, 5.2108, 90, 90, 120),
        [("Mg", (THIRD, 2 * THIRD, 0.25))],
        "Wyckoff 1963 (h.c.p. Mg)",
    ),
}


def published(name: str) -> Atoms:
    number, setting, cellpar, sites, _ = PUBLISHED[name]
    return crystal(
        [symbol for symbol, _ in sites],
        basis=[xyz for _, xyz in sites],
        spacegroup=number,
        setting=setting,
        cellpar=cellpar,
    )


def rattled_quartz() -> Atoms:
    """72 atoms without symmetry: alpha-quartz 2 x 2 x 2, normal displacements of 0.05 A."""
    atoms = published("alpha-quartz").repeat((2, 2, 2))
    rng = np.random.default_rng(72)
    atoms.positions += 0.05 * rng.standard_normal(atoms.positions.shape)
    return atoms


def sheared_diamond() -> Atoms:
    """Diamond's primitive cell with the unimodular change of axes (1,3,0), (0,1,4), (0,0,1)."""
    a = PUBLISHED["diamond"][2][0]
    primitive = 0.5 * a * np.array([[0.0, 1.0, 1.0], [1.0, 0.0, 1.0], [1.0, 1.0, 0.0]])
    shear = np.array([[1.0, 3.0, 0.0], [0.0, 1.0, 4.0], [0.0, 0.0, 1.0]])
    positions = np.array([[0.0, 0.0, 0.0], [a / 4, a / 4, a / 4]])
    return Atoms("C2", positions=positions, cell=shear @ primitive, pbc=True)


def entry(name: str, atoms: Atoms, number: int, source: str, note: str = "") -> dict:
    matrix = np.asarray(atoms.cell.array)
    matrix = np.where(np.abs(matrix) < 1e-12, 0.0, matrix)
    frac = np.round(np.linalg.solve(matrix.T, atoms.positions.T).T, 14) % 1.0
    return {
        "name": name,
        "matrix": matrix.tolist(),
        "frac": frac.tolist(),
        "numbers": atoms.numbers.tolist(),
        "spacegroup": number,
        "source": source,
        "note": note,
    }


def main() -> None:
    entries = [
        entry(name, published(name), value[0], value[-1]) for name, value in PUBLISHED.items()
    ]
    entries.append(
        entry(
            "alpha-quartz-rattled",
            rattled_quartz(),
            1,
            PUBLISHED["alpha-quartz"][-1],
            "2 x 2 x 2 supercell of alpha-quartz, normal displacements of 0.05 A, seed 72",
        )
    )
    entries.append(
        entry(
            "diamond-sheared",
            sheared_diamond(),
            227,
            PUBLISHED["diamond"][-1],
            "the same crystal as diamond, primitive cell on axes (1,3,0), (0,1,4), (0,0,1)",
        )
    )
    path = pathlib.Path(__file__).with_name("crystals.json")
    lines = ",\n".join(" " + json.dumps(one) for one in entries)
    path.write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()
