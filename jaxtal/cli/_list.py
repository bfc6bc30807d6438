"""`jaxtal list`: the built-in crystals."""

import json

from ..crystal import prototype, prototype_names, prototype_source
from ._inputs import cell_summary, summary
from ._options import Json


def list_crystals(*, as_json: Json = False) -> int:
    """Show name, symmetry, cell and source of every built-in crystal."""
    rows = []
    for name in prototype_names():
        crystal = prototype(name)
        rows.append((name, summary(crystal), cell_summary(crystal), prototype_source(name)))
    if as_json:
        keys = ("name", "structure", "cell", "source")
        print(json.dumps({"crystals": [dict(zip(keys, row, strict=True)) for row in rows]}))
        return 0
    width = max(len(row[0]) for row in rows)
    for name, structure, cell, source in rows:
        print(f"{name:{width}}  {structure}")
        print(f"{'':{width}}  {cell}")
        print(f"{'':{width}}  {source}")
    return 0
