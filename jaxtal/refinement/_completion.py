"""The steps that complete a model, each of which tells what it does."""

import dataclasses
from collections.abc import Callable

import numpy as np

from ..scattering import CompositionLike
from ._bonds import nearest_atoms
from ._contents import Contents
from ._difference import DifferenceMap
from ._elements import reassigned
from ._figures import Figures
from ._flack import Flack, flack_parameter, inverted
from ._hydrogens import add_hydrogens
from ._least_squares import Problem
from ._measurements import Measurements
from ._model import Model
from ._parameters import Parameters
from ._refine import refine
from ._result import Refinement

#: U of an atom that isn't there, A^2, and in medians of the others.
_U_GONE, _U_MEDIANS = 0.20, 6.0
#: Height of a peak that is an atom, of that of the lightest atom expected; of those that the phases
#: of an incomplete model show, at half their height without a centre; R1 that tells such a model.
_HEIGHT, _HALF, _INCOMPLETE = 0.4, 0.22, 0.11
#: Distances of a new atom to others, angstrom.
_NEAREST, _FARTHEST = 1.1, 3.6
#: Deviations of the difference density that an extremum has to have, and that a hole has to have
#: that is no farther than this from an atom, angstrom, where a bonded hydrogen atom would be.
_NOISE, _BONDED_NOISE, _BOND = 5.0, 3.0, 1.25
#: The same height where the lightest atom is not known: oxygen beside gallium shows a tenth.
_LIGHTER = 0.1
#: Density that shows a hydrogen atom on N or O, of that of one at rest at its place.
_SHOWS = 0.3
#: Reflections for each parameter that tensors want.
_PER_PARAMETER = 4.0
#: Density left that is told of, e/A^3.
_LEFT = 1.0
#: Share of chi^2 that another element saves; electrons are scattered more than once.
_GAIN = {"xray": 0.004, "electron": 0.02}
#: R1 that a model may be worse by and still take the place of the best one.
_WORSE = 1e-4


class Stopped(Exception):  # noqa: N818 (not an error: the way out)
    """A completion was asked to end."""


