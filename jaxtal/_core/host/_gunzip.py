"""Gzipped bytes, unpacked within limits."""

import zlib

#: Bytes that a file may unpack to: these, or so many times its own.
_SMALL, _MOST = 1 << 26, 100


def gunzip(data: bytes) -> bytes:
    """Unpack gzipped bytes, of several members too, to at most 100 times as many (or 64 MB).

    Raises:
        ValueError: damaged, cut, or longer than that.
    """
    limit = max(_SMALL, _MOST * len(data))
    parts: list[bytes] = []
    length, rest = 0, data
    try:
        while rest:
            member = zlib.decompressobj(wbits=31)
            parts.append(member.decompress(rest, limit + 1 - length))
            length += len(parts[-1])
            if length > limit:
                raise ValueError(f"{len(data)} gzipped bytes unpack to more than {limit}")
            if not member.eof:
                raise ValueError("the gzipped file is cut")
            # Zeros may fill the last block of a tape.
            rest = member.unused_data.lstrip(b"\0")
    except zlib.error as error:
        raise ValueError(f"not gzipped, or damaged: {error}") from error
    return b"".join(parts)
