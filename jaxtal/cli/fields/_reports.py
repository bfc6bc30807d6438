"""`jaxtal fields stars` and `waves`: the tables that PSCF writes."""

import json
from collections.abc import Callable
from typing import Annotated

import numpy as np
from cyclopts import Parameter

from ...fields import Stars
from ...io import write_star_report, write_wave_report
from .._errors import BadInputError
from .._options import Json
from ._options import Source, in_double_precision
from ._output import check_place

_From = Annotated[str, Parameter(name="FILE", help="field file that has them")]
_To = Annotated[str, Parameter(name="OUT", help="file to write, as PSCF does")]


@in_double_precision
def stars(path: _From, output: _To, /, *, source: Source = Source(), as_json: Json = False) -> int:
    """Write the stars of a field's mesh, cell and group."""
    return _report(path, output, source, as_json, write_star_report)


@in_double_precision
def waves(path: _From, output: _To, /, *, source: Source = Source(), as_json: Json = False) -> int:
    """Write the waves of a field's mesh, cell and group."""
    return _report(path, output, source, as_json, write_wave_report)


def _report(
    path: str, output: str, source: Source, as_json: bool, write: Callable[..., None]
) -> int:
    check_place(output)
    loaded = source.load(path)
    field = loaded.field
    if loaded.group is None:
        raise BadInputError(f"{loaded.path}: the file names no group: give --group")
    matrix = field.bravais.host_matrix(np.asarray(field.parameters))
    stars = Stars.build(field.mesh, matrix, loaded.group)
    write(output, stars, field.bravais, np.asarray(field.parameters))
    facts = {
        "output": output,
        "waves": stars.n_waves,
        "stars": stars.n_stars,
        "basis_functions": stars.n_basis,
        "open_pairs": stars.n_open_pairs,
    }
    if as_json:
        print(json.dumps(facts))
    else:
        print(
            f"{output}: {stars.n_waves} waves, {stars.n_stars} stars, {stars.n_basis} "
            f"basis functions, {stars.n_open_pairs} open pairs"
        )
    return 0
