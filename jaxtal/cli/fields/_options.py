"""Options that the commands about fields share."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Annotated, ParamSpec

import jax
from cyclopts import Parameter

from .._options import integer, number
from ._files import READ, Loaded, Readable, format_of, load

P = ParamSpec("P")

Eps = Annotated[
    float,
    number(0.0),
    Parameter(help="asymmetry allowed, times the largest |value| or 1, default 1e-8"),
]


@Parameter(name="*")
@dataclasses.dataclass(frozen=True)
class Source:
    """How a file of fields is read."""

    kind: Annotated[Readable | None, Parameter(name="--from")] = None
    """format of the file read, default: its ending"""
    group: str | None = None
    """name, number or PSCF group file; default the group that the file names"""
    mesh: Annotated[tuple[int, ...] | None, integer(1), Parameter(consume_multiple=(1, 3))] = None
    """the mesh, as many numbers as dimensions; of a .bf file by default the smallest that has
    exactly its functions"""

    def load(self, path: str, strict: bool = True) -> Loaded:
        """Read a file, which must be of the mesh asked for if that is strict."""
        return load(path, format_of(path, self.kind, READ, "--from"), self.group, self.mesh, strict)


def in_double_precision(command: Callable[P, int]) -> Callable[P, int]:
    """Run a command with float64."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> int:
        with jax.enable_x64(True):
            return command(*args, **kwargs)

    return run
