"""`jaxtal fields convert`: from one format to another, on another mesh, or made symmetric."""

import json
from typing import Annotated

import jax.numpy as jnp
from cyclopts import Parameter

from ...fields import BasisField, Mesh, PeriodicField, ResamplePlan
from ...lattice import BravaisLattice
from ...symmetry import SpaceGroup
from .._errors import BadInputError
from .._options import Json, Seed
from ._files import Loaded, Writable, group_label
from ._options import Eps, Source, in_double_precision
from ._output import Output
from ._summary import facts_of, summary_of
from ._symmetry import symmetry_of


@in_double_precision
def convert(
    path: Annotated[str, Parameter(name="IN")],
    output: Annotated[str, Parameter(name="OUT")],
    /,
    *,
    source: Source = Source(),
    to: Writable | None = None,
    lattice: str | None = None,
    only: Annotated[Seed | None, Parameter(name="--field")] = None,
    project: bool = False,
    eps: Eps = 1e-8,
    as_json: Json = False,
) -> int:
    """Write the fields of one file in another format, on another mesh, or made symmetric.

    On another mesh (--mesh is that of OUT, default that of IN) a field is interpolated.

    Args:
        path: file to read.
        output: file to write.
        to: format of OUT, default: its ending.
        lattice: lattice type to name in OUT (a cubic cell is triclinic, too), default that of IN.
        only: only this one of several, from 0; default all, in formats of one field a file each.
        project: average fields that are not symmetric over the group, instead of refusing them.
    """
    target = Output(output, to)
    loaded = source.load(path, strict=False)
    field: PeriodicField | BasisField = loaded.field
    _check_number(only, loaded)
    if loaded.group != field.group or lattice is not None:
        field = _renamed(loaded.on_mesh, loaded.group, lattice)
    lost = 0
    if source.mesh is not None and field.mesh != Mesh(source.mesh):
        field, lost = _resampled(on_mesh(field), Mesh(source.mesh))
    asymmetry = None
    if isinstance(field, PeriodicField) and (
        target.kind == "bf" or project or source.group is not None
    ):
        if field.group is None:
            raise BadInputError(f"{loaded.path}: the file names no group: give --group")
        found = symmetry_of(field, field.group, eps)
        asymmetry = found.asymmetry.tolist()
        if not found.holds and not project:
            i = found.worst
            raise BadInputError(
                f"{loaded.path}: field {i} does not have the symmetry {group_label(field.group)}: "
                f"it differs by up to {asymmetry[i]:.3g} from its average over the group, more "
                f"than {found.allowed[i]:.1e}; --project takes the average"
            )
        if target.kind == "bf" or project:
            field = found.average
    if target.kind != "bf":
        field = on_mesh(field)
    files = target.save(field, only, source.group)
    facts = facts_of(loaded, field)
    facts |= {"output": files, "asymmetry": asymmetry, "waves_lost": lost}
    if as_json:
        print(json.dumps(facts))
        return 0
    print(f"{loaded.path} -> {', '.join(files)}")
    for label, text in summary_of(loaded, field):
        print(f"  {label:10} {text}")
    if asymmetry is not None:
        state = "averaged: changed by up to" if project else "holds within"
        print(f"  {'symmetry':10} {state} {max(asymmetry):.2g}")
    if lost:
        print(f"  {'lost':10} {lost} waves of IN that the mesh of OUT cannot hold")
    return 0


def _check_number(number: int | None, source: Loaded) -> None:
    n = source.field.n_fields
    if number is not None and number >= n:
        raise BadInputError(f"--field: expected 0 to {n - 1} in {source.path}, got {number}")


def on_mesh(field: PeriodicField | BasisField) -> PeriodicField:
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
