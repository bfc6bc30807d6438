"""Group files of PSCF: those of the program, round trips in any dimension, and bad files."""

import gzip
import re

import numpy as np
import pytest

from jaxtal.io import read_cif, read_pscf_group, write_pscf_group
from jaxtal.symmetry import SpaceGroup, SymOp, pscf_group

GOOD = """dim  2
size 4

  1  0
  0  1
  0  0

 -1  0
  0 -1
  0  0

 -1  0
  0  1
  1/2  1/2

  1  0
  0 -1
  1/2  1/2
"""


def blocks(text: str) -> tuple[str, list[str]]:
    head, *operations = text.rstrip().split("\n\n")
    return head, sorted(block.strip("\n") for block in operations)


@pytest.fixture
def bad(tmp_path):
    """What is said about a text, after the name of the file."""

    def said(text: str, **options) -> str:
        path = tmp_path / "group"
        path.write_text(text)
        with pytest.raises(ValueError, match=re.escape(str(path))) as error:
            read_pscf_group(path, **options)
        return str(error.value).removeprefix(str(path))

    return said


def test_files_of_the_program(data_dir, tmp_path):
    """Every file is the group of its name, and is written as the program writes it."""
    folders = sorted(path.parent for path in (data_dir / "fields").glob("*/group"))
    assert len(folders) == 25
    for folder in folders:
        text = (folder / "group").read_text()
        group = read_pscf_group(folder / "group")
        name = re.findall(r"group `(\S+)`", (folder / "README.md").read_text())[0]
        assert group == pscf_group(name, group.dimension), folder.name
        write_pscf_group(tmp_path / "group", group)
        assert blocks((tmp_path / "group").read_text()) == blocks(text), folder.name


def test_a_file_with_glides_is_p2gg(tmp_path):
    (tmp_path / "group").write_text(GOOD)
    group = read_pscf_group(tmp_path / "group", dimension=2)
    assert (group.hm, group.number) == ("p 2 g g", 8)


@pytest.mark.parametrize(
    ("name", "dimension"),
    [("P -1", 1), ("p 6 m m", 2), ("I a -3 d", 3), ("R -3 c:R", 3), ("decagonal P10_5/mmc", 5)],
)
def test_round_trip(tmp_path, name, dimension):
    group = SpaceGroup.find(name, dimension)
    for file in ("group", "group.gz"):
        write_pscf_group(tmp_path / file, group)
        assert (
            read_pscf_group(tmp_path / file).operations
            == SpaceGroup.from_operations(group.operations).operations
        )
    assert (
        gzip.decompress((tmp_path / "group.gz").read_bytes()) == (tmp_path / "group").read_bytes()
    )


def test_untabulated_groups_and_free_spacing(tmp_path):
    moved = SpaceGroup.from_operations(["x,y", "-x+1/3,-y"])
    write_pscf_group(tmp_path / "moved", moved)
    assert read_pscf_group(tmp_path / "moved") == moved
    (tmp_path / "one-line").write_text("dim 2 size 2 1 0 0 1 0 0 -1 0 0 -1 -2/3 4/4")
    assert read_pscf_group(tmp_path / "one-line") == moved


def test_bad_files(bad):
    lines = GOOD.splitlines()
    assert bad("\n".join(lines[:-1])).startswith(":17: expected the translation of operation 4 of")
    assert bad("").startswith(":1: expected `dim`, got the end of the file")
    assert bad("dim 2\n").startswith(":1: expected `size`, got the end")
    assert bad("size 4\n").startswith(":1: expected `dim` of a group file, got 'size'")
    assert bad("dim 0\nsize 1").startswith(":1: expected dim of at least 1, got 0")
    assert bad("dim 2\nsize -4").startswith(":2: expected size of at least 1, got -4")
    assert bad("dim 2\nsize 10000000").startswith(":2: expected at most 100000 operations")
    assert bad("dim two\n").startswith(":1: expected an integer for dim, got 'two'")
    assert bad(GOOD, dimension=3).startswith(":1: expected a group in 3 dimensions, got 2")
    assert bad(GOOD.replace("dim  2", "dim  3")).startswith(":4: operation 1 of 4: expected a rot")
    assert bad(GOOD.replace("size 4", "size 3")).startswith(":16: expected 0 rows of operations")
    assert bad(GOOD + "junk\n").startswith(":19: expected 0 rows of operations after the 4")


