"""Damage in a CIF that says nothing about the crystal: found, and cut out."""

import dataclasses
import re
from collections.abc import Iterator

#: A text field; a quoted string, which ends at a quote before a blank; a comment; a word.
_TOKEN = re.compile(
    r"(?P<text>(?:^|(?<=[\r\n]));.*?[\r\n];(?=\s|\Z))"
    r"|(?P<comment>#[^\r\n]*)"
    r"|(?P<quoted>'[^\r\n]*?'(?=\s|\Z)|\"[^\r\n]*?\"(?=\s|\Z))"
    r"|(?P<open>['\"][^\r\n]*)"
    r"|(?P<word>\S+)",
    re.DOTALL,
)
#: What is never cut: an error there is an error of the crystal.
_NEEDED = re.compile(
    r"_(cell[_.](length|angle|modulation|wave)|space_group|symmetry|atom_site(?!s)|(diffrn_)?refln)",
    re.IGNORECASE,
)


@dataclasses.dataclass
class _Item:
    """One tag with its values, or one loop.

    Attributes:
        begin: where it begins in the text.
        end: where it ends.
        loop: whether it is a loop.
        tags: its tags.
        values: how many values follow.
        broken: whether a value is damaged in itself.
    """

    begin: int
    end: int
    loop: bool
    tags: list[str]
    values: int = 0
    broken: bool = False

    @property
    def damaged(self) -> bool:
        if self.broken or not self.tags:
            return True
        if self.loop:
            return self.values == 0 or self.values % len(self.tags) > 0
        return self.values != 1

    @property
    def needed(self) -> bool:
        return any(_NEEDED.match(tag) for tag in self.tags)


def without_damage(text: str) -> str:
    """A CIF without the loops and items that no parser accepts, unless they belong to the crystal.

    Such are loops of a wrong number of values, texts of several words without quotes, and quotes
    that are not closed. Line numbers stay as they are.
    """
    kept, last = [], 0
    for item in _items(text):
        if item.damaged and not item.needed:
            cut = text[item.begin : item.end]
            kept += [text[last : item.begin], re.sub(r"[^\r\n]", " ", cut)]
            last = item.end
    return "".join([*kept, text[last:]])


def _items(text: str) -> Iterator[_Item]:
    item: _Item | None = None
    for match in _TOKEN.finditer(text):
        kind, token = match.lastgroup, match.group()
        begin, end = match.span()
        lower = token.lower() if kind == "word" else ""
        if kind == "comment":
            continue
        if lower.startswith(("data_", "save_", "global_", "stop_")):
            if item:
                yield item
            item = None
        elif lower == "loop_":
            if item:
                yield item
            item = _Item(begin, end, True, [])
        elif lower.startswith("_"):
            if item and item.loop and not item.values:
                item.tags.append(token)
                item.end = end
            else:
                if item:
                    yield item
                item = _Item(begin, end, False, [token])
        else:
            # Values before any tag are an item of their own, which nobody needs.
            item = item or _Item(begin, end, False, [])
            item.values += 1
            item.end = end
            item.broken |= kind == "open" or (kind == "word" and not token.isascii())
    if item:
        yield item
