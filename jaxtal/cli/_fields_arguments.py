"""The arguments of `jaxtal fields ...`."""

import argparse
from typing import Any

from ._fields import run_check, run_convert, run_stars, run_waves
from ._fields_files import READ, WRITTEN
from ._options import add_json, command, integer, number

_FAMILY = (
    "Fields on the mesh (.rf), as Fourier coefficients (.kf) or as coefficients of symmetric "
    "functions (.bf), in the formats of PSCF, gzipped if the name ends in .gz; density maps "
    "(.ccp4, .map) and cubes (.cube, written only) in three dimensions."
)


def add_fields(commands: Any) -> None:
    """The family of commands about periodic fields, all in double precision."""
    family = command(commands, "fields", None, "convert and check periodic fields", _FAMILY)
    within = family.add_subparsers(metavar="WHAT", required=True)
    _add_convert(within)
    _add_check(within)
    reports = {
        "stars": (run_stars, "write the stars of waves of a field's mesh, cell and group"),
        "waves": (run_waves, "write the waves of a field's mesh, cell and group"),
    }
    for name, (run, text) in reports.items():
        one = command(within, name, run, text)
        one.add_argument("input", metavar="FILE", help="field file that has them")
        one.add_argument("output", metavar="OUT", help="file to write, as PSCF does")
        _add_reading(one)
        _add_mesh(one, "of a .bf file, default: the smallest that has exactly its functions")


def _add_convert(within: Any) -> None:
    one = command(within, "convert", run_convert, "from one format to another, or another mesh")
    one.add_argument("input", metavar="IN", help="file to read")
    one.add_argument("output", metavar="OUT", help="file to write")
    _add_reading(one)
    one.add_argument(
        "--to", choices=WRITTEN, metavar="FORMAT", help="format of OUT, default: its ending"
    )
    _add_mesh(one, "of OUT, default that of IN; a field on another mesh is interpolated")
    one.add_argument(
        "--lattice",
        metavar="NAME",
        help="lattice type to name in OUT (a cubic cell is triclinic, too), default that of IN",
    )
    one.add_argument(
        "--field",
        type=integer(0),
        metavar="I",
        help="only this one of several, from 0; default all, in formats of one field a file each",
    )
    one.add_argument(
        "--project",
        action="store_true",
        help="average fields that are not symmetric over the group, instead of refusing them",
    )
    _add_eps(one)


def _add_check(within: Any) -> None:
    one = command(
        within,
        "check",
        run_check,
        "cell, mesh, range and symmetry of fields",
        "Mean, range, root mean square and symmetry of fields. Exit code 1 if they lack the "
        "symmetry of the group that the file names, or that --group does.",
    )
    one.add_argument("input", metavar="FILE", help="file to read")
    _add_reading(one)
    _add_mesh(one, "that FILE must have; of a .bf file, default: the smallest that fits")
    _add_eps(one)


def _add_reading(one: argparse.ArgumentParser) -> None:
    one.set_defaults(dtype="float64")
    one.add_argument(
        "--from",
        dest="source",
        choices=READ,
        metavar="FORMAT",
        help=f"format of the file read: {', '.join(READ)}; default: its ending",
    )
    one.add_argument(
        "--group",
        metavar="G",
        help="name, number or PSCF group file; default the group that the file names",
    )
    add_json(one)


def _add_mesh(one: argparse.ArgumentParser, text: str) -> None:
    one.add_argument("--mesh", type=integer(1), nargs="+", metavar="N", help=f"mesh {text}")


def _add_eps(one: argparse.ArgumentParser) -> None:
    one.add_argument(
        "--eps",
        type=number(0.0),
        default=1e-8,
        metavar="E",
        help="asymmetry allowed, times the largest |value| or 1, default 1e-8",
    )
