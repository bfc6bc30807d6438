"""From atoms to a finished model: atoms added and dropped, elements tried, tensors, hydrogens."""

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np

from ..scattering import CompositionLike, composition_amounts, parse_species, species_label
from ._bonds import nearest_atoms
from ._difference import DifferenceMap
from ._elements import COMMON, reassigned
from ._flack import Flack, flack_parameter, inverted
from ._hydrogens import add_hydrogens
from ._least_squares import Problem
from ._measurements import Measurements
from ._model import Model
from ._parameters import Parameters
from ._refine import refine
from ._result import Refinement
from ._sums import form_factors

#: U of an atom that isn't there, A^2, and in medians of the others.
_U_GONE, _U_MEDIANS = 0.20, 6.0
#: Height of a peak that is an atom, of that of the lightest atom expected; of those that the phases
#: of an incomplete model show, at half their height without a centre; R1 that tells such a model.
_HEIGHT, _HALF, _INCOMPLETE = 0.4, 0.22, 0.11
#: Distances of a new atom to others, angstrom.
_NEAREST, _FARTHEST = 1.1, 3.6
#: Density that shows a hydrogen atom on N or O, of that of one at rest at its place.
_SHOWS = 0.3
#: Reflections for each parameter that tensors want.
_PER_PARAMETER = 4.0
#: Density left that is told of, e/A^3.
_LEFT = 1.0


def complete_model(
    measured: Measurements,
    model: Model,
    *,
    composition: CompositionLike | None = None,
    unknown: bool = False,
    elements: bool = True,
    atoms: bool = True,
    hydrogens: bool = True,
    anisotropic: bool | None = None,
    rounds: int = 8,
    progress: Callable[[str], None] | None = None,
) -> Refinement:
    """Complete and refine a model: the last stage from peaks to a crystal.

    In turn: isotropic refinement; atoms whose U explodes are dropped, peaks of the difference
    density that are high enough and at a sound distance are added, and elements that lower chi^2
    are taken, until nothing changes; displacement tensors where the data carry them; hydrogen atoms
    by geometry and difference density; extinction if it is significant; weights; the hand, where
    anomalous scattering tells it.

    Args:
        measured: the intensities.
        model: atoms to start with.
        composition: formula unit, "C22 H23 N"; limits elements and their numbers.
        unknown: the elements of the model mean nothing: they are guessed from scattering power.
        elements: try other elements.
        atoms: drop and add atoms.
        hydrogens: add hydrogen atoms (X-rays and electrons; neutrons see them as atoms).
        anisotropic: displacement tensors for all but hydrogen; default where there are four
            reflections for each parameter and the fit is better with them.
        rounds: most rounds of dropping, adding and exchanging.
        progress: called with a line for each step.

    Returns:
        The refined model; its `log` tells every decision, its notes what was left undone.

    Raises:
        ValueError: as `refine`, or a composition that is none.
    """
    job = _Job(measured, composition, progress)
    hydrogens = hydrogens and measured.radiation != "neutron" and job.expects_hydrogen
    found = job.refined(model.isotropic(), "isotropic")
    if unknown:
        found = job.refined(job.guessed(found.model), "elements by scattering power")
    for _ in range(rounds):
        changed = found.model
        if atoms:
            changed = job.dropped(found, changed)
            changed = job.added(found, changed)
        if elements:
            changed = job.exchanged(changed)
        if changed is found.model:
            break
        better = job.refined(changed, "isotropic")
        if better.R1 > found.R1 + 0.002 and len(better.model) <= len(found.model):
            job.tell("the fit is worse: taken back")
            break
        found = better
    found = job.with_tensors(found, anisotropic)
    for _ in range(3 if elements else 0):
        changed = job.exchanged(found.model)
        if changed is found.model:
            break
        better = job.refined(changed, "elements")
        if better.R1 > found.R1:
            job.tell("the fit is worse: taken back")
            break
        found = better
    if hydrogens:
        found = job.with_hydrogens(found)
        if elements:
            changed = job.exchanged(found.model.without_hydrogens())
            species = [
                found.model.species[i] for i in np.flatnonzero(found.model.atomic_numbers > 1)
            ]
            if list(changed.species) != species:
                better = job.refined(changed, "elements")
                better = job.with_hydrogens(better)
                found = better if better.R1 < found.R1 else found
    found = job.with_extinction(found)
    found = job.refined(found.model, "weights fitted", weights="fit", cycles=25)
    found, flack = job.handed(found)
    return job.finished(found, flack)


