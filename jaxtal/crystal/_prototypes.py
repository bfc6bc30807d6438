"""Well-known crystals by name, from published structure parameters."""

import dataclasses
import math

from ._wyckoff_crystal import WyckoffCrystal

_Number = float | int
_Point = tuple[_Number, _Number, _Number]
_Sites = tuple[tuple[str, str, _Point], ...]


@dataclasses.dataclass(frozen=True)
class _Published:
    """A structure as published, in the standard setting (angstrom, degrees)."""

    group: int
    cell: tuple[_Number, ...]
    sites: _Sites
    source: str


_T = 1 / 3

_TABLE: dict[str, _Published] = {
    "diamond": _Published(
        227,
        (3.567,),
        (("C", "8a", (1 / 8, 1 / 8, 1 / 8)),),
        "Straumanis & Aka, J. Am. Chem. Soc. 73 (1951) 5643",
    ),
    "h-diamond": _Published(
        194,
        (2.52, 4.12),
        (("C", "4f", (_T, 2 * _T, 0.0625)),),
        "Bundy & Kasper, J. Chem. Phys. 46 (1967) 3437 (lonsdaleite; ideal z = 1/16)",
    ),
    "silicon": _Published(
        227,
        (5.43102,),
        (("Si", "8a", (1 / 8, 1 / 8, 1 / 8)),),
        "Mohr, Newell & Taylor, Rev. Mod. Phys. 88 (2016) 035009 (CODATA 2014)",
    ),
    "alpha-quartz": _Published(
        154,
        (4.916, 5.4054),
        (("Si", "3a", (0.4697, 0, 2 * _T)), ("O", "6c", (0.4135, 0.2669, 0.1191 + 2 * _T))),
        "Levien, Prewitt & Weidner, Am. Mineral. 65 (1980) 920",
    ),
    "beta-quartz": _Published(
        180,
        (4.9977, 5.4601),
        (("Si", "3c", (1 / 2, 0, 0)), ("O", "6j", (0.2072, 0.4144, 1 / 2))),
        "Wright & Lehmann, J. Solid State Chem. 36 (1981) 371",
    ),
    "cristobalite": _Published(
        92,
        (4.9717, 6.9223),
        (("Si", "4a", (0.30028, 0.30028, 0)), ("O", "8b", (0.23915, 0.10440, 0.17867))),
        "Downs & Palmer, Am. Mineral. 79 (1994) 9 (alpha-cristobalite)",
    ),
    "coesite": _Published(
        15,
        (7.1356, 12.3692, 7.1736, 120.34),
        (
            ("Si", "8f", (0.14033, 0.10833, 0.07227)),
            ("Si", "8f", (0.50682, 0.15799, 0.54077)),
            ("O", "4a", (0, 0, 0)),
            ("O", "4e", (1 / 2, 0.11643, 3 / 4)),
            ("O", "8f", (0.26607, 0.12323, 0.94011)),
            ("O", "8f", (0.31138, 0.10389, 0.32811)),
            ("O", "8f", (0.01751, 0.21182, 0.47848)),
        ),
        "Levien & Prewitt, Am. Mineral. 66 (1981) 324",
    ),
    "stishovite": _Published(
        136,
        (4.1801, 2.6678),
        (("Si", "2a", (0, 0, 0)), ("O", "4f", (0.3067, 0.3067, 0))),
        "Ross, Shu, Hazen & Gasparik, Am. Mineral. 75 (1990) 739",
    ),
    "rutile": _Published(
        136,
        (4.593, 2.959),
        (("Ti", "2a", (0, 0, 0)), ("O", "4f", (0.3051, 0.3051, 0))),
        "Meagher & Lager, Can. Mineral. 17 (1979) 77",
    ),
    "anatase": _Published(
        141,
        (3.7842, 9.5146),
        (("Ti", "4a", (0, 3 / 4, 1 / 8)), ("O", "8e", (0, 3 / 4, 1 / 8 + 0.2081))),
        "Horn, Schwerdtfeger & Meagher, Z. Kristallogr. 136 (1972) 273 (origin choice 1 there)",
    ),
    "brookite": _Published(
        61,
        (9.174, 5.449, 5.138),
        (
            ("Ti", "8c", (0.1289, 0.0972, 0.8628)),
            ("O", "8c", (0.0095, 0.1491, 0.1835)),
            ("O", "8c", (0.2314, 0.1110, 0.5366)),
        ),
        "Meagher & Lager, Can. Mineral. 17 (1979) 77",
    ),
    "rock-salt": _Published(
        225,
        (5.6402,),
        (("Na", "4a", (0, 0, 0)), ("Cl", "4b", (1 / 2, 1 / 2, 1 / 2))),
        "Wyckoff, Crystal Structures 1 (1963) (NaCl)",
    ),
    "cesium-chloride": _Published(
        221,
        (4.123,),
        (("Cl", "1a", (0, 0, 0)), ("Cs", "1b", (1 / 2, 1 / 2, 1 / 2))),
        "Wyckoff, Crystal Structures 1 (1963) (CsCl)",
    ),
    "fluorite": _Published(
        225,
        (5.463,),
        (("Ca", "4a", (0, 0, 0)), ("F", "8c", (1 / 4, 1 / 4, 1 / 4))),
        "Wyckoff, Crystal Structures 1 (1963) (CaF2)",
    ),
    "perovskite": _Published(
        221,
        (3.905,),
        (("Sr", "1b", (1 / 2, 1 / 2, 1 / 2)), ("Ti", "1a", (0, 0, 0)), ("O", "3d", (1 / 2, 0, 0))),
        "Abramov, Tsirelson, Zavodnik, Ivanov & Brown, Acta Cryst. B51 (1995) 942 (SrTiO3)",
    ),
    "wurtzite": _Published(
        186,
        (3.2498, 5.2066),
        (("Zn", "2b", (_T, 2 * _T, 0)), ("O", "2b", (_T, 2 * _T, 0.3821))),
        "Kisi & Elcombe, Acta Cryst. C45 (1989) 1867 (ZnO)",
    ),
    "zincblende": _Published(
        216,
        (5.4093,),
        (("Zn", "4a", (0, 0, 0)), ("S", "4c", (1 / 4, 1 / 4, 1 / 4))),
        "Skinner, Am. Mineral. 46 (1961) 1399 (ZnS)",
    ),
    "corundum": _Published(
        167,
        (4.7602, 12.9933),
        (("Al", "12c", (0, 0, 0.35216)), ("O", "18e", (0.30624, 0, 1 / 4))),
        "Lewis, Schwarzenbach & Flack, Acta Cryst. A38 (1982) 733",
    ),
    "calcite": _Published(
        167,
        (4.9896, 17.061),
        (
            ("Ca", "6b", (0, 0, 0)),
            ("C", "6a", (0, 0, 1 / 4)),
            ("O", "18e", (0.2568, 0, 1 / 4)),
        ),
        "Effenberger, Mereiter & Zemann, Z. Kristallogr. 156 (1981) 233",
    ),
    "spinel": _Published(
        227,
        (8.0832,),
        (
            ("Mg", "8a", (1 / 8, 1 / 8, 1 / 8)),
            ("Al", "16d", (1 / 2, 1 / 2, 1 / 2)),
            ("O", "32e", (0.2624, 0.2624, 0.2624)),
        ),
        "Hill, Craig & Gibbs, Phys. Chem. Miner. 4 (1979) 317 (MgAl2O4)",
    ),
    "pyrite": _Published(
        205,
        (5.4179,),
        (("Fe", "4a", (0, 0, 0)), ("S", "8c", (0.38484, 0.38484, 0.38484))),
        "Brostigen & Kjekshus, Acta Chem. Scand. 23 (1969) 2186",
    ),
    "magnesium": _Published(
        194,
        (3.2094, 5.2108),
        (("Mg", "2c", (_T, 2 * _T, 1 / 4)),),
        "Wyckoff, Crystal Structures 1 (1963) (hexagonal close packing)",
    ),
}

