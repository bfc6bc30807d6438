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
#: By the number of free parameters: bins by which G is smoothed at first, how many cells are tried,
#: and how many of them are refined at most. Smoothed, G is fitted by cells that are some per cent
#: off; the more it is, the fewer cells are enough, and the more wrong ones fit as well.
_PASSES = {
    1: ((3.0, 12, 6),),
    2: ((3.0, 200, 20), (1.5, 800, 20)),
    3: ((3.0, 1500, 100), (1.5, 4000, 100)),
    4: ((2.5, 12_000, 150),),
    6: ((3.0, 10_000, 150),),
}
#: How many times as many are refined in the end, of cells of two parameters at most.
_AGAIN = 4
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
            which are sought near it at first; from more of the cells, for others.
    """
    known: list[np.ndarray] = []
    sure = False
    dear = lattice.system.n_free > 2
    spreads = (_SPREADS[1:] if again else _SPREADS[:1]) if dear else _SPREADS
    passes = [(*v, *p) for v in spreads for p in _PASSES[lattice.system.n_free]]
    for spread, factor, blur, count, most in passes:
        refined = slice(most, _AGAIN * most) if again and not dear else slice(most)
        starts = lattice.cells(volume, spread, factor * count)
        for found in _refined(fit, lattice, starts, blur, refined, tolerance):
            if not any(np.allclose(found.cell, other, rtol=_SAME) for other in known):
                known.append(found.cell)
                # More reflections than bins explain about anything: the right cell may come yet.
                sure |= dear or fit.n_reflections(lattice, found.matrix) < len(fit.values)
                yield found
        if sure:
            return


def _refined(
    fit: LatticeFit,
    lattice: Bravais,
    starts: Float[np.ndarray, "n k"],
    blur: float,
    refined: slice,
    tolerance: float,
) -> Iterator[FoundLattice]:
    if not len(starts):
        return
    # All on the same bins, those of a cell in the middle.
    matrices = [lattice.matrix(v) for v in starts]
    bins = int(np.median([fit.bins(lattice, m, SEARCHED) for m in matrices[:25]]))
    reach = (bins + 1) * fit.spacing
    scores = [
        np.sum(np.square(fit.unexplained(lattice.reflections(m, reach)[0], m, bins, blur)))
        for m in matrices
    ]
    best = np.argsort(scores, kind="stable")[refined]
    for i in best[np.array(scores)[best] < _PROMISING]:
        variables, left = starts[i], 0.0
        for density, width in ((SEARCHED, blur), (SEARCHED, 0.0), (JUDGED, 0.0)):
            variables, left = fit.refined(lattice, variables, density, width)
            # A cell that has grown explains everything by having more reflections.
            matrix = lattice.matrix(variables)
            grown = abs(np.log(np.linalg.det(matrix) / np.linalg.det(matrices[i])))
            shortest = np.linalg.norm(matrix, axis=1).min()
            if left > _NEAR or grown > _GROWN or shortest < 0.8 * SHORTEST:
                break
        else:
            if left <= tolerance:
                yield FoundLattice(lattice, lattice.cell(variables), left)
