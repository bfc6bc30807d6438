"""`jaxtal reconstruct`: a crystal described, forgotten, and found again."""

import json
import math
import pathlib
import sys
import time
from typing import Annotated

import jax
import numpy as np
from cyclopts import Parameter

from .._core import replacing_set, write_bytes, write_text
from ..descriptors import Description, Descriptor
from ..io import write_cif
from ..plot import reconstruction_figure
from ..reconstruct import Adam, Reconstruction, from_descriptor, from_molecules, from_sites
from ._descriptions import checked_description, read_entry
from ._discover import Unknown, discover
from ._errors import BadInputError
from ._files import output_folder
from ._inputs import crystal_name, find_crystal
from ._options import Count, Dtype, Json, Quiet, Reading, Seed, Watching, number
from ._rebuilt import Rebuilt, superposed
from ._sought import Sought, sought_crystal
from ._watched import watched

#: Width of the bins of G(d), 1/angstrom.
_SPACING = 0.1


def reconstruct(
    crystal: str,
    /,
    *,
    starts: Count | None = None,
    perturb: Annotated[tuple[float, float] | None, number(0.0)] = None,
    seed: Seed = 0,
    q_max: float | None = None,
    n_max: int | None = None,
    l_max: int | None = None,
    sought: Sought = Sought(),
    unknown: Unknown = Unknown(),
    steps: Count = 400,
    output: Annotated[pathlib.Path | None, Parameter(alias="-o")] = None,
    dtype: Dtype = "float32",
    reading: Reading = Reading(),
    watching: Watching = Watching(),
    as_json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Rebuild a crystal from its descriptor; write and print how that went.

    Of a stored descriptor (.npz) the group, sites and rough cell are told by --group, --sites and
    --cell, or by a crystal that has them, --like; a cell that is not told is searched for. Of
    molecules whose shapes are known, --group and --molecule are enough. With --composition (of a
    crystal file --groups auto is enough) none of these is used: lattices, groups and sites are
    searched.

    Args:
        crystal: file or built-in name; or the .npz of one crystal, as `jaxtal describe` writes it.
        starts: how many are carried through, default 64, or 16 of molecules; four times as many are
            begun.
        perturb: D_LAT D_COOR: start near the crystal instead of anywhere: lengths times
            1 + D_LAT (u - 1/2), sites moved by D_COOR angstrom.
        seed: of the starts, default 0.
        q_max: 1/angstrom, default 6.
        n_max: radial functions, default 8.
        l_max: highest degree, default 8.
        steps: iterations of Adam at most, default 400.
        output: folder to write to, default reconstruction-NAME.
        dtype: precision, default float32.
    """
    begin = time.perf_counter()
    watching.check()
    if perturb is not None and perturb[0] >= 2:
        raise BadInputError(f"--perturb: expected D_LAT < 2, a relative width, got {perturb[0]:g}")
    optimiser = Adam(steps) if perturb is None else Adam.from_displaced(perturb[1], steps)
    name = crystal_name(crystal)
    folder = output or pathlib.Path(f"reconstruction-{name}")
    with jax.enable_x64(dtype == "float64"):
        if crystal.lower().endswith(".npz"):
            _check_no_sizes(n_max, l_max, q_max)
            if unknown.asked:
                sought.check_unused()
                target = read_entry(pathlib.Path(crystal)).description
                return discover(
                    *(crystal, target, None, unknown, folder),
                    seed=seed,
                    watching=watching,
                    as_json=as_json,
                    quiet=quiet,
                )
            reference, molecules = None, sought.molecules()
            if molecules is not None and perturb is not None:
                raise BadInputError("--perturb: no use with --molecule")
            without = sought.without_cell or molecules is not None
            like = None if without else sought_crystal(sought, reading)
            if like is None and molecules is None and perturb is not None:
                raise BadInputError("--perturb: expected --cell, around which to start")
            target = read_entry(pathlib.Path(crystal)).description
        else:
            sought.check_unused()
            molecules = None
            reference = like = find_crystal(crystal, reading)
            descriptor = _descriptor(n_max, l_max, q_max)
            target = checked_description(crystal, reference, descriptor)
            if unknown.asked:
                return discover(
                    *(crystal, target, reference, unknown, folder),
                    seed=seed,
                    watching=watching,
                    as_json=as_json,
                    quiet=quiet,
                )
        with output_folder(folder), watched(watching, "reconstruct", crystal, folder) as monitor:
            if not quiet:
                print(f"rebuilding {crystal} from its descriptor", file=sys.stderr)
            shown = not quiet and sys.stderr.isatty()
            told = None if monitor is None else monitor.take
            if molecules is not None:
                found = from_molecules(
                    *(target, sought.space_group, molecules),
                    cell=sought.cell,
                    starts=starts or 16,
                    key=seed,
                    optimiser=optimiser,
                    progress=shown,
                    on_chunk=told,
                )
                like = found.best
            elif like is None:
                group, sites = sought.space_group, sought.pairs
                found = from_sites(
                    *(target, group, sites),
                    starts=starts or 64,
                    key=seed,
                    progress=shown,
                    on_chunk=told,
                )
                like = found.best
            else:
                found = from_descriptor(
                    target,
                    like=like,
                    starts=starts or 64,
                    key=seed,
                    perturbation=perturb,
                    optimiser=optimiser,
                    progress=shown,
                    on_chunk=told,
                )
            if monitor is not None:
                monitor.finish(found.message)
            match = None if reference is None else superposed(found.best, reference)
            rebuilt = Rebuilt(like, found, match, known=reference is not None)
            files = _write(folder, name, rebuilt, target)
        seconds = time.perf_counter() - begin
        if as_json:
            print(json.dumps(rebuilt.for_machines(files, seconds)))
        else:
            print(f"{crystal}, rebuilt from its power spectrum and radial distribution")
            for label, text in rebuilt.for_people(_protocol(perturb, seed), files, seconds):
                print(f"  {label:10} {text}")
    if found.interrupted:
        return 130
    return 0 if found.success else 1


def _check_no_sizes(*sizes: float | None) -> None:
    for name, value in zip(("--n-max", "--l-max", "--q-max"), sizes, strict=True):
        if value is not None:
            raise BadInputError(f"{name}: no use with a stored descriptor, which has its own")


def _descriptor(n_max: int | None, l_max: int | None, q_max: float | None) -> Descriptor:
    """A descriptor whose bins are 0.1 1/angstrom wide, whatever its size; by default 8, 8, 6."""
    n_max = 8 if n_max is None else n_max
    l_max = 8 if l_max is None else l_max
    q_max = 6.0 if q_max is None else q_max
    # A q_max that is no number is refused by the descriptor, with its own words.
    n_bins = max(4, round(q_max / _SPACING) + 1) if math.isfinite(q_max) else 4
    return Descriptor(n_max, l_max, q_max, n_bins=n_bins)


def _protocol(perturb: tuple[float, float] | None, seed: int) -> str:
    if perturb is None:
        return f"fully random, seed {seed}"
    return f"perturbed by {perturb[0]:g} (cell) and {perturb[1]:g} A, seed {seed}"


def _write(
    folder: pathlib.Path,
    name: str,
    rebuilt: Rebuilt,
    target: Description,
) -> dict[str, pathlib.Path]:
    """Loss history, CIF and picture, together; the latter two of a crystal that can be described.

    What has not converged is never called reconstructed, and of a search that was stopped before
    anything had, there is the history alone.
    """
    found = rebuilt.found
    stem = "reconstructed" if found.success else "not-converged"
    files = {"cif": f"{stem}.cif", "history": "history.csv", "picture": "reconstruction.png"}
    paths = {kind: folder / file for kind, file in files.items()}
    # No files of an earlier run may pass for results of this one.
    stale = ("reconstructed.cif", "not-converged.cif", "reconstruction.png")
    with replacing_set(folder, stale) as made:
        write_text(made / files["history"], _history(found))
        if found.interrupted and not found.success:
            return {"history": paths["history"]}
        block = "".join(c if c.isalnum() or c in "-_." else "_" for c in name)
        failure = "" if rebuilt.success else rebuilt.verdict
        try:
            write_cif(found.best, made / files["cif"], name=block)
            title = f"{name}: {rebuilt.title}"
            figure = reconstruction_figure(found, target, title=title, failure=failure)
        except ValueError as error:
            # A search cut short may leave atoms on top of each other.
            print(f"jaxtal: the best crystal is no valid one ({error})", file=sys.stderr)
            (made / files["cif"]).unlink(missing_ok=True)
            return {"history": paths["history"]}
        write_bytes(made / files["picture"], lambda file: figure.savefig(file, format="png"))
    return paths


def _history(found: Reconstruction) -> str:
    """One row per iteration, one column per start; the last row holds the final losses."""
    starts = len(found.losses)
    lines = [",".join(["step", *(f"start_{i}" for i in range(starts))])]
    rows = np.concatenate([found.history.T, found.losses[None, :]])
    lines += [",".join([str(i), *(f"{v:.6g}" for v in row)]) for i, row in enumerate(rows)]
    return "\n".join(lines) + "\n"
