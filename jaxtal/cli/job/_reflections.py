"""[data] of a job: a file of reflections, or a model."""

import pathlib
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Discriminator, Field, Tag, model_validator

from ...io import read_reflection_columns, read_reflection_table
from ...reflections import Reflections, ReflectionTable
from ._blame import blamed
from ._frame import Frame
from ._table import Table, chosen, only, refusal, told_by
from ._values import (
    Character,
    Column,
    Count,
    FilePath,
    IntegerMatrix,
    ModelName,
    NonNegative,
    Positive,
    Text,
)


class DataTable(Table):
    """Where reflections come from."""


class ModelData(DataTable):
    """A model of the package, with known phases."""

    when: ClassVar[str] = "beside model"
    model: ModelName
    """a model of the package, which brings its basis and group, and true phases to compare with"""


class FileData(DataTable):
    """A file of measured reflections."""

    file: FilePath
    """path, from the folder of the job; may hold ~ and environment variables"""
    min_i_over_sigma: NonNegative | None = None
    """leaves out I <= 0 and I <= this many sigma"""
    d_min: Positive | None = None
    """resolution limit, angstrom"""
    merge: Literal["first", "mean", "robust"] = "first"
    """of equivalent rows the first counts, or their mean, weighted with 1 / sigma^2; "robust"
    leaves outliers out"""
    extinct: Literal["error", "drop"] = "error"
    """systematically absent rows are named, or left out if they are weak"""
    index_matrix: IntegerMatrix | None = None
    """integers [[...], ...]: k = index_matrix @ (indices of the file)"""


class ColumnsData(FileData):
    """A text file of columns."""

    when: ClassVar[str] = 'for format = "columns"'
    format: Literal["columns"]
    """"columns", "hkl" (SHELX), "cif" or "csv" (k1, ..., kn, I)"""
    indices: Annotated[list[Column], Field(min_length=1)]
    """columns of the indices, by name in the header line or by number from 0"""
    intensity: Column | None = None
    """column of the intensity; or amplitude"""
    amplitude: Column | None = None
    """column of |F|; or intensity"""
    sigma: Column | None = None
    """column of the standard deviation, for cuts and weights"""
    header_line: Count | None = None
    """number of the header line from 1; default the first line with all the names"""
    delimiter: Character | None = None
    """what separates columns, default white space"""

    @model_validator(mode="after")
    def _check_value(self) -> "ColumnsData":
        given = {key: getattr(self, key) for key in ("intensity", "amplitude")}
        only({key: value for key, value in given.items() if value is not None}, *given)
        return self


class HklData(FileData):
    """A file of SHELX."""

    when: ClassVar[str] = 'for format = "hkl"'
    format: Literal["hkl"]
    hklf: Annotated[int, Field(ge=3)] | None = None
    """4: intensities, 3: amplitudes; default as an .ins beside it says, or 4"""


class CifData(FileData):
    """A CIF of reflections."""

    when: ClassVar[str] = 'for format = "cif"'
    format: Literal["cif"]
    block: Text | None = None
    """name of the block, default the only one with reflections"""


class CsvData(FileData):
    """Comma-separated k1, ..., kn, I, as phases.csv has them."""

    when: ClassVar[str] = 'for format = "csv"'
    format: Literal["csv"]


def _kind_of_data(values: Any) -> str:
    if only(values, "file", "model") == "model":
        return "model"
    if "format" not in values:
        raise refusal("format is missing: expected one of columns, hkl, cif, csv")
    return chosen(values, "format", "columns", "hkl", "cif", "csv")


Data = Annotated[
    Annotated[ModelData, Tag("model")]
    | Annotated[ColumnsData, Tag("columns")]
    | Annotated[HklData, Tag("hkl")]
    | Annotated[CifData, Tag("cif")]
    | Annotated[CsvData, Tag("csv")],
    Discriminator(_kind_of_data),
    told_by(_kind_of_data),
]


def read_reflections(
    data: FileData,
    source: str,
    folder: pathlib.Path,
    frame: Frame,
) -> Reflections:
    """Read the reflections of a file, and merge them.

    Args:
        data: [data].
        source: the job, as messages call it.
        folder: where relative paths begin.
        frame: basis and group.

    Raises:
        BadInputError: naming file, line and column, or the key.
    """
    matrix = data.index_matrix
    with blamed(source, "data"):
        return Reflections.from_table(
            frame.space,
            frame.group,
            _rows(data, folder / data.file),
            min_i_over_sigma=data.min_i_over_sigma,
            d_min=data.d_min,
            merge=data.merge,
            extinct=data.extinct,
            index_matrix=None if matrix is None else np.array(matrix, np.int64),
        )


def _rows(data: FileData, path: pathlib.Path) -> ReflectionTable:
    match data:
        case ColumnsData():
            return read_reflection_columns(
                path,
                data.indices,
                intensity=data.intensity,
                amplitude=data.amplitude,
                sigma=data.sigma,
                header_line=data.header_line,
                delimiter=data.delimiter,
            )
        case HklData():
            return read_reflection_table(path, "shelx", hklf=data.hklf)
        case CifData():
            return read_reflection_table(path, "cif", block=data.block)
        case _:
            return read_reflection_table(path, "csv")
