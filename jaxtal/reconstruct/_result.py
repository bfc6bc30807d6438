"""The outcome of a reconstruction: crystals, losses, and an honest verdict."""

import dataclasses

import numpy as np
from jaxtyping import Bool, Float

from ..crystal import CrystalMatch, HostAtoms, WyckoffCrystal, match_crystals

#: Crystals that superpose within this RMSD (angstrom) count as one.
SAME_RMSD = 0.01


@dataclasses.dataclass(frozen=True)
class FoundCrystal:
    """A crystal within the loss tolerance, and how often it was found.

    Attributes:
        crystal: the parameters.
        loss: its loss.
        starts: indices of the starts that ended in it, best first; mirror images included.
        mirrored: those of them that superpose on the first only as its mirror image.
        match: superposition on the best crystal; None for the best itself, or if there is none.
    """

    crystal: WyckoffCrystal
    loss: float
    starts: tuple[int, ...]
    mirrored: tuple[int, ...]
    match: CrystalMatch | None


@dataclasses.dataclass(frozen=True, repr=False)
class Reconstruction:
    """Outcome of a reconstruction.

    The inverse problem is not unique: |F|^2 is the same for mirror images and for homometric
    structures, so `solutions` may hold several crystals, all of which have the target's
    descriptor. `success` says that at least one start reached the tolerance on a complete
    reflection list; it can't say that the best crystal is the one the target was made from.

    Attributes:
        best: crystal of the lowest loss, converged or not.
        loss: its loss, evaluated afresh on a complete reflection list without symmetry.
        success: `loss` is within the tolerance.
        losses: final loss of every start, shape (starts,).
        converged: which of them are within the tolerance, shape (starts,).
        history: loss before each iteration, shape (starts, iterations), the last one repeated
            where a start has ended early; with blurred G(d) in the first stage.
        solutions: distinct crystals within the tolerance, each verified as `loss` is.
        initial: unconstrained variables of the starts, shape (starts, v).
        variables: unconstrained variables at the end, shape (starts, v).
        tolerance: the loss tolerance.
        seconds: wall time, compilation included.
        interrupted: the run was stopped before its last iteration.
    """

    best: WyckoffCrystal
    loss: float
    success: bool
    losses: Float[np.ndarray, " starts"]
    converged: Bool[np.ndarray, " starts"]
    history: Float[np.ndarray, "starts steps"]
    solutions: tuple[FoundCrystal, ...]
    initial: Float[np.ndarray, "starts v"]
    variables: Float[np.ndarray, "starts v"]
    tolerance: float
    seconds: float
    interrupted: bool

    def __repr__(self) -> str:
        """Print the verdict and the best crystal."""
        return (
            f"Reconstruction: {self.message}\n"
            f"  best: {self.best!r}; loss {self.loss:.2e}, {self.seconds:.1f} s"
        )

    @property
    def message(self) -> str:
        """One sentence for a person."""
        n, total = int(self.converged.sum()), len(self.losses)
        if not self.success:
            return (
                f"not converged: the best of {total} starts has loss {self.loss:.2e}, above the "
                f"tolerance {self.tolerance:.0e}"
            )
        kinds = len(self.solutions)
        one = "one crystal" if kinds == 1 else f"{kinds} distinct crystals"
        if any(solution.mirrored for solution in self.solutions):
            one += ", both hands counted together"
        return (
            f"converged: {n} of {total} starts reached loss <= {self.tolerance:.0e}, in {one} "
            "(hand and homometric alternatives are not determined by |F|^2)"
        )


def distinct_crystals(
    like: WyckoffCrystal, variables: np.ndarray, losses: np.ndarray, converged: np.ndarray
) -> tuple[FoundCrystal, ...]:
    """Converged starts grouped by superposition, mirror images together, best first."""
    groups: list[tuple[WyckoffCrystal, list[int], list[int]]] = []
    # Of every start that was superposed: its atoms, its group, and whether it is the other hand.
    known: list[tuple[HostAtoms, int, bool]] = []
    for i in np.argsort(losses):
        if not converged[i]:
            break
        crystal = like.with_variables(variables[i])
        atoms = crystal.to_host()
        number, is_mirrored = next(
            (rest for other, *rest in known if _is_copy(atoms, other)), (None, False)
        )
        if number is None:
            number, is_mirrored = _superposed(crystal, [one for one, _, _ in groups])
            known.append((atoms, number, is_mirrored))
        if number == len(groups):
            groups.append((crystal, [], []))
        groups[number][1].append(int(i))
        if is_mirrored:
            groups[number][2].append(int(i))
    return tuple(
        FoundCrystal(
            crystal=crystal,
            loss=float(losses[members[0]]),
            starts=tuple(members),
            mirrored=tuple(mirrored),
            match=match_crystals(groups[0][0], crystal) if number else None,
        )
        for number, (crystal, members, mirrored) in enumerate(groups)
    )


def _is_copy(a: HostAtoms, b: HostAtoms) -> bool:
    """Whether every atom is on its own place, up to a common shift, as in most starts."""
    if np.abs(a.matrix - b.matrix).max() > 1e-4 * np.abs(b.matrix).max():
        return False
    moved = a.frac_coords - b.frac_coords
    moved -= moved[0]
    moved = (moved - np.round(moved)) @ b.matrix
    return bool(np.sum(moved * moved, axis=1).max() < np.square(SAME_RMSD / 2))


def _superposed(crystal: WyckoffCrystal, others: list[WyckoffCrystal]) -> tuple[int, bool]:
    """The first of others that is the same crystal, their number if none is, and the hand."""
    for number, other in enumerate(others):
        found = match_crystals(other, crystal)
        if found is not None and found.rmsd < SAME_RMSD and found.cell_error < 1e-3:
            return number, found.improper
    return len(others), False