_ALIASES = {
    "lonsdaleite": "h-diamond",
    "quartz": "alpha-quartz",
    "alpha-cristobalite": "cristobalite",
    "rocksalt": "rock-salt",
    "halite": "rock-salt",
    "sphalerite": "zincblende",
    "zinc-blende": "zincblende",
    "caesium-chloride": "cesium-chloride",
}

#: The crystal of diamond in twelve groups: cell in units of a, Wyckoff sites.
_DIAMOND: dict[int, tuple[tuple[_Number, ...], tuple[tuple[str, _Point], ...]]]
_DIAMOND = {
    227: ((1,), (("8a", (1 / 8, 1 / 8, 1 / 8)),)),
    216: ((1,), (("4a", (0, 0, 0)), ("4d", (3 / 4, 3 / 4, 3 / 4)))),
    210: ((1,), (("8b", (1 / 2, 1 / 2, 1 / 2)),)),
    203: ((1,), (("8a", (1 / 8, 1 / 8, 1 / 8)),)),
    166: ((math.sqrt(1 / 2), math.sqrt(3)), (("6c", (0, 0, 1 / 8)),)),
    141: ((math.sqrt(1 / 2), 1), (("4a", (0, 3 / 4, 1 / 8)),)),
    122: ((math.sqrt(1 / 2), 1), (("4b", (0, 0, 1 / 2)),)),
    119: ((math.sqrt(1 / 2), 1), (("2b", (0, 0, 1 / 2)), ("2d", (0, 1 / 2, 3 / 4)))),
    109: ((math.sqrt(1 / 2), 1), (("4a", (0, 0, 7 / 8)),)),
    98: ((math.sqrt(1 / 2), 1), (("4b", (0, 0, 1 / 2)),)),
    88: ((math.sqrt(1 / 2), 1), (("4a", (0, 1 / 4, 1 / 8)),)),
    70: ((1, 1, 1), (("8a", (1 / 8, 1 / 8, 1 / 8)),)),
}


