"""What a file of fields holds, for people and for machines."""

from typing import Any

import numpy as np

from ...fields import BasisField, PeriodicField
from ._files import Loaded, group_label


def facts_of(loaded: Loaded, field: PeriodicField | BasisField) -> dict[str, Any]:
    """Say what fields are and where they came from, as JSON types."""
    names = field.bravais.parameter_names
    return {
        "input": loaded.path,
        "format": loaded.kind,
        "dimension": field.mesh.dimension,
        "lattice": field.bravais.name,
        "parameters": dict(zip(names, np.asarray(field.parameters).tolist(), strict=True)),
        "group": None if field.group is None else group_label(field.group),
        "mesh": list(field.mesh.sizes),
        "mesh_inferred": loaded.inferred,
        "n_fields": loaded.field.n_fields,
    }


def summary_of(loaded: Loaded, field: PeriodicField | BasisField) -> list[tuple[str, str]]:
    """Say what fields are, as labels and lines."""
    lattice = field.bravais
    cell = [
        f"{name} = {value:.9g}" + (" deg" if i >= lattice.n_lengths else "")
        for i, (name, value) in enumerate(
            zip(lattice.parameter_names, np.asarray(field.parameters).tolist(), strict=True)
        )
    ]
    mesh = str(field.mesh)
    if loaded.inferred and field.mesh == loaded.field.mesh:
        mesh += " (inferred from the functions in the file)"
    group = loaded.group
    return [
        ("fields", str(loaded.field.n_fields)),
        ("lattice", f"{lattice.name}, {', '.join(cell)}"),
        ("mesh", mesh),
        ("group", "none named" if group is None else group_label(group)),
    ]
