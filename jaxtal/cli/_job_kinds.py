"""Kinds of values that a job file may hold: what they are called, and how they are checked."""

import dataclasses
import math
import os
import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

_VARIABLE = re.compile(r"\$\{(\w+)\}|\$(\w+)")


@dataclasses.dataclass(frozen=True)
class Kind:
    """A kind of value.

    Attributes:
        wanted: what messages call it ("a number above 0").
        read: the value as the program wants it.

    `read` raises ValueError for anything else; its message, if any, says more than `wanted`.
    """

    wanted: str
    read: Callable[[Any], Any]


def _need(condition: bool) -> None:
    if not condition:
        raise ValueError


def _text(value: Any) -> str:
    _need(isinstance(value, str) and value.strip() != "")
    return value


def _separator(value: Any) -> str:
    _need(isinstance(value, str) and len(value) == 1)
    return value


def _flag(value: Any) -> bool:
    _need(isinstance(value, bool))
    return value


def _column(value: Any) -> str | int:
    _need(isinstance(value, str | int) and not isinstance(value, bool))
    return value


def _path(value: Any) -> str:
    def replace(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        if name not in os.environ:
            raise ValueError(f"the environment variable {name} in {value!r} is not set")
        return os.environ[name]

    return os.path.expanduser(_VARIABLE.sub(replace, _text(value)))


def _number(value: Any) -> float | int:
    _need(isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value))
    return value


def _fraction(value: Any) -> Fraction:
    if isinstance(value, str):
        return Fraction(value.replace(" ", ""))
    exact = Fraction(_number(value)).limit_denominator(96)
    _need(abs(exact - Fraction(value)) < Fraction(1, 10**6))
    return exact


TEXT = Kind("a text", _text)
SEPARATOR = Kind("one character", _separator)
FLAG = Kind("true or false", _flag)
COLUMN = Kind("the name of a column, or its number from 0", _column)
PATH = Kind("the path of a file", _path)
TABLE = Kind("a table", lambda value: (_need(isinstance(value, dict)), value)[1])
FRACTION = Kind('a fraction such as "1/2" or 0.5', _fraction)


def integer(least: int) -> Kind:
    """An integer of at least so much."""

    def read(value: Any) -> int:
        _need(isinstance(value, int) and not isinstance(value, bool) and least <= value < 2**31)
        return value

    return Kind(f"an integer >= {least}", read)


def number(least: float | int | None = None, above: float | int | None = None) -> Kind:
    """A finite number, perhaps with a lower limit."""

    def read(value: Any) -> float:
        value = _number(value)
        _need((least is None or value >= least) and (above is None or value > above))
        return float(value)

    wanted = "a number" if least is None else f"a number >= {least:g}"
    return Kind(wanted if above is None else f"a number above {above:g}", read)


def choice(*options: str) -> Kind:
    """One of some words."""

    def read(value: Any) -> str:
        _need(value in options)
        return value

    return Kind(f"one of {', '.join(options)}", read)


def either(*kinds: Kind) -> Kind:
    """The first kind that the value is of."""

    def read(value: Any) -> Any:
        for kind in kinds:
            try:
                return kind.read(value)
            except ValueError:
                continue
        raise ValueError

    return Kind(" or ".join(kind.wanted for kind in kinds), read)


def items(kind: Kind, count: int | None = None) -> Kind:
    """A list of values of one kind, not empty."""

    def read(value: Any) -> list[Any]:
        _need(isinstance(value, list) and len(value) > 0 and count in (None, len(value)))
        return [kind.read(one) for one in value]

    many = "a list" if count is None else f"a list of {count}"
    return Kind(f"{many}, each {kind.wanted}", read)


def array(ndim: int, shape: str, whole: bool = False) -> Kind:
    """Finite numbers as a NumPy array of so many dimensions; integers if they are to be whole."""

    def check(value: Any, depth: int) -> None:
        if depth == 0:
            _number(value)
            _need(not whole or value == int(value))
            return
        _need(isinstance(value, list) and len(value) > 0)
        for one in value:
            check(one, depth - 1)

    def read(value: Any) -> np.ndarray:
        check(value, ndim)
        return np.array(value, dtype=np.int64 if whole else np.float64)

    return Kind(f"{'integers' if whole else 'numbers'} {shape}", read)


VECTOR = array(1, "[v1, v2, ...]")
MATRIX = array(2, "[[...], [...], ...] with rows of one length")
WHOLE_VECTOR = array(1, "[n1, n2, ...]", whole=True)
WHOLE_MATRIX = array(2, "[[...], [...], ...] with rows of one length", whole=True)
