"""Files of periodic fields as they are written: all of them or none."""

import os
import pathlib

from ..._core import naming, replacing_set
from ...fields import BasisField, PeriodicField
from ...io import write_bf, write_field
from ...symmetry import SpaceGroup, pscf_name
from .._errors import BadInputError
from .._files import check_writable
from ._files import WRITTEN, format_of, group_label

#: Formats of one three-dimensional field.
_SINGLE = ("ccp4", "map", "cube")


class Output:
    """Where converted fields go; found writable before the work, not after."""

    def __init__(self, path: str, override: str | None):
        """Check the name and the folder.

        Raises:
            BadInputError: an unknown ending, or no place for a file.
        """
        self.path = path
        self.kind = format_of(path, override, WRITTEN, "--to")
        check_place(path)

    def save(
        self, field: PeriodicField | BasisField, only: int | None, group: str | None
    ) -> list[str]:
        """Write the fields, in formats of one field a file for each.

        Args:
            field: coefficients for `.bf`, values on the mesh for all others.
            only: the field to write, default all.
            group: what was typed for the group, by which a `.bf` file names one without a name.

        Returns:
            the files written.
        """
        if self.kind in _SINGLE and field.mesh.dimension != 3:
            raise BadInputError(
                f"{self.path}: a {self.kind} file takes a field in 3 dimensions, this one has "
                f"{field.mesh.dimension}"
            )
        numbers = [only]
        if self.kind in _SINGLE and only is None:
            numbers = list(range(field.n_fields))
        paths = [self.path]
        if len(numbers) > 1:
            paths = [self._numbered(i) for i in numbers if i is not None]
            for path in paths:
                check_place(path)
        zipped = ".gz" if self.path.lower().endswith(".gz") else ""
        parent = pathlib.Path(self.path).parent
        with replacing_set(parent) as folder:
            # By the ending that tells the format, which --to may have told instead.
            made = [folder / f".{j}.{self.kind}{zipped}" for j in range(len(paths))]
            ends = [folder / pathlib.Path(path).name for path in paths]
            for temporary, end, i in zip(made, ends, numbers, strict=True):
                with naming(end):
                    if isinstance(field, BasisField):
                        coefficients = (
                            field.coefficients if i is None else field.coefficients[i][None]
                        )
                        chosen = field.with_coefficients(coefficients)
                        write_bf(temporary, chosen, self._group_name(field.group, group))
                    else:
                        write_field(temporary, field, index=i)
            for temporary, end in zip(made, ends, strict=True):
                os.replace(temporary, end)
        return paths

    def _numbered(self, i: int) -> str:
        """`w.cube.gz` of field 1 is `w-1.cube.gz`."""
        path = pathlib.Path(self.path)
        zipped = path.name[-3:] if path.name.lower().endswith(".gz") else ""
        plain = pathlib.Path(path.name[: len(path.name) - len(zipped)])
        return str(path.with_name(f"{plain.stem}-{i}{plain.suffix}{zipped}"))

    def _group_name(self, group: SpaceGroup, typed: str | None) -> str:
        name = pscf_name(group)
        if name is None and typed is not None and os.path.isfile(typed):
            # PSCF looks for a file of that name beside the field.
            name = pathlib.Path(typed).name
        if name is None:
            raise BadInputError(
                f"{self.path}: a .bf file must name its group, and PSCF has no name for "
                f"{group_label(group)}: give --group a PSCF file of its operations"
            )
        return name


def check_place(path: str) -> None:
    """Find out before the work whether a file can be written.

    Raises:
        BadInputError: it cannot.
    """
    if os.path.isdir(path):
        raise BadInputError(f"{path}: expected a file to write, got a folder")
    check_writable(pathlib.Path(path).parent)