class _Job:
    """The steps, and the log of them."""

    def __init__(
        self,
        measured: Measurements,
        composition: CompositionLike | None,
        progress: Callable[[str], None] | None,
    ) -> None:
        self.measured, self.progress = measured, progress
        self.problem = Problem(measured)
        self.log: list[str] = []
        self.warnings: list[str] = []
        self.formula = None if composition is None else composition_amounts(composition)
        self.amounts = None if self.formula is None else self.per_asymmetric_unit(self.formula)

    @property
    def expects_hydrogen(self) -> bool:
        return self.formula is None or any(parse_species(s)[0] == 1 for s in self.formula)

    def tell(self, line: str) -> None:
        self.log.append(line)
        if self.progress:
            self.progress(line)

    def per_asymmetric_unit(self, formula: Mapping[str, float]) -> dict[str, float]:
        """Atoms of each element but hydrogen in the asymmetric unit, for 18 A^3 an atom."""
        heavy = {s: n for s, n in formula.items() if parse_species(s)[0] > 1}
        count = sum(heavy.values())
        if count == 0:
            return {}
        units = self.measured.volume / (18.0 * count)
        order = self.measured.group.order
        # Whole or simple numbers of formula units lie in an asymmetric unit.
        choices = order * np.array([1 / 4, 1 / 3, 1 / 2, 1, 2, 3, 4])
        Z = float(choices[np.abs(np.log(choices / units)).argmin()])
        return {s: n * Z / order for s, n in heavy.items()}

    def refined(self, model: Model, what: str, cycles: int = 8, **options) -> Refinement:
        """Refine, and tell how well it went."""
        found = refine(self.measured, model, cycles=cycles, problem=self.problem, **options)
        self.tell(f"{what}: {len(found.model)} atoms, {found.figures}")
        return found

    def guessed(self, model: Model) -> Model:
        """Elements by the scattering power of atoms that all have the same U."""
        power = self.scattering_power(model)
        if self.amounts:
            ordered = sorted((z, s) for s in self.amounts for z in [parse_species(s)[0]])[::-1]
            slots = [s for _, s in ordered for _ in range(round(self.amounts[s]))]
            slots += [ordered[-1][1]] * max(len(model) - len(slots), 0)
            kinds = dict(zip(np.argsort(-power, kind="stable").tolist(), slots, strict=False))
            species = [kinds[i] for i in range(len(model))]
        else:
            # The most frequent atoms are taken for carbon.
            unit = 6.0 / float(np.median(power))
            table = {parse_species(s)[0]: s for s in COMMON}
            numbers = np.array(sorted(table))
            species = [table[int(numbers[np.abs(numbers - p * unit).argmin()])] for p in power]
        self.tell("elements by scattering power: " + " ".join(species))
        fresh = Model.build(model.matrix, model.group, species, model.frac, u_iso=0.04)
        return fresh

    def scattering_power(self, model: Model) -> np.ndarray:
        """Electrons of each atom, relative, from occupancies refined at one U."""
        alike = model.replace(u_iso=np.full(len(model), 0.04), scale=None)
        alike = self.problem.scaled(alike)
        for _ in range(3):
            free = Parameters.of(
                alike, occupancies=alike.labels, fixed=("positions", "displacements", "scale")
            )
            normal = self.problem.normal_equations(alike, free)
            matrix = normal.matrix + 1e-6 * np.diag(np.diag(normal.matrix))
            shift = np.linalg.solve(matrix, normal.gradient)
            occupancies = np.clip(alike.occupancies + np.clip(shift, -0.5, 1.0), 0.05, 20.0)
            alike = alike.replace(occupancies=occupancies)
        return alike.occupancies * alike.atomic_numbers

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
        expected = self.expected_height(model)
        difference = found.difference
        incomplete = found.R1 > _INCOMPLETE and self.measured.radiation != "neutron"
        least = (_HALF if incomplete else _HEIGHT) * expected
        x, height = self.strong(*difference.peaks(40), least, difference.deviation)
        if self.measured.radiation == "neutron" and self.expects_hydrogen:
            # Of a negative scattering length, and smaller than that of others.
            hydrogen = abs(self.expected_height(model, "H"))
            holes = difference.peaks(40, holes=True)
            holes = self.strong(*holes, _HEIGHT * hydrogen, difference.deviation)
            x, height = np.concatenate([x, holes[0]]), np.concatenate([height, holes[1]])
        if len(x) == 0:
            return model
        distance, _ = nearest_atoms(x, model)
        sound = (distance > _NEAREST) & (distance < _FARTHEST)
        if self.measured.radiation == "neutron":
            sound = (distance > 0.85) & (distance < _FARTHEST)
        if not sound.any():
            return model
        x, height = x[sound], height[sound]
        kinds = [self.kind_of(value, expected) for value in height]
        self.tell(
            "added: " + ", ".join(f"{k} ({h:.1f})" for k, h in zip(kinds, height, strict=True))
        )
        return model.with_atoms(kinds, x, u_iso=0.05, site_tolerance=0.3)

    def strong(
        self, x: np.ndarray, height: np.ndarray, least: float, deviation: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """The extrema that are as high as an atom, and far above the noise."""
        kept = np.abs(height) > max(least, 5 * deviation)
        return x[kept], height[kept]

    def kind_of(self, height: float, expected: float) -> str:
        """The element whose density is nearest to that of a peak."""
        choices = self.candidates()
        if self.measured.radiation == "neutron":
            return "H" if height < 0 else choices[0]
        numbers = np.array([parse_species(s)[0] for s in choices])
        lightest = numbers.min()
        return choices[int(np.abs(numbers - lightest * height / expected).argmin())]

    def expected_height(self, model: Model, symbol: str | None = None) -> float:
        """Density in the middle of an atom, the lightest but hydrogen."""
        return atom_height(self.measured, model, symbol)

    def candidates(self) -> list[str]:
        """Elements to choose from."""
        if self.formula is not None:
            return [s for s in self.formula if parse_species(s)[0] > 1]
        return list(COMMON)

    def exchanged(self, model: Model) -> Model:
        """The model with elements that fit better."""
        if self.measured.radiation == "neutron":
            return model
        choices = self.candidates()
        if self.formula is None:
            # What is there, and what is near to it in the periodic table.
            numbers = {int(z) for z in model.atomic_numbers if z > 1}
            near = {z + d for z in numbers for d in (-2, -1, 0, 1, 2)}
            choices = [s for s in COMMON if parse_species(s)[0] in near]
        changed, notes = reassigned(self.problem, model, choices, self.amounts)
        for note in notes:
            self.tell(note)
        return changed if notes else model

    def with_tensors(self, found: Refinement, wanted: bool | None) -> Refinement:
        """The model with displacement tensors, if the data carry them."""
        if wanted is False:
            return found
        tensors = found.model.with_tensors()
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
            least = _SHOWS * self.expected_height(found.model, "H")
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
            self.tell(f"the other hand, {model.group.hm}")
            found = self.refined(model, "inverted")
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
        )


def atom_height(measured: Measurements, model: Model, symbol: str | None = None) -> float:
    """Density in the middle of an atom to the limit of the data, of the lightest but hydrogen."""
    numbers = [z for z in model.atomic_numbers if z > 1]
    symbol = symbol or species_label(int(min(numbers, default=6)))
    f = form_factors((symbol,), measured)[0].real
    u = float(np.median(model.u_eq))
    inside = f * np.exp(-8 * np.pi**2 * u * measured.stol2)
    # The mean over the measured sphere times its volume, (4 pi / 3) d_min^-3.
    return float(np.mean(inside)) * 4 * np.pi / 3 / measured.d_min**3
