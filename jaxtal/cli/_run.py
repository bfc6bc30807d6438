"""One command, run: with compiled programs kept."""

import inspect
import warnings
from collections.abc import Callable
from typing import Any

import jax

from .._core import use_compilation_cache
from ._errors import BadInputError
from ._skipped import warn_in_one_line


def run(command: Callable[..., Any], bound: inspect.BoundArguments) -> int:
    """Run a command with its arguments.

    Returns:
        its exit code.

    Raises:
        BadInputError: XLA could not do it, for lack of memory mostly.
    """
    use_compilation_cache()
    try:
        with warnings.catch_warnings():
            warnings.showwarning = warn_in_one_line
            return command(*bound.args, **bound.kwargs)
    except jax.errors.JaxRuntimeError as error:
        raise BadInputError(str(error) or type(error).__name__) from error
