"""`jaxtal reconstruct --composition`: a crystal sought with neither group, sites nor cell."""

import collections
import dataclasses
import json
import math
import pathlib
import sys
import time
from typing import Annotated

import numpy as np
from cyclopts import Parameter

from .._core import replacing_set
from ..crystal import WyckoffCrystal, match_crystals
from ..descriptors import Description
from ..io import write_cif
from ..reconstruct import Discovery, from_composition
from ..scattering import species_label
from ._errors import BadInputError
from ._files import output_folder
from ._inputs import cell_summary, summary
from ._options import Count, Watching, number
from ._rebuilt import same
from ._watched import watched


@Parameter(name="*")
@dataclasses.dataclass(frozen=True)
class Unknown:
    """What is told of a crystal whose group, sites and cell are not known."""

    composition: str | None = None
    """search with neither group, sites nor cell: the formula, as TiO2; of a crystal file its own"""
    atoms: Count | None = None
    """atoms in the primitive cell; default all multiples of the formula of up to 12"""
    groups: Annotated[tuple[str, ...] | None, Parameter(consume_multiple=True)] = None
    """numbers of the space groups that are tried, or auto for all, which is the default"""
    volume: Annotated[float | None, number(0.1)] = None
    """of the primitive cell, angstrom^3; default what the description says"""
    time: Annotated[float | None, number(0.0)] = None
    """seconds after which the search ends"""

    @property
    def asked(self) -> bool:
        """Whether anything of it was told."""
        return any(getattr(self, field.name) is not None for field in dataclasses.fields(self))

    @property
    def numbers(self) -> tuple[int, ...] | None:
        """Of the groups; None for all.

        Raises:
            BadInputError: something that is no number of a space group.
        """
        if self.groups is None or self.groups == ("auto",):
            return None
        for text in self.groups:
            if not (text.isdecimal() and 1 <= int(text) <= 230):
                raise BadInputError(f"--groups: expected auto or numbers 1 to 230, got {text!r}")
        return tuple(int(text) for text in self.groups)


def discover(
    source: str,
    target: Description,
    reference: WyckoffCrystal | None,
    unknown: Unknown,
    folder: pathlib.Path,
    *,
    seed: int,
    watching: Watching,
    as_json: bool,
    quiet: bool,
) -> int:
    """Search, write every solution, print how that went; return the exit status.

    Raises:
        BadInputError: no composition, or groups that are none.
    """
    begin = time.perf_counter()
    groups, composition, atoms = unknown.numbers, unknown.composition, unknown.atoms
    if reference is not None and composition is None:
        composition, own = _contents(reference)
        atoms = own if atoms is None else atoms
    if composition is None:
        raise BadInputError("a stored descriptor needs --composition to be searched with")
    with (
        output_folder(folder),
        watched(watching, "search", source, folder) as monitor,
    ):
        if not quiet:
            text = f"looking for crystals of {composition} that have this descriptor"
            print(text, file=sys.stderr)
        found = from_composition(
            target,
            composition,
            atoms=atoms,
            groups=groups,
            volume=unknown.volume,
            seed=seed,
            seconds=unknown.time,
            progress=not quiet and sys.stderr.isatty(),
            on_chunk=None if monitor is None else monitor.take,
        )
        if monitor is not None:
            monitor.finish(found.message)
        files = _write(folder, found)
    match = None
    if reference is not None:
        matches = [match_crystals(reference, one.crystal) for one in found.solutions]
        match = next((m for m in matches if same(m)), matches[0] if matches else None)
    success = found.success if reference is None else same(match)
    seconds = time.perf_counter() - begin
    if as_json:
        best = found.solutions[0] if found.solutions else found.closest
        group = None if best is None else best.crystal.group.number
        result = {
            "success": success,
            "converged": found.success,
            "rmsd": None if match is None else match.rmsd,
            "cell_error": None if match is None else match.cell_error,
            "best_loss": best.loss if best is not None and math.isfinite(best.loss) else None,
            "space_group": group,
            "candidates": {"counted": found.counted, "tried": found.tried},
            "lattices": found.lattices,
            "atoms": found.atoms,
            "solutions": [
                {"loss": one.loss, "space_group": one.crystal.group.number, "cif": str(file)}
                for one, file in zip(found.solutions, files, strict=False)
            ],
            "interrupted": found.interrupted,
            "seconds": seconds,
            "cif": str(files[0]) if files else None,
        }
        print(json.dumps(result))
    else:
        print(f"{source}, sought from its composition {composition}")
        for one in found.solutions or ([found.closest] if found.closest else []):
            print(f"  {'found' if found.success else 'closest':10} {summary(one.crystal)}")
            print(f"  {'':10} {cell_summary(one.crystal)}; loss {one.loss:.1e}")
        if match is not None:
            verdict = "the crystal described" if success else "not the crystal described"
            print(f"  {'match':10} RMSD {match.rmsd:.2g} A: {verdict}")
        print(f"  {'verdict':10} {found.message}")
        print(f"  {'time':10} {seconds:.1f} s")
        for i, file in enumerate(files):
            print(f"  {'written' if i == 0 else '':10} {file}")
    # Time that was given and used up is no interrupt.
    if found.interrupted and unknown.time is None:
        return 130
    return 0 if found.success else 1


def _contents(crystal: WyckoffCrystal) -> tuple[str, int]:
    """Formula, and atoms in the primitive cell.

    Raises:
        BadInputError: occupancies below one.
    """
    atoms, cells = crystal.to_host(), len(crystal.group.centering)
    if np.any(np.abs(atoms.occupancies - 1) > 1e-6):
        raise BadInputError("--composition: expected a crystal without partly occupied sites")
    counts = collections.Counter(species_label(tuple(key)) for key in atoms.keys.tolist())
    if any(not label.isalpha() for label in counts):
        raise BadInputError(
            f"--composition: expected neutral atoms of natural elements, got {', '.join(counts)}"
        )
    formula = "".join(f"{label}{number // cells}" for label, number in sorted(counts.items()))
    return formula, len(atoms.frac_coords) // cells


def _write(folder: pathlib.Path, found: Discovery) -> list[pathlib.Path]:
    """A CIF for each solution, or for the closest crystal under another name, all together."""
    named = [(one.crystal, f"solution_{i + 1}") for i, one in enumerate(found.solutions)]
    names = ["reconstructed.cif", *(f"reconstructed-{i + 2}.cif" for i in range(len(named) - 1))]
    if not named:
        names = ["not-converged.cif"]
        named = [] if found.closest is None else [(found.closest.crystal, "closest")]
    # No files of an earlier run may pass for results of this one.
    stale = [file.name for file in folder.glob("reconstructed*.cif")]
    with replacing_set(folder, [*stale, "not-converged.cif"]) as made:
        for (crystal, block), name in zip(named, names, strict=False):
            write_cif(crystal, made / name, name=block)
    return [folder / name for name in names[: len(named)]]
