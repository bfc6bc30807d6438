"""The space group, from a density that was found without it."""

import dataclasses
import time

import numpy as np
from jaxtyping import Complex, Float

from ..phasing._operator_agreement import FreePhases, GroupAgreement
from ..phasing._witness import mean_e_squared_minus_one
from ..reflections import NormalisedE
from ..symmetry import SpaceGroup, absent
from ._candidate_groups import candidate_groups, contains
from ._free_structure import FreeStructure

#: A group passes where its operations agree on the mean, and the worst of them, at these shares of
#: how well runs agree with each other; and R of the averaged density is at most this.
_MEAN, _WORST, _R = 0.80, 0.70, 0.27
#: After a first look at strong reflections groups go on that reach this share of the best one, and
#: in any case the best few.
_LOOK, _AT_LEAST = 0.7, 8
#: A supergroup this much worse than its subgroup is as good; much worse is an alternative.
_AS_GOOD = 0.03
#: Numbers of the pairs of groups that inversion exchanges.
_PAIRS = (
    (76, 78),
    (91, 95),
    (92, 96),
    (144, 145),
    (151, 153),
    (152, 154),
    (169, 170),
    (171, 172),
    (178, 179),
    (180, 181),
    (212, 213),
)
#: <|E^2 - 1|> between what is expected of centric and of acentric intensities.
_BETWEEN = 0.852
#: Another group of the same size is named down to this share of the best one's agreement, and one
#: above it down to this agreement.
_NAMED, _DOUBTFUL = 0.85, 0.55


@dataclasses.dataclass(frozen=True, eq=False)
class CandidateGroup:
    """A space group, and how well a density found without it obeys it.

    Attributes:
        group: in the setting of the cell.
        mean, worst: agreement of its operations with the phases, 1 at best.
        r_factor: R of the density averaged over the group against its own moduli.
        origin: where the group's origin lies in the density as found, (3,).
        inverted: the density was inverted first.
        absences: reflections that it extinguishes and that were measured above the cut, and their
            mean E^2, which is evidence and not proof.
        passes: good enough, measured by how well runs agree.
        structure_factors: sharpened F at the origin of the group, averaged over it, (m,).
    """

    group: SpaceGroup
    mean: float
    worst: float
    r_factor: float
    origin: Float[np.ndarray, "3"]
    inverted: bool
    absences: tuple[int, float]
    passes: bool
    structure_factors: Complex[np.ndarray, " m"] = dataclasses.field(repr=False)

    def text(self) -> str:
        """One line."""
        n, power = self.absences
        gone = f"; {n} absences of mean E^2 {power:.3f}" if n else ""
        return (
            f"{self.group.hm or self.group.number}: operations agree at {self.mean:.2f}, the worst "
            f"at {self.worst:.2f}, R of the average {self.r_factor:.2f}{gone}"
        )


@dataclasses.dataclass(frozen=True, eq=False)
class SpaceGroupSearch:
    """The space groups of the Laue class, best first.

    Attributes:
        structure: the density they were tested on.
        candidates: those that a first look at strong reflections did not rule out; the chosen one,
            those that pass, then the others.
        alternatives: others that the data do not rule out: groups beside, above or below the
            chosen one, and the other hand.
        seconds: spent.
    """

    structure: FreeStructure
    candidates: tuple[CandidateGroup, ...]
    alternatives: tuple[CandidateGroup, ...]
    seconds: float

    @property
    def best(self) -> CandidateGroup:
        """The chosen group."""
        return self.candidates[0]

    @property
    def converged(self) -> bool:
        """Runs agree, and where there is symmetry it was found in what they agree on.

        Without any, runs have to agree better: there is no other evidence.
        """
        if not self.structure.converged or not self.best.passes:
            return False
        return len(self.best.group.point_rotations) > 1 or self.structure.pairs >= 0.8

    def named(self, group: int | str | SpaceGroup) -> CandidateGroup:
        """Return a candidate by its group.

        Raises:
            ValueError: it is not among the candidates.
        """
        wanted = SpaceGroup.find(group)
        for one in self.candidates:
            if one.group == wanted or (one.group.hm and one.group.hm == wanted.hm):
                return one
        listed = ", ".join(str(one.group.hm) for one in self.candidates)
        raise ValueError(f"group: expected one of {listed}, got {group!r}")

    def __repr__(self) -> str:
        lines = [f"SpaceGroupSearch: {self.structure.message}"]
        lines += [f"  {one.text()}" for one in self.candidates[:5]]
        if self.alternatives:
            others = ", ".join(str(one.group.hm) for one in self.alternatives)
            lines.append(f"  not ruled out: {others}")
        return "\n".join(lines)


