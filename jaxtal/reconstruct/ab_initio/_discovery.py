"""The outcome of a search that knew nothing but a composition, and its news on the way."""

import dataclasses
from typing import Any

from ...crystal import WyckoffCrystal
from ...descriptors import Description


@dataclasses.dataclass(frozen=True)
class DiscoveredCrystal:
    """A crystal that has the descriptor.

    Attributes:
        crystal: in the space group that it has, standard setting.
        loss: evaluated afresh on all reflections of its cell, without its symmetry.
    """

    crystal: WyckoffCrystal
    loss: float


@dataclasses.dataclass(frozen=True, repr=False)
class Discovery:
    """What `from_composition` has found.

    Attributes:
        solutions: different crystals within the tolerance, lowest loss first; both hands of one
            count as one.
        closest: the crystal of the lowest loss where there is no solution; None if nothing came
            as far as that.
        counted: choices of group and sites that were listed.
        tried: those of them that were tried.
        lattices: lattices that explain the radial distribution.
        atoms: in the primitive cell of what was tried last.
        tolerance: the loss tolerance.
        seconds: wall time, compilation included.
        interrupted: the search was stopped, or ran out of its time.
    """

    solutions: tuple[DiscoveredCrystal, ...]
    closest: DiscoveredCrystal | None
    counted: int
    tried: int
    lattices: int
    atoms: int
    tolerance: float
    seconds: float
    interrupted: bool

    @property
    def success(self) -> bool:
        """Whether a crystal has the descriptor; `message` says if there are several."""
        return bool(self.solutions)

    @property
    def best(self) -> WyckoffCrystal | None:
        """The crystal of the lowest loss, a solution or not."""
        first = self.solutions[0] if self.solutions else self.closest
        return None if first is None else first.crystal

    @property
    def message(self) -> str:
        """One sentence for a person."""
        tried = f"{self.tried} of {self.counted} choices of group and sites tried"
        n = len(self.solutions)
        if n == 1:
            return f"one crystal has this descriptor, its hand aside ({tried})"
        if n:
            return f"{n} different crystals have this descriptor: |F|^2 does not decide ({tried})"
        if not self.lattices:
            return "no lattice explains the radial distribution"
        nearest = "" if self.closest is None else f", lowest loss {self.closest.loss:.1e}"
        stopped = "interrupted" if self.interrupted else "not found"
        return f"{stopped}: no crystal within {self.tolerance:.0e}{nearest} ({tried})"

    def __repr__(self) -> str:
        """Print the verdict and the best crystal."""
        text = f"Discovery: {self.message}"
        if self.best is not None:
            text += f"\n  best: {self.best!r}"
        return f"{text}\n  {self.atoms} atoms in the primitive cell, {self.seconds:.1f} s"


@dataclasses.dataclass(frozen=True, eq=False)
class DiscoveryNews:
    """What a search tells of every batch of candidates, and of every lattice it turns to.

    Attributes:
        target: what is sought.
        species: kinds of atoms that the ends are of.
        tolerance: loss within which a crystal has the descriptor.
        where: in words.
        lattice: `FoundLattice` whose candidates are tried, None while lattices are sought.
        ends: `SiteEnd` of each candidate of the batch, none where a lattice has just been found.
        counted, tried, lattices, atoms: as in `Discovery`, so far.
        solutions: crystals within the tolerance, so far.
        closest: as in `Discovery`, so far.
    """

    target: Description
    species: tuple[tuple[int, int, int], ...]
    tolerance: float
    where: str
    lattice: Any
    ends: tuple[Any, ...]
    counted: int
    tried: int
    lattices: int
    atoms: int
    solutions: tuple[DiscoveredCrystal, ...]
    closest: DiscoveredCrystal | None
