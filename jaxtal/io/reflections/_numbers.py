"""Numbers in reflection files, read strictly: "12_3.5" and "0-100" are none."""

import math
import re

_PLAIN = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eEdD][+-]?\d{1,3})?", re.ASCII)
#: Fortran leaves the letter out where the exponent has three digits: 1.0-103.
_LETTERLESS = re.compile(r"([+-]?(?:\d+\.\d*|\.\d+))([+-]\d{3})", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d{1,10}", re.ASCII)
_WORDS = {"nan", "inf", "infinity"}


def parse_number(text: str) -> float | None:
    """The number that a text is, NaN or infinite ones included; None where it is none."""
    if _PLAIN.fullmatch(text):
        return float(text.translate(_EXPONENT))
    if match := _LETTERLESS.fullmatch(text):
        return float(f"{match[1]}e{match[2]}")
    return math.nan if text.lower().lstrip("+-") in _WORDS else None


def parse_integer(text: str) -> int | None:
    """The integer that a text is; None where it is none."""
    return int(text) if _INTEGER.fullmatch(text) else None


_EXPONENT = str.maketrans("dD", "ee")