def prototype_names() -> tuple[str, ...]:
    """List the names of the built-in crystals."""
    return tuple(_TABLE)


def _find(name: str) -> _Published:
    key = "-".join(name.lower().replace("_", " ").replace("-", " ").split())
    entry = _TABLE.get(_ALIASES.get(key, key))
    if entry is None:
        raise ValueError(f"prototype: expected one of {', '.join(_TABLE)}; got {name!r}")
    return entry


def prototype(name: str) -> WyckoffCrystal:
    """Make a built-in crystal from published parameters, in the standard setting.

    Args:
        name: one of `prototype_names`; case, blanks and underscores are forgiven ("Rock salt").

    Raises:
        ValueError: unknown name; the message lists those known.
    """
    entry = _find(name)
    return WyckoffCrystal.build(entry.group, entry.cell, entry.sites)


def prototype_source(name: str) -> str:
    """Tell where the parameters of a built-in crystal were published.

    Raises:
        ValueError: unknown name; the message lists those known.
    """
    return _find(name).source


def diamond_settings(a: float = 3.567) -> dict[int, WyckoffCrystal]:
    """Make diamond in twelve space groups, by number; all expand to the same crystal.

    The paper prints the cells of the subgroups as 2.522 and 6.178 angstrom, which are
    a / sqrt(2) and a sqrt(3) rounded; here they are exact.

    Args:
        a: cubic cell length in angstrom.

    References:
        O. G. Ridwan, H. Xue, Y. Chen, H. Cherukuri and Q. Zhu, "Crystal Representation in the
        Reciprocal Space", Table II.
    """
    return {
        number: WyckoffCrystal.build(
            number,
            tuple(a * length for length in cell),
            [("C", letter, point) for letter, point in sites],
        )
        for number, (cell, sites) in _DIAMOND.items()
    }
