"""Files that are either complete or absent."""

import contextlib
import os
import pathlib
import tempfile
from collections.abc import Callable, Iterator
from typing import IO


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[pathlib.Path]:
    """The path of an empty temporary neighbour that becomes `path` when the block ends well.

    An error, or the end of the process, leaves the old file as it was and no new one.

    Raises:
        OSError: the folder does not exist or cannot be written.
    """
    target = pathlib.Path(path)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    os.close(handle)
    try:
        yield pathlib.Path(name)
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(name, 0o666 & ~umask)  # mkstemp makes files private
        os.replace(name, target)
    except BaseException:
        os.unlink(name)
        raise


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write a text file (UTF-8), whole or not at all.

    Raises:
        OSError: the folder does not exist or cannot be written.
    """
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_bytes(path: str | os.PathLike[str], write: Callable[[IO[bytes]], object]) -> None:
    """Let `write` fill a binary file, which is then whole or not there at all.

    Raises:
        OSError: the folder does not exist or cannot be written.
    """
    with replacing(path) as temporary, open(temporary, "wb") as file:
        write(file)
