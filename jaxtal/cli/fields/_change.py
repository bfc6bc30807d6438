"""`jaxtal fields scale`, `replicate`, `expand` and `group`: PSCF's commands that change fields."""

import json
from typing import Annotated

import numpy as np
from cyclopts import Parameter

from ...fields import BasisField, PeriodicField
from ...io import write_pscf_group
from .._errors import BadInputError
from .._options import Count, Json
from ._files import Loaded, Writable, group_label
from ._options import Source, in_double_precision
from ._output import Output, check_place
from ._summary import facts_of, summary_of

_In = Annotated[str, Parameter(name="IN", help="file to read")]
_Out = Annotated[str, Parameter(name="OUT", help="file to write")]
_To = Annotated[Writable | None, Parameter(help="format of OUT, default: its ending")]


@in_double_precision
def scale(
    path: _In,
    output: _Out,
    factor: Annotated[float, Parameter(name="FACTOR", allow_leading_hyphen=True)],
    /,
    *,
    source: Source = Source(),
    to: _To = None,
    as_json: Json = False,
) -> int:
    """Multiply all fields by a number.

    Args:
        factor: the number.
    """
    if not np.isfinite(factor):
        raise BadInputError(f"FACTOR: expected a finite number, got {factor}")
    target, loaded = Output(output, to), source.load(path)
    field = loaded.field
    if isinstance(field, BasisField):
        field = field.with_coefficients(factor * field.coefficients)
    else:
        field = field.scaled(factor)
    if isinstance(field, BasisField) and target.kind != "bf":
        field = field.field()
    return _saved(target, loaded, field, source.group, as_json)


@in_double_precision
def replicate(
    path: _In,
    output: _Out,
    /,
    *counts: Count,
    source: Source = Source(),
    to: _To = None,
    as_json: Json = False,
) -> int:
    """Join several cells to one, in which no group is named.

    Args:
        counts: how many along each axis.
    """
    target, loaded = _of_values(output, to), source.load(path)
    field = loaded.on_mesh
    if len(counts) != field.mesh.dimension:
        raise BadInputError(
            f"expected {field.mesh.dimension} counts for {path}, one for each axis, got "
            f"{len(counts)}"
        )
    return _saved(target, loaded, field.replicate(counts), None, as_json)


@in_double_precision
def expand(
    path: _In,
    output: _Out,
    /,
    *nodes: Count,
    source: Source = Source(),
    to: _To = None,
    as_json: Json = False,
) -> int:
    """Carry fields of one or two dimensions, constant, along new axes.

    Args:
        nodes: along each new axis: one number more is one dimension more.
    """
    target, loaded = _of_values(output, to), source.load(path)
    field = loaded.on_mesh
    dimension = field.mesh.dimension + len(nodes)
    if not nodes or dimension > 3:
        raise BadInputError(
            f"expected nodes of 1 to {3 - field.mesh.dimension} new axes for {path}, which has "
            f"{field.mesh.dimension} dimensions, got {len(nodes)}"
        )
    return _saved(target, loaded, field.expand(dimension, nodes), None, as_json)


@in_double_precision
def group(
    path: Annotated[str, Parameter(name="FILE", help="field file that names it")],
    output: Annotated[str, Parameter(name="OUT", help="file to write, as PSCF does")],
    /,
    *,
    source: Source = Source(),
    as_json: Json = False,
) -> int:
    """Write the operations of a field's group."""
    check_place(output)
    loaded = source.load(path)
    found = loaded.group
    if found is None:
        raise BadInputError(f"{loaded.path}: the file names no group: give --group")
    write_pscf_group(output, found)
    if as_json:
        name = group_label(found)
        print(json.dumps({"output": output, "group": name, "operations": found.order}))
    else:
        print(f"{output}: {group_label(found)}, {found.order} operations")
    return 0


def _of_values(output: str, to: Writable | None) -> Output:
    target = Output(output, to)
    if target.kind == "bf":
        raise BadInputError(
            f"{output}: the new cell has no group for a .bf file: write .rf, then "
            "`jaxtal fields convert --group`"
        )
    return target


def _saved(
    target: Output,
    loaded: Loaded,
    field: PeriodicField | BasisField,
    group: str | None,
    as_json: bool,
) -> int:
    if target.kind == "bf" and not isinstance(field, BasisField):
        raise BadInputError(f"{target.path}: expected a .bf file as IN, too (see fields convert)")
    files = target.save(field, None, group)
    if as_json:
        print(json.dumps(facts_of(loaded, field) | {"output": files}))
        return 0
    print(f"{loaded.path} -> {', '.join(files)}")
    for label, text in summary_of(loaded, field):
        if label == "group":
            text = "none named" if field.group is None else group_label(field.group)
        print(f"  {label:10} {text}")
    return 0
