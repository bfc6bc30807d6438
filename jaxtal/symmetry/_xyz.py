"""Reading and writing of coordinate triplets such as ``x-y, x+1/2, -z``."""

import re
from collections.abc import Sequence
from fractions import Fraction

_TERM = re.compile(r"([+-]?)(?:(\d+(?:\.\d+)?)(?:/(\d+))?)?\*?([xyz])?(?:/(\d+))?")


def parse_xyz(text: str) -> tuple[list[list[Fraction]], list[Fraction]]:
    """Matrix and vector of a coordinate triplet, x' = W x + w, as exact fractions.

    Args:
        text: three comma-separated linear expressions in x, y, z, e.g. ``"x-y,x+1/2,-z"``.

    Raises:
        ValueError: the text is not of that form.
    """
    parts = re.sub(r"\s+", "", text.lower()).strip("'\"").split(",")
    if len(parts) != 3:
        raise ValueError(f"expected three comma-separated expressions, got {text!r}")
    rows, shifts = [], []
    for part in parts:
        row, shift, position = [Fraction(0)] * 3, Fraction(0), 0
        while position < len(part):
            match = _TERM.match(part, position)
            sign, number, below, letter, after = match.groups() if match else [None] * 5
            first = position == 0
            if not match or (number is None and letter is None) or not (sign or first):
                raise ValueError(f"expected a term in x, y, z at {part[position:]!r} of {text!r}")
            divisor = int(below or 1) * int(after or 1)
            if divisor == 0:
                raise ValueError(f"expected a non-zero denominator in {part!r} of {text!r}")
            value = Fraction(number or 1) / divisor * (-1 if sign == "-" else 1)
            if letter:
                row["xyz".index(letter)] += value
            else:
                shift += value.limit_denominator(96) if "." in (number or "") else value
            position = match.end()
        if not part:
            raise ValueError(f"expected an expression in x, y, z between the commas of {text!r}")
        rows.append(row)
        shifts.append(shift)
    return rows, shifts


def format_xyz(
    rows: Sequence[Sequence[int | Fraction]], shifts: Sequence[int | Fraction], names: str = "xyz"
) -> str:
    """The inverse of `parse_xyz`: ``"x-y,x+1/2,-z"``; `names` are the letters of the columns."""
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
