"""Form-factor tables as NumPy numbers, read once and on first use; host only.

Each reader maps a species key (Z, charge, mass number) to the coefficients (a, b, c) of

    f(s^2) = c + sum_k a_k exp(-b_k s^2)           (s = sin(theta)/lambda, b in A^2)

(for "recp" the sum is multiplied by s^2, see `_form_factors`). An entry that does not exist
raises a ValueError that lists what does.
"""

import contextlib
import functools
import importlib.resources
from collections.abc import Iterator

import gemmi
import numpy as np

from ._species import species_label

Key = tuple[int, int, int]
Coefficients = tuple[tuple[float, ...], tuple[float, ...], float]

# The Mott-Bethe relation f_x = Z - 8 pi^2 a_0 s^2 f_e: 8 pi^2 Bohr radii in angstrom, with the
# digits that textbooks on diffraction print.
MOTT_BETHE = 41.78214

# Waasmaier & Kirfel (1995), table 1: periodictable's reader passes over this row, whose first
# number is negative.
_POTASSIUM_ION: Coefficients = (
    (-17.609339, 1.494873, 7.150305, 10.899569, 15.808228),
    (18.840979, 0.053453, 0.812940, 22.264105, 14.351593),
    0.257164,
)
# Neutrons of 2200 m/s, angstrom.
_THERMAL = 1.798

_PACKAGE = __name__.rpartition(".")[0]

KINDS = ("waasmaier-kirfel", "it92", "electron", "neutron", "constant", "recp")


def coefficients(kind: str, key: Key) -> Coefficients:
    """Coefficients (a, b, c) of one species in one table.

    Args:
        kind: one of `KINDS`.
        key: (atomic number, charge, mass number).

    Returns:
        a (K numbers), b (K numbers, A^2), c; K depends on the table alone. a and c in electrons
        (X-rays), angstrom ("electron") or fm ("neutron").

    Raises:
        ValueError: for an unknown kind, or a species that the table lacks.
    """
    match kind:
        case "waasmaier-kirfel":
            return _ionic(_waasmaier_kirfel(), key, "Waasmaier-Kirfel table")
        case "it92":
            return _ionic(_it92(), key, "table of International Tables C (1992)")
        case "electron":
            return _neutral(_electron(), key, "electron table of International Tables C")
        case "recp":
            return _neutral(_recp(), key, "four-Gaussian electron table (Doyle & Turner)")
        case "neutron":
            return (), (), _neutron(key)
        case "constant":
            return (), (), float(key[0] - key[1])
    raise ValueError(f"expected a form-factor kind among {', '.join(KINDS)}, got {kind!r}")


def nearest_charge(kind: str, key: Key) -> int:
    """The charge nearest to that of a species for which a table holds its element.

    Form factors of ions differ from each other at small s alone, where the outermost electrons
    scatter, and by the number of electrons at s = 0: nobody is nearer than the ion, or the neutral
    atom, whose number of electrons is. Of two as near, it is the one nearer to the neutral atom.

    Args:
        kind: one of `KINDS`.
        key: (atomic number, charge, mass number).

    Returns:
        the charge itself if it is tabulated, or if the table lacks the element.
    """
    number, charge, _ = key
    match kind:
        case "waasmaier-kirfel":
            held = [q for z, q in _waasmaier_kirfel() if z == number]
        case "it92":
            held = [q for z, q in _it92() if z == number]
        case "electron" | "recp":
            held = [0]
        case _:
            held = [charge]
    return min(held, key=lambda q: (abs(q - charge), abs(q)), default=charge)


def _ionic(table: dict[tuple[int, int], Coefficients], key: Key, name: str) -> Coefficients:
    found = table.get(key[:2])
    if found is not None:
        return found
    number, charge, _ = key
    label = species_label((number, charge))
    if (number, 0) not in table:
        raise ValueError(f"the {name} has no element {label!r}")
    ions = [species_label(entry) for entry in sorted(table) if entry[0] == number and entry[1]]
    listed = ", ".join(ions) if ions else "none"
    raise ValueError(
        f"the {name} has no ion {label!r}; ions of {species_label(number)} in it: {listed}"
    )


def _neutral(table: dict[int, Coefficients], key: Key, name: str) -> Coefficients:
    label = species_label((key[0], key[1]))
    if key[1] != 0:
        raise ValueError(f"the {name} holds neutral atoms only, got the ion {label!r}")
    if key[0] not in table:
        raise ValueError(f"the {name} has no element {label!r}")
    return table[key[0]]


@functools.lru_cache(maxsize=1)
def _waasmaier_kirfel() -> dict[tuple[int, int], Coefficients]:
    from periodictable import cromermann

    table: dict[tuple[int, int], Coefficients] = {(19, 1): _POTASSIUM_ION}
    for number in range(1, 99):
        symbol = gemmi.Element(number).name
        for charge in range(-4, 9):
            sign = "" if charge == 0 else f"{abs(charge)}{'+' if charge > 0 else '-'}"
            try:
                row = cromermann.getCMformula(symbol + sign)
            except KeyError:
                continue
            # The evaluator's argument is s itself (its Q variant divides by 4 pi first).
            table[number, charge] = (_floats(row.a), _floats(row.b), float(row.c))
    return table


@contextlib.contextmanager
def _it92_ions() -> Iterator[None]:
    """Lets gemmi's IT92 table answer for ions, and puts its global switch back."""
    before = gemmi.IT92_get_ignore_charge()
    gemmi.IT92_set_ignore_charge(False)
    try:
        yield
    finally:
        gemmi.IT92_set_ignore_charge(before)


@functools.lru_cache(maxsize=1)
def _it92() -> dict[tuple[int, int], Coefficients]:
    table = {}
    with _it92_ions():
        for number in range(1, 99):
            for charge in range(-4, 9):
                row = gemmi.IT92_get_exact(gemmi.Element(number), charge)
                if row is not None:
                    table[number, charge] = (_floats(row.a), _floats(row.b), float(row.c))
    return table


@functools.lru_cache(maxsize=1)
def _electron() -> dict[int, Coefficients]:
    rows = {number: gemmi.Element(number).c4322 for number in range(1, 99)}
    return {z: (_floats(row.a), _floats(row.b), 0.0) for z, row in rows.items() if row is not None}


@functools.lru_cache(maxsize=1)
def _recp() -> dict[int, Coefficients]:
    path = importlib.resources.files(_PACKAGE) / "_data/doyle_turner_smith_burge.csv"
    rows = np.loadtxt(path.read_text().splitlines(), delimiter=",", comments="#")
    return {
        int(row[0]): (_floats(-MOTT_BETHE * row[1:5]), _floats(row[5:9]), float(row[0]))
        for row in rows
    }


def _neutron(key: Key) -> float:
    import periodictable

    number, _, mass = key
    element = periodictable.elements[number]
    nuclide = element[mass] if mass else element
    length = nuclide.neutron.b_c
    if length is not None and nuclide.neutron.is_energy_dependent:
        # With a resonance near thermal energies the compilation's number is not that at 2200 m/s
        # (natural Sm 0.00, 149Sm +17.84 fm); the resonance formula agrees with Sears (0.80, -19.2).
        thermal = nuclide.neutron.scattering_by_wavelength(_THERMAL)[0]
        length = None if thermal is None else np.real(thermal)
    if length is None:
        raise ValueError(
            f"no coherent neutron scattering length is known for {species_label((number, 0, mass))}"
        )
    return float(length)


def _floats(values: object) -> tuple[float, ...]:
    return tuple(float(value) for value in np.asarray(values, dtype=float))
