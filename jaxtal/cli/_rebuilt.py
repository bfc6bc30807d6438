"""A crystal rebuilt, next to the one that was described."""

import dataclasses
import math
import pathlib

import numpy as np

from ..crystal import CrystalMatch, WyckoffCrystal, match_crystals
from ..lattice import matrix_to_cell
from ..reconstruct import Reconstruction
from ._inputs import cell_summary, cell_text, summary

#: What counts as the same crystal: RMSD in angstrom, and relative error of the cell.
SAME_RMSD, SAME_CELL = 0.01, 1e-3


def superposed(crystal: WyckoffCrystal, reference: WyckoffCrystal) -> CrystalMatch | None:
    """Superposition on the reference; None if there is none, or no valid crystal."""
    try:
        return match_crystals(reference, crystal)
    except ValueError:  # a search cut short may leave a cell without volume
        return None


def same(match: CrystalMatch | None) -> bool:
    """Whether two crystals superpose within the tolerances."""
    return match is not None and match.rmsd < SAME_RMSD and match.cell_error < SAME_CELL


def matched_cell(
    crystal: WyckoffCrystal, reference: WyckoffCrystal, match: CrystalMatch | None
) -> str:
    """The cell of a crystal, in the axes of the reference where the two superpose."""
    if match is None:
        return f"{cell_summary(crystal)} (as found: no superposition)"
    # The matched cells are those of the reference, transformed; so is its like in the other.
    matrix = np.linalg.inv(match.transform_a) @ match.cell_b
    names = ("a", "b", "c", "alpha", "beta", "gamma")
    values: dict[str, float] = dict(zip(names, matrix_to_cell(matrix).tolist(), strict=True))
    return cell_text({name: values[name] for name in reference.plan.system.names})


@dataclasses.dataclass(frozen=True)
class Rebuilt:
    """A reconstruction next to the crystal that made its target.

    Attributes:
        reference: the crystal described; or one with its group and sites.
        found: the reconstruction.
        match: superposition of the best crystal on the reference.
        known: whether the reference is the crystal described: not of a stored descriptor.
    """

    reference: WyckoffCrystal
    found: Reconstruction
    match: CrystalMatch | None
    known: bool = True

    @property
    def success(self) -> bool:
        """The best crystal is the reference, hand aside; without one, it has the descriptor."""
        if not self.known:
            return self.found.success
        return same(self.match)

    @property
    def title(self) -> str:
        """A few words above the picture."""
        found = self.found
        text = f"{int(found.converged.sum())} of {len(found.losses)} starts converged"
        if not self.known:
            return f"{text}; from a stored descriptor"
        if self.match is None:
            return f"{text}; no match with the reference"
        return f"{text}; RMSD {self.match.rmsd:.2g} Å, cell error {self._percent} %"

    @property
    def verdict(self) -> str:
        """One honest sentence."""
        if not self.known:
            text = (
                "a crystal with this descriptor is found; |F|^2 may leave others"
                if self.found.success
                else "not converged: no crystal with this descriptor; more --starts may find one"
            )
        elif self.found.success and self.success:
            text = "the crystal is rebuilt"
        elif self.found.success:
            text = "another crystal with the same descriptor: |F|^2 does not tell them apart"
        elif self.success:
            text = "not converged: the crystal is rebuilt, but its loss is above the tolerance"
        else:
            text = "not converged: not the crystal sought; more --starts may find it"
        return f"interrupted; {text}" if self.found.interrupted else text

    def for_machines(self, files: dict[str, pathlib.Path], seconds: float) -> dict[str, object]:
        """JSON types."""
        found, match = self.found, self.match
        return {
            "success": self.success,
            "converged": found.success,
            "rmsd": None if match is None else match.rmsd,
            "cell_error": None if match is None else match.cell_error,
            "best_loss": found.loss if math.isfinite(found.loss) else None,
            "starts": len(found.losses),
            "converged_starts": int(found.converged.sum()),
            "solutions": len(found.solutions),
            "interrupted": found.interrupted,
            "seconds": seconds,
            "cif": str(files["cif"]) if "cif" in files else None,
        }

    def for_people(
        self, protocol: str, files: dict[str, pathlib.Path], seconds: float
    ) -> list[tuple[str, str]]:
        """Labels and lines."""
        found, reference = self.found, self.reference
        good, starts = int(found.converged.sum()), len(found.losses)
        rows = [
            ("known", f"{summary(reference)}; {reference.n_free} free parameters"),
            ("starts", f"{starts} {protocol}"),
            ("converged", f"{good} of {starts} (loss <= {found.tolerance:.0e})"),
            ("best loss", f"{found.loss:.2e}"),
        ]
        if self.known:
            rows += [
                ("reference", cell_summary(reference)),
                ("rebuilt", matched_cell(found.best, reference, self.match)),
                ("match", self._match),
            ]
        else:
            rows.append(("rebuilt", cell_summary(found.best)))
        if len(found.solutions) > 1:
            rows.append(("solutions", self._solutions))
        rows += [("verdict", self.verdict), ("time", f"{seconds:.1f} s")]
        rows += [("written" if i == 0 else "", str(f)) for i, f in enumerate(files.values())]
        return rows

    @property
    def _percent(self) -> str:
        return "" if self.match is None else f"{100 * self.match.cell_error:.2g}"

    @property
    def _match(self) -> str:
        if self.match is None:
            return "none: the best crystal cannot be superposed on the reference"
        hand = ", as the mirror image" if self.match.improper else ""
        return f"RMSD {self.match.rmsd:.2g} A, cell error {self._percent} %{hand}"

    @property
    def _solutions(self) -> str:
        if not self.known:
            return f"{len(self.found.solutions)} distinct crystals have this descriptor"
        alike = [same(superposed(one.crystal, self.reference)) for one in self.found.solutions]
        numbers = ", ".join(str(i + 1) for i, equal in enumerate(alike) if equal)
        which = f"the reference is number {numbers}" if numbers else "none is the reference"
        return f"{len(alike)} distinct crystals have this descriptor; {which}"
