"""Kinds of values that a job file may hold, as types that check themselves."""

import os
import re
from collections.abc import Callable
from fractions import Fraction
from typing import Annotated, Any

from pydantic import AfterValidator, Field, PlainValidator

from ...phasing import model_names
from ...phasing._recipe import RECIPES

_VARIABLE = re.compile(r"\$\{(\w+)\}|\$(\w+)")
#: Characters of a number that a person writes.
_LONG = 40
_NAMES_OF_FILES = re.compile(r"(?!\.)[\w.+-]+")


def _expanded(path: str) -> str:
    def replace(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        if name not in os.environ:
            raise ValueError(f"the environment variable {name} in {path!r} is not set")
        return os.environ[name]

    return os.path.expanduser(_VARIABLE.sub(replace, path))


def _rectangular(rows: list[list[Any]]) -> list[list[Any]]:
    if len({len(row) for row in rows}) != 1:
        raise ValueError(f"expected rows of one length, got {[len(row) for row in rows]}")
    return rows


def _fraction(value: Any) -> Fraction:
    if isinstance(value, str) and len(value) > _LONG:
        raise ValueError(f'expected a simple fraction as 0.25 or "1/4", got {value[:_LONG]!r}...')
    try:
        if isinstance(value, str) and "e" in value.lower():
            value = float(value)  # exactly, 1e999999 takes all of memory
        exact = Fraction(value.replace(" ", "") if isinstance(value, str) else value)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        exact = None
    simple = None if exact is None or isinstance(value, bool) else exact.limit_denominator(96)
    if simple is None or exact is None or abs(simple - exact) >= Fraction(1, 10**6):
        raise ValueError(f'expected a simple fraction as 0.25 or "1/4", got {value!r}')
    return simple


def _known(names: Callable[[], tuple[str, ...]]) -> AfterValidator:
    def check(name: str) -> str:
        if name not in names():
            raise ValueError(f"expected one of {', '.join(names())}, got {name!r}")
        return name

    return AfterValidator(check)


def recipe_names() -> tuple[str, ...]:
    """List the recipes of phasing: "default" is one that goes by the number of reflections."""
    return ("default", *(name for name in RECIPES if name != "default"))


def _file_stem(name: str) -> str:
    stem = name.removesuffix(".png")
    if not _NAMES_OF_FILES.fullmatch(stem) or stem in TAKEN:
        raise ValueError(
            f"expected letters, digits, '_', '-', '+', '.' and none of {', '.join(TAKEN)}, "
            f"got {name!r}"
        )
    return stem


#: Names of the other files of a run.
TAKEN = ("phases", "density", "peaks", "summary")

Text = Annotated[str, Field(min_length=1)]
Character = Annotated[str, Field(min_length=1, max_length=1)]
FilePath = Annotated[Text, AfterValidator(_expanded)]
FileStem = Annotated[Text, AfterValidator(_file_stem)]
Column = Text | Annotated[int, Field(ge=0, lt=2**31)]
ModelName = Annotated[Text, _known(model_names)]
RecipeName = Annotated[Text, _known(recipe_names)]
Count = Annotated[int, Field(ge=1, lt=2**31)]
Whole = Annotated[int, Field(ge=0, lt=2**31)]
Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
BelowOne = Annotated[float, Field(ge=0, lt=1)]
Vector = Annotated[list[float], Field(min_length=1)]
Matrix = Annotated[list[Vector], Field(min_length=1), AfterValidator(_rectangular)]
IntegerMatrix = Annotated[
    list[Annotated[list[Annotated[int, Field(gt=-(2**31), lt=2**31)]], Field(min_length=1)]],
    Field(min_length=1),
    AfterValidator(_rectangular),
]
Pixels = Annotated[int, Field(ge=2, lt=2**15)]
SimpleFraction = Annotated[Fraction, PlainValidator(_fraction)]
