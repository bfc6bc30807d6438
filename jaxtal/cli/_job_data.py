"""[data] of a job: a file of reflections, or a model of the package."""

import pathlib

from ..io import read_reflection_columns, read_reflection_table
from ..phasing import Model, model, model_names
from ..reflections import Reflections, ReflectionTable
from ._job_kinds import COLUMN, PATH, SEPARATOR, TEXT, WHOLE_MATRIX, choice, integer, items, number
from ._job_space import Frame
from ._job_table import JobTable

_FORMATS = {
    "columns": ("indices", "intensity", "amplitude", "sigma", "header_line", "delimiter"),
    "hkl": ("hklf",),
    "cif": ("block",),
    "csv": (),
}
_READING = tuple(dict.fromkeys(key for keys in _FORMATS.values() for key in keys))
_MERGING = ("min_i_over_sigma", "d_min", "merge", "extinct", "index_matrix")
DATA_KEYS = ("model", "file", "format", *_READING, *_MERGING)


def read_model(table: JobTable) -> Model | None:
    """The model that the job names, None where it names a file.

    Raises:
        BadInputError: an unknown model, keys of files beside it, neither or both.
    """
    if table.only("file", "model") == "file":
        return None
    table.refuse(DATA_KEYS[1:], "beside model")
    return model(table.get("model", choice(*model_names())))


def read_data(table: JobTable, folder: pathlib.Path, frame: Frame) -> Reflections:
    """Reflections of the file, merged.

    Args:
        table: [data].
        folder: where relative paths begin.
        frame: basis and group.

    Raises:
        BadInputError: naming file, line and column, or the key.
    """
    options = {
        "min_i_over_sigma": table.get("min_i_over_sigma", number(least=0), None),
        "d_min": table.get("d_min", number(above=0), None),
        "merge": table.get("merge", choice("first", "mean"), "first"),
        "extinct": table.get("extinct", choice("error", "drop"), "error"),
        "index_matrix": table.get("index_matrix", WHOLE_MATRIX, None),
    }
    rows = _rows(table, folder)
    with table.blamed():
        return Reflections.from_table(frame.space, frame.group, rows, **options)


def _rows(table: JobTable, folder: pathlib.Path) -> ReflectionTable:
    path = folder / table.get("file", PATH)
    form = table.get("format", choice(*_FORMATS))
    others = [key for key in _READING if key not in _FORMATS[form]]
    table.refuse(others, f'for format = "{form}"')
    if form == "columns":
        value = table.only("intensity", "amplitude")
        columns = {
            value: table.get(value, COLUMN),
            "sigma": table.get("sigma", COLUMN, None),
            "header_line": table.get("header_line", integer(1), None),
            "delimiter": table.get("delimiter", SEPARATOR, None),
        }
        indices = table.get("indices", items(COLUMN))
        with table.blamed():
            return read_reflection_columns(path, indices, **columns)
    hklf, block = table.get("hklf", integer(3), 4), table.get("block", TEXT, None)
    with table.blamed():
        if form == "hkl":
            return read_reflection_table(path, "shelx", hklf=hklf)
        return read_reflection_table(path, form, block=block)
