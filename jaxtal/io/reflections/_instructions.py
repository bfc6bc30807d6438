"""What SHELX instructions (.ins, .res) say beside the reflections."""

import dataclasses
import os
import pathlib
import re
from collections.abc import Iterable

import numpy as np

from ...lattice import check_cell
from ...reflections import ReflectionTable
from ...scattering import parse_species
from ...symmetry import SpaceGroup, SymOp
from ._numbers import parse_number

#: Centring translations of LATT 1 to 7.
_CENTRINGS: tuple[tuple[str, ...], ...] = (
    (),
    ("x+1/2,y+1/2,z+1/2",),
    ("x+2/3,y+1/3,z+1/3", "x+1/3,y+2/3,z+2/3"),
    ("x,y+1/2,z+1/2", "x+1/2,y,z+1/2", "x+1/2,y+1/2,z"),
    ("x,y+1/2,z+1/2",),
    ("x+1/2,y,z+1/2",),
    ("x+1/2,y+1/2,z",),
)
#: Shorter waves (angstrom) are electrons'.
ELECTRON_WAVELENGTH = 0.1


@dataclasses.dataclass(frozen=True, eq=False)
class Instructions:
    """Cell, symmetry, contents and format of the reflections; None where nothing is said.

    Attributes:
        path: the file.
        cell: angstrom and degrees, (6,).
        wavelength: angstrom.
        group: of LATT and SYMM.
        composition: contents of the cell, of SFAC and UNIT.
        z: formula units in the cell, of ZERR.
        radiation: "neutron" (NEUT), "electron" by the wavelength, None otherwise.
        hklf: format of the reflections.
        matrix: of HKLF, h' = R h, (3, 3).
        scale: of HKLF, of I and sigma.
    """

    path: str
    cell: np.ndarray | None = None
    wavelength: float | None = None
    group: SpaceGroup | None = None
    composition: str | None = None
    z: float | None = None
    radiation: str | None = None
    hklf: int | None = None
    matrix: np.ndarray | None = None
    scale: float = 1.0

    def told(self, table: ReflectionTable) -> ReflectionTable:
        """The table, what it leaves open filled in."""
        names = ("cell", "wavelength", "group", "composition", "z", "radiation")
        return table.stating(
            **{name: getattr(self, name) for name in names if getattr(table, name) is None}
        )


def instructions_beside(path: str | os.PathLike[str]) -> pathlib.Path | None:
    """The .ins or .res of the same name as a .hkl; None where there is none."""
    target = pathlib.Path(path)
    stem = target.name.removesuffix(".gz").removesuffix(".hkl").removesuffix(".HKL")
    for suffix in (".ins", ".res", ".INS", ".RES"):
        found = target.with_name(stem + suffix)
        if found.is_file():
            return found
    return None


def read_instructions(
    lines: Iterable[str], path: str, first: int = 1, tolerant: bool = False
) -> Instructions:
    """Read CELL, ZERR, LATT, SYMM, SFAC, UNIT, NEUT and HKLF; other instructions are passed over.

    Args:
        lines: the text.
        path: what messages call the file.
        first: number of the first line.
        tolerant: text that may be no instructions at all (below a list of reflections): a line
            that makes no sense is passed over.

    Raises:
        ValueError: an instruction that makes no sense; the message names file and line.

    References:
        G. M. Sheldrick, The SHELX-97 Manual (1997), chapter 2.
    """
    reader = _Reader(path)
    for number, words in _instructions(lines, first):
        try:
            reader.take(words[0][:4].upper(), words[1:])
        except (ValueError, IndexError) as error:
            if tolerant:
                continue
            reason = str(error) if isinstance(error, ValueError) else "too few values"
            raise ValueError(f"{path}:{number}: {words[0]}: {reason}") from error
        if reader.ended:
            break
    try:
        return reader.found()
    except ValueError as error:
        if tolerant:
            return Instructions(path)
        raise ValueError(f"{path}: LATT, SYMM: {error}") from error


