"""Output files and folders: whole or not at all."""

import os
import pathlib
import tempfile
from collections.abc import Callable
from typing import IO

from ._errors import BadInputError


def write_bytes(path: pathlib.Path, write: Callable[[IO[bytes]], object]) -> None:
    """Let `write` fill a temporary neighbour, then rename it to `path`."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            write(file)
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)  # mkstemp makes files private
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def check_writable(folder: pathlib.Path) -> None:
    """Find out now, not after the work, whether a folder takes files.

    Raises:
        BadInputError: it does not.
    """
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise BadInputError(f"{folder}: cannot write there ({error.strerror})") from error


def make_folder(folder: pathlib.Path) -> None:
    """The folder, made if need be, and known to take files.

    Raises:
        BadInputError: it cannot be made or written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInputError(f"{folder}: cannot make this folder ({error.strerror})") from error
    check_writable(folder)
