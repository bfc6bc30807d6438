"""Reading and writing of operator strings: ``x-y, x+1/2, -z``, and ``-x1,x2+1/2,-x3,x4``."""

import re
from collections.abc import Sequence
from fractions import Fraction

_TERM = re.compile(
    r"([+-]?)(?:(\d+(?:\.\d*)?|\.\d+)(?:/(\d+)\.?(?!\d))?)?\*?(x\d+|[xyz])?(?:/(\d+)\.?(?!\d))?"
)
#: Translations of space groups are multiples of 1/24; rounded ones are taken for these.
_CRYSTALLOGRAPHIC = 24


def letters(dimension: int) -> tuple[str, ...]:
    """Names of the coordinates: x, y, z in up to three dimensions, x1 ... xN beyond."""
    if dimension <= 3:
        return tuple("xyz"[:dimension])
    return tuple(f"x{i + 1}" for i in range(dimension))


def parse_xyz(text: str) -> tuple[list[list[Fraction]], list[Fraction]]:
    """Matrix and vector of an operator string, x' = W x + w, as exact fractions.

    Args:
        text: N comma-separated linear expressions, e.g. ``"x-y,x+1/2,-z"``: in x, y, z for N up to
            3, in x1 ... xN for any N.

    Raises:
        ValueError: the text is not of that form.
    """
    parts = re.sub(r"\s+", "", text.lower()).strip("'\"").split(",")
    dimension = len(parts)
    columns = {f"x{i + 1}": i for i in range(dimension)}
    if dimension <= 3:
        columns |= {letter: i for i, letter in enumerate(letters(dimension))}
    wanted = ", ".join(letters(dimension)) if dimension <= 3 else f"x1 ... x{dimension}"
    rows, shifts = [], []
    for part in parts:
        row, shift, position = [Fraction(0)] * dimension, Fraction(0), 0
        if not part:
            raise ValueError(
                f"expected comma-separated expressions in {wanted}, got an empty one in {text!r}"
            )
        while position < len(part):
            match = _TERM.match(part, position)
            sign, number, below, letter, after = match.groups() if match else [None] * 5
            first = position == 0
            if not match or (number is None and letter is None) or not (sign or first):
                raise ValueError(f"expected a term in {wanted} at {part[position:]!r} of {text!r}")
            if letter and letter not in columns:
                raise ValueError(
                    f"expected {dimension} expressions in {wanted}, got {letter!r} in {text!r}"
                )
            divisor = int(below or 1) * int(after or 1)
            if divisor == 0:
                raise ValueError(f"expected a non-zero denominator in {part!r} of {text!r}")
            value = Fraction(number or 1) / divisor * (-1 if sign == "-" else 1)
            if letter:
                row[columns[letter]] += value
            else:
                shift += _exact(value, number or "") if "." in (number or "") else value
            position = match.end()
        rows.append(row)
        shifts.append(shift)
    return rows, shifts


def _exact(value: Fraction, digits: str) -> Fraction:
    """The fraction that a decimal was made of: 0.33, 0.3333 and 0.66666 mean thirds.

    Rounded or cut, a decimal is within one of its last digit (0.01 at most) of what it stands for.
    """
    places = len(digits.partition(".")[2])
    if value.limit_denominator(_CRYSTALLOGRAPHIC) == value:
        return value
    near = Fraction(round(value * _CRYSTALLOGRAPHIC), _CRYSTALLOGRAPHIC)
    if abs(near - value) <= Fraction(1, 10 ** max(places, 2)):
        return near
    return value.limit_denominator(96)


def format_xyz(
    rows: Sequence[Sequence[int | Fraction]],
    shifts: Sequence[int | Fraction],
    names: Sequence[str] | None = None,
) -> str:
    """The inverse of `parse_xyz`: ``"x-y,x+1/2,-z"``.

    Args:
        rows: W, (D, N), integers or fractions.
        shifts: w, (D,).
        names: of the N columns; `letters` of N unless given.
    """
    names = names if names is not None else letters(len(rows[0]) if rows else 0)
    parts = []
    for row, shift in zip(rows, shifts, strict=True):
        text = ""
        for value, name in zip(row, names, strict=True):
            value = Fraction(value)
            if value:
                size = abs(value)
                head = "" if size.numerator == 1 else str(size.numerator)
                tail = "" if size.denominator == 1 else f"/{size.denominator}"
                text += ("-" if value < 0 else "+") + head + name + tail
        if shift or not text:
            text += ("-" if shift < 0 else "+") + str(abs(Fraction(shift)))
        parts.append(text.removeprefix("+"))
    return ",".join(parts)
