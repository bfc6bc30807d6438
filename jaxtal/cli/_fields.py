"""`jaxtal fields`: periodic fields from one file format to another, and what is in them."""

import argparse
import json
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

from ..fields import BasisField, Mesh, PeriodicField, ResamplePlan, Stars
from ..io import write_star_report, write_wave_report
from ..lattice import BravaisLattice
from ..symmetry import SpaceGroup
from ._errors import BadInputError
from ._fields_files import READ, Loaded, format_of, group_label, load
from ._fields_output import Output, check_place
from ._fields_symmetry import operations_held, symmetry_of

#: Operations that are listed in print; JSON has all.
_SHOWN = 8


def run_convert(arguments: argparse.Namespace) -> int:
    """Write the fields of one file in another format, on another mesh, or made symmetric."""
    output = Output(arguments.output, arguments.to)
    source = _load(arguments, strict=False)
    field: PeriodicField | BasisField = source.field
    _check_number(arguments.field, source)
    if source.group != field.group or arguments.lattice is not None:
        field = _renamed(source.on_mesh, source.group, arguments.lattice)
    lost = 0
    if arguments.mesh is not None and field.mesh != Mesh(arguments.mesh):
        field, lost = _resampled(_on_mesh(field), Mesh(arguments.mesh))
    asymmetry = None
    if isinstance(field, PeriodicField) and (
        output.kind == "bf" or arguments.project or arguments.group is not None
    ):
        if field.group is None:
            raise BadInputError(f"{source.path}: the file names no group: give --group")
        found = symmetry_of(field, field.group, arguments.eps)
        asymmetry = found.asymmetry.tolist()
        if not found.holds and not arguments.project:
            i = found.worst
            raise BadInputError(
                f"{source.path}: field {i} does not have the symmetry {group_label(field.group)}: "
                f"it differs by up to {asymmetry[i]:.3g} from its average over the group, more "
                f"than {found.allowed[i]:.1e}; --project takes the average"
            )
        if output.kind == "bf" or arguments.project:
            field = found.average
    if output.kind != "bf":
        field = _on_mesh(field)
    files = output.save(field, arguments.field, arguments.group)
    facts = _facts(source, field)
    facts |= {"output": files, "asymmetry": asymmetry, "waves_lost": lost}
    if arguments.json:
        print(json.dumps(facts))
        return 0
    print(f"{source.path} -> {', '.join(files)}")
    for label, text in _summary(source, field):
        print(f"  {label:10} {text}")
    if asymmetry is not None:
        state = "averaged: changed by up to" if arguments.project else "holds within"
        print(f"  {'symmetry':10} {state} {max(asymmetry):.2g}")
    if lost:
        print(f"  {'lost':10} {lost} waves of IN that the mesh of OUT cannot hold")
    return 0


def run_check(arguments: argparse.Namespace) -> int:
    """Print what a file of fields holds, and whether it is as symmetric as it should be."""
    source = _load(arguments)
    field = source.on_mesh
    values = np.asarray(field.values)
    rows = [_statistics(f) for f in values]
    facts = _facts(source, field) | {"eps": arguments.eps, "symmetric": None}
    held = None
    if source.group is not None:
        given = source.field
        basis = given.basis if isinstance(given, BasisField) else None
        if basis is not None and basis.group != source.group:
            basis = None
        found = symmetry_of(field, source.group, arguments.eps, basis)
        for row, size in zip(rows, found.asymmetry.tolist(), strict=True):
            row["asymmetry"] = size
        facts |= {
            "group": group_label(source.group),
            "operations": source.group.order,
            "basis_functions": found.average.basis.n_basis,
            "symmetric": found.holds,
        }
        if not found.holds:
            held = operations_held(values, source.group, found.allowed)
            facts["operations_held"] = held
    facts["fields"] = rows
    if arguments.json:
        print(json.dumps(facts))
    else:
        print(source.path)
        for label, text in _summary(source, field) + _verdict(source, facts, held):
            print(f"  {label:10} {text}")
    return 1 if held is not None else 0


def run_stars(arguments: argparse.Namespace) -> int:
    """Write the stars of a field's mesh, cell and group."""
    return _report(arguments, write_star_report)


def run_waves(arguments: argparse.Namespace) -> int:
    """Write the waves of a field's mesh, cell and group."""
    return _report(arguments, write_wave_report)


def _report(arguments: argparse.Namespace, write: Callable[..., None]) -> int:
    check_place(arguments.output)
    source = _load(arguments)
    field = source.field
    if source.group is None:
        raise BadInputError(f"{source.path}: the file names no group: give --group")
    matrix = field.bravais.host_matrix(np.asarray(field.parameters))
    stars = Stars.build(field.mesh, matrix, source.group)
    write(arguments.output, stars, field.bravais, np.asarray(field.parameters))
    facts = {
        "output": arguments.output,
        "waves": stars.n_waves,
        "stars": stars.n_stars,
        "basis_functions": stars.n_basis,
        "open_pairs": stars.n_open_pairs,
    }
    if arguments.json:
        print(json.dumps(facts))
    else:
        print(
            f"{arguments.output}: {stars.n_waves} waves, {stars.n_stars} stars, {stars.n_basis} "
            f"basis functions, {stars.n_open_pairs} open pairs"
        )
    return 0


