"""Arrays in `.npz` containers: one writer and one reader, which checks before it allocates."""

import dataclasses
import io
import math
import os
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np

from ._atomic import write_bytes

#: Bytes that a container may unpack to: these, or so many times its own.
_SMALL, _MOST = 1 << 24, 100
#: Longest description of an array in a container, bytes; NumPy's own limit.
_HEADER = 10_000
_KINDS = {
    "b": "booleans",
    "i": "integers",
    "f": "real numbers",
    "c": "complex numbers",
    "U": "text",
}


@dataclasses.dataclass(frozen=True)
class Held:
    """What a container must hold under a name.

    Attributes:
        kind: "b", "i" (signed or not), "f", "c" or "U".
        axes: a number or the name of a length for each axis; equal names are equal lengths. None
            for any shape.
        optional: whether it may be missing.
    """

    kind: str
    axes: tuple[str | int, ...] | None = ()
    optional: bool = False


def write_container(
    path: str | os.PathLike[str],
    name: str,
    version: int,
    arrays: Mapping[str, Any],
    *,
    compressed: bool = True,
) -> None:
    """Write arrays to an .npz that says what it is, whole or not at all.

    Args:
        path: the file; the name is taken as it is.
        name: of the format.
        version: of the format.
        arrays: by name.
        compressed: whether they are.

    Raises:
        OSError: the file cannot be written; names it.
    """
    whole: dict[str, Any] = {key: np.asarray(value) for key, value in arrays.items()}
    whole |= {"format": np.array(name), "format_version": np.array(version)}
    save = np.savez_compressed if compressed else np.savez
    write_bytes(path, lambda file: save(file, **whole))


def read_container(
    path: str | os.PathLike[str],
    name: str,
    version: int,
    held: Mapping[str, Held],
    what: str,
    *,
    others: bool = False,
) -> dict[str, np.ndarray]:
    """Read an .npz of a format: its arrays, of the kinds and shapes that the format has.

    Nothing is unpickled, and no array is read that is longer than its entry, or unpacks to more
    than 100 times the file (small files: 16 MB).

    Args:
        path: the file.
        name: of the format; files from before formats were named may lack it.
        version: the newest that is understood.
        held: what is in it; integers come back as int64.
        what: "an archive of phases", for messages.
        others: whether there may be arrays of other names, of any kind but objects.

    Raises:
        ValueError: anything else; names the file.
        OSError: it cannot be opened.
    """
    with open(path, "rb") as file:
        try:
            stored = _arrays(file)
            _check_format(stored, name, version)
            return _checked(stored, held, others)
        # zipfile, zlib and NumPy raise a dozen kinds for a damaged file.
        except Exception as error:
            reason = str(error) or type(error).__name__
            raise ValueError(f"{os.fspath(path)}: expected {what}: {reason}") from error


def _arrays(file: Any) -> dict[str, np.ndarray]:
    """Every array of a container, after its entries were found to be as long as they should."""
    size = os.fstat(file.fileno()).st_size
    if size == 0:
        raise ValueError("the file is empty")
    limit = max(_SMALL, _MOST * size)
    found: dict[str, np.ndarray] = {}
    with zipfile.ZipFile(file) as container:
        entries = container.infolist()
        total = sum(entry.file_size for entry in entries)
        if total > limit:
            raise ValueError(f"it would unpack to {total} bytes, more than {limit}")
        for entry in entries:
            key = entry.filename.removesuffix(".npy")
            if key == entry.filename or key in found:
                raise ValueError(f"{entry.filename!r} is no array, or there twice")
            with container.open(entry) as stream:
                # What the entry says of its length need not be true.
                data = stream.read(entry.file_size + 1)
            if len(data) != entry.file_size:
                raise ValueError(f"{key} is not as long as it says")
            found[key] = _array(key, data)
    return found


def _array(key: str, data: bytes) -> np.ndarray:
    stream = io.BytesIO(data)
    version = np.lib.format.read_magic(stream)
    readers = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    if version not in readers:
        raise ValueError(f"{key} is an array of version {version}")
    shape, by_columns, dtype = readers[version](stream, max_header_size=_HEADER)
    if dtype.hasobject or dtype.names is not None or dtype.subdtype is not None:
        raise ValueError(f"{key} holds {dtype}, expected plain numbers or text")
    length = math.prod(shape) * dtype.itemsize
    rest = len(data) - stream.tell()
    if min(shape, default=0) < 0 or length != rest:
        raise ValueError(f"{key} of shape {shape} needs {length} bytes, got {rest}")
    if dtype.itemsize == 0:
        return np.zeros(shape, dtype) if math.prod(shape) <= 1 else _refused(key, shape)
    values = np.frombuffer(data, dtype, offset=stream.tell())
    values = values.reshape(shape, order="F" if by_columns else "C")
    # Its own, contiguous and in the machine's byte order.
    return np.array(values, dtype.newbyteorder("="), order="C")


def _refused(key: str, shape: tuple[int, ...]) -> np.ndarray:
    raise ValueError(f"{key} has entries without length, {shape}")


def _check_format(stored: dict[str, np.ndarray], name: str, version: int) -> None:
    if "format" not in stored:
        return
    if str(stored["format"]) != name:
        raise ValueError(f"it calls itself {str(stored['format'])!r:.80}, not {name!r}")
    given = stored.get("format_version")
    if given is None or given.shape != () or given.dtype.kind not in "iu":
        raise ValueError("it has no version")
    if not 1 <= int(given) <= version:
        by = stored.get("jaxtal_version")
        maker = "" if by is None else f", of jaxtal {by!s:.20}"
        raise ValueError(f"expected version {version} or older, got {int(given)}{maker}")


def _checked(
    stored: dict[str, np.ndarray], held: Mapping[str, Held], others: bool
) -> dict[str, np.ndarray]:
    missing = [key for key, one in held.items() if not one.optional and key not in stored]
    if missing:
        raise ValueError(f"it has no {', '.join(missing)}")
    lengths: dict[str, int] = {}
    found = dict(stored) if others else {}
    for key, one in held.items():
        if key not in stored:
            continue
        values = stored[key]
        kind = "i" if values.dtype.kind == "u" else values.dtype.kind
        if kind != one.kind:
            raise ValueError(f"{key}: expected {_KINDS[one.kind]}, got {values.dtype}")
        if kind == "i":
            if values.dtype.kind == "u" and values.size and values.max() > np.iinfo(np.int64).max:
                raise ValueError(f"{key}: expected integers of 64 bits, got {values.max()}")
            values = values.astype(np.int64)
        if kind == "U" and values.size and _codes(values).max(initial=0) > 0x10FFFF:
            raise ValueError(f"{key}: expected text, got no Unicode")
        if one.axes is not None:
            expected = one.axes
            wanted = "(" + ", ".join(map(str, expected)) + ")"
            if values.ndim != len(expected):
                raise ValueError(f"{key}: expected shape {wanted}, got {values.shape}")
            for axis, n in zip(expected, values.shape, strict=True):
                known = axis if isinstance(axis, int) else lengths.setdefault(axis, n)
                if n != known:
                    raise ValueError(
                        f"{key}: expected shape {wanted}"
                        + (f" with {axis} = {known}" if isinstance(axis, str) else "")
                        + f", got {values.shape}"
                    )
        found[key] = values
    return found


def _codes(values: np.ndarray) -> np.ndarray:
    """The code points of text."""
    return np.frombuffer(values.tobytes(), np.uint32)
