"""Entry point: arguments to commands, errors to one line and an exit code."""

import errno
import importlib.metadata
import io
import os
import signal
import sys
from collections.abc import Sequence
from typing import Any

from cyclopts import App, CycloptsError, Parameter
from cyclopts.help import DefaultFormatter, PanelSpec
from rich.box import SIMPLE

from ._errors import BadInputError

#: Where each command is; imported when it runs, so that help needs no JAX.
_COMMANDS = {
    "list": ("._list:list_crystals", "Show the built-in crystals."),
    "describe": ("._describe:describe", "Write the descriptors of crystals to a .npz file."),
    "compare": ("._compare:compare", "Print the distances between two descriptors."),
    "fingerprints": (
        "._fingerprint_folder:fingerprints",
        "Keep the fingerprints of the crystals of a folder.\n\nWhole, or in shards that run "
        "anywhere by themselves, and are merged.",
    ),
    "dedup": (
        "._dedup:dedup",
        "Find the same crystals in a folder.\n\nGroups crystals that are the same up to small "
        "displacements. A chain of crystals, each within the threshold of the next, is one group.",
    ),
    "search": (
        "._search:search",
        "Find the crystals of a folder that are most like one.\n\nLists them, nearest first.",
    ),
    "powder": (
        "._powder:powder",
        "Compute powder patterns, and compare them with a measured one.",
    ),
    "data": (
        "._data:data",
        "Judge measured reflections before phasing.\n\nPrints centring, Laue class with R_int of "
        "each candidate, absences, completeness, intensity statistics and signs of twins.",
    ),
    "solve": (
        "._solve:solve",
        "Solve and refine a crystal structure from measured reflections.\n\nLaue class, phases in "
        "P1, space group, atoms, refinement; exit code 1 if the result is not to be believed.",
    ),
    "reconstruct": (
        "._reconstruct:reconstruct",
        "Rebuild a crystal from its descriptor.\n\nDescribes a crystal, forgets its coordinates, "
        "and looks for them: space group and sites are known, the cell within 20 %, everything "
        "else is random.",
    ),
    "phase": (
        "._phase:phase",
        "Find the phases of measured reflections, in any dimension.\n\nRuns the job in a TOML "
        "file: reflections, basis, symmetry, sharpening, sections to draw. `--example NAME` prints "
        "one to start from; options given here count instead of the job's.",
    ),
}
_FIELDS = {
    "convert": "Convert fields from one format to another, or to another mesh.",
    "check": "Print cell, mesh, range and symmetry of fields.\n\nExit code 1 if they lack the "
    "symmetry of the group that the file names, or that --group does.",
    "compare": "Print how far apart the fields of two files are.",
    "scale": "Multiply fields by a number.",
    "replicate": "Join several cells to one.",
    "expand": "Carry fields of one or two dimensions along new axes.",
    "group": "Write the operations of a field's group.",
    "stars": "Write the stars of waves of a field's mesh, cell and group.",
    "waves": "Write the waves of a field's mesh, cell and group.",
}
_FIELD_FORMATS = """Convert and check periodic fields.

Fields on the mesh (.rf), as Fourier coefficients (.kf) or as coefficients of symmetric functions
(.bf), in the formats of PSCF, gzipped if the name ends in .gz; density maps (.ccp4, .map) and
cubes (.cube, written only) in three dimensions."""


def application() -> App:
    """Build the command line: every command a typed function, imported when it is asked for."""
    # Without boxes, which read badly when piped.
    sheet = DefaultFormatter(panel_spec=PanelSpec(box=SIMPLE, padding=(0, 0)))
    style: dict[str, Any] = {"help_format": "plaintext", "help_formatter": sheet}
    app = App(
        name="jaxtal",
        help="Crystals, their reciprocal-space descriptors, and the way back.",
        help_epilogue="CRYSTAL stands for a file (CIF, or a format of ASE) or a built-in name.",
        version=lambda: f"jaxtal {importlib.metadata.version('jaxtal')}",
        default_parameter=Parameter(negative=(), show_default=False),
        **style,
    )
    for order, (name, (place, text)) in enumerate(_COMMANDS.items()):
        app.command(f"{__package__}{place}", name=name, help=text, sort_key=order)
    fields = App(name="fields", help=_FIELD_FORMATS, sort_key=len(_COMMANDS), **style)
    for order, (name, text) in enumerate(_FIELDS.items()):
        fields.command(f"{__package__}.fields:{name}", name=name, help=text, sort_key=order)
    app.command(fields)
    return app


def run_arguments(argv: Sequence[str] | None) -> int:
    """Run what the arguments say; see `main`."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Names of files may be bytes that no encoding has; on stderr this is the default.
        sys.stdout.reconfigure(errors="backslashreplace")
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        command, bound, _ = application().parse_args(words, exit_on_error=False, print_error=False)
        if command.__module__.startswith("cyclopts"):  # --help, --version
            command(*bound.args, **bound.kwargs)
            code = 0
        else:
            from ._run import run

            code = run(command, bound)
        if sys.stdout is not None:  # where the process has been given none
            sys.stdout.flush()
        return code
    except CycloptsError as error:
        place = " ".join(["jaxtal", *(error.command_chain or ())])
        return _say(f"{' '.join(str(error).split()).rstrip('.')} (see {place} --help)")
    except SystemExit as stop:  # the library of the help pages, when nobody reads them
        return stop.code if isinstance(stop.code, int) else 2
    except BrokenPipeError:
        # The reader (`| head`) has gone: nothing is left to say, also not while shutting down.
        if sys.stdout is not None:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except OSError as error:
        return _say(_told(error))
    except (BadInputError, ValueError) as error:
        return _say(str(error) or type(error).__name__)
    except MemoryError:
        return _say(
            "out of memory: use a smaller --q-max, --n-max, --l-max, --starts, --mesh or section"
        )


def _told(error: OSError) -> str:
    """An error of the system, the file first."""
    if error.filename is not None and error.strerror:
        name = error.filename
        return f"{os.fsdecode(name) if isinstance(name, bytes) else name}: {error.strerror}"
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO):
        # What is written to files has their names. Nothing is left to say, also not while
        # shutting down.
        if sys.stdout is not None:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return f"standard output: {error.strerror}"
    return str(error) or type(error).__name__


def _say(message: str) -> int:
    """One line on stderr, whatever the message looks like."""
    print("jaxtal: error: " + " ".join(message.split()), file=sys.stderr)
    return 2
