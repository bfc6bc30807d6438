"""`jaxtal fields compare`: how far apart the fields of two files are."""

import json
from typing import Annotated

import numpy as np
from cyclopts import Parameter

from ...fields import BasisField
from .._errors import BadInputError
from .._options import Json, number
from ._files import Loaded
from ._options import Source, in_double_precision


@in_double_precision
def compare(
    one: Annotated[str, Parameter(name="A")],
    other: Annotated[str, Parameter(name="B")],
    /,
    *,
    source: Source = Source(),
    within: Annotated[float | None, number(0.0)] = None,
    as_json: Json = False,
) -> int:
    """Print largest and root mean square difference of the fields of two files.

    Two files of coefficients (.bf) are compared coefficient by coefficient, all others on the mesh.

    Args:
        one: file.
        other: file of as many fields on the same mesh.
        within: exit code 1 if any difference is larger.
    """
    a, b = (source.load(path) for path in (one, other))
    if a.field.n_fields != b.field.n_fields:
        raise BadInputError(
            f"{other}: expected {a.field.n_fields} fields as in {one}, got {b.field.n_fields}"
        )
    what, x, y = _numbers(a, b)
    gaps = (x - y).reshape(len(x), -1)
    rows = [
        {"largest": float(np.abs(gap).max()), "rms": float(np.sqrt(np.mean(gap**2)))}
        for gap in gaps
    ]
    largest = max(row["largest"] for row in rows)
    cells = [np.asarray(one.field.parameters).tolist() for one in (a, b)]
    same_cell = a.field.bravais == b.field.bravais and np.allclose(*cells, rtol=1e-9, atol=0)
    if as_json:
        facts = {"inputs": [one, other], "compared": what, "fields": rows, "largest": largest}
        print(json.dumps(facts | {"same_cell": bool(same_cell)}))
    else:
        print(f"{one} and {other}: {what}")
        for i, row in enumerate(rows):
            print(f"  field {i}    largest {row['largest']:.6g}, rms {row['rms']:.6g}")
        if not same_cell:
            print(f"  cells      differ: {cells[0]} and {cells[1]}")
    return 1 if within is not None and largest > within else 0


def _numbers(a: Loaded, b: Loaded) -> tuple[str, np.ndarray, np.ndarray]:
    one, other = a.field, b.field
    if isinstance(one, BasisField) and isinstance(other, BasisField) and one.group == other.group:
        x, y = np.asarray(one.coefficients), np.asarray(other.coefficients)
        if x.shape == y.shape and one.mesh == other.mesh:
            return "coefficients", x, y
    x, y = a.on_mesh, b.on_mesh
    if x.mesh != y.mesh:
        raise BadInputError(
            f"{b.path}: expected the mesh {x.mesh} of {a.path}, got {y.mesh}; "
            "`jaxtal fields convert --mesh` interpolates"
        )
    return f"values on {x.mesh} nodes", np.asarray(x.values), np.asarray(y.values)
