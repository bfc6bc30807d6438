"""Variants of a test: the default run takes a few, the weekly one (`-m "slow or not slow"`) all."""

from collections.abc import Iterable
from typing import Any

import pytest


def slow_but(keep: Iterable[Any], values: Iterable[Any]) -> list[Any]:
    """The values for `parametrize`, all but those of `keep` marked slow.

    A value of several arguments is told by its first.
    """
    keep = list(keep)
    marked = []
    for value in values:
        several = isinstance(value, tuple)
        if (value[0] if several else value) in keep:
            marked.append(value)
        else:
            parts = value if several else (value,)
            marked.append(pytest.param(*parts, marks=pytest.mark.slow))
    return marked
