"""Lattices that can make a radial distribution, sought from nothing but a volume (host)."""

import dataclasses
from collections.abc import Iterator

import numpy as np
from jaxtyping import Float

from ...lattice import cell_to_matrix
from ._bravais import SHORTEST, Bravais
from ._lattice_fit import JUDGED, SEARCHED, LatticeFit

#: By how much the volume may differ from the one estimated, and for how many times the cells.
_SPREADS = ((0.06, 1), (0.2, 2), (0.5, 4))
#: Cells that are tried, by their number of free parameters, and how many are refined at most.
_CELLS = {1: 12, 2: 800, 3: 4000, 4: 12_000, 6: 10_000}
_REFINED = {1: 6, 2: 20, 3: 100, 4: 150, 6: 150}
#: Bins by which G is smoothed at first: cells that are some per cent off then fit already. The more
#: it is, the fewer cells are enough, and the more wrong ones fit as well.
_BLUR = {1: 3.0, 2: 1.5, 3: 1.5, 4: 2.5, 6: 3.0}
#: u of a cell that is refined at all, of the smoothed G, and u after that.
_PROMISING, _NEAR = 0.05, 1e-3
#: Cells that count as the same one.
_SAME = 1e-3
#: Logarithm of the factor by which a refinement may change the volume.
_GROWN = 0.2


@dataclasses.dataclass(frozen=True)
class FoundLattice:
    """A lattice and how well it explains a radial distribution.

    Attributes:
        lattice: which Bravais lattice.
        cell: conventional cell, angstrom and degrees, shape (6,).
        unexplained: u of `LatticeFit`, 0 for the right one.
    """

    lattice: Bravais
    cell: Float[np.ndarray, "6"]
    unexplained: float

    @property
    def matrix(self) -> Float[np.ndarray, "3 3"]:
        """Rows a, b, c, angstrom."""
        return cell_to_matrix(self.cell)


def find_lattices(
    fit: LatticeFit, lattice: Bravais, volume: float, tolerance: float, *, again: bool = False
) -> Iterator[FoundLattice]:
    """Cells of one Bravais lattice that explain G, best guesses of the volume first.

    Args:
        fit: G.
        lattice: which one.
        volume: estimate for the primitive cell, angstrom^3.
        tolerance: u up to which G counts as explained.
        again: with volumes further from the estimate, for lattices of three and more parameters,
            which are sought near it at first; others are sought everywhere at once.
    """
    known: list[np.ndarray] = []
    dear = lattice.system.n_free > 2
    if again and not dear:
        return
    for spread, factor in (_SPREADS[1:] if again else _SPREADS[:1]) if dear else _SPREADS:
        count = factor * _CELLS[lattice.system.n_free]
        starts = lattice.cells(volume, spread, count)
        for found in _refined(fit, lattice, starts, tolerance):
            if not any(np.allclose(found.cell, other, rtol=_SAME) for other in known):
                known.append(found.cell)
                yield found
        if known:
            return


def _refined(
    fit: LatticeFit, lattice: Bravais, starts: Float[np.ndarray, "n k"], tolerance: float
) -> Iterator[FoundLattice]:
    if not len(starts):
        return
    # All on the same bins, those of a cell in the middle.
    matrices = [lattice.matrix(v) for v in starts]
    bins = int(np.median([fit.bins(lattice, m, SEARCHED) for m in matrices[:25]]))
    reach = (bins + 1) * fit.spacing
    blurred = _BLUR[lattice.system.n_free]
    scores = [
        np.sum(np.square(fit.unexplained(lattice.reflections(m, reach)[0], m, bins, blurred)))
        for m in matrices
    ]
    best = np.argsort(scores, kind="stable")[: _REFINED[lattice.system.n_free]]
    for i in best[np.array(scores)[best] < _PROMISING]:
        variables, left = starts[i], 0.0
        for density, blur in ((SEARCHED, blurred), (SEARCHED, 0.0), (JUDGED, 0.0)):
            variables, left = fit.refined(lattice, variables, density, blur)
            # A cell that has grown explains everything by having more reflections.
            matrix = lattice.matrix(variables)
            grown = abs(np.log(np.linalg.det(matrix) / np.linalg.det(matrices[i])))
            shortest = np.linalg.norm(matrix, axis=1).min()
            if left > _NEAR or grown > _GROWN or shortest < 0.8 * SHORTEST:
                break
        else:
            if left <= tolerance:
                yield FoundLattice(lattice, lattice.cell(variables), left)
