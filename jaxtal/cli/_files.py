"""Output folders: found writable before the work, not after."""

import contextlib
import pathlib
import tempfile
from collections.abc import Iterator

from ._errors import BadInputError


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


def _make_folder(folder: pathlib.Path) -> None:
    """The folder, made if need be, and known to take files.

    Raises:
        BadInputError: it cannot be made or written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInputError(f"{folder}: cannot make this folder ({error.strerror})") from error
    check_writable(folder)


@contextlib.contextmanager
def output_folder(folder: pathlib.Path) -> Iterator[None]:
    """The folder, known to take files; not left behind empty when the work fails."""
    new = [one for one in (folder, *folder.parents) if not one.exists()]
    _make_folder(folder)
    try:
        yield
    except BaseException:
        for one in new:
            with contextlib.suppress(OSError):
                one.rmdir()
        raise
