"""What all tables of a job file have in common: strict values, no unknown keys."""

import difflib
from collections.abc import Callable
from typing import Any, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, model_validator
from pydantic_core import PydanticCustomError


class Table(BaseModel):
    """One table of a job. A class below this one is a table, those below that one its kinds.

    Attributes:
        when: what makes a table this kind, as messages put it.
        entries: what messages call its keys.
    """

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
        arbitrary_types_allowed=True,
    )
    when: ClassVar[str] = ""
    entries: ClassVar[str] = "key"

    @classmethod
    def kinds(cls) -> "list[type[Table]]":
        """This class, if it has no kinds, or all its kinds."""
        below = cls.__subclasses__()
        return [kind for one in below for kind in one.kinds()] if below else [cls]

    @model_validator(mode="before")
    @classmethod
    def _check_keys(cls, values: Any) -> Any:
        """Name keys that are unknown, or not of this kind, or missing."""
        if not isinstance(values, dict):
            raise refusal(f"expected a table, got {values!r}")
        table = next(one for one in cls.__mro__ if Table in one.__bases__)
        every = dict.fromkeys(key for kind in table.kinds() for key in kind.model_fields)
        for key in values:
            if key in cls.model_fields:
                continue
            if key in every:
                raise refusal(f"{key} has no meaning {cls.when}")
            close = difflib.get_close_matches(key, every, n=1)
            hint = f" (did you mean {close[0]}?)" if close else ""
            raise refusal(f"unknown {cls.entries} {key!r}{hint}; expected {', '.join(every)}")
        for key, field in cls.model_fields.items():
            if field.is_required() and key not in values:
                raise refusal(f"{key} is missing: {field.description}")
        return values


def refusal(message: str) -> PydanticCustomError:
    """Make an error that says just this."""
    return PydanticCustomError("refused", "{message}", {"message": message})


def only(values: Any, *keys: str) -> str:
    """Find which one of some alternative keys is there.

    Raises:
        PydanticCustomError: none of them, or several.
    """
    given = [key for key in keys if key in values] if isinstance(values, dict) else []
    if len(given) != 1:
        came = " and ".join(given) or "none"
        raise refusal(f"expected one of {', '.join(keys)}, got {came}")
    return given[0]


def chosen(values: dict[str, Any], key: str, *names: str) -> str:
    """Read the key that says which kind a table is.

    Raises:
        PydanticCustomError: another word than these.
    """
    name = values[key]
    if name not in names:
        raise refusal(f"{key}: expected one of {', '.join(names)}, got {name!r}")
    return name


def told_by(kind: Callable[[Any], str]) -> BeforeValidator:
    """Report what is wrong with a table of which its kind cannot be told.

    Of errors in a `Discriminator`, which uses the same function, pydantic forgets the place.
    """

    def check(values: Any) -> Any:
        kind(values)
        return values

    return BeforeValidator(check)
