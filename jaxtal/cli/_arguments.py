"""The arguments of every command."""

import argparse
import importlib.metadata
from collections.abc import Sequence
from typing import Any

from ..descriptors import PRESETS
from ..phasing import RECIPES
from ._compare import run_compare
from ._describe import run_describe
from ._fields_arguments import add_fields
from ._job import DEMOS, EXAMPLES
from ._list import run_list
from ._many_arguments import add_many
from ._options import Parser, add_json, command, integer, number
from ._phase import run_phase
from ._reconstruct import run_reconstruct


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Arguments of a command; `run` in the result is the command itself."""
    parser = Parser(
        prog="jaxtal",
        description="Crystals, their reciprocal-space descriptors, and the way back.",
        epilog="CRYSTAL stands for a file (CIF, or a format of ASE) or a built-in name.",
        allow_abbrev=False,
    )
    version = importlib.metadata.version("jaxtal")
    parser.add_argument("--version", action="version", version=f"jaxtal {version}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_describe(commands)
    _add_compare(commands)
    _add_reconstruct(commands)
    _add_phase(commands)
    add_many(commands)
    add_fields(commands)
    one = command(commands, "list", run_list, "show the built-in crystals")
    add_json(one)
    return parser.parse_args(argv)


def _add_describe(commands: Any) -> None:
    one = command(
        commands, "describe", run_describe, "write the descriptors of crystals to a .npz file"
    )
    one.add_argument("crystals", nargs="+", metavar="CRYSTAL", help="file or built-in name")
    one.add_argument("-o", "--output", required=True, metavar="OUT.npz", help="file to write")
    _add_descriptor(one)
    _add_reading(one)
    _add_seed(one, "accepted for scripts; nothing here is random")
    add_json(one)


def _add_compare(commands: Any) -> None:
    one = command(commands, "compare", run_compare, "distances between two descriptors")
    for name in ("a", "b"):
        one.add_argument(
            name, metavar=name.upper(), help="file, built-in name, or .npz of one entry"
        )
    _add_descriptor(one, note="; default: that of a .npz given")
    _add_reading(one)
    _add_seed(one, "accepted for scripts; nothing here is random")
    add_json(one)


def _add_reconstruct(commands: Any) -> None:
    one = command(
        commands,
        "reconstruct",
        run_reconstruct,
        "rebuild a crystal from its descriptor",
        "Describes a crystal, forgets its coordinates, and looks for them: space group and sites "
        "are known, the cell within 20 %, everything else is random.",
    )
    one.add_argument("crystal", metavar="CRYSTAL", help="file or built-in name")
    one.add_argument("--starts", type=integer(1), default=64, metavar="N", help="default 64")
    how = one.add_mutually_exclusive_group()
    how.add_argument(
        "--random", action="store_true", help="start from random parameters (the default)"
    )
    how.add_argument(
        "--perturb",
        nargs=2,
        type=number(0.0),
        metavar=("D_LAT", "D_COOR"),
        help="start near the crystal: lengths times 1 + D_LAT (u - 1/2), sites moved by "
        "D_COOR angstrom",
    )
    _add_seed(one, "of the starts, default 0")
    one.add_argument("--q-max", type=float, default=6.0, metavar="Q", help="1/angstrom, default 6")
    one.add_argument("--n-max", type=int, default=8, metavar="N", help="radial functions, 8")
    one.add_argument("--l-max", type=int, default=8, metavar="L", help="highest degree, 8")
    one.add_argument(
        "--steps", type=integer(1), default=400, metavar="N", help="iterations of Adam, 400"
    )
    one.add_argument(
        "-o", "--output", metavar="DIR", help="folder to write to, default reconstruction-NAME"
    )
    _add_dtype(one)
    _add_reading(one)
    add_json(one)
    one.add_argument("--quiet", action="store_true", help="no progress")


def _add_phase(commands: Any) -> None:
    one = command(
        commands,
        "phase",
        run_phase,
        "find the phases of measured reflections, in any dimension",
        "Runs the job in a TOML file: reflections, basis, symmetry, sharpening, sections to draw. "
        "`--example NAME` prints one to start from; options given here count instead of the job's.",
    )
    what = one.add_mutually_exclusive_group(required=True)
    what.add_argument("job", nargs="?", metavar="JOB.toml", help="the job")
    what.add_argument("--example", choices=EXAMPLES, help="print a commented job, run nothing")
    what.add_argument("--demo", choices=DEMOS, help="run on a model with known phases")
    one.add_argument("--starts", type=integer(1), metavar="N", help="default 4")
    one.add_argument(
        "--iterations", type=integer(1), metavar="N", help="of the recipe's first stage"
    )
    one.add_argument("--recipe", metavar="NAME", help=f"default, {', '.join(RECIPES)}")
    one.add_argument("--seed", type=integer(0), metavar="N", help="default 0")
    one.add_argument(
        "-o", "--output", metavar="DIR", help="folder to write to, default phasing-NAME"
    )
    one.add_argument(
        "--checkpoint", metavar="FILE", help="keep work here, and go on from it if it exists"
    )
    _add_dtype(one, default=None)
    add_json(one)
    one.add_argument("--quiet", action="store_true", help="no progress")


def _add_descriptor(one: argparse.ArgumentParser, note: str = "") -> None:
    one.add_argument(
        "--preset",
        choices=PRESETS,
        help="default: smooth and orthonormal; paper: the paper's equations; recp: pyxtal's RECP"
        + note,
    )
    one.add_argument("--n-max", type=int, metavar="N", help="radial functions, default 10")
    one.add_argument("--l-max", type=int, metavar="L", help="highest degree, default 10")
    one.add_argument("--q-max", type=float, metavar="Q", help="1/angstrom, default 10")
    _add_dtype(one)


def _add_dtype(one: argparse.ArgumentParser, default: str | None = "float32") -> None:
    one.add_argument(
        "--dtype",
        choices=("float32", "float64"),
        default=default,
        help="precision, default float32",
    )


def _add_reading(one: argparse.ArgumentParser) -> None:
    one.add_argument(
        "--symmetry",
        choices=("file", "find", "P1"),
        default="file",
        help="symmetry of files: as they say (the default), found by spglib, or none",
    )
    one.add_argument(
        "--symprec",
        type=number(0.0),
        default=1e-3,
        metavar="A",
        help="tolerance of the search, angstrom, default 0.001",
    )


def _add_seed(one: argparse.ArgumentParser, text: str) -> None:
    one.add_argument("--seed", type=integer(0), default=0, metavar="N", help=text)