def _load(arguments: argparse.Namespace, strict: bool = True) -> Loaded:
    kind = format_of(arguments.input, arguments.source, READ, "--from")
    return load(arguments.input, kind, arguments.group, arguments.mesh, strict)


def _check_number(number: int | None, source: Loaded) -> None:
    n = source.field.n_fields
    if number is not None and number >= n:
        raise BadInputError(f"--field: expected 0 to {n - 1} in {source.path}, got {number}")


def _on_mesh(field: PeriodicField | BasisField) -> PeriodicField:
    return field.field() if isinstance(field, BasisField) else field


def _renamed(field: PeriodicField, group: SpaceGroup | None, name: str | None) -> PeriodicField:
    """The same fields under another group or lattice type, which must fit their cell."""
    bravais, parameters = field.bravais, field.parameters
    if name is not None:
        try:
            bravais = BravaisLattice.find(name, field.mesh.dimension)
            parameters = bravais.parameters_of(field.host_matrix())
        except ValueError as error:
            raise BadInputError(f"--lattice: {error}") from error
    cell = jnp.asarray(parameters, field.values.dtype)
    return PeriodicField(field.values, cell, bravais, group)


def _resampled(field: PeriodicField, mesh: Mesh) -> tuple[PeriodicField, int]:
    D = field.mesh.dimension
    if mesh.dimension != D:
        raise BadInputError(f"--mesh: expected a mesh in {D} dimensions, got {mesh}")
    try:
        if field.group is not None:
            mesh.check_group(field.group)
        plan = ResamplePlan.build(field.mesh, mesh, field.host_matrix(), field.values.dtype)
    except ValueError as error:
        raise BadInputError(f"--mesh: {error}") from error
    return field.resample(mesh.sizes, plan), plan.n_lost


def _facts(source: Loaded, field: PeriodicField | BasisField) -> dict[str, Any]:
    names = field.bravais.parameter_names
    return {
        "input": source.path,
        "format": source.kind,
        "dimension": field.mesh.dimension,
        "lattice": field.bravais.name,
        "parameters": dict(zip(names, np.asarray(field.parameters).tolist(), strict=True)),
        "group": None if field.group is None else group_label(field.group),
        "mesh": list(field.mesh.sizes),
        "mesh_inferred": source.inferred,
        "n_fields": source.field.n_fields,
    }


def _summary(source: Loaded, field: PeriodicField | BasisField) -> list[tuple[str, str]]:
    lattice = field.bravais
    cell = [
        f"{name} = {value:.9g}" + (" deg" if i >= lattice.n_lengths else "")
        for i, (name, value) in enumerate(
            zip(lattice.parameter_names, np.asarray(field.parameters).tolist(), strict=True)
        )
    ]
    mesh = str(field.mesh)
    if source.inferred and field.mesh == source.field.mesh:
        mesh += " (inferred from the functions in the file)"
    group = source.group
    return [
        ("fields", str(source.field.n_fields)),
        ("lattice", f"{lattice.name}, {', '.join(cell)}"),
        ("mesh", mesh),
        ("group", "none named" if group is None else group_label(group)),
    ]


def _statistics(values: np.ndarray) -> dict[str, float]:
    return {
        "mean": float(values.mean()),
        "min": float(values.min()),
        "max": float(values.max()),
        "rms": float(np.sqrt(np.square(values).mean())),
    }


def _verdict(
    source: Loaded, facts: dict[str, Any], held: list[str] | None
) -> list[tuple[str, str]]:
    lines = []
    for i, row in enumerate(facts["fields"]):
        numbers = [f"{name} {row[name]:.9g}" for name in ("mean", "min", "max", "rms")]
        if "asymmetry" in row:
            numbers.append(f"asymmetry {row['asymmetry']:.2g}")
        lines.append((f"field {i}", ", ".join(numbers)))
    if source.group is None:
        return [*lines, ("symmetry", "not checked: no group")]
    size = f"{facts['operations']} operations, {facts['basis_functions']} basis functions"
    if held is None:
        return [*lines, ("symmetry", f"holds within {facts['eps']:g}: {size}")]
    shown = "; ".join(held[:_SHOWN]) + ("; ..." if len(held) > _SHOWN else "")
    text = f"broken by more than {facts['eps']:g}: {size}"
    return [*lines, ("symmetry", text), ("held", f"{len(held)} of the operations: {shown}")]
