"""[data] of a job: a file of reflections."""

import pathlib

import numpy as np

from ...io import read_hkl, read_reflection_cif, read_reflection_columns, read_reflection_csv
from ...reflections import Reflections, ReflectionTable
from ._blame import blamed
from ._frame import Frame
from ._tables import CifData, ColumnsData, CsvData, HklData


def read_reflections(
    data: ColumnsData | HklData | CifData | CsvData,
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


def _rows(data: ColumnsData | HklData | CifData | CsvData, path: pathlib.Path) -> ReflectionTable:
    match data:
        case HklData():
            return read_hkl(path, data.hklf)
        case CifData():
            return read_reflection_cif(path, data.block)
        case CsvData():
            return read_reflection_csv(path)
    return read_reflection_columns(
        path,
        data.indices,
        intensity=data.intensity,
        amplitude=data.amplitude,
        sigma=data.sigma,
        header_line=data.header_line,
        delimiter=data.delimiter,
    )
