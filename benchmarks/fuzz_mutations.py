"""Seeded damage: to bytes, to the words of a text, and to the arrays of a container."""

import functools
import io
import json
import struct
import zipfile
from typing import Any

import numpy as np

WORDS = (
    *("0", "-1", "nan", "inf", "-inf", "1e308", "-1e308", "1e-320", "1e999", "?", ".", "", "0x10"),
    *("9223372036854775807", "9223372036854775808", "-9223372036854775809", "99999999999999999999"),
    *("2147483648", "4294967296", "999999999", "1" * 40, "1" * 5000, "1/0", "1/3", "1,000", "1_0"),
    *(
        "é",
        "ÿ",
        "\0",
        "'",
        '"',
        ";",
        "[",
        "]",
        "{",
        "}",
        "#",
        "loop_",
        "data_",
        "x,y,z",
        "\t",
        "\n",
    ),
    *(
        "true",
        "null",
        "NaN",
        "Infinity",
        "\u2028",
        "\ud7ff",
        "%s",
        "{0}",
        "$HOME",
        "1(2)",
        "1.0D+300",
    ),
)
NUMBERS = (
    0,
    1,
    -1,
    2,
    255,
    2**15,
    2**16,
    2**31 - 1,
    -(2**31),
    2**24,
    10**6,
    0x7FC00000,
    0x7F7FFFFF,
)
DTYPES = ("?", "i1", "u1", "<i4", ">i8", "u8", "<f4", ">f8", "f2", "c8", "c16", "U1", "U50", "S3")


def mutated(reader: Any, i: int) -> bytes:
    """Input i of a reader, the same in every run."""
    rng = np.random.default_rng([i, sum(map(ord, reader.name))])
    whole = reader.seeds[rng.integers(len(reader.seeds))]
    if reader.kind == "npz" and rng.random() < 0.7:
        return _container(whole, rng)
    if reader.kind == "json" and rng.random() < 0.6:
        return _json(whole, rng)
    data = bytearray(whole)
    other = reader.seeds[rng.integers(len(reader.seeds))]
    for _ in range(int(min(5, rng.geometric(0.6)))):
        if reader.kind in ("text", "json") and rng.random() < 0.75:
            data = bytearray(_text(bytes(data), other, rng))
        else:
            _bytes(data, other, rng)
    return bytes(data)


def _bytes(data: bytearray, other: bytes, rng: np.random.Generator) -> None:
    n = max(len(data), 1)
    at = int(rng.integers(n))
    size = int(min(n, rng.geometric(1 / 20)))
    match int(rng.integers(8)):
        case 0:
            data[at : at + size] = rng.bytes(size)
        case 1:
            del data[at : at + size]
        case 2:
            data[at:at] = data[at : at + size] * int(rng.integers(1, 50))
        case 3:
            del data[at:]
        case 4 if len(data) > 4:
            at -= at % 4
            order = "<" if rng.random() < 0.8 else ">"
            number = NUMBERS[rng.integers(len(NUMBERS))]
            data[at : at + 4] = struct.pack(f"{order}I", number & 0xFFFFFFFF)
        case 5 if len(data) > 4:
            at = int(rng.integers(min(n, 300)))  # headers are where it hurts
            data[at] = int(rng.integers(256))
        case 6:
            data[at : at + 1] = bytes([data[at] ^ (1 << int(rng.integers(8)))]) if data else b"x"
        case _:
            start = int(rng.integers(max(len(other), 1)))
            data[at:at] = other[start : start + size * 5]


