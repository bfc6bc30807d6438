"""Static sizes in coarse steps, so that similar inputs share one compiled program."""

import math
import operator
from collections.abc import Sequence
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


def smooth_sizes(limit: int, primes: Sequence[int]) -> list[int]:
    """All products of the primes up to a limit, in order."""
    sizes = [1]
    for p in primes:
        powers = [p**e for e in range(int(math.log(max(limit, 1), p)) + 2)]
        sizes = [s * q for s in sizes for q in powers if s * q <= limit]
    return sorted(sizes)


def next_smooth(n: int, primes: Sequence[int] = (2, 3, 5)) -> int:
    """The smallest product of the primes that is at least n."""
    return next(s for s in smooth_sizes(max(2 * n, 2) * max(primes), primes) if s >= n)