def find_space_group(
    structure: FreeStructure,
    group: int | str | SpaceGroup | None = None,
    *,
    force: bool = False,
) -> SpaceGroupSearch:
    """Rank the space groups of the Laue class by how well a density in P1 obeys them.

        search = find_space_group(phase_in_p1(reflections))
        search.best.group, search.alternatives
        search = find_space_group(structure, "P 21/n")            # a hint: chosen if it passes

    Every group of the class is tried in every setting of the cell: one Fourier transform finds the
    origin at which all its operations agree best (see `phasing`). A group has to reach shares of
    what runs reach among each other, so that weak data are not measured by strong ones. Of those
    that pass the highest is chosen; where a subgroup is obeyed clearly better, and differs by the
    inversion, <|E^2 - 1|> decides, and both are named.

    Args:
        structure: from `phase_in_p1`.
        group: expected, in the setting of the cell; chosen if it passes.
        force: choose it in any case.

    Raises:
        ValueError: a group of another Laue class or centring.

    References:
        L. Palatinus and A. van der Lee, J. Appl. Cryst. 41 (2008) 975.
    """
    begun = time.perf_counter()
    reflections = structure.reflections
    listed = candidate_groups(reflections.group)
    hint = None if group is None else _among(SpaceGroup.find(group), listed)
    if hint is not None and hint not in listed:
        listed = (hint, *listed)
    phases = FreePhases(structure.k, structure.average, reflections.group.laue_rotations)
    mirror = FreePhases(structure.k, np.conj(structure.average), reflections.group.laue_rotations)
    E2 = (reflections.amplitude / NormalisedE().form_factors(reflections)) ** 2
    bar = structure.pairs if np.isfinite(structure.pairs) else 1.0
    listed = _promising(listed, phases, hint)
    found = [_tested(one, phases, False, reflections.k, E2, bar) for one in listed]
    if hint is not None:
        i = listed.index(hint)
        other = _tested(hint, mirror, True, reflections.k, E2, bar)
        # P1 leaves the hand open: of P 61 and P 65 that one is right which was asked for.
        found[i] = max(found[i], other, key=lambda one: one.mean)
    passing = [one for one in found if one.passes]
    best = _chosen(passing or found, mean_e_squared_minus_one(np.sqrt(E2)))
    if hint is not None:
        asked = found[listed.index(hint)]
        best = asked if force or asked.passes else best
    rest = sorted(
        (one for one in found if one is not best),
        key=lambda one: (not one.passes, -len(one.group.point_rotations), -one.mean),
    )
    alternatives = [one for one in rest if _open(one, best)]
    mirrored = phases if best.inverted else mirror
    hands = [
        _tested(one, mirrored, not best.inverted, reflections.k, E2, bar)
        for one in partners(best.group, candidate_groups(reflections.group))
    ]
    alternatives = [
        *(one for one in hands if one.passes),
        *(one for one in alternatives if one.group not in [hand.group for hand in hands]),
    ]
    return SpaceGroupSearch(
        structure, (best, *rest), tuple(alternatives), time.perf_counter() - begun
    )


def _promising(
    listed: tuple[SpaceGroup, ...], phases: FreePhases, hint: SpaceGroup | None
) -> tuple[SpaceGroup, ...]:
    """The groups that a first look at strong reflections leaves, P 1 among them."""
    values = np.array([phases.look(one) for one in listed])
    trivial = np.array([len(one.point_rotations) == 1 for one in listed])
    highest = float(values[~trivial].max(initial=0.0))
    least = min(_LOOK * highest, float(np.sort(values)[::-1][:_AT_LEAST][-1]))
    return tuple(
        one
        for one, value in zip(listed, values, strict=True)
        if value >= least or len(one.point_rotations) == 1 or one == hint
    )


def _tested(
    group: SpaceGroup,
    phases: FreePhases,
    inverted: bool,
    k: np.ndarray,
    E2: np.ndarray,
    bar: float,
) -> CandidateGroup:
    told: GroupAgreement = phases.test(group)
    gone = absent(k, group)
    power = float(E2[gone].mean()) if gone.any() else 0.0
    alone = len(group.point_rotations) == 1
    good = told.mean >= _MEAN * bar and told.worst >= _WORST * bar and told.r_factor <= _R
    return CandidateGroup(
        group,
        told.mean,
        told.worst,
        told.r_factor,
        told.origin,
        inverted,
        (int(gone.sum()), power),
        alone or good,
        told.structure_factors,
    )


def _chosen(passing: list[CandidateGroup], e_statistic: float) -> CandidateGroup:
    """The highest group, unless a subgroup is clearly better and intensities side with it."""
    order = max(len(one.group.point_rotations) for one in passing)
    best = max(
        (one for one in passing if len(one.group.point_rotations) == order),
        key=lambda one: one.mean,
    )
    below = [
        one
        for one in passing
        if len(one.group.point_rotations) > 1 and contains(best.group, one.group)
    ]
    if not below:
        return best
    sub = max(below, key=lambda one: (len(one.group.point_rotations), one.mean))
    adds_centre = best.group.is_centrosymmetric and not sub.group.is_centrosymmetric
    worse = sub.mean - best.mean > _AS_GOOD
    return sub if worse and adds_centre and e_statistic < _BETWEEN else best


def _open(one: CandidateGroup, best: CandidateGroup) -> bool:
    """The data do not rule a candidate out beside the chosen one."""
    if contains(best.group, one.group):
        # A subgroup as good as its supergroup says nothing; a better one may be the truth.
        better = one.mean > best.mean + _AS_GOOD and len(one.group.point_rotations) > 1
        return one.passes and better
    if contains(one.group, best.group):
        return one.mean >= _DOUBTFUL and one.worst >= _DOUBTFUL
    return one.passes and one.mean >= _NAMED * best.mean


def partners(group: SpaceGroup, listed: tuple[SpaceGroup, ...]) -> list[SpaceGroup]:
    """The other group of an enantiomorphic pair, in the settings of the cell."""
    pair = next((pair for pair in _PAIRS if group.number in pair), ())
    return [one for one in listed if one.number in pair and one.number != group.number]


def _among(group: SpaceGroup, listed: tuple[SpaceGroup, ...]) -> SpaceGroup:
    first = listed[0]
    same = {W.tobytes() for W in np.ascontiguousarray(group.laue_rotations)} == {
        W.tobytes() for W in np.ascontiguousarray(first.laue_rotations)
    }
    if not same or len(group.centering) != len(first.centering):
        raise ValueError(
            f"group: expected one of the Laue class and centring that the data were merged in "
            f"({', '.join(str(one.hm) for one in listed)}), got {group.hm or group!r}"
        )
    for one in listed:
        if one.hm == group.hm or one == group:
            return one
    return group
