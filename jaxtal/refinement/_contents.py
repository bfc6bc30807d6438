"""What atoms a crystal should have: elements, their numbers, and how high their density is."""

from collections.abc import Mapping

import numpy as np

from ..scattering import CompositionLike, composition_amounts, parse_species, species_label
from ._elements import COMMON
from ._least_squares import Problem
from ._measurements import Measurements
from ._model import Model
from ._normal_equations import normal_equations
from ._parameters import Parameters
from ._sum_tables import form_factors

#: Volume of an atom that is not hydrogen, A^3.
_VOLUME = 18.0
#: Elements that nothing is guessed to be: carbon that swings a little more looks the same.
_RARE = ("B",)
#: Most rounds of guessing elements.
_GUESSES = 4


def atom_height(measured: Measurements, model: Model, symbol: str | None = None) -> float:
    """Density in the middle of an atom to the limit of the data, of the lightest but hydrogen."""
    numbers = [z for z in model.atomic_numbers if z > 1]
    symbol = symbol or species_label(int(min(numbers, default=6)))
    f = form_factors((symbol,), measured)[0].real
    u = float(np.median(model.u_eq))
    inside = f * np.exp(-8 * np.pi**2 * u * measured.stol2)
    # The mean over the measured sphere times its volume, (4 pi / 3) d_min^-3.
    return float(np.mean(inside)) * 4 * np.pi / 3 / measured.d_min**3


class Contents:
    """Elements that a composition allows, or all common ones where there is none.

    Attributes:
        problem: the intensities.
        formula: amounts of the formula unit, None where nothing is known.
        amounts: atoms of each element but hydrogen in the asymmetric unit, likewise.
    """

    def __init__(self, problem: Problem, composition: CompositionLike | None) -> None:
        self.problem, self.measured = problem, problem.measured
        self.formula = None if composition is None else composition_amounts(composition)
        self.amounts = None if self.formula is None else self._per_asymmetric_unit(self.formula)

    @property
    def expects_hydrogen(self) -> bool:
        """Hydrogen is in the formula, or may be."""
        return self.formula is None or any(parse_species(s)[0] == 1 for s in self.formula)

    def _per_asymmetric_unit(self, formula: Mapping[str, float]) -> dict[str, float]:
        """Atoms of each element but hydrogen in the asymmetric unit, 18 A^3 each."""
        heavy = {s: n for s, n in formula.items() if parse_species(s)[0] > 1}
        count = sum(heavy.values())
        if count == 0:
            return {}
        units = self.measured.volume / (_VOLUME * count)
        order = self.measured.group.order
        # Whole or simple numbers of formula units lie in an asymmetric unit.
        choices = order * np.array([1 / 4, 1 / 3, 1 / 2, 1, 2, 3, 4])
        Z = float(choices[np.abs(np.log(choices / units)).argmin()])
        return {s: n * Z / order for s, n in heavy.items()}

    def candidates(self) -> list[str]:
        """Elements to choose from."""
        if self.formula is not None:
            return [s for s in self.formula if parse_species(s)[0] > 1]
        return list(COMMON)

    def near(self, model: Model) -> list[str]:
        """Elements that an atom of a model may turn out to be."""
        if self.formula is not None:
            return self.candidates()
        # What is there, and what is near to it in the periodic table.
        numbers = {int(z) for z in model.atomic_numbers if z > 1}
        near = {z + d for z in numbers for d in (-2, -1, 0, 1, 2)}
        rare = set(_RARE) - set(model.species)
        return [s for s in COMMON if parse_species(s)[0] in near and s not in rare]

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

    def guessed(self, model: Model) -> Model:
        """Elements by the scattering power of atoms that all have the same U."""
        species = list(model.species)
        # Heavier elements scatter more to high angles, too: with their form factors anew.
        for _ in range(_GUESSES):
            before = species
            power = self._scattering_power(model.replace(species=tuple(before)))
            species = self._by_power(power, model.multiplicities)
            if species == before:
                break
        return Model.build(model.matrix, model.group, species, model.frac, u_iso=0.04)

    def _by_power(self, power: np.ndarray, multiplicities: np.ndarray) -> list[str]:
        if self.amounts:
            ordered = sorted((z, s) for s in self.amounts for z in [parse_species(s)[0]])[::-1]
            slots = [s for _, s in ordered for _ in range(round(self.amounts[s]))]
            slots += [ordered[-1][1]] * max(len(power) - len(slots), 0)
            kinds = dict(zip(np.argsort(-power, kind="stable").tolist(), slots, strict=False))
            return [kinds[i] for i in range(len(power))]
        # The most frequent atoms are taken for carbon.
        unit = 6.0 / float(np.median(np.repeat(power, multiplicities)))
        table = {parse_species(s)[0]: s for s in COMMON if s not in _RARE}
        numbers = np.array(sorted(table))
        return [table[int(numbers[np.abs(numbers - p * unit).argmin()])] for p in power]

    def _scattering_power(self, model: Model) -> np.ndarray:
        """Electrons of each atom, relative, from occupancies refined at one U."""
        alike = model.replace(u_iso=np.full(len(model), 0.04), scale=None)
        alike = self.problem.scaled(alike)
        for _ in range(3):
            free = Parameters.of(
                alike, occupancies=alike.labels, fixed=("positions", "displacements", "scale")
            )
            normal = normal_equations(self.problem, alike, free)
            matrix = normal.matrix + 1e-6 * np.diag(np.diag(normal.matrix))
            shift = np.linalg.solve(matrix, normal.gradient)
            occupancies = np.clip(alike.occupancies + np.clip(shift, -0.5, 1.0), 0.05, 20.0)
            alike = alike.replace(occupancies=occupancies)
        return alike.occupancies * alike.atomic_numbers
