"""Structure factors of listed reflections, and |F|^2 by every parameter of every atom.

    F(h) = sum_j w_j f_j(s) G_j(h)            w_j = occupancy x multiplicity / order of the group
    G_j(h) = sum over operations of exp(2 pi i h.(W x + w)) exp(-2 pi^2 (hW)^T U* (hW))

In groups with an inversion at the origin half of the operations suffice and G is real; centring
translations multiply it. NumPy in blocks of reflections: what is computed once per cycle would
wait longer for a compiler. With c = F* w f the chain through |F|^2 needs real sums only:

    d|F|^2/dx = -4 pi sum h Im(c E)    d|F|^2/dU = -2 Q Re(c E)    d|F|^2/docc = 2 Re(c G) / occ

with E the term of one operation and Q = 2 pi^2 a*_i a*_j h_i h_j (twice that where i != j).
"""

import numpy as np

from ._sum_tables import Atoms, Points

DOUBLE = np.dtype(np.float64)
#: Numbers of one operation in a block: it stays in the second level of a core's cache.
_BLOCK = 1 << 16


def block_size(n_atoms: int) -> int:
    """Reflections of a block."""
    return int(np.clip(_BLOCK // max(n_atoms, 1), 384, 2048))


class Terms:
    """The terms E of every atom, operation and reflection of a block, and F."""

    def __init__(
        self,
        points: Points,
        atoms: Atoms,
        f: np.ndarray,
        real: bool,
        derivatives: bool = True,
        dtype: np.dtype = DOUBLE,
    ) -> None:
        """Compute them.

        Args:
            points: of the block, n reflections.
            atoms: N atoms.
            f: form factors of the species, (S, n), complex.
            real: whether G is real.
            derivatives: whether `add_gradient` will be called.
            dtype: of the terms; what is left of h.x after whole turns is always precise.
        """
        # Atoms in double precision: their coordinates and h give many turns.
        turns = np.matmul(atoms.frac, points.hs)
        turns += points.phases[:, None, :]
        turns -= np.rint(turns)
        turns = turns.astype(dtype, copy=False)
        turns *= 2 * np.pi
        self.points = points = points.cast(dtype)
        self.atoms, self.real = atoms, real
        m, N, n = len(points.hs), len(atoms.frac), points.phases.shape[1]
        T = np.empty((m, N, n), dtype)
        if len(atoms.aniso):
            T[:, atoms.aniso] = np.exp(-np.matmul(atoms.six.astype(dtype), points.Q))
        if len(atoms.iso):
            T[:, atoms.iso] = np.exp(-atoms.u_iso[:, None].astype(dtype) * points.K)
        self.cos = np.cos(turns)
        self.cos *= T
        self.sin = turns
        if derivatives or not real:
            self.sin = np.sin(turns, out=turns)
            self.sin *= T
        # A few species: their factors are multiplied in after the atoms of each were summed.
        self.weighted = (atoms.weight[:, None] * f[atoms.kind]).astype(np.result_type(dtype, 1j))
        G = self.cos.sum(axis=0)
        if real:
            self.F = np.einsum("jn,jn->n", self.weighted, G)
        else:
            self.F = np.einsum("jn,jn->n", self.weighted, G + 1j * self.sin.sum(axis=0))

    def add_gradient(
        self,
        factor: np.ndarray,
        rows: dict[str, np.ndarray],
        occupied: tuple[np.ndarray, np.ndarray],
    ) -> None:
        """Add factor x d|F|^2/d(parameter) to rows of a Jacobian.

        Args:
            factor: (n,).
            rows: "x" (3, N, n), "six" (6, aniso, n), "iso" (iso, n), "occ" (occupied, n).
            occupied: atoms with a row in "occ" and their occupancies.
        """
        atoms, points = self.atoms, self.points
        c = (np.conj(self.F) * factor).astype(self.weighted.dtype) * self.weighted
        cr, ci = np.ascontiguousarray(c.real), np.ascontiguousarray(c.imag)
        cr *= 2.0
        ci *= 2.0
        total = np.zeros_like(cr)
        buffer = np.empty_like(cr)
        tensor = np.empty((len(atoms.aniso), cr.shape[1]), cr.dtype)
        every = len(atoms.iso) == 0
        for s in range(len(points.hs)):
            if self.real:
                re, im = cr * self.cos[s], cr * self.sin[s]
            else:
                re = cr * self.cos[s]
                re -= np.multiply(ci, self.sin[s], out=buffer)
                im = cr * self.sin[s]
                im += np.multiply(ci, self.cos[s], out=buffer)
            im *= -2 * np.pi
            for axis in range(3):
                rows["x"][axis] += np.multiply(im, points.hs[s, axis], out=buffer)
            if len(atoms.aniso):
                part = re if every else re[atoms.aniso]
                for axis in range(6):
                    rows["six"][axis] -= np.multiply(part, points.Q[s, axis], out=tensor)
            total += re
        if len(atoms.iso):
            rows["iso"] -= total[atoms.iso] * points.K
        if len(occupied[0]):
            rows["occ"] += total[occupied[0]] / occupied[1][:, None]
