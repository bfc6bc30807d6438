"""Lengths of bonds with their standard uncertainties."""

import numpy as np

from ._bonds import Bond, find_bonds
from ._result import Refinement


def bond_lengths(found: Refinement) -> list[tuple[Bond, float]]:
    """List each bond once, with the standard uncertainty of its length from the covariance, A.

    Bonds of riding hydrogen atoms are constraints and have none (0).
    """
    model, free = found.model, found.parameters
    N, riding = len(model), model.riding
    out = []
    for bonds in find_bonds(model):
        for bond in bonds:
            if bond.other < bond.atom or model.atomic_numbers[bond.atom] == 1:
                continue
            if riding[bond.other]:
                out.append((bond, 0.0))
                continue
            frac = model.frac
            end = bond.rotation @ frac[bond.other] + bond.translation
            along = (end - frac[bond.atom]) @ model.matrix / bond.length
            slope = model.matrix @ along
            numbers = np.zeros(len(free.numbers(model)))
            numbers[bond.atom + N * np.arange(3)] -= slope
            numbers[bond.other + N * np.arange(3)] += bond.rotation.T @ slope
            gradient = free.map.T @ numbers
            variance = float(gradient @ found.covariance @ gradient)
            out.append((bond, float(np.sqrt(max(variance, 0.0)))))
    return out
