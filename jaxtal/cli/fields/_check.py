"""`jaxtal fields check`: what a file of fields holds, and how symmetric it is."""

import json
from typing import Annotated, Any

import numpy as np
from cyclopts import Parameter

from ...fields import BasisField
from .._options import Json
from ._files import Loaded, group_label
from ._options import Eps, Source, in_double_precision
from ._summary import facts_of, summary_of
from ._symmetry import operations_held, symmetry_of

#: Operations that are listed in print; JSON has all.
_SHOWN = 8


@in_double_precision
def check(
    path: Annotated[str, Parameter(name="FILE")],
    /,
    *,
    source: Source = Source(),
    eps: Eps = 1e-8,
    as_json: Json = False,
) -> int:
    """Print mean, range, root mean square and symmetry of fields.

    With --mesh, FILE must have that mesh. Exit code 1 if the fields lack the symmetry of the group
    that the file names, or that --group does.

    Args:
        path: file to read.
    """
    loaded = source.load(path)
    field = loaded.on_mesh
    values = np.asarray(field.values)
    rows = [_statistics(f) for f in values]
    facts = facts_of(loaded, field) | {"eps": eps, "symmetric": None}
    held = None
    if loaded.group is not None:
        given = loaded.field
        basis = given.basis if isinstance(given, BasisField) else None
        if basis is not None and basis.group != loaded.group:
            basis = None
        found = symmetry_of(field, loaded.group, eps, basis)
        for row, size in zip(rows, found.asymmetry.tolist(), strict=True):
            row["asymmetry"] = size
        facts |= {
            "group": group_label(loaded.group),
            "operations": loaded.group.order,
            "basis_functions": found.average.basis.n_basis,
            "symmetric": found.holds,
        }
        if not found.holds:
            held = operations_held(values, loaded.group, found.allowed)
            facts["operations_held"] = held
    facts["fields"] = rows
    if as_json:
        print(json.dumps(facts))
    else:
        print(loaded.path)
        for label, text in summary_of(loaded, field) + _verdict(loaded, facts, held):
            print(f"  {label:10} {text}")
    return 1 if held is not None else 0


def _statistics(values: np.ndarray) -> dict[str, float]:
    return {
        "mean": float(values.mean()),
        "min": float(values.min()),
        "max": float(values.max()),
        "rms": float(np.sqrt(np.square(values).mean())),
    }


def _verdict(
    loaded: Loaded, facts: dict[str, Any], held: list[str] | None
) -> list[tuple[str, str]]:
    lines = []
    for i, row in enumerate(facts["fields"]):
        numbers = [f"{name} {row[name]:.9g}" for name in ("mean", "min", "max", "rms")]
        if "asymmetry" in row:
            numbers.append(f"asymmetry {row['asymmetry']:.2g}")
        lines.append((f"field {i}", ", ".join(numbers)))
    if loaded.group is None:
        return [*lines, ("symmetry", "not checked: no group")]
    size = f"{facts['operations']} operations, {facts['basis_functions']} basis functions"
    if held is None:
        return [*lines, ("symmetry", f"holds within {facts['eps']:g}: {size}")]
    shown = "; ".join(held[:_SHOWN]) + ("; ..." if len(held) > _SHOWN else "")
    text = f"broken by more than {facts['eps']:g}: {size}"
    return [*lines, ("symmetry", text), ("held", f"{len(held)} of the operations: {shown}")]