class Completion:
    """The steps, the log of them, and the best model so far."""

    def __init__(
        self,
        measured: Measurements,
        composition: CompositionLike | None,
        progress: Callable[[str], None] | None,
        stop: Callable[[], bool] | None,
    ) -> None:
        self.measured, self.progress = measured, progress
        self.stop = stop or (lambda: False)
        self.problem = Problem(measured)
        self.contents = Contents(self.problem, composition)
        self.log: list[str] = []
        self.history: list[tuple[str, Figures]] = []
        self.warnings: list[str] = []
        self.best: Refinement | None = None

    def tell(self, line: str) -> None:
        """Log a line."""
        self.log.append(line)
        if self.progress:
            self.progress(line)

    def refined(self, model: Model, what: str, cycles: int = 8, **options) -> Refinement:
        """Refine, and tell how well it went.

        Raises:
            Stopped: there is a model already, and the work is to end.
        """
        if self.best is not None and self.stop():
            raise Stopped
        options = {"cycles": cycles, "precision": "single", **options}
        found = refine(self.measured, model, problem=self.problem, stop=self.stop, **options)
        self.tell(f"{what}: {len(found.model)} atoms, {found.figures}")
        self.history.append((what, found.figures))
        if self.best is None or found.R1 < self.best.R1 + _WORSE:
            self.best = found
        return found

    def guessed(self, model: Model) -> Model:
        """The model with elements by scattering power."""
        guess = self.contents.guessed(model)
        self.tell("elements by scattering power: " + " ".join(guess.species))
        told = "no composition: elements are guesses, the typical atom carbon"
        if self.contents.formula is None and told not in self.warnings:
            self.warnings.append(told)
        return guess

    def dropped(self, found: Refinement, model: Model) -> Model:
        """The model without atoms whose U exploded."""
        u = model.u_eq
        median = float(np.median(u))
        gone = (u > max(_U_GONE, _U_MEDIANS * median)) & ~model.riding
        if not gone.any() or gone.sum() > 0.5 * len(model):
            return model
        names = [f"{model.labels[i]} (U {u[i]:.2f})" for i in np.flatnonzero(gone)]
        self.tell("dropped: " + ", ".join(names))
        return model.take(~gone)

    def added(self, found: Refinement, model: Model) -> Model:
        """The model with peaks of the difference density that must be atoms."""
        expected = self.contents.expected_height(model)
        difference = found.difference
        incomplete = found.R1 > _INCOMPLETE and self.measured.radiation != "neutron"
        share = _HALF if incomplete else _HEIGHT
        x, height = self.strong(*difference.peaks(40), share, expected, difference.deviation)
        if self.measured.radiation == "neutron" and self.contents.expects_hydrogen:
            # Of a negative scattering length, and smaller than that of others.
            hydrogen = abs(self.contents.expected_height(model, "H"))
            at, depth = difference.peaks(60, holes=True)
            # Most of a crystal's atoms may be hydrogen: a map that lacks them shows half of each.
            bonded = nearest_atoms(at, model, np.flatnonzero(model.atomic_numbers > 1))[0] < _BOND
            noise = np.where(bonded, _BONDED_NOISE, _NOISE) * difference.deviation
            share = np.where(bonded, _HALF, _HEIGHT)
            holes = np.abs(depth) > np.maximum(share * hydrogen, noise)
            x, height = np.concatenate([x, at[holes]]), np.concatenate([height, depth[holes]])
        if len(x) == 0:
            return model
        distance, _ = nearest_atoms(x, model)
        sound = (distance > _NEAREST) & (distance < _FARTHEST)
        if self.measured.radiation == "neutron":
            sound = (distance > 0.85) & (distance < _FARTHEST)
        if not sound.any():
            return model
        x, height = x[sound], height[sound]
        kinds = [self.contents.kind_of(value, expected) for value in height]
        self.tell(
            "added: " + ", ".join(f"{k} ({h:.1f})" for k, h in zip(kinds, height, strict=True))
        )
        return model.with_atoms(kinds, x, u_iso=0.05, site_tolerance=0.3)

    def strong(
        self, x: np.ndarray, height: np.ndarray, share: float, expected: float, deviation: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """The extrema that are as high as an atom, and far above the noise."""
        if self.contents.formula is None:  # much lighter ones may be missing
            share = _LIGHTER
        kept = np.abs(height) > max(share * expected, _NOISE * deviation)
        return x[kept], height[kept]

    def exchanged(self, model: Model) -> Model:
        """The model with elements that fit better."""
        if self.measured.radiation == "neutron":
            return model
        choices = self.contents.near(model)
        least = _GAIN["electron" if self.measured.radiation == "electron" else "xray"]
        changed, notes = reassigned(
            self.problem, model, choices, self.contents.amounts, least=least
        )
        for note in notes:
            self.tell(note)
        return changed if notes else model

    def with_tensors(self, found: Refinement, wanted: bool | str | None) -> Refinement:
        """The model with displacement tensors, if the data carry them."""
        if wanted is False:
            return found
        every = ~found.model.riding if wanted == "all" else None
        tensors = found.model.with_tensors(every)
        count = Parameters.of(tensors).count
        if wanted is None and len(self.measured) < _PER_PARAMETER * count:
            self.tell(f"{len(self.measured)} reflections do not carry {count} parameters")
            heavy = found.model.atomic_numbers > 10
            if not heavy.any():
                return found
            tensors = found.model.with_tensors(heavy)
        better = self.refined(tensors, "anisotropic")
        if wanted is None and better.R1 > found.R1 - 1e-4:
            self.tell("tensors do not improve the fit: isotropic")
            return found
        return self.without_flat(better)

    def without_flat(self, found: Refinement) -> Refinement:
        """Atoms whose tensor isn't positive are isotropic again."""
        model = found.model
        M = model.matrix
        lengths = np.linalg.norm(np.linalg.inv(M), axis=0)
        cart = np.einsum("nij,i,j,ik,jl->nkl", model.u_aniso, lengths, lengths, M, M)
        least = np.linalg.eigvalsh(cart)[:, 0]
        flat = model.anisotropic & (least <= 0)
        if not flat.any():
            return found
        names = ", ".join(model.labels[i] for i in np.flatnonzero(flat))
        self.tell(f"tensors that are not positive, isotropic again: {names}")
        u = np.where(flat, np.maximum(model.u_eq, 5e-3), model.u_iso)
        again = model.replace(anisotropic=model.anisotropic & ~flat, u_iso=u)
        return self.refined(again, "anisotropic")

    def with_hydrogens(self, found: Refinement) -> Refinement:
        """The model with hydrogen atoms, those that only show when others are in, too."""
        for _ in range(2):
            least = _SHOWS * self.contents.expected_height(found.model, "H")
            radiation = self.measured.radiation
            more = add_hydrogens(found.model, found.difference, radiation, least=least)
            if len(more) == len(found.model):
                break
            better = self.refined(more, f"{len(more) - len(found.model)} hydrogen atoms added")
            if better.R1 > found.R1:
                self.tell("hydrogen atoms do not improve the fit: left out")
                break
            found = better
        return found

    def with_extinction(self, found: Refinement) -> Refinement:
        """The model with extinction, if it is significant."""
        if self.measured.radiation == "electron" or found.model.extinction is not None:
            return found
        better = self.refined(found.model.replace(extinction=0.0), "with extinction")
        x, error = float(better.model.extinction or 0.0), float(better.esds["extinction"][0])
        if x > 4 * error and better.figures.wr2 < found.figures.wr2:
            return better
        self.tell(f"extinction {x:.4f} +- {error:.4f} is not significant: left out")
        return found

    def handed(self, found: Refinement) -> tuple[Refinement, Flack | None]:
        """The model of the right hand, where the data tell it."""
        if self.measured.radiation != "xray" or found.model.twin_laws:
            return found, None
        flack = flack_parameter(self.measured, found.calculated.intensity)
        if flack is None:
            return found, None
        self.tell(str(flack))
        if flack.value > 0.5 and flack.value - 0.5 > 2 * flack.esd:
            self.measured, model = inverted(self.measured, found.model)
            self.problem = Problem(self.measured)
            self.best = None
            self.tell(f"the other hand, {model.group.hm}")
            found = self.refined(model, "inverted", precision="double")
            flack = flack_parameter(self.measured, found.calculated.intensity)
            self.tell(str(flack))
        if flack is not None and flack.decided and 0.25 < flack.value < 0.75:
            self.warnings.append(f"{flack}: a twin by inversion, perhaps; refine its share")
        if flack is not None and not flack.decided:
            self.warnings.append(f"{flack}: the data do not tell the hand")
        return found, flack

    def finished(self, found: Refinement, flack: Flack | None) -> Refinement:
        """The result with notes on what was left undone."""
        model, notes = found.model, []
        difference: DifferenceMap = found.difference
        x, height = difference.peaks(3)
        if len(height) and height[0] > max(_LEFT, 6 * difference.deviation):
            distance, which = nearest_atoms(x[:1], model)
            where = f"{distance[0]:.2f} A from {model.labels[which[0]]}"
            notes.append(f"difference density of {height[0]:.2f} {difference.unit} left {where}")
        u = model.u_eq
        heavy = model.atomic_numbers > 1
        wide = heavy & (u > 3.5 * np.median(u[heavy]))
        if wide.any():
            names = ", ".join(model.labels[i] for i in np.flatnonzero(wide))
            notes.append(f"large displacements, disorder perhaps: {names}")
        if not found.converged:
            self.warnings.append("the refinement has not converged")
        return dataclasses.replace(
            found,
            model=model.replace(notes=(*model.notes, *notes)),
            log=tuple(self.log),
            warnings=tuple(self.warnings),
            flack=flack,
            history=tuple(self.history),
        )
