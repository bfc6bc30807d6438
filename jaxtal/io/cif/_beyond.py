"""Magnetic and modulated crystals: what can be read of them, and what can not."""

import itertools
import warnings

from ...symmetry import SymOp
from ._values import CifBlock

_MAGNETIC = (
    "_space_group_symop_magn_operation_xyz",
    "_space_group_symop_magn_operation",
    "_space_group_symop_magn_ssg_operation_xyz",
)
_CENTRING = ("_space_group_symop_magn_centering_xyz", "_space_group_symop_magn_centering")
#: Tags of modulated structures, besides those of superspace groups.
_MODULATED = (
    "_space_group_symop_ssg_operation_algebraic",
    "_space_group_symop_magn_ssg_operation_algebraic",
    "_space_group_ssg_name",
    "_space_group_ssg_name_it",
    "_space_group_ssg_name_wjj",
    "_space_group_magn_ssg_name",
    "_atom_site_displace_fourier_param_cos",
    "_atom_site_occ_fourier_param_cos",
    "_atom_site_displace_fourier_atom_site_label",
    "_atom_site_occ_fourier_atom_site_label",
    "_atom_site_fourier_wave_vector_seq_id",
    "_atom_site_occ_special_func_atom_site_label",
    "_cell_wave_vector_seq_id",
)


def refuse_modulated(block: CifBlock) -> None:
    """Refuse a structure that waves through the crystal: its cell alone would be another one.

    Raises:
        CifError: names the tag.
    """
    dimension = block.text("_cell_modulation_dimension")
    if dimension == "0":
        return
    found = [tag for tag in ("_cell_modulation_dimension", *_MODULATED) if block.text(tag)]
    if found:
        name = next((text for tag in _MODULATED[2:6] if (text := block.text(tag))), "")
        raise block.error(
            found[0],
            f"a modulated structure{f' (superspace group {name})' if name else ''}: its atoms are "
            "displaced from cell to cell by waves, which are not read. Its average structure can "
            "be read from a CIF without the modulation and with the operations of its space group; "
            "P1 would be a wrong crystal",
        )


def refuse_magnetic(block: CifBlock) -> None:
    """Refuse a magnetic group where the crystal is to have the group of its file.

    Raises:
        CifError: names the tag.
    """
    tag, listed = block.texts(*_MAGNETIC)
    if any(listed):
        raise block.error(
            tag,
            "a magnetic structure: its group acts on moments, which are not read. Its atoms alone "
            "are read, rightly, with symmetry='find' or 'P1'",
        )


def magnetic_operations(block: CifBlock) -> tuple[str, list[str | None]]:
    """The operations of the atoms in a magnetic CIF: those of the magnetic group, without the time.

    Centring translations are a list of their own there. A warning says that moments are not read.

    Returns:
        (tag, operations); ("", []) where there are none.

    Raises:
        CifError: an operation that is not of the form x,y,z,+1.
    """
    tag, listed = block.texts(*_MAGNETIC)
    if not any(listed):
        return "", []
    centring_tag, shifts = block.texts(*_CENTRING)
    operations = [_without_time(block, tag, text) for text in listed if text]
    centring = [_without_time(block, centring_tag, text) for text in shifts if text]
    identity = SymOp.identity()
    found = {a @ b: None for a, b in itertools.product([identity, *centring], operations)}
    warnings.warn(
        f"{block.path}: data_{block.name}: a magnetic structure: its atoms are read, its magnetic "
        "moments are not",
        stacklevel=2,
    )
    return tag, [operation.to_xyz() for operation in found]


def _without_time(block: CifBlock, tag: str, text: str) -> SymOp:
    parts = text.split(",")
    try:
        if len(parts) != 4 or int(parts[3]) not in (1, -1):
            raise ValueError(f"expected an operation such as 'x,y,z,+1', got {text!r}")
        return SymOp.from_xyz(",".join(parts[:3]))
    except ValueError as error:
        raise block.error(tag, str(error)) from error
