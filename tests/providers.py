"""Which provider of points a plan has, for tests that look into it."""

from typing import Any

from jaxtal.diffraction._found_reflections import FoundReflections
from jaxtal.diffraction._listed_reflections import ListedReflections


def listing(plan: Any) -> ListedReflections:
    """Return the list of reflections of a plan, of points or of what is made of them."""
    one = getattr(plan, "reflections", plan)
    assert isinstance(one, ListedReflections)
    return one


def finding(plan: Any) -> FoundReflections:
    """Return the box of reflections of a plan, likewise."""
    one = getattr(plan, "reflections", plan)
    assert isinstance(one, FoundReflections)
    return one
