"""One table of a job file, whose keys are all known and whose values are checked when read."""

import contextlib
import difflib
from collections.abc import Iterator, Sequence
from typing import Any

from ._errors import BadInputError
from ._job_kinds import Kind

_REQUIRED = object()


class JobTable:
    """A table, and messages that name file, table and key.

    Attributes:
        source: the file, as messages call it.
        name: of the table ("data"), empty for the file itself.
    """

    def __init__(self, values: dict[str, Any], source: str, name: str, keys: Sequence[str]):
        """Check that every key is known.

        Raises:
            BadInputError: one is not; the known ones are named.
        """
        self.source, self.name = source, name
        self._values = values
        for key in values:
            if key not in keys:
                close = difflib.get_close_matches(key, keys, n=1)
                hint = f" (did you mean {close[0]}?)" if close else ""
                what = "key" if name else "section or key"
                raise self.error(f"unknown {what} {key!r}{hint}; expected {', '.join(keys)}")

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def get(self, key: str, kind: Kind, default: Any = _REQUIRED) -> Any:
        """The value of a key, or what stands for a missing one.

        Raises:
            BadInputError: a value of another kind, or none where there must be one.
        """
        if key not in self._values:
            if default is _REQUIRED:
                raise self.error(f"{key} is missing: expected {kind.wanted}")
            return default
        value = self._values[key]
        try:
            return kind.read(value)
        except (ValueError, ZeroDivisionError) as error:
            known = str(error) if isinstance(error, ValueError) and "variable" in str(error) else ""
            text = known or f"expected {kind.wanted}, got {_short(value)}"
            raise self.error(f"{key}: {text}") from None

    def only(self, *groups: str) -> str:
        """Which one of some alternative keys is there.

        Raises:
            BadInputError: none of them, or several.
        """
        given = [key for key in groups if key in self]
        if len(given) != 1:
            came = " and ".join(given) or "none"
            raise self.error(f"expected one of {', '.join(groups)}, got {came}")
        return given[0]

    def refuse(self, keys: Sequence[str], because: str) -> None:
        """Refuse keys that mean nothing here, rather than pass them over.

        Raises:
            BadInputError: one is there.
        """
        for key in keys:
            if key in self:
                raise self.error(f"{key} has no meaning {because}")

    @contextlib.contextmanager
    def blamed(self, key: str = "") -> Iterator[None]:
        """Errors of the library, said of this table (and key)."""
        try:
            yield
        except (ValueError, OSError) as error:
            if isinstance(error, OSError) and error.strerror:
                error = f"{error.filename}: {error.strerror}"
            raise self.error(f"{key}: {error}" if key else str(error)) from None

    def error(self, message: str) -> BadInputError:
        """An error that names file and table."""
        place = f" [{self.name}]" if self.name else ""
        return BadInputError(f"{self.source}:{place} {message}")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
