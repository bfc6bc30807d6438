"""Which element an atom is: what another one would do to chi^2."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from ..scattering import parse_species, species_label
from ._least_squares import Problem
from ._model import Model
from ._sum_tables import species_of

#: Changes of U that are tried with another element, A^2.
_STEPS = np.array([-0.03, -0.02, -0.012, -0.006, 0.0, 0.006, 0.012, 0.02, 0.035, 0.06])
_U_MIN = 0.004
#: Elements that stand for all others where nothing is known.
# fmt: off
COMMON = (
    "B", "C", "N", "O", "F", "Na", "Mg", "Al", "Si", "P", "S", "Cl", "K", "Ca", "Ti", "Cr", "Mn",
    "Fe", "Co", "Ni", "Cu", "Zn", "Ga", "As", "Se", "Br", "Zr", "Mo", "Ru", "Rh", "Pd", "Ag", "Cd",
    "Sn", "Sb", "I", "Cs", "Ba", "W", "Re", "Os", "Ir", "Pt", "Au", "Hg", "Pb",
)
# fmt: on


@dataclasses.dataclass(frozen=True, eq=False)
class ElementTest:
    """chi^2 of a model with another element at one of its atoms.

    Attributes:
        atoms: indices that were tested, (m,).
        elements: symbols that were tried, (e,).
        chi2: with each of them, U and scale adjusted, (m, e).
        u: change of U that goes with it, A^2, (m, e).
        now: chi^2 of the model.
    """

    atoms: np.ndarray
    elements: tuple[str, ...]
    chi2: np.ndarray
    u: np.ndarray
    now: float


def check_elements(
    problem: Problem, model: Model, elements: Sequence[str], atoms: Sequence[int] | None = None
) -> ElementTest:
    """Compute chi^2 with each of some elements at each atom, its U and the scale adjusted.

    F without the atom, and the atom with another form factor and U, are sums of what is at hand:
    nothing is refined.

    Args:
        problem: tables of the intensities.
        model: refined.
        elements: symbols.
        atoms: which to test; default all but hydrogen that are fully occupied.
    """
    heavy = (model.atomic_numbers > 1) & (model.occupancies > 0.99)
    at = np.flatnonzero(heavy) if atoms is None else np.asarray(atoms, int)
    names = tuple(species_label(one) for one in elements)
    measured = problem.measured
    calculated = problem.calculate(model)
    I, F = measured.intensity, calculated.F
    w = problem.weights(model, calculated.intensity)
    K = 8 * np.pi**2 * measured.stol2
    f = problem.factors(names)
    own = dict(zip(species_of(model), problem.factors(species_of(model)), strict=True))
    plain = not model.twin_laws and measured.overlap is None
    gone = calculated.intensity / np.maximum(np.abs(F) ** 2, 1e-300) if plain else None
    fade = np.exp(-np.outer(_STEPS, K))
    chi2, u = np.full((len(at), len(names)), np.inf), np.zeros((len(at), len(names)))
    bare = model.replace(hydrogens=())
    for row, atom in enumerate(at):
        part = problem.calculate(bare.take([atom]).replace(scale=1.0)).F
        rest = F - part
        shape = part / own[model.species[atom]]
        low = model.u_eq[atom] + _STEPS > _U_MIN
        for column in range(len(names)):
            Q = np.abs(rest + shape * f[column] * fade[low]) ** 2
            Y = measured.summed(Q * ((model.scale or 1.0) if gone is None else gone))
            k = (Y @ (w * I)) / np.maximum((Y**2) @ w, 1e-300)
            # chi^2 at the best scale of each.
            fits = float(w @ I**2) - k * (Y @ (w * I))
            best = int(fits.argmin())
            chi2[row, column], u[row, column] = fits[best], _STEPS[low][best]
    return ElementTest(at, names, chi2, u, float(w @ (I - calculated.intensity) ** 2))


def reassigned(
    problem: Problem,
    model: Model,
    elements: Sequence[str],
    amounts: Mapping[str, float] | None = None,
    *,
    least: float,
) -> tuple[Model, list[str]]:
    """The model with elements that fit better, and what was changed.

    With amounts for the asymmetric unit, the assignment of elements to atoms that they allow and
    that has the least sum of chi^2 is taken; without, each atom becomes what lowers chi^2 most.

    Args:
        problem: tables of the intensities.
        model: refined.
        elements: symbols to choose from.
        amounts: how many atoms of each element there are to give away.
        least: smallest share of chi^2 that a change has to save.
    """
    test = check_elements(problem, model, elements)
    rows = {label: i for i, label in enumerate(test.elements)}
    general = all(model.sites[i].share == 1 for i in test.atoms)
    chosen: dict[int, int] = {}
    if len(test.atoms) == 0:
        return model, []
    # Mixed and partly occupied sites are no whole atoms of the formula.
    whole = len(test.atoms) == int((model.atomic_numbers > 1).sum())
    slots = (
        []
        if amounts is None or not whole
        else [e for e in test.elements for _ in range(round(amounts[e]))]
    )
    if slots and general and len(slots) >= len(test.atoms):
        from scipy.optimize import linear_sum_assignment

        cost = test.chi2[:, [rows[e] for e in slots]]
        for row, slot in zip(*linear_sum_assignment(cost), strict=True):
            chosen[int(row)] = rows[slots[slot]]
    else:
        chosen = {row: int(best) for row, best in enumerate(test.chi2.argmin(axis=1))}
    notes, changed = [], model
    for row, column in chosen.items():
        atom, element = int(test.atoms[row]), test.elements[column]
        before = model.species[atom]
        if parse_species(element)[0] == model.atomic_numbers[atom]:
            continue
        # Relative to what the atom's own element would give with its U as free.
        same = [
            c
            for c, e in enumerate(test.elements)
            if parse_species(e)[0] == model.atomic_numbers[atom]
        ]
        now = float(test.chi2[row, same[0]]) if same else test.now
        gain = (now - test.chi2[row, column]) / max(test.now, 1e-300)
        if not slots and gain < least:
            continue
        label = model.labels[atom]
        changed = changed.with_species(atom, element)
        u = changed.u_iso.copy()
        u[atom] = max(u[atom] + test.u[row, column], _U_MIN)
        changed = changed.replace(u_iso=u)
        notes.append(f"{label}: {element} instead of {before}, chi^2 {-100 * gain:+.1f} %")
    return changed, notes
