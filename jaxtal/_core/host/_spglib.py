"""Calling spglib alike in all its versions."""

import warnings
from collections.abc import Callable
from typing import Any


def call_spglib(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call a function of spglib; every failure is a `ValueError`.

    Before 2.7 spglib returns None for a failure; 2.7 and 2.8 do so too and warn, on success as
    well, that exceptions will come; later it raises.

    Raises:
        ValueError: spglib failed; the message carries its own where there is one.
    """
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*OLD_ERROR_HANDLING.*")
            value = function(*args, **kwargs)
    except Exception as error:
        if type(error).__name__ != "SpglibError":
            raise
        raise ValueError(f"spglib: {error}") from error
    if value is None:
        raise ValueError(f"spglib: {function.__name__} found nothing")
    return value
