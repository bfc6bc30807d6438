"""Which starts have found the structure: no start says so of itself alone.

Starts that share a group's symmetry are no independent evidence: wrong ones agree at up to 0.95,
and R and the extrema of a density single out structures of one dominating peak. What tells is what
is found without the group. Over 15 untwinned sets in three dimensions (X-ray, electron, neutron), a
3+1 crystal and icosahedral Zn-Mg-Tm with windows on and off:

    phases found without the group         right          wrong
    agreement of two runs                  0.75 - 1.00    0.06 - 0.66
    agreement with the group's operations  0.54 - 1.00    up to 0.46
    R of the density averaged over it      up to 0.20     from 0.28
    start against it, three dimensions     from 0.73      up to 0.61
    start against its own release, others  from 0.997     up to 0.955, runs then agree at 0.13

A twin passes all of these; its intensities do not: <|E^2 - 1|> is 0.54 where untwinned acentric
sets have 0.64 and more.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Bool, Complex, Float

from ..reflections import NormalisedE, Reflections
from ._agreement import Equivalences
from ._families import linked_families
from ._recipe import Recipe
from ._witness import Witness, mean_e_squared_minus_one

#: Least agreement with the witness: in three dimensions; elsewhere, with what a start's own release
#: has become. Nothing has led a witness: wrong starts agree with each other more than with it.
_WITNESSED, _LIMIT_RELEASED = 0.72, 0.97
#: Agreement above which starts are one family, in three dimensions.
_LIMIT = 0.80
#: <|E^2 - 1|> below this says twin, given enough reflections to say so.
_TWIN, _ENOUGH = 0.58, 300
#: Families that are released at most; each costs two runs without symmetry.
_RELEASES = 3


@dataclasses.dataclass(frozen=True, eq=False)
class Verdict:
    """What some finished starts are worth.

    Attributes:
        converged: the evidence supports the start, (S,).
        agreement: with the structure found without symmetry, or, without a group, with the next
            start of the family; NaN where there is none, (S,).
        witnesses: what was found without the group.
    """

    converged: Bool[np.ndarray, " S"]
    agreement: Float[np.ndarray, " S"]
    witnesses: tuple[Witness, ...] = ()


def link_limit(recipe: Recipe, dimension: int) -> float:
    """Agreement above which starts are one family: as asked for, or by dimension."""
    if recipe.agreement is not None:
        return recipe.agreement
    return _LIMIT if dimension == 3 else _LIMIT_RELEASED


def twinned(reflections: Reflections) -> float | None:
    """<|E^2 - 1|> where it is as low as twins alone have it, otherwise None."""
    if reflections.space.n_internal or len(reflections) < _ENOUGH:
        return None
    E = reflections.amplitude / NormalisedE().form_factors(reflections)
    found = mean_e_squared_minus_one(E)
    return found if found < _TWIN else None


def verdict(
    equivalences: Equivalences,
    recipe: Recipe,
    f: Complex[np.ndarray, "S n"],
    ratio: Float[np.ndarray, " S"],
    r_factor: Float[np.ndarray, " S"],
    names: list[Any],
    stand: Callable[[], Any],
    *,
    patient: bool = True,
) -> Verdict:
    """Judge finished starts.

    In three dimensions starts have to agree with what runs from random phases find without the
    group, provided that these agree and turn out to have its symmetry. In other dimensions, where
    such runs find nothing, a start of each of the largest families is shaken and released
    from the group, and has to come back. Without any symmetry to be released from, starts are
    independent, and two that agree are enough, unless as many agree on something else.

    Args:
        equivalences: origins and hands of the group.
        recipe: its limits, if any.
        f: final amplitudes of each start, (S, n).
        ratio: (max - median) / (median - min) of each density on the alias-free grid, (S,).
        r_factor: R of each, (S,).
        names: of the starts, hashable.
        stand: makes the `WitnessStand`; not called where there is nothing to ask it.
        patient: False asks no witness: only starts without a group can then be believed.
    """
    n = len(f)
    # An algorithm may have run away: such a start has nothing to compare.
    sound = np.isfinite(f).all(axis=1) & f.any(axis=1)
    allowed = sound & ~(ratio < recipe.ratio) & ~(r_factor > recipe.r_factor)
    good, best = np.zeros(n, bool), np.full(n, np.nan)
    if not allowed.any():
        return Verdict(good, best)
    group = equivalences.orbits.group
    limit = link_limit(recipe, group.dimension)
    rows = np.flatnonzero(sound)
    pairs = equivalences.pairwise(f[rows])
    if len(group.point_rotations) == 1:
        np.fill_diagonal(pairs, -np.inf)
        pairs[:, ~allowed[rows]] = -np.inf
        found = pairs.max(axis=1, initial=-np.inf)
        best[rows] = np.where(np.isfinite(found), found, np.nan)
        # Of many pairs one of wrong starts may agree: only the largest family is believed.
        families = linked_families(pairs, limit)
        sizes = [len(family) for family in families]
        if len(sizes) == 1 or sizes[0] > max(sizes[1], 1):
            good[rows[families[0]]] = True
        return Verdict(good & allowed & (best > limit), best)
    if not patient:
        return Verdict(good, best)
    witnesses: list[Witness] = []
    families = [[int(rows[i]) for i in family] for family in linked_families(pairs, limit)]
    if stand().alone:
        witness = stand().unled()
        witnesses.append(witness)
        least = _WITNESSED if recipe.agreement is None else recipe.agreement
        for i in rows:
            best[i] = equivalences.compare(witness.f, f[i]).value
        good = allowed & witness.holds & (best >= least)
        return Verdict(good, best, tuple(witnesses))
    for family in families[:_RELEASES]:
        able = [i for i in family if allowed[i]]
        # A single start has nobody to back it: two are what a claim takes.
        if len(able) < 2:
            continue
        chosen = max(able, key=lambda i: float(np.nan_to_num(ratio[i])))
        witness = stand().released(names[chosen], f[chosen])
        back = equivalences.compare(witness.f, f[chosen]).value
        witnesses.append(witness)
        best[family] = back
        if witness.holds and back >= _LIMIT_RELEASED:
            good[able] = True
    return Verdict(good, best, tuple(witnesses))
