"""The arguments of `jaxtal dedup` and `jaxtal search`."""

import argparse
from typing import Any

from ..metric import DUPLICATE_DISTANCE
from ._dedup import run_dedup
from ._options import add_json, command, integer, number
from ._search import run_search

_EXPLAINED = (
    f"Two crystals count as one if their distance is at most {DUPLICATE_DISTANCE:g}. "
    "Distances depend on no choice of cell, origin, orientation or setting; between "
    "unlike structures they are about 1 to 3. Of the 288 AFLOW prototypes in pymatgen, no two are "
    "nearer than 0.15 (pyrite aside, which is listed twice), and of copies whose atoms are "
    "moved at random by 0.05 angstrom (r.m.s.) 86 % stay within 0.1 of the original. "
    "These figures hold for the default terms; with --distances or --hand the same displacements "
    "move crystals about 1.5 times as far (alpha-quartz: median 0.062 by default, 0.080 with "
    "--distances, 0.103 with --hand). A first run on varied crystals takes a minute or two to "
    "compile. "
    "DIR is a folder of CIFs and other files of crystals, one such file, or a database of ASE. "
    "Files that cannot be read are listed, with the reason, and do not stop the others."
)


def add_many(commands: Any) -> None:
    """Add both commands."""
    one = command(
        commands,
        "dedup",
        run_dedup,
        "find the same crystals in a folder",
        "Groups crystals that are the same up to small displacements. "
        + _EXPLAINED
        + " A chain of crystals, each within the threshold of the next, is one group.",
    )
    _add_source(one)
    one.add_argument(
        "--threshold",
        type=number(0.0),
        metavar="T",
        help=f"distance within which crystals count as one, default {DUPLICATE_DISTANCE:g}",
    )
    _add_rest(one)
    one = command(
        commands,
        "search",
        run_search,
        "find the crystals of a folder that are most like one",
        "Lists the crystals nearest to one, nearest first. " + _EXPLAINED,
    )
    one.add_argument(
        "query", metavar="QUERY", help="file, built-in name, or FILE#NAME of one crystal of several"
    )
    _add_source(one)
    one.add_argument(
        "-k", type=integer(1), metavar="N", help="crystals to list, default 10, or all within T"
    )
    one.add_argument(
        "--threshold", type=number(0.0), metavar="T", help="list only those within this distance"
    )
    _add_rest(one)


def _add_source(one: argparse.ArgumentParser) -> None:
    one.add_argument("source", metavar="DIR", help="folder, file or database")
    one.add_argument("--recursive", action="store_true", help="folders inside the folder, too")


def _add_rest(one: argparse.ArgumentParser) -> None:
    terms = one.add_argument_group(
        "what counts",
        "By default the elements and the arrangement of the atoms, scaled to one volume per atom.",
    )
    terms.add_argument(
        "--any-elements",
        action="store_true",
        help="leave the composition out: silicon is diamond; of compounds the ratios of the "
        "atomic numbers still count",
    )
    terms.add_argument("--density", action="store_true", help="the volume per atom counts, too")
    terms.add_argument(
        "--distances",
        action="store_true",
        help="distances to neighbours count, atom by atom: tells homometric crystals apart",
    )
    terms.add_argument(
        "--hand", action="store_true", help="mirror images are different: left and right quartz"
    )
    one.add_argument(
        "--symmetry",
        choices=("file", "P1"),
        default="file",
        help="P1: CIFs without a space group list the whole cell, default: they are not read",
    )
    one.add_argument(
        "--cache",
        metavar="FOLDER",
        help="keep fingerprints here: a later run goes on after an interruption, and computes "
        "only what is new or has changed",
    )
    add_json(one)
    one.add_argument("--quiet", action="store_true", help="no progress, no warnings")
