"""`jaxtal data`: what files of reflections hold, and whether to believe it."""

import json
import pathlib
from typing import Annotated, Any

import numpy as np
from cyclopts import Parameter

from .._core import write_bytes
from ..io import read_reflection_table
from ..reflections import DataReport
from ..scattering import composition_amounts
from ._errors import BadInputError
from ._files import check_writable
from ._options import Count, Json, Radiation, ReflectionForm, Six, number
from ._skipped import warn_of_skipped


def data(
    file: pathlib.Path,
    /,
    *more: Annotated[pathlib.Path, Parameter(name="FILE")],
    cell: Annotated[Six | None, number(0.0)] = None,
    spacegroup: str | None = None,
    composition: str | None = None,
    wavelength: Annotated[float | None, number(0.0)] = None,
    radiation: Radiation | None = None,
    form: Annotated[ReflectionForm | None, Parameter(name="--format")] = None,
    hklf: Annotated[int | None, Parameter(help="SHELX format: 4 (I), 3 (F), 5 (domains)")] = None,
    domain: Count | None = None,
    block: str | None = None,
    instructions: pathlib.Path | None = None,
    output: Annotated[pathlib.Path | None, Parameter(alias="-o")] = None,
    as_json: Json = False,
) -> int:
    """Judge measured reflections: symmetry, absences, completeness, statistics, twins.

    Args:
        file: reflections (.hkl, .cif, .fcf, XDS_ASCII, .mtz, columns h k l I sigma); several.
        cell: A B C ALPHA BETA GAMMA, angstrom and degrees; default as the file, or an .ins or .res
            beside it, says.
        spacegroup: to be compared with the data.
        composition: as "C12 H22 O11", for the Wilson plot.
        wavelength: angstrom.
        radiation: xray, electron or neutron.
        form: cif, columns, csv, mtz, shelx or xds; default by name and first line.
        domain: of HKLF 5: the domain whose rows are wanted.
        block: of a CIF.
        instructions: .ins or .res that belongs to the file.
        output: picture to draw (.png, .pdf, .svg); of several files, a folder.
    """
    files = [file, *more]
    if output is not None:
        _check_output(output, len(files))
    if composition is not None:
        composition_amounts(composition)
    stated = {
        "cell": cell,
        "group": spacegroup,
        "composition": composition,
        "wavelength": wavelength,
        "radiation": radiation,
    }
    options = {"hklf": hklf, "domain": domain, "block": block, "instructions": instructions}
    reports: list[tuple[pathlib.Path, DataReport]] = []
    skipped: list[tuple[str, str]] = []
    pictures: list[str] = []
    for path in files:
        try:
            reports.append((path, _judge(path, form, options, stated)))
        except (ValueError, OSError) as error:
            if len(files) == 1:
                raise
            skipped.append((str(path), str(error)))
            continue
        if output is not None:
            pictures.append(_draw(*reports[-1], _picture(output, path, files)))
        if not as_json:
            print(reports[-1][1].text(), end="\n\n" if len(files) > 1 else "\n")
    if as_json:
        rows = [{"file": str(path), **report.as_dict()} for path, report in reports]
        failed = [{"file": path, "reason": reason} for path, reason in skipped]
        print(json.dumps({"files": rows, "skipped": failed, "pictures": pictures}))
    else:
        for picture in pictures:
            print(f"written     {picture}")
    warn_of_skipped(skipped)
    if not reports:
        raise BadInputError(f"none of {len(files)} files could be read")
    return 0


def _judge(
    path: pathlib.Path, form: ReflectionForm | None, options: dict[str, Any], stated: dict[str, Any]
) -> DataReport:
    if path.is_dir():
        raise BadInputError(f"{path}: expected a file, got a folder")
    table = read_reflection_table(path, form, **options)
    given = dict(stated)
    if given["cell"] is not None:
        given["cell"] = np.array(given["cell"], np.float64)
    return DataReport.of(table.stating(**given))


def _check_output(output: pathlib.Path, count: int) -> None:
    if count > 1:
        output.mkdir(parents=True, exist_ok=True)
        check_writable(output)
        return
    if output.suffix.lower() not in (".png", ".pdf", ".svg"):
        raise BadInputError(f"--output: expected a name in .png, .pdf or .svg, got {output}")
    check_writable(output.parent)


def _picture(output: pathlib.Path, path: pathlib.Path, files: list[pathlib.Path]) -> pathlib.Path:
    """Where the picture of a file goes; files of one name are told apart by their number."""
    if len(files) == 1:
        return output
    same = [one.name for one in files].count(path.name) > 1
    return output / f"{path.name}{f'-{files.index(path) + 1}' if same else ''}.png"


def _draw(path: pathlib.Path, report: DataReport, target: pathlib.Path) -> str:
    from ..plot import data_report

    figure = data_report(report, title=path.name)
    kind = target.suffix.lower().removeprefix(".")
    write_bytes(target, lambda file: figure.savefig(file, format=kind, dpi=150))
    return str(target)
