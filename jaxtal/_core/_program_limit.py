"""Compiled programs let go before there are too many of them.

JAX keeps every program that it compiles, one for each size, for as long as the process lives. On a
CPU a program is some hundred maps of memory, and Linux ends a process that has more than 65,530.
"""

import gc
import pathlib

import jax

from . import _clock

_MAPS = pathlib.Path("/proc/self/maps")
_ALLOWED = pathlib.Path("/proc/sys/vm/max_map_count")
#: The share of the maps allowed at which programs are let go, at first and at most.
_FIRST, _LAST = 1 / 8, 1 / 2
#: Doors that have to lie between two lettings go; otherwise what is in use needs more.
_BETWEEN = 32


class _Limit:
    """What is known of this process: the share now, doors since, and compile time at the last."""

    share, doors, compiled = _FIRST, _BETWEEN, 0.0


def limit_programs() -> None:
    """Let all compiled programs go if their maps have become many; called where sizes are planned.

    What is used again is compiled again, or loaded from the compilation cache. A process that soon
    comes back to the limit is one that uses so many; it is then given twice as much, up to a half
    of what the system allows. Nothing is done, or looked at, while nothing has been compiled, nor
    where the system does not tell of maps.
    """
    _Limit.doors += 1
    compiled = _clock.CompileClock.total()
    if compiled == _Limit.compiled:
        return
    _Limit.compiled = compiled
    try:
        maps, allowed = _MAPS.read_bytes().count(b"\n"), int(_ALLOWED.read_text())
    except (OSError, ValueError):
        return
    if maps <= _Limit.share * allowed:
        return
    if _Limit.doors < _BETWEEN:
        _Limit.share = min(2 * _Limit.share, _LAST)
        if maps <= _Limit.share * allowed:
            return
    _Limit.doors = 0
    jax.clear_caches()
    gc.collect()
