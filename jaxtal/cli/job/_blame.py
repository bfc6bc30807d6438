"""What is wrong with a job, in one line that names file, table and key."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from .._errors import BadInputError

_WANTED = "Input should be "
#: Its words, and those of TOML.
_WORDS = {
    "greater than or equal to ": "a value >= ",
    "greater than ": "a value above ",
    "less than or equal to ": "a value <= ",
    "less than ": "a value below ",
    "a valid integer": "an integer",
    "a valid number": "a number",
    "a valid boolean": "true or false",
    "a valid string": "a text",
    "a valid list": "a list",
}


def explained(error: ValidationError, source: str) -> BadInputError:
    """Say the first thing that is wrong; of a value that may be of several kinds, all of them.

    Args:
        error: of the tables of a job.
        source: the file, as messages call it.
    """
    found = error.errors(include_url=False)
    place = _place(found[0]["loc"])
    same = [one for one in found if _place(one["loc"]) == place]
    table, key = place
    return located(source, table, _message(same), key)


def located(source: str, table: str, message: str, key: str = "") -> BadInputError:
    """An error that names file, table and key."""
    where = f" [{table}]" if table else ""
    return BadInputError(f"{source}:{where} {f'{key}: ' if key else ''}{message}")


@contextlib.contextmanager
def blamed(source: str, table: str, key: str = "") -> Iterator[None]:
    """Say errors of the library of this table (and key)."""
    try:
        yield
    except (ValueError, OSError) as error:
        text = str(error)
        if isinstance(error, OSError) and error.strerror:
            text = f"{error.filename}: {error.strerror}"
        raise located(source, table, text, key) from None


def _place(location: Sequence[str | int]) -> tuple[str, str]:
    """Table and key; between them pydantic has the kind of a table, after them kinds of values."""
    table, *rest = location or ("",)
    if table == "section" and rest:
        table, *rest = (f"section {int(rest[0]) + 1}", *rest[1:])
    kinds_of = table.split()[0] if isinstance(table, str) and table else ""
    if kinds_of not in ("run", "output"):
        rest = rest[1:]
    return str(table), str(rest[0]) if rest else ""


def _message(errors: Sequence[ErrorDetails]) -> str:
    # What our own checks say is more than what kind of value a union would take instead.
    for one in errors:
        if one["type"] == "value_error":
            return str(one.get("ctx", {}).get("error", one["msg"]))
        if one["type"] == "refused":
            return one["msg"]
    wanted = dict.fromkeys(_wanted(one) for one in errors)
    outermost = min(errors, key=lambda one: len(one["loc"]))
    return f"expected {' or '.join(wanted)}, got {_short(outermost['input'])}"


def _wanted(error: ErrorDetails) -> str:
    """What should have been there."""
    text = error["msg"]
    if not text.startswith(_WANTED):
        return text[:1].lower() + text[1:]
    text = text.removeprefix(_WANTED)
    for said, meant in _WORDS.items():
        if text.startswith(said):
            return meant + text.removeprefix(said)
    return text


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
