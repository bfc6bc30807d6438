"""The blocks of a CIF, whatever its bytes; damage beside the crystal is passed over."""

import os
import re

from gemmi import cif

from ..._core import gunzip
from ._repair import without_damage
from ._values import CifBlock, CifError

#: Names of CIFs: magnetic ones and those that mail programs renamed are CIFs, too.
_NAME = re.compile(r".*\.m?cif(?:\.txt)?(?:\.gz)?", re.IGNORECASE | re.DOTALL)
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def is_cif_name(name: str) -> bool:
    """Whether a file is named like a CIF."""
    return _NAME.fullmatch(name) is not None


def read_blocks(path: str | os.PathLike[str]) -> list[CifBlock]:
    """Parse all blocks of a CIF, possibly gzipped.

    The text is UTF-8, with or without byte-order mark, or else Latin-1. Control characters count as
    blanks. Damaged items that say nothing about a crystal are passed over.

    Raises:
        FileNotFoundError: there is no such file.
        CifError: not a CIF; the message names file and line.
    """
    name = os.fspath(path)
    if not os.path.isfile(path):
        raise FileNotFoundError(f"{name}: no such file")
    try:
        with open(path, "rb") as file:
            data = file.read()
        if data.startswith(b"\x1f\x8b"):
            data = gunzip(data)
    except (OSError, ValueError) as error:
        raise CifError(f"{name}: expected a CIF, which could not be read: {error}") from error
    return parse_blocks(decoded(data, name), name)


def decoded(data: bytes, name: str) -> str:
    """The text of some bytes: UTF-8, else Latin-1, every control character a blank.

    Raises:
        CifError: UTF-16, or zeros that no text has.
    """
    if data.startswith(_UTF16) or data[:1000].count(0) > 10:
        raise CifError(
            f"{name}: expected text in UTF-8 or Latin-1, got UTF-16 or binary data; save it as "
            "UTF-8"
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.removeprefix(b"\xef\xbb\xbf").decode("latin-1")
    return text.translate(_BLANKS).replace("\r\n", "\n").replace("\r", "\n")


_BLANKS = {code: " " for code in (*range(32), 127) if chr(code) not in "\t\n\r"}


def parse_blocks(text: str, name: str) -> list[CifBlock]:
    """Parse the text of a CIF; `name` is what messages call its file.

    Raises:
        CifError: not a CIF; the message names file and line.
    """
    try:
        document = cif.read_string(text, 0)
    except (ValueError, RuntimeError) as error:
        try:
            # Parsing alone is fast; only what fails is looked at again.
            document = cif.read_string(without_damage(text), 0)
        except (ValueError, RuntimeError):
            reason = str(error).replace("string", name, 1)
            raise CifError(f"{name}: expected a CIF, got a syntax error: {reason}") from error
    if not len(document):
        raise CifError(f"{name}: expected a CIF, got no data block")
    blocks = [CifBlock(name, block, document) for block in document]
    for block in blocks:
        for typo in ("_loop", "_loop_"):
            if typo in block:
                raise block.error(typo, "expected a tag, or the word loop_, misspelled here")
    return blocks


def open_block(path: str | os.PathLike[str], block: str | None) -> CifBlock:
    """The block of a name, or the first one with atoms.

    Raises:
        FileNotFoundError: there is no such file.
        CifError: not a CIF, no such block, or no block with atoms; the message lists the blocks.
    """
    return chosen_block(read_blocks(path), block)


def chosen_block(blocks: list[CifBlock], block: str | None) -> CifBlock:
    """As `open_block`, of blocks that are parsed."""
    if block is not None:
        found = [b for b in blocks if b.name.lower() == block.lower().removeprefix("data_")]
    else:
        found = crystal_blocks(blocks)
    if not found:
        names = [b.name for b in blocks]
        shown = ", ".join(names[:10]) + (f", ... {len(names) - 10} more" * (len(names) > 10))
        wanted = "one with atoms (_atom_site_label)" if block is None else repr(block)
        raise CifError(f"{blocks[0].path}: no block {wanted}; the blocks are {shown}")
    return found[0]


def crystal_blocks(blocks: list[CifBlock]) -> list[CifBlock]:
    """The blocks with atoms; templates, all of whose coordinates are unknown, only if alone."""
    named = [b for b in blocks if "_atom_site_label" in b or "_atom_site_type_symbol" in b]
    real = [b for b in named if any(b.texts("_atom_site_fract_x", "_atom_site_cartn_x")[1])]
    return real or named
