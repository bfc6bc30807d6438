"""`jaxtal reconstruct`: a crystal described, forgotten, and found again."""

import argparse
import json
import math
import pathlib
import sys
import time

import jax
import numpy as np

from ..descriptors import Description, Descriptor
from ..io import write_bytes, write_cif, write_text
from ..plot import reconstruction_figure
from ..reconstruct import Adam, Reconstruction, from_descriptor
from ._entry import checked_description
from ._errors import BadInputError
from ._files import make_folder
from ._inputs import crystal_name, find_crystal
from ._outcome import Outcome, superposed

#: Width of the bins of G(d), 1/angstrom.
_SPACING = 0.1
#: Rate of Adam from starts near the crystal, which only have to walk.
_GENTLE = 0.02


def run_reconstruct(arguments: argparse.Namespace) -> int:
    """Rebuild a crystal from its descriptor; write and print how that went."""
    begin = time.perf_counter()
    descriptor = _descriptor(arguments)
    perturbation = _perturbation(arguments)
    reference = find_crystal(arguments.crystal, arguments)
    name = crystal_name(arguments.crystal)
    target = checked_description(arguments.crystal, reference, descriptor)
    folder = pathlib.Path(arguments.output or f"reconstruction-{name}")
    make_folder(folder)
    if not arguments.quiet:
        print(f"rebuilding {arguments.crystal} from its descriptor", file=sys.stderr)
    found = from_descriptor(
        target,
        like=reference,
        starts=arguments.starts,
        key=jax.random.key(arguments.seed),
        perturbation=perturbation,
        optimiser=_optimiser(arguments),
        progress=not arguments.quiet and sys.stderr.isatty(),
    )
    outcome = Outcome(reference, found, superposed(found.best, reference))
    files = _write(folder, name, outcome, target)
    seconds = time.perf_counter() - begin
    if arguments.json:
        print(json.dumps(outcome.for_machines(files, seconds)))
    else:
        print(f"{arguments.crystal}, rebuilt from its power spectrum and radial distribution")
        for label, text in outcome.for_people(_protocol(arguments), files, seconds):
            print(f"  {label:10} {text}")
    if found.interrupted:
        return 130
    return 0 if found.success else 1


def _descriptor(arguments: argparse.Namespace) -> Descriptor:
    """A descriptor whose bins are 0.1 1/angstrom wide, whatever its size."""
    q_max = arguments.q_max
    # A q_max that is no number is refused by the descriptor, with its own words.
    n_bins = max(4, round(q_max / _SPACING) + 1) if math.isfinite(q_max) else 4
    return Descriptor(arguments.n_max, arguments.l_max, q_max, n_bins=n_bins)


def _perturbation(arguments: argparse.Namespace) -> tuple[float, float] | None:
    if arguments.perturb is None:
        return None
    d_lat, d_coor = arguments.perturb
    if d_lat >= 2:
        raise BadInputError(f"--perturb: expected D_LAT < 2, a relative width, got {d_lat:g}")
    return d_lat, d_coor


def _optimiser(arguments: argparse.Namespace) -> Adam:
    default = Adam()
    rate = default.learning_rate if arguments.perturb is None else _GENTLE
    return Adam(steps=arguments.steps, learning_rate=rate)


def _protocol(arguments: argparse.Namespace) -> str:
    if arguments.perturb is None:
        return f"fully random, seed {arguments.seed}"
    d_lat, d_coor = arguments.perturb
    return f"perturbed by {d_lat:g} (cell) and {d_coor:g} A, seed {arguments.seed}"


def _write(
    folder: pathlib.Path,
    name: str,
    outcome: Outcome,
    target: Description,
) -> dict[str, pathlib.Path]:
    """Loss history, CIF and picture; the latter two only of a crystal that can be described."""
    cif, history, picture = (
        folder / file for file in ("reconstructed.cif", "history.csv", "reconstruction.png")
    )
    found = outcome.found
    write_text(history, _history(found))
    block = "".join(c if c.isalnum() or c in "-_." else "_" for c in name)
    try:
        write_cif(found.best, cif, name=block)
        figure = reconstruction_figure(found, target, title=f"{name}: {outcome.title}")
    except ValueError as error:
        # A search cut short may leave atoms on top of each other. No files of an earlier run
        # may then pass for results of this one.
        print(f"jaxtal: the best crystal is no valid one ({error})", file=sys.stderr)
        cif.unlink(missing_ok=True)
        picture.unlink(missing_ok=True)
        return {"history": history}
    write_bytes(picture, lambda file: figure.savefig(file, format="png"))
    return {"cif": cif, "history": history, "picture": picture}


def _history(found: Reconstruction) -> str:
    """One row per iteration, one column per start; the last row holds the final losses."""
    starts = len(found.losses)
    lines = [",".join(["step", *(f"start_{i}" for i in range(starts))])]
    rows = np.concatenate([found.history.T, found.losses[None, :]])
    lines += [",".join([str(i), *(f"{v:.6g}" for v in row)]) for i, row in enumerate(rows)]
    return "\n".join(lines) + "\n"
