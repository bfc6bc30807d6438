"""Crystals in one line, for printing; also while their numbers are traced, batched or missing."""

from typing import Any

import gemmi
import numpy as np

from .._core import concrete
from ..lattice import matrix_to_cell

_LENGTHS = ("a", "b", "c")
_ANGLES = ("alpha", "beta", "gamma")
#: Sites or elements that are printed before a line becomes too long to read.
_SHOWN = 12


def atoms_line(matrix: Any, atomic_numbers: Any, mask: Any = None) -> str:
    """Print the P1 content of a cell: atoms and cell.

    9 atoms: O 6, Si 3; a 4.916, b 4.916, c 5.405 A, gamma 120
    """
    rows, numbers = _visible(matrix, 2), _visible(atomic_numbers, 1)
    real = None if mask is None else _visible(mask, 1)
    if rows is None or numbers is None or (mask is not None and real is None):
        why = _hidden(matrix, 2) or _hidden(atomic_numbers, 1) or _hidden(mask, 1)
        return f"Crystal of {_places(atomic_numbers)}: {why}"
    present = numbers if real is None else numbers[real]
    parts = [f"{len(present)} atom{_s(len(present))}"]
    if len(present):
        parts[0] += f": {_composition(present)}"
    cell = matrix_to_cell(rows.astype(np.float64))
    parts.append(_cell(dict(zip((*_LENGTHS, *_ANGLES), cell, strict=True))))
    if len(numbers) > len(present):
        parts.append(f"padded to {len(numbers)}")
    return "; ".join(parts)


def sites_line(crystal: Any) -> str:
    """Print a `WyckoffCrystal`: group, sites, cell and number of free parameters.

    P 32 2 1 (154): Si 3a, O 6c; a 4.916, c 5.405 A; 6 free parameters
    """
    plan = crystal.plan
    group = plan.group
    title = group.hm or f"{group.order} operations"
    if group.number is not None:
        title += f" ({group.number})"
    columns = (crystal.atomic_numbers, crystal.charges, crystal.isotopes)
    known = all(_visible(x, 1) is not None for x in columns)
    labels = crystal.species if known else ("?",) * len(plan.letters)
    sites: dict[str, int] = {}
    for label, letter in zip(labels, plan.letters, strict=True):
        sites[f"{label} {letter}"] = sites.get(f"{label} {letter}", 0) + 1
    listed = _listed([site if n == 1 else f"{n} x {site}" for site, n in sites.items()])
    parameters = _visible(crystal.lattice_parameters, 1)
    if parameters is None:
        cell = f"cell: {_hidden(crystal.lattice_parameters, 1)}"
    else:
        cell = _cell(dict(zip(plan.system.names, parameters, strict=True)))
    n_free = plan.system.n_free + plan.n_site_parameters
    return f"{title}: {listed}; {cell}; {n_free} free parameter{_s(n_free)}"


def batch_line(batch: Any) -> str:
    """Print a `CrystalBatch`: number, sizes and elements of its crystals.

    3 crystals of 1 to 9 atoms, padded to 10: Cl, Cs, Fe, O, Si
    """
    numbers, mask = _visible(batch.atomic_numbers, 2), _visible(batch.mask, 2)
    if numbers is None or mask is None:
        why = _hidden(batch.atomic_numbers, 2) or _hidden(batch.mask, 2)
        shape = getattr(batch.mask, "shape", ())
        some = "one of a batch of crystals" if len(shape) == 1 else "batch of crystals"
        return f"{some}, {_places(batch.mask)} each: {why}"
    sizes = mask.sum(axis=1)
    filled = sizes[sizes > 0]
    if not len(filled):
        return f"no crystals in {len(sizes)} place{_s(len(sizes))}"
    low, high = int(filled.min()), int(filled.max())
    span = f"{low} to {high}" if low < high else f"{low}"
    words = f"{len(filled)} crystal{_s(len(filled))} of {span} atom{_s(high)}"
    words += f", padded to {mask.shape[1]}"
    if len(filled) < len(sizes):
        words += f", in {len(sizes)} places"
    elements = sorted(gemmi.Element(int(z)).name for z in np.unique(numbers[mask]))
    return f"{words}: {_listed(elements)}"


def _composition(atomic_numbers: np.ndarray) -> str:
    """Symbols in the order of the alphabet with their counts."""
    found, counts = np.unique(atomic_numbers, return_counts=True)
    names = [gemmi.Element(int(z)).name for z in found]
    return _listed([f"{name} {n}" for name, n in sorted(zip(names, counts, strict=True))])


def _cell(parameters: dict[str, Any]) -> str:
    """Cell parameters by name, right angles left out."""
    lengths = [f"{name} {parameters[name]:.3f}" for name in _LENGTHS if name in parameters]
    angles = [
        f"{name} {round(float(parameters[name]), 2):g}"
        for name in _ANGLES
        if name in parameters and abs(parameters[name] - 90) > 5e-3
    ]
    return ", ".join([f"{', '.join(lengths)} A", *angles])


def _visible(x: Any, dimension: int) -> np.ndarray | None:
    """The numbers of an array of so many axes, None where there is no such array to see."""
    values = concrete(x)
    return values if values is not None and values.ndim == dimension else None


def _hidden(x: Any, dimension: int) -> str:
    """Why `_visible` is None, "" where it is not."""
    shape = getattr(x, "shape", None)
    if shape is None:
        return "no values"
    if len(shape) > dimension:
        return f"batched {' x '.join(map(str, shape[: len(shape) - dimension]))}"
    return "traced" if concrete(x) is None else ""


def _places(x: Any) -> str:
    """How many atoms an array has room for, the last axis being theirs."""
    shape = getattr(x, "shape", ())
    return f"{shape[-1]} atom{_s(shape[-1])}" if shape else "atoms"


def _listed(parts: list[str]) -> str:
    """A list that is cut where it is too long to read."""
    if len(parts) <= _SHOWN:
        return ", ".join(parts)
    return f"{', '.join(parts[: _SHOWN - 1])} and {len(parts) - _SHOWN + 1} more"


def _s(n: int) -> str:
    return "" if n == 1 else "s"
