"""Crystals by file or built-in name."""

import difflib
import os
import pathlib
import sys

from ..crystal import WyckoffCrystal, prototype, prototype_names
from ..io import read
from ._errors import BadInputError
from ._options import Reading

#: Size of files (bytes) whose symmetry takes seconds to find.
_LARGE = 100_000


def find_crystal(text: str, reading: Reading) -> WyckoffCrystal:
    """Find the built-in crystal of that name, or read the one in that file (or FILE#NAME).

    Raises:
        BadInputError: neither; close names are suggested.
        ValueError: the file holds no valid crystal.
    """
    path = pathlib.Path(text)
    if path.suffix == "" and os.sep not in text:
        try:
            return prototype(text)
        except ValueError:
            pass
    if path.is_dir():
        raise BadInputError(f"{text}: expected a file, got a folder")
    block = reading.block
    if not path.exists() and "#" in text:
        file, label = text.rsplit("#", 1)
        if pathlib.Path(file).is_file():
            path, block = pathlib.Path(file), label
    if not path.exists():
        close = difflib.get_close_matches(text.lower(), prototype_names(), n=3)
        hint = f"; did you mean {' or '.join(close)}?" if close else ""
        raise BadInputError(
            f"{text}: no such file, and no such built-in name (`jaxtal list` shows them){hint}"
        )
    if reading.symmetry == "find" and path.stat().st_size > _LARGE and sys.stderr.isatty():
        print(f"finding the symmetry of {text}", file=sys.stderr)
    return read(path, block=block, symmetry=reading.symmetry, symprec=reading.symprec)


def crystal_name(text: str) -> str:
    """A name for files and titles: what was typed, without folder and suffix."""
    return pathlib.Path(text).name.removesuffix(".gz").rsplit(".", 1)[0] or "crystal"


def summary(crystal: WyckoffCrystal) -> str:
    """Space group and sites in one line."""
    group = crystal.group
    name = group.hm or group.hall or f"{group.order} operations"
    number = "" if group.number is None else f" ({group.number})"
    sites = [f"{s} {l}" for s, l in zip(crystal.species, crystal.plan.letters, strict=True)]
    shown = sites if len(sites) <= 12 else [*sites[:11], f"... {len(sites) - 11} more"]
    return f"{name}{number}: {', '.join(shown)}"


def cell_summary(crystal: WyckoffCrystal) -> str:
    """Free cell parameters in one line."""
    values = zip(crystal.plan.system.names, crystal.lattice_parameters, strict=True)
    return cell_text({name: float(value) for name, value in values})


def cell_text(values: dict[str, float]) -> str:
    """Cell parameters by name, in one line."""
    lengths = {"a", "b", "c"}
    return ", ".join(
        f"{name} = {v:.4f} A" if name in lengths else f"{name} = {v:.3f} deg"
        for name, v in values.items()
    )
