"""Files that are either complete or absent."""

import os
import pathlib
import tempfile


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write a text file (UTF-8) through a temporary neighbour and a rename.

    An error, or the end of the process, leaves the old file as it was and no new one.

    Raises:
        OSError: the folder does not exist or cannot be written.
    """
    target = pathlib.Path(path)
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)  # mkstemp makes files private
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise
