"""The search that knows nothing but a composition: lattice, group, sites, verification."""

import dataclasses
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ...crystal import match_crystals
from ...descriptors import Description
from ...symmetry import absent
from .._objective import Objective, check_target
from .._starts import volume_of
from .._verify import verified_loss
from ._bravais import Bravais
from ._candidates import Candidate, candidates
from ._checks import check_radial
from ._contents import contents
from ._discovery import DiscoveredCrystal, Discovery, DiscoveryNews
from ._identify import crystal_of, distinct, identified
from ._lattice_fit import LatticeFit
from ._lattices import FoundLattice, find_lattices
from ._settings import Setting, settings
from ._site_search import SiteEnd, SiteSearch

#: Free coordinates at most, in the first pass over the lattices and in the second.
_FREE = (4, 10)
#: Candidates of one lattice at most in either pass.
_CANDIDATES = (6000, 40_000)
#: Loss, in tolerances and at least, above which an end is not looked at any closer.
_HOPELESS, _HOPELESS_LOSS = 100.0, 1e-5
#: u that a group's extinctions may add, in tolerances of the lattice.
_EXTINCT = 1e3


def from_composition(
    target: Description,
    composition: str | Mapping[str, int],
    *,
    atoms: int | None = None,
    groups: Sequence[int] | None = None,
    volume: float | None = None,
    objective: Objective | None = None,
    seed: int = 0,
    tolerance: float = 1e-8,
    lattice_tolerance: float = 1e-11,
    seconds: float | None = None,
    progress: bool = True,
    on_chunk: Callable[[DiscoveryNews], object] | None = None,
) -> Discovery:
    """Find the crystals of a composition that have a descriptor; nothing else is known (host).

        target = jxt.describe(crystal)
        found = jxt.reconstruct.from_composition(target, "TiO2", atoms=6)
        found.best, found.success, found.message

    One step after the other, each with an answer that is zero for the right one:

    1. Lattices: cells of the 14 Bravais lattices whose reflections, of whatever intensities, can
       make the radial distribution (`LatticeFit`).
    2. Groups: those whose extinctions leave what is needed for that.
    3. Sites: all choices of Wyckoff positions for the atoms, fewest free coordinates first. In a
       cell that is known both parts of a descriptor are linear in the intensities: many samples of
       each are compared with the target, and the best ones descended.
    4. What is found gets its full space group, and is verified as `from_descriptor` does.

    The search ends with the number of free coordinates at which it has found a crystal, so that of
    crystals with equally many all are listed. Ctrl-C ends it early.

    Args:
        target: what a descriptor with a radial distribution says of one crystal.
        composition: "TiO2", or numbers by species.
        atoms: in the primitive cell; by default all multiples of the formula of up to 12 atoms.
        groups: numbers of the space groups that are tried, by default all.
        volume: of the primitive cell, angstrom^3; by default what `estimate_volume` says.
        objective: weights, default `Objective()`; further terms are not possible.
        seed: of the samples.
        tolerance: loss within which a crystal has the descriptor.
        lattice_tolerance: share of |G|^2 that a lattice may leave unexplained; larger for targets
            that are not exact.
        seconds: wall time after which the search ends.
        progress: show a progress bar.
        on_chunk: called with a `DiscoveryNews` after every batch of candidates, for every lattice
            and at the end; the search waits for it.

    Returns:
        Every distinct crystal within the tolerance, or the closest one.

    Raises:
        ValueError: a target without radial distribution, displacements or anomalous scattering
            among what made it, no composition, or `atoms` that are no multiple of the formula.
    """
    check_target(target)
    objective = Objective() if objective is None else objective
    check_radial(target)
    if objective.terms:
        raise ValueError(f"objective: expected no further terms, got {len(objective.terms)}")
    for number in groups or ():
        if not 1 <= number <= 230:
            raise ValueError(f"groups: expected numbers 1 to 230, got {number}")
    species, sizes = contents(composition, atoms)
    wanted = None if groups is None else frozenset(groups)
    search = _Search(target, objective, species, wanted, seed, tolerance, lattice_tolerance)
    from tqdm import tqdm

    begin = time.perf_counter()
    end = np.inf if seconds is None else begin + seconds
    interrupted = False
    with tqdm(disable=not progress, unit="candidate") as bar:
        try:
            for counts in sizes:
                amounts = np.array(counts, np.float64)
                own = volume_of(target, species, amounts) if volume is None else volume
                for tried in search.steps(counts, own):
                    bar.update(tried)
                    bar.set_description_str(search.where)
                    if on_chunk is not None:
                        on_chunk(search.news())
                    if time.perf_counter() > end:
                        raise _OutOfTimeError
                if search.solutions:
                    break
            if on_chunk is not None:
                on_chunk(search.news())
        except (KeyboardInterrupt, _OutOfTimeError):
            interrupted = True
    return Discovery(
        solutions=distinct(search.solutions),
        closest=None if search.solutions else search.closest,
        counted=search.counted,
        tried=search.tried,
        lattices=search.n_lattices,
        atoms=search.n_atoms,
        tolerance=tolerance,
        seconds=time.perf_counter() - begin,
        interrupted=interrupted,
    )


class _OutOfTimeError(Exception):
    """The time is over."""


