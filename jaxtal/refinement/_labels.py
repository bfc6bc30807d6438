"""Names of atoms, and formulas."""

from collections.abc import Mapping, Sequence

from ..scattering import parse_species, species_label


def hill_formula(amounts: Mapping[str, float]) -> str:
    """Elements in Hill's order, "C11 H10 O2 S"."""
    first = [s for s in ("C", "H") if "C" in amounts and s in amounts]
    rest = sorted(set(amounts) - set(first))
    counts = ((s, round(amounts[s], 2)) for s in first + rest)
    return " ".join(s if n == 1 else f"{s}{n:g}" for s, n in counts)


def numbered(species: Sequence[str], taken: Sequence[str] = ()) -> tuple[str, ...]:
    """Labels "C1", "C2", "O1" that are not taken."""
    used, labels = set(taken), []
    for one in species:
        symbol = species_label((parse_species(one)[0],))
        n = next(n for n in range(1, 100_000) if f"{symbol}{n}" not in used)
        labels.append(f"{symbol}{n}")
        used.add(labels[-1])
    return tuple(labels)