def _text(data: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    lines = data.split(b"\n")
    at = int(rng.integers(len(lines)))
    word = WORDS[rng.integers(len(WORDS))].encode()
    match int(rng.integers(9)):
        case 0 | 1 | 2:  # one word
            words = lines[at].split(b" ")
            words[rng.integers(len(words))] = word
            lines[at] = b" ".join(words)
        case 3:  # one character for another, the columns kept
            if lines[at]:
                place = int(rng.integers(len(lines[at])))
                letter = b"0123456789.-+eE x,'\"/"[int(rng.integers(21)) :][:1]
                lines[at] = lines[at][:place] + letter + lines[at][place + 1 :]
        case 4:
            del lines[at]
        case 5:
            lines[at:at] = [lines[at]] * int(rng.choice([1, 2, 300]))
        case 6:
            there = int(rng.integers(len(lines)))
            lines[at], lines[there] = lines[there], lines[at]
        case 7:
            rest = other.split(b"\n")
            lines[at:at] = rest[int(rng.integers(len(rest))) :][:5]
        case _:
            lines[at] = lines[at] * int(rng.integers(2, 30)) if rng.random() < 0.5 else word
    return b"\n".join(lines)


def _json(whole: bytes, rng: np.random.Generator) -> bytes:
    """One or two values anywhere in it are replaced or removed."""
    try:
        content = json.loads(whole)
    except ValueError:
        return whole
    for _ in range(int(rng.integers(1, 3))):
        places = list(_places(content))
        if not places:
            break
        holder, key = places[rng.integers(len(places))]
        values = (None, True, 0, -1, 10**30, 1e308, float("nan"), "", "x", [], {}, [[1]], "1" * 100)
        chosen = int(rng.integers(len(values) + 3))
        if chosen < len(values):
            holder[key] = values[chosen]
        elif chosen == len(values):
            del holder[key]
        elif chosen == len(values) + 1:
            holder[key] = [holder[key], holder[key]]
        else:
            deep: Any = 1
            for _ in range(400):
                deep = [deep]
            holder[key] = deep
    text = json.dumps(content)
    if rng.random() < 0.02:
        text = "[" * 100_000 + text
    return text.encode()


def _places(content: Any) -> Any:
    items = ()
    if isinstance(content, dict):
        items = list(content.items())
    elif isinstance(content, list):
        items = list(enumerate(content))
    for key, value in items:
        yield content, key
        yield from _places(value)


@functools.cache
def _arrays(whole: bytes) -> dict[str, np.ndarray]:
    with np.load(io.BytesIO(whole)) as stored:
        return dict(stored)


def _container(whole: bytes, rng: np.random.Generator) -> bytes:
    """An archive of other arrays, or of arrays that say something else than they are."""
    arrays = dict(_arrays(whole))
    key = list(arrays)[rng.integers(len(arrays))]
    value = arrays[key]
    raw: dict[str, bytes] = {}
    match int(rng.integers(9)):
        case 0:
            del arrays[key]
        case 1:
            with np.errstate(all="ignore"):
                try:
                    arrays[key] = value.astype(DTYPES[rng.integers(len(DTYPES))])
                except (ValueError, TypeError):
                    arrays[key] = np.zeros(value.shape, DTYPES[rng.integers(len(DTYPES))])
        case 2:
            shapes = [(), (0,), (1,), (2, 0), (3, 3, 3), value.shape[::-1], (*value.shape, 1)]
            shape = shapes[rng.integers(len(shapes))]
            arrays[key] = np.resize(value, shape) if value.size else np.zeros(shape, value.dtype)
        case 3 if value.dtype.kind in "iufc" and value.size:
            value = np.array(value)
            awkward = (0, -1, 2**62, -(2**63), np.nan, np.inf, 1e300, 1e-320)
            with np.errstate(all="ignore"):
                try:
                    value.flat[rng.integers(value.size)] = awkward[rng.integers(len(awkward))]
                except (OverflowError, ValueError):
                    value.flat[rng.integers(value.size)] = 1
            arrays[key] = value
        case 4:
            arrays[key] = np.array([None, {"a": 1}], dtype=object)
        case 5 if value.dtype.kind == "U":
            words = [
                "",
                "[]",
                "{}",
                "nan",
                "[" * 50_000,
                "[1]",
                '{"a": 1}',
                "x" * 1000,
                "\U0010ffff",
            ]
            arrays[key] = np.array(words[rng.integers(len(words))])
        case 6:
            header = {"descr": value.dtype.str, "fortran_order": False, "shape": (10**9, 10**3)}
            stream = io.BytesIO()
            np.lib.format.write_array_header_1_0(stream, header)
            raw[key] = stream.getvalue() + b"\0" * int(rng.integers(100))
        case 7:  # an entry of other length or nature
            raw[key] = rng.bytes(int(rng.integers(200)))
        case _:
            other = list(arrays)[rng.integers(len(arrays))]
            arrays[key] = arrays[other]
    stream = io.BytesIO()
    compression = zipfile.ZIP_DEFLATED if rng.random() < 0.5 else zipfile.ZIP_STORED
    with zipfile.ZipFile(stream, "w", compression) as container:
        for name, values in arrays.items():
            if name not in raw:
                packed = io.BytesIO()
                np.lib.format.write_array(packed, np.asarray(values))
                raw[name] = packed.getvalue()
            container.writestr(f"{name}.npy", raw[name])
            if rng.random() < 0.0002 and "zeros.npy" not in container.namelist():
                container.writestr("zeros.npy", b"\0" * (1 << 26))
    return stream.getvalue()