@dataclasses.dataclass
class _Search:
    """Where a search stands."""

    target: Description
    objective: Objective
    species: list[tuple[int, int, int]]
    wanted: frozenset[int] | None
    seed: int
    tolerance: float
    lattice_tolerance: float
    solutions: list[DiscoveredCrystal] = dataclasses.field(default_factory=list)
    closest: DiscoveredCrystal | None = None
    counted: int = 0
    tried: int = 0
    n_lattices: int = 0
    n_atoms: int = 0
    where: str = ""
    lattice: FoundLattice | None = None
    batch: tuple[SiteEnd, ...] = ()

    def news(self) -> DiscoveryNews:
        """Where it stands now."""
        return DiscoveryNews(
            target=self.target,
            species=tuple(self.species),
            tolerance=self.tolerance,
            where=self.where,
            lattice=self.lattice,
            ends=self.batch,
            counted=self.counted,
            tried=self.tried,
            lattices=self.n_lattices,
            atoms=self.n_atoms,
            solutions=tuple(self.solutions),
            closest=self.closest,
        )

    def steps(self, counts: tuple[int, ...], volume: float) -> Iterator[int]:
        """Search among the crystals of some atoms; yields how many candidates have been tried."""
        self.n_atoms = sum(counts)
        fit = LatticeFit.of(self.target)
        for again in (False, True):
            left: list[tuple[SiteSearch, list[Setting]]] = []
            for name in Bravais.names():
                lattice = Bravais(name)
                usable = [g for g in settings(lattice) if self._is_wanted(g.number)]
                if not usable:
                    continue
                self.where = f"{self.n_atoms} atoms, lattice {name}"
                self.lattice, self.batch = None, ()
                yield 0
                for found in find_lattices(
                    fit, lattice, volume, self.lattice_tolerance, again=again
                ):
                    self.n_lattices += 1
                    allowed = [Setting.build(g) for g in self._present(fit, found, usable)]
                    sites = SiteSearch(
                        self.target, self.objective, self.species, counts, found, self.seed
                    )
                    a, b, c = found.cell[:3]
                    self.where = f"{self.n_atoms} atoms, {name} {a:.3f} {b:.3f} {c:.3f} A"
                    self.lattice, self.batch = found, ()
                    yield 0
                    yield from self._sites(sites, allowed, counts, range(_FREE[0] + 1), 0)
                    if self.solutions:
                        return
                    left.append((sites, allowed))
            for sites, allowed in left:
                self.where = f"{self.n_atoms} atoms, {sites.lattice.lattice.name}, more freedom"
                self.lattice, freedom = sites.lattice, range(_FREE[0] + 1, _FREE[1] + 1)
                yield from self._sites(sites, allowed, counts, freedom, 1)
                if self.solutions:
                    return

    def _is_wanted(self, number: int | None) -> bool:
        return self.wanted is None or number in self.wanted

    def _present(self, fit: LatticeFit, found: FoundLattice, groups: list) -> list:
        """Groups whose systematic absences leave G explained."""
        hkl, _ = found.lattice.reflections(found.matrix, fit.q_max)
        bins = fit.bins(found.lattice, found.matrix)
        limit = _EXTINCT * max(self.lattice_tolerance, found.unexplained)
        return [
            g
            for g in groups
            if np.sum(fit.unexplained(hkl[~absent(hkl, g)], found.matrix, bins) ** 2) <= limit
        ]

    def _sites(
        self,
        sites: SiteSearch,
        allowed: list[Setting],
        counts: tuple[int, ...],
        freedom: range,
        number: int,
    ) -> Iterator[int]:
        """One tier of candidates after the other, until one holds a crystal."""
        listed: list[Candidate] = []
        for setting in allowed:
            listed += candidates(setting, counts, freedom[-1])
        listed = [c for c in listed if c.n_free in freedom]
        self.counted += len(listed)
        room = _CANDIDATES[number]
        for n_free in freedom:
            tier = [c for c in listed if c.n_free == n_free][:room]
            room -= len(tier)
            ends: list[SiteEnd] = []
            for batch in sites.run(tier):
                ends += batch
                self.batch = tuple(batch)
                self.tried += len(batch)
                yield len(batch)
            self._look_at(ends)
            if self.solutions:
                return

    def _look_at(self, ends: list[SiteEnd]) -> None:
        """Identify what might be a crystal; of what can't be one the closest is kept."""
        hopeless = max(_HOPELESS * self.tolerance, _HOPELESS_LOSS)
        near = sorted((e for e in ends if e.loss <= hopeless), key=lambda e: e.loss)
        for end in near:
            crystal = crystal_of(end, self.species)
            if crystal is None or any(_same(crystal, one.crystal) for one in self.solutions):
                continue
            found = identified(crystal, self.target, self.objective, self.tolerance)
            if found.loss <= self.tolerance:
                self.solutions.append(found)
            else:
                self._keep(found)
        best = min(ends, key=lambda e: e.loss, default=None)
        if best is None or near or (self.closest is not None and self.closest.loss <= best.loss):
            return
        crystal = crystal_of(best, self.species)
        if crystal is not None:
            loss = verified_loss(self.objective, self.target, crystal)
            self._keep(DiscoveredCrystal(crystal, loss))

    def _keep(self, found: DiscoveredCrystal) -> None:
        if self.closest is None or found.loss < self.closest.loss:
            self.closest = found


def _same(a: Any, b: Any) -> bool:
    match = match_crystals(a, b)
    return match is not None and match.rmsd < 0.05 and match.cell_error < 5e-3
