"""Warnings that point at the line of the user, however deep they arise."""

import pathlib
import sys
import warnings

_PACKAGE = str(pathlib.Path(__file__).parents[2])


def warn_caller(message: str) -> None:
    """Warn, at the line that called this package; by default Python shows that once a line.

    Args:
        message: what the result rests on.
    """
    frame, depth, level = sys._getframe(), 1, 1
    while frame is not None:
        # Between the package's frames are those of wrappers (Equinox's, a type checker's).
        if frame.f_code.co_filename.startswith(_PACKAGE):
            level = depth + 1
        frame, depth = frame.f_back, depth + 1
    warnings.warn(message, UserWarning, stacklevel=level)