def test_bad_operations(bad):
    assert bad(GOOD.replace("  0  1\n", "  0.5  1\n", 1)).startswith(
        ":5: expected an integer in the rotation of operation 1 of 4, got '0.5'"
    )
    assert bad(GOOD.replace("  0 -1\n  0  0", "  0 -2\n  0  0")).startswith(
        ":8: operation 2 of 4: expected a rotation with determinant +1 or -1"
    )
    for word in ("0.5", "1/0", "nan", "1/2/3", "half"):
        said = bad(GOOD.replace("1/2  1/2", f"1/2  {word}", 1))
        assert said.startswith(":14: expected a fraction in the translation of operation 3 of 4")
    # Beyond 64 bits, and beyond what products of operations leave within them.
    for word in ("9" * 20, "9" * 5000):
        assert bad(GOOD.replace("  0  1\n", f"  {word}  1\n", 1)).startswith(
            ":5: expected an integer in the rotation of operation 1 of 4"
        )
    sheared = GOOD.replace("  0 -1\n  0  0", f"  {2**40} -1\n  0  0")
    assert bad(sheared).startswith(":8: expected a group, but x,-2199023255552x+y")
    twice = GOOD.replace(" -1  0\n  0  1\n  1/2  1/2", "  1  0\n  0 -1\n -1/2  3/2")
    assert bad(twice).startswith(":16: operation x+1/2,-y+1/2 is already on line 12")
    without = "dim 2\nsize 1\n\n -1 0\n 0 -1\n 0 0\n"
    assert bad(without).startswith(":2: expected the identity among the operations, got none")
    opened = GOOD.replace("  0 -1\n  1/2  1/2", "  0 -1\n  1/2  0")
    said = bad(opened)
    assert said == (
        ":12: expected a group, but x+1/2,-y+1/2, the product of -x,-y on line 8 and -x+1/2,y+1/2 "
        "on line 12, is missing"
    )


def test_infinite_groups_are_no_groups(bad):
    shear = "dim 2\nsize 2\n 1 0\n 0 1\n 0 0\n 1 1\n 0 1\n 0 0\n"
    assert "the product of x+y,y on line 6 and x+y,y on line 6, is missing" in bad(shear)


def test_missing_and_binary_files(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_pscf_group(tmp_path / "none")
    (tmp_path / "binary").write_bytes(bytes(range(128, 256)))
    with pytest.raises(ValueError, match="expected text"):
        read_pscf_group(tmp_path / "binary")
    with pytest.raises(OSError, match="none"):
        write_pscf_group(tmp_path / "none" / "group", SpaceGroup.find(1))


def test_a_cif_has_a_group_in_three_dimensions(tmp_path):
    """A plane group listed in a CIF, or the name of a quasicrystal group, is refused."""
    cell = "".join(f"_cell_length_{v} 5\n" for v in "abc")
    listed = "loop_\n_space_group_symop_operation_xyz\n'x,y'\n'-x,-y'\n"
    named = "_symmetry_space_group_name_H-M 'icosahedral P235'\n"
    atoms = "".join(f"_atom_site_{key}\n" for key in ("label", "fract_x", "fract_y", "fract_z"))
    for symmetry in (listed, named):
        path = tmp_path / "plane.cif"
        path.write_text(f"data_plane\n{cell}{symmetry}loop_\n{atoms}Si1 0 0 0\n")
        with pytest.raises(ValueError, match=r"expected a group in 3 dimensions, got SpaceGroup"):
            read_cif(path)


def test_operations_of_a_group_are_exact(tmp_path):
    """Thirds and sixths come back as they are."""
    group = SpaceGroup.find("P 61 2 2")
    write_pscf_group(tmp_path / "group", group)
    assert read_pscf_group(tmp_path / "group") == group
    assert SymOp.from_xyz("x-y,x,z+1/6") in group.operations
    text = (tmp_path / "group").read_text()
    assert "  0  0  1/6" in text
    assert np.array_equal(group.rotations[0], np.eye(3))
