"""`AbstractSpecification`: the settings that decide some numbers, as a value."""

import dataclasses
import json
from typing import Any

import equinox as eqx

_KINDS: dict[str, type] = {}
#: Settings that are always printed; of the others, those that are not the default.
_PRINTED = 3


class AbstractSpecification(eqx.Module):
    """Settings that decide some numbers: a value that compares, prints, and goes into files.

    Two specifications are equal (`==`) if all their settings are, and results of equal ones can be
    compared. Every setting is a static field, a keyword of the constructor under the same name, and
    of a type that JSON has, a tuple of such, or itself a specification. Results carry the
    specification that made them as a static field.
    """

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        _KINDS[cls.__name__] = cls

    def difference(self, other: "AbstractSpecification") -> list[str]:
        """List the settings in which two specifications differ, as "n_max: 10 and 8".

        Args:
            other: any specification.
        """
        if type(self) is not type(other):
            return [f"specification: {type(self).__name__} and {type(other).__name__}"]
        found = []
        for field in dataclasses.fields(self):
            mine, theirs = getattr(self, field.name), getattr(other, field.name)
            if isinstance(mine, AbstractSpecification) and type(mine) is type(theirs):
                found += mine.difference(theirs)
            elif not bool(mine == theirs):
                found.append(f"{field.name}: {mine!r} and {theirs!r}")
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as types that JSON has, with the name of the class."""
        settings = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {"specification": type(self).__name__} | {
            name: value.to_dict() if isinstance(value, AbstractSpecification) else value
            for name, value in settings.items()
        }

    def to_json(self) -> str:
        """Return the settings as JSON; `specification_from_json` reads them."""
        return json.dumps(self.to_dict())

    def __repr__(self) -> str:
        """Print the first settings, and what else is not as by default, in one line."""
        fields = dataclasses.fields(self)
        usual = type(self)()
        parts = [
            f"{field.name}={getattr(self, field.name)!r}"
            for i, field in enumerate(fields)
            if i < _PRINTED or not bool(getattr(self, field.name) == getattr(usual, field.name))
        ]
        return f"{type(self).__name__}({', '.join(parts)})"


def specification_from_json(text: str) -> AbstractSpecification:
    """Make the specification that `AbstractSpecification.to_json` wrote.

    Raises:
        ValueError: no JSON, an unknown class or setting, or settings out of range.
    """
    try:
        return _made(json.loads(text))
    except (TypeError, KeyError, json.JSONDecodeError) as error:
        raise ValueError(f"specification: expected settings as JSON, got {text!r}") from error


def _made(settings: Any) -> AbstractSpecification:
    if not isinstance(settings, dict):
        raise TypeError("expected names and values")
    own = {
        name: _made(value) if isinstance(value, dict) else value
        for name, value in settings.items()
        if name != "specification"
    }
    return _KINDS[settings["specification"]](**own)


def check_same_specification(a: Any, b: Any, what: str) -> None:
    """Refuse to compare what different specifications made; None is unknown and passes.

    Raises:
        ValueError: names every setting that differs, and both values.
    """
    if a is None or b is None:
        return
    if a == b:
        return
    differing = a.difference(b) if hasattr(a, "difference") else [f"{a!r} and {b!r}"]
    if differing:
        raise ValueError(f"{what}: expected equal specifications, got {'; '.join(differing)}")
