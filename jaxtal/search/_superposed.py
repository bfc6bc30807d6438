"""Groups of crystals that superpose, whatever their volumes and up to strain (host)."""

import dataclasses
from collections.abc import Iterable
from typing import Any

import numpy as np
from jaxtyping import Int

from ..crystal import HostAtoms, iterate_host_crystals, match_crystals


def superposed_groups(
    crystals: Iterable[Any],
    *,
    length_tol: float = 0.2,
    angle_tol: float = 5.0,
    site_tol: float = 0.3,
) -> Int[np.ndarray, " n"]:
    """Label crystals that superpose on the first of their group, as pymatgen's matcher groups them.

    Two crystals of one composition are scaled to one volume per atom, reduced to primitive cells,
    and superposed (`crystal.match_crystals`). The tolerances are those of `StructureMatcher` and
    its defaults: they let strain of many per cent pass, and whatever changes no site by more than
    about half an angstrom, such as quartz from alpha to beta. Unlike the distance of vectors that
    is no matter of degree, and a pair takes some 0.05 s, cells of many
    atoms a second.

    Args:
        crystals: n of any kind (`crystal.host_crystals`).
        length_tol: how far the ratio of matched lengths may be from 1.
        angle_tol: how far matched angles may differ, degrees.
        site_tol: how far each site, and all of them in the root mean square, may be from its
            counterpart in units of (V / N)^(1/3).

    Returns:
        Group of each crystal, numbered in the order in which they first occur.

    Raises:
        ValueError: something that is no crystal, no atoms, a singular cell, or tolerances that are
            not positive.

    References:
        S. P. Ong et al., "Python Materials Genomics (pymatgen)", Comput. Mater. Sci. 68 (2013) 314.
    """
    firsts: dict[tuple, list[tuple[int, HostAtoms]]] = {}
    labels: list[int] = []
    number = 0
    for place, given in enumerate(iterate_host_crystals(crystals)):
        if not len(given):
            raise ValueError(f"crystal {place}: expected at least one atom, got none")
        # Volumes of one cubic angstrom for each atom.
        unit = np.cbrt(abs(np.linalg.det(given.matrix)) / len(given))
        atoms = dataclasses.replace(given, matrix=given.matrix / unit)
        known = firsts.setdefault(_composition(atoms), [])
        for label, first in known:
            match = match_crystals(
                first, atoms, length_tol=length_tol, angle_tol=angle_tol, max_rmsd=site_tol
            )
            if match is not None and match.max_distance <= site_tol:
                labels.append(label)
                break
        else:
            known.append((number, atoms))
            labels.append(number)
            number += 1
    return np.array(labels, np.int64)


def _composition(atoms: HostAtoms) -> tuple:
    """Share of each species of site; the occupancy is part of the species."""
    kinds, counts = np.unique(
        np.stack([atoms.atomic_numbers, np.rint(100 * atoms.occupancies)]),
        axis=1,
        return_counts=True,
    )
    counts = counts // np.gcd.reduce(counts)
    return tuple(map(tuple, kinds.T.astype(int).tolist())), tuple(counts.tolist())