def _instructions(lines: Iterable[str], first: int) -> Iterable[tuple[int, list[str]]]:
    """(line, words) of every instruction: = at the end goes on in the next line."""
    held, start = "", first
    for number, line in enumerate(lines, first):
        text = line.split("!")[0].rstrip()
        if not held:
            start = number
        if text.endswith("="):
            held += text[:-1] + " "
            continue
        words = (held + text).split()
        held = ""
        if words and words[0][:1].isalpha():
            yield start, words


class _Reader:
    def __init__(self, path: str):
        self.path = path
        self.values: dict = {}
        self.lattice: int | None = None
        self.operations: list[SymOp] = []
        self.species: list[str] = []
        self.unit: list[float] = []
        self.ended = False

    def take(self, name: str, words: list[str]) -> None:
        if name == "CELL":
            numbers = [_number(word) for word in words[:7]]
            if len(numbers) < 7:
                raise ValueError(f"expected wavelength and six cell parameters, got {len(numbers)}")
            self.values["cell"] = check_cell(numbers[1:])
            if numbers[0] > 0:
                self.values["wavelength"] = numbers[0]
        elif name == "ZERR":
            self.values["z"] = _number(words[0])
        elif name == "LATT":
            lattice = int(_number(words[0]))
            if not 1 <= abs(lattice) <= 7:
                raise ValueError(f"expected 1 to 7 or -1 to -7, got {words[0]}")
            # Not before: where text is only looked through, a line that is refused tells nothing.
            self.lattice = lattice
        elif name == "SYMM":
            self.operations.append(SymOp.from_xyz("".join(words)))
        elif name == "SFAC":
            self._species(words)
        elif name == "UNIT":
            self.unit = [_number(word) for word in words]
        elif name == "NEUT":
            self.values["radiation"] = "neutron"
        elif name == "HKLF":
            self._format([_number(word) for word in words])
        elif name == "END":
            self.ended = True

    def _species(self, words: list[str]) -> None:
        # With coefficients after it, one label stands alone.
        numeric = [parse_number(word) is not None for word in words]
        self.species += [words[0]] if any(numeric) else words

    def _format(self, numbers: list[float]) -> None:
        if numbers:
            self.values["hklf"] = int(abs(numbers[0]))
        if len(numbers) > 1:
            self.values["scale"] = numbers[1]
        if len(numbers) >= 11:
            self.values["matrix"] = np.array(numbers[2:11]).reshape(3, 3)

    def found(self) -> Instructions:
        values = dict(self.values)
        if self.lattice is not None or self.operations:
            lattice = 1 if self.lattice is None else self.lattice
            generators = [SymOp.identity(3), *self.operations]
            generators += [SymOp.from_xyz(text) for text in _CENTRINGS[abs(lattice) - 1]]
            if lattice > 0:
                generators.append(SymOp.from_xyz("-x,-y,-z"))
            values["group"] = SpaceGroup.from_generators(generators, max_order=192)
        if self.species and len(self.unit) >= len(self.species):
            values["composition"] = _formula(self.species, self.unit)
        wavelength = values.get("wavelength")
        if wavelength and wavelength < ELECTRON_WAVELENGTH:
            values.setdefault("radiation", "electron")
        return Instructions(self.path, **values)


def _formula(species: list[str], amounts: list[float]) -> str | None:
    total: dict[str, float] = {}
    for word, amount in zip(species, amounts, strict=False):
        match = re.match(r"\$?([A-Za-z]{1,2})", word)
        if match is None:
            return None
        name = match[1].capitalize()
        try:
            parse_species(name)
        except ValueError:
            return None
        total[name] = total.get(name, 0.0) + amount
    return " ".join(f"{name}{amount:g}" for name, amount in total.items() if amount > 0) or None


def _number(word: str) -> float:
    value = parse_number(word)
    if value is None or not np.isfinite(value):
        raise ValueError(f"expected a number, got {word!r}")
    return value
