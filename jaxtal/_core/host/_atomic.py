"""Files that are either complete or absent, alone and in sets; what fails names the file."""

import contextlib
import errno
import os
import pathlib
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from typing import IO

#: What the system says when a file does not fit.
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


@contextlib.contextmanager
def naming(path: str | os.PathLike[str]) -> Iterator[None]:
    """Errors of the system in the block name this file rather than none or a temporary neighbour.

    The libraries that write containers and pictures make other errors of a full disk while they
    clean up; what came first is told.

    Raises:
        OSError: that of the block, with this name; one about a file in another folder as it is.
    """
    try:
        yield
    except Exception as error:
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, OSError):
            cause = cause.__cause__ or cause.__context__
        if not isinstance(cause, OSError) or (cause is not error and cause.errno not in _FULL):
            raise
        if isinstance(cause.filename, str) and not _beside_or_in(cause.filename, path):
            raise
        # NumPy has words of its own for a file that was cut off, and no number.
        number = cause.errno or errno.EIO
        reason = os.strerror(number) if cause.errno else f"cannot be written ({cause})"
        raise OSError(number, reason, os.fspath(path)) from error


def _beside_or_in(name: str, path: str | os.PathLike[str]) -> bool:
    one, other = os.path.abspath(name), os.path.abspath(path)
    return os.path.dirname(one) == os.path.dirname(other) or one.startswith(other + os.sep)


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[pathlib.Path]:
    """The path of an empty temporary neighbour that becomes `path` when the block ends well.

    An error, or the end of the process, leaves the old file as it was and no new one.

    Raises:
        OSError: the folder does not exist or cannot be written, or the disk is full; names `path`.
    """
    target = pathlib.Path(path)
    with naming(path):
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:200]}.")
        try:
            os.close(handle)
            yield pathlib.Path(name)
            umask = os.umask(0)
            os.umask(umask)
            os.chmod(name, 0o666 & ~umask)  # mkstemp makes files private
            os.replace(name, target)
        except BaseException:
            # An interrupt may have come after the last line.
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name)
            raise


@contextlib.contextmanager
def replacing_set(
    folder: str | os.PathLike[str], stale: Iterable[str] = ()
) -> Iterator[pathlib.Path]:
    """An empty folder, whose files move to `folder` together when the block ends well.

    An error leaves every old file as it was and no new one, also one while they move. (The end of
    the process while they move, which takes less than a millisecond, may leave some of each.)

    Args:
        folder: where the files go; it exists.
        stale: names of files of an earlier run, which go if this one does not write them.

    Raises:
        OSError: the folder cannot be written, the disk is full, or a folder is where a file should
            go; names the file as it would have been called.
    """
    target = pathlib.Path(folder)
    with naming(target):
        name = tempfile.mkdtemp(dir=target, prefix=".writing.")
    try:
        made, before = pathlib.Path(name, "new"), pathlib.Path(name, "old")
        with naming(target):
            made.mkdir()
            before.mkdir()
        try:
            yield made
        except OSError as error:
            place = os.fspath(_outside(error.filename, made, target))
            reason = error.strerror or str(error)
            raise OSError(error.errno or errno.EIO, reason, place) from error
        except ValueError as error:
            told = str(error).replace(os.fspath(made), os.fspath(target))
            if told == str(error):
                raise
            raise ValueError(told) from error
        _move(made, before, target, stale)
    finally:
        shutil.rmtree(name, ignore_errors=True)


def _outside(
    name: str | os.PathLike[str] | None, made: pathlib.Path, target: pathlib.Path
) -> pathlib.Path:
    """What a file of the set will be called, `target` for any other."""
    path = pathlib.Path(name) if isinstance(name, str | os.PathLike) else target
    return target / path.relative_to(made) if path.is_relative_to(made) else path


def _move(
    made: pathlib.Path, before: pathlib.Path, target: pathlib.Path, stale: Iterable[str]
) -> None:
    names = sorted(one.name for one in made.iterdir())
    for one in names:
        if (target / one).is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(target / one))
    undo: list[tuple[pathlib.Path, pathlib.Path]] = []
    try:
        for one in sorted({*names, *stale}):
            place = target / one
            with naming(place):
                if place.is_file() or place.is_symlink():
                    # Noted first: an interrupt may come between the two.
                    undo.append((before / one, place))
                    os.replace(place, before / one)
                if one in names:
                    undo.append((place, made / one))
                    os.replace(made / one, place)
    except BaseException:
        for there, back in reversed(undo):
            if there.exists() or there.is_symlink():
                with contextlib.suppress(OSError):
                    os.replace(there, back)
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
