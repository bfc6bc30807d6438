"""What is known of a crystal that is sought from a stored descriptor: group, sites, rough cell."""

import dataclasses
import pathlib
from typing import Annotated, Any

import numpy as np
from cyclopts import Parameter

from ..crystal import WyckoffCrystal
from ..io._ase_frames import frames
from ..symmetry import SpaceGroup
from ._errors import BadInputError
from ._inputs import find_crystal
from ._options import Reading, number

#: Draws of coordinates until no two atoms are on top of each other.
_DRAWS = 200


@Parameter(name="*")
@dataclasses.dataclass(frozen=True)
class Sought:
    """What is known of the crystal behind a stored descriptor."""

    group: str | None = None
    """space group of a stored descriptor's crystal: symbol or number"""
    sites: Annotated[tuple[str, ...] | None, Parameter(consume_multiple=True)] = None
    """its occupied sites, as Si:3a O:6c"""
    cell: Annotated[tuple[float, ...] | None, number(0.0), Parameter(consume_multiple=True)] = None
    """its free cell parameters, within 20 %: angstrom and degrees; without, it is searched for"""
    like: str | None = None
    """instead of these three: a crystal, by file or name, with the same group and sites"""
    molecule: Annotated[tuple[str, ...] | None, Parameter(consume_multiple=True)] = None
    """instead of --sites: files of its molecules with the letters of their centres, as a.xyz:4a"""
    torsions: Annotated[bool, Parameter(negative="")] = False
    """of --molecule: single bonds turn, beside how the molecules lie"""

    @property
    def without_cell(self) -> bool:
        """Whether group and sites are told, but no cell."""
        return bool(self.group and self.sites) and self.cell is None and self.like is None

    @property
    def space_group(self) -> SpaceGroup:
        """The group that was told.

        Raises:
            ValueError: there is none.
        """
        assert self.group is not None
        return SpaceGroup.find(int(self.group) if self.group.isdecimal() else self.group)

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Species and letter of each site.

        Raises:
            BadInputError: no such words.
        """
        return [_pair(text) for text in self.sites or ()]

    def molecules(self) -> list[tuple[Any, ...]] | None:
        """Atoms and letter of each molecule, and whether it turns; None if none were told.

        Raises:
            BadInputError: no such file, no letter, or no group.
        """
        if self.molecule is None:
            if self.torsions:
                raise BadInputError("--torsions: expected --molecule beside it")
            return None
        for name in ("sites", "like"):
            if getattr(self, name) is not None:
                raise BadInputError(f"--molecule: expected no --{name} beside it")
        if self.group is None:
            raise BadInputError("--molecule: expected --group beside it")
        turning = ("find",) if self.torsions else ()
        return [(*_molecule(text), *turning) for text in self.molecule]

    def check_unused(self) -> None:
        """Refuse what only a stored descriptor needs.

        Raises:
            BadInputError: naming the option.
        """
        for name in ("group", "sites", "cell", "like", "molecule", "torsions"):
            if getattr(self, name) not in (None, False):
                raise BadInputError(f"--{name}: only of use with a stored descriptor (.npz)")


def sought_crystal(sought: Sought, reading: Reading) -> WyckoffCrystal:
    """Make a crystal of the group and sites, with any coordinates.

    Raises:
        BadInputError: something is missing, or told twice.
        ValueError: no such group, site or cell.
    """
    told = [name for name in ("group", "sites", "cell") if getattr(sought, name) is not None]
    if sought.like is not None:
        if told:
            raise BadInputError(f"--like: expected no --{told[0]} beside it")
        return find_crystal(sought.like, reading)
    if sought.group is None or not sought.sites or not sought.cell:
        missing = [f"--{n}" for n in ("group", "sites") if n not in told]
        raise BadInputError(
            f"a stored descriptor needs --group and --sites, or --like, or --composition: "
            f"{', '.join(missing)} missing"
        )
    group, pairs = sought.space_group, sought.pairs
    positions = [group.wyckoff(letter) for _, letter in pairs]
    rng, cell = np.random.default_rng(0), sought.cell
    for last in range(_DRAWS):
        points = [position.orbit(rng.random(position.n_free))[0] for position in positions]
        sites = [(s, l, x) for (s, l), x in zip(pairs, points, strict=True)]
        try:
            return WyckoffCrystal.build(group, cell, sites)
        except ValueError:
            # Atoms on top of each other; whatever else is wrong stays so.
            if last == _DRAWS - 1:
                raise
    raise AssertionError  # not reached


def _molecule(text: str) -> tuple[Any, str]:
    """The atoms in a file that ASE reads, and a letter."""
    file, colon, letter = text.rpartition(":")
    if not (file and colon and letter.isalnum()):
        raise BadInputError(
            f"--molecule: expected a file and the letter of its centre, as mol.xyz:4a, got {text!r}"
        )
    if not pathlib.Path(file).is_file():
        raise BadInputError(f"--molecule: no such file: {file}")
    try:
        (atoms,) = frames(pathlib.Path(file), last=True)
    except (ValueError, ImportError, OSError) as error:
        raise BadInputError(f"--molecule: ASE can't read {file} ({error})") from error
    return atoms, letter


def _pair(text: str) -> tuple[str, str]:
    species, colon, letter = text.partition(":")
    if not (species and colon and letter):
        raise BadInputError(f"--sites: expected sites as Si:3a O:6c, got {text!r}")
    return species, letter
