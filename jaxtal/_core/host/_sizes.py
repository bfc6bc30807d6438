"""Static sizes in coarse steps, so that similar inputs share one compiled program."""

import operator
from typing import Any


def count(value: Any, name: str, least: int) -> int:
    """An integer argument of at least `least`.

    Raises:
        ValueError: it is something else, or smaller.
    """
    try:
        number = operator.index(value)
    except TypeError:
        number = least - 1
    if number < least:
        raise ValueError(f"{name}: expected an integer of at least {least}, got {value!r}")
    return number


def bucket(n: int, minimum: int = 8) -> int:
    """The smallest size >= `n` with at most three significant bits, at least `minimum`.

    Rounding up costs a quarter at worst and a tenth on average, and a growing size compiles only
    four times per doubling.
    """
    n = max(n, minimum)
    step = 1 << max(n.bit_length() - 3, 0)
    return -(-n // step) * step
