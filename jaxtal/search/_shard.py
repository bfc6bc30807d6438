"""`Shard`: one of several independent parts of a source."""

import dataclasses
import hashlib
import re
from typing import Any

from .._core import count

_FOLDER = re.compile(r"shard-(\d+)-of-(\d+)")


@dataclasses.dataclass(frozen=True)
class Shard:
    """One of several parts, counted from 1; printed as its folder is called.

    What belongs to it depends on names and places alone, so that shards run when and where they
    like. Files that come or go change nothing for the others.

    Attributes:
        number: which one.
        total: of how many.
    """

    number: int
    total: int

    @classmethod
    def of(cls, given: Any) -> "Shard":
        """A shard of a pair of integers.

        Raises:
            ValueError: no such pair, or a number out of range.
        """
        try:
            number, total = given
        except (TypeError, ValueError):
            raise ValueError(f"shard: expected a pair (i, n), got {given!r}") from None
        number, total = count(number, "shard", 1), count(total, "shard", 1)
        if number > total:
            raise ValueError(f"shard: expected one of 1 to {total}, got {number} of {total}")
        return cls(number, total)

    @classmethod
    def of_folder(cls, name: str) -> "Shard | None":
        """The shard whose folder has a name, if any has."""
        found = _FOLDER.fullmatch(name)
        return None if found is None else cls(int(found[1]), int(found[2]))

    def holds_file(self, name: str) -> bool:
        """Whether a file is in it: by a hash of its name, equal on every machine."""
        text = name.encode("utf-8", "surrogateescape")
        digest = hashlib.blake2b(text, digest_size=8).digest()
        return int.from_bytes(digest, "big") % self.total == self.number - 1

    def holds_crystal(self, place: int) -> bool:
        """Whether a crystal of a file of many is in it: they are dealt like cards.

        Args:
            place: of the crystal, from 0.
        """
        return place % self.total == self.number - 1

    def __str__(self) -> str:
        return f"shard-{self.number:0{len(str(self.total))}}-of-{self.total}"
