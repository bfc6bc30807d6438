"""The candidates of `reconstruct.from_composition`, and the lattices they are tried in."""

import dataclasses
import pathlib
from typing import Any

import numpy as np

from .._core import write_text
from ..descriptors import Description
from ..reconstruct.ab_initio._discovery import DiscoveryNews
from ..reconstruct.ab_initio._identify import crystal_of
from ..reconstruct.ab_initio._lattice_fit import LatticeFit
from ._runs import News

#: Lattices that are kept, of whichever were found last.
_LATTICES = 200


@dataclasses.dataclass(frozen=True, eq=False)
class Explained:
    """How a lattice explains the radial distribution, whatever its atoms are.

    Attributes:
        lattice: a `FoundLattice`.
        values: G of the best intensities, (bins,), over as many bins as are compared.
    """

    lattice: Any
    values: np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class Closest:
    """The crystal of the lowest loss so far.

    Attributes:
        crystal: None where atoms are on top of each other.
        loss: its loss.
        text: what it is.
    """

    crystal: Any
    loss: float
    text: str


class CompositionNews(News):
    """Takes the news of a search, and looks at them in another thread.

    Attributes:
        target: what is sought.
        losses: of each candidate in the order they were tried.
        free: its free coordinates.
        lattices: those that were found.
        explained: G by the newest one.
        closest: the best crystal.
        tolerance: loss within which a crystal has the descriptor.
    """

    def __init__(self, title: str, control: Any):
        """Nothing is known before the first news."""
        super().__init__(title, control)
        self.target: Description | None = None
        self.losses: list[float] = []
        self.free: list[int] = []
        self.lattices: list[Any] = []
        self.explained: Explained | None = None
        self.closest: Closest | None = None
        self.tolerance = 0.0
        self._latest: DiscoveryNews | None = None
        self._best: Any = None
        self._shown: Any = None
        self._fit: LatticeFit | None = None

    def take(self, news: DiscoveryNews) -> None:
        """Keep what a batch has led to: `from_composition(on_chunk=...)`; waits while paused."""
        if self._latest is None:
            self.target, self.tolerance = news.target, news.tolerance
        before, self._latest = self._latest, news
        for end in news.ends if before is None or news.ends is not before.ends else ():
            self.losses.append(end.loss)
            self.free.append(end.candidate.n_free)
            if self._best is None or end.loss < self._best.loss:
                self._best = end
        found = news.lattice
        if found is not None and not any(found is one for one in self.lattices):
            self.lattices = [*self.lattices[1 - _LATTICES :], found]
            self.tell(f"lattice {lattice_text(found)}")
        if before is None or len(news.solutions) > len(before.solutions):
            for one in news.solutions[len(before.solutions) if before else 0 :]:
                self.tell(f"found: {one.crystal!r}, loss {one.loss:.1e}")
        self.news += 1
        self.control.hold()

    @property
    def ready(self) -> bool:
        return self._latest is not None

    @property
    def state(self) -> str:
        latest = self._latest
        if latest is None:
            return "preparing: volume, lattices"
        best = "" if self.closest is None else f"; lowest loss {self.closest.loss:.1e}"
        tried = f"{latest.tried} of {latest.counted} choices of group and sites tried"
        return f"{latest.where}; {tried}{best}"

    def work(self, seconds: float) -> bool:
        latest, best, lattices = self._latest, self._best, self.lattices
        if latest is None:
            return False
        did = False
        if lattices and (self.explained is None or self.explained.lattice is not lattices[-1]):
            self._fit = LatticeFit.of(latest.target) if self._fit is None else self._fit
            self.explained = Explained(lattices[-1], _explained(self._fit, lattices[-1]))
            did = True
        # What was verified is told with the symmetry that it has.
        sure = [*latest.solutions, *([latest.closest] if latest.closest else [])]
        first = min(sure, key=lambda one: one.loss, default=None)
        if first is not None and (latest.solutions or best is None or first.loss <= best.loss):
            if first is not self._shown:
                kind = "Found" if latest.solutions else "Closest"
                name = f"{kind}: {first.crystal.group.hm}"
                self._shown, self.closest = first, Closest(first.crystal, first.loss, name)
                did = True
        elif best is not None and best is not self._shown:
            crystal = crystal_of(best, list(latest.species))
            name = f"Closest: tried as {best.candidate.setting.group.hm}"
            self._shown, self.closest = best, Closest(crystal, best.loss, name)
            did = True
        return did

    def save(self, folder: pathlib.Path, stem: str) -> list[pathlib.Path]:
        """Loss of every candidate, lattices, and the best crystal."""
        rows = zip(list(self.losses), list(self.free), strict=False)
        tried = [f"{i},{free},{loss:.6g}" for i, (loss, free) in enumerate(rows)]
        lattices = [
            ",".join([one.lattice.name, *(f"{x:.6g}" for x in one.cell), f"{one.unexplained:.3g}"])
            for one in self.lattices
        ]
        files = []
        for name, head, lines in (
            (f"{stem}.csv", "candidate,free_coordinates,loss", tried),
            (f"{stem}-lattices.csv", "lattice,a,b,c,alpha,beta,gamma,unexplained", lattices),
        ):
            files.append(folder / name)
            write_text(files[-1], "\n".join([head, *lines]) + "\n")
        crystal = None if self.closest is None else self.closest.crystal
        return [*files, *self.save_best(crystal, folder / f"{stem}.cif")]


def lattice_text(found: Any) -> str:
    """Name, cell, and what is left unexplained."""
    lengths = " ".join(f"{x:.3f}" for x in found.cell[:3])
    angles = " ".join(f"{x:.1f}" for x in found.cell[3:])
    return f"{found.lattice.name}: {lengths} Å, {angles}°; u {found.unexplained:.0e}"


def _explained(fit: LatticeFit, found: Any) -> np.ndarray:
    hkl, _ = found.lattice.reflections(found.matrix, fit.q_max)
    bins = fit.bins(found.lattice, found.matrix)
    wanted = fit.values[:bins]
    left = fit.unexplained(hkl, found.matrix, bins)
    return wanted + left * (np.linalg.norm(wanted) or 1.0)
