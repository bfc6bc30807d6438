"""From sites in a cell to a crystal with its own space group, verified (host)."""

import numpy as np

from ...crystal import Crystal, WyckoffCrystal, match_crystals
from ...descriptors import Description
from ...scattering import species_label
from .._levenberg_marquardt import LevenbergMarquardt
from .._objective import Objective
from .._result import SAME_RMSD
from .._verify import verified_loss
from ._discovery import DiscoveredCrystal
from ._site_search import SiteEnd

#: How far atoms may be from a symmetry that is looked for, angstrom, boldest first.
_SYMPRECS = (1e-2, 1e-3)


def crystal_of(end: SiteEnd, species: list[tuple[int, int, int]]) -> WyckoffCrystal | None:
    """The crystal as it was sought; None if atoms are on top of each other."""
    setting, sites, place = end.candidate.setting, [], 0
    for key, positions in zip(species, end.candidate.sites, strict=True):
        for j in positions:
            position = setting.sites[j].position
            sites.append(
                (species_label(key), position.label, position.orbit(end.parameters[place])[0])
            )
            place += 1
    try:
        return WyckoffCrystal.build(setting.group, end.lattice.cell, sites, dtype=np.float64)
    except ValueError:
        return None


def identified(
    crystal: WyckoffCrystal, target: Description, objective: Objective, tolerance: float
) -> DiscoveredCrystal:
    """The crystal with the highest symmetry that keeps its loss, optimised where that is needed."""
    best = DiscoveredCrystal(crystal, verified_loss(objective, target, crystal))
    for symprec in _SYMPRECS:
        try:
            given = Crystal.from_host(crystal.to_host())
            symmetric = WyckoffCrystal.from_crystal(given, symprec=symprec, dtype=np.float64)
        except ValueError:
            continue
        loss = verified_loss(objective, target, symmetric)
        if loss > tolerance:
            symmetric, loss = polished(symmetric, target, objective, tolerance)
        if loss <= tolerance or loss < best.loss:
            best = DiscoveredCrystal(symmetric, loss)
        if loss <= tolerance:
            break
    return best


def polished(
    crystal: WyckoffCrystal, target: Description, objective: Objective, tolerance: float
) -> tuple[WyckoffCrystal, float]:
    """Levenberg-Marquardt in all free parameters of a crystal, and its loss."""
    from .._reconstruct import from_descriptor

    found = from_descriptor(
        target,
        crystal,
        initial=np.asarray(crystal.to_variables())[None],
        objective=objective,
        optimiser=LevenbergMarquardt(),
        polish=None,
        tolerance=tolerance,
        progress=False,
    )
    return found.best, found.loss


def distinct(found: list[DiscoveredCrystal]) -> tuple[DiscoveredCrystal, ...]:
    """One of each crystal, lowest loss first; both hands of one count as one."""
    kept: list[DiscoveredCrystal] = []
    for one in sorted(found, key=lambda c: c.loss):
        for other in kept:
            match = match_crystals(other.crystal, one.crystal)
            if match is not None and match.rmsd < SAME_RMSD and match.cell_error < 1e-3:
                break
        else:
            kept.append(one)
    return tuple(kept)
