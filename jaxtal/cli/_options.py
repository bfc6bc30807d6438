"""Options that several commands have, as types of their arguments."""

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal, get_origin

from cyclopts import CoercionError, Parameter

Dtype = Literal["float32", "float64"]
Preset = Literal["default", "paper", "recp"]
#: a, b, c, alpha, beta, gamma.
Six = tuple[float, float, float, float, float, float]
ReflectionForm = Literal["cif", "csv", "shelx", "columns", "xds", "mtz"]
Radiation = Literal["xray", "electron", "neutron"]


def integer(least: int) -> Parameter:
    """Make an option take integers that are not smaller: one, or a tuple of them."""

    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = None
        if value is None or not least <= value < 2**31:
            raise ValueError(f"expected an integer >= {least}, got {text}")
        return value

    return Parameter(converter=_each(read))


def number(least: float) -> Parameter:
    """Make an option take finite numbers that are not smaller: one, or a tuple of them."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not least <= value < math.inf:
            raise ValueError(f"expected a number >= {least:g}, got {text}")
        return value

    return Parameter(converter=_each(read))


def _each(read: Callable[[str], Any]) -> Callable[[Any, Sequence[Any]], Any]:
    def convert(type_: Any, tokens: Sequence[Any]) -> Any:
        values = []
        for token in tokens:
            try:
                values.append(read(token.value))
            except ValueError as error:
                raise CoercionError(msg=str(error), token=token, target_type=type_) from None
        return tuple(values) if get_origin(type_) is tuple else values[0]

    return convert


Count = Annotated[int, integer(1)]
Seed = Annotated[int, integer(0)]
Json = Annotated[bool, Parameter(name="--json", help="one JSON object on stdout")]
Quiet = Annotated[bool, Parameter(help="no progress, no warnings")]


@Parameter(name="*")
@dataclasses.dataclass(frozen=True)
class Reading:
    """How a file of a crystal is read."""

    symmetry: Literal["file", "find", "P1"] = "file"
    """symmetry of files: as they say (the default), found by spglib, or none"""
    symprec: Annotated[float, number(0.0)] = 1e-3
    """tolerance of the search, angstrom, default 0.001"""
    block: str | None = None
    """which block of a CIF, entry of a JSON file or row of a table; FILE#NAME says the same"""


@Parameter(name="*")
@dataclasses.dataclass(frozen=True)
class DescriptorChoice:
    """What the descriptor is; None leaves it to a stored one, or to the defaults."""

    preset: Preset | None = None
    """default: smooth and orthonormal; paper: the paper's equations; recp: pyxtal's RECP"""
    n_max: int | None = None
    """radial functions, default 10"""
    l_max: int | None = None
    """highest degree, default 10"""
    q_max: float | None = None
    """1/angstrom, default 10"""


@Parameter(name="*")
@dataclasses.dataclass(frozen=True)
class Watching:
    """Whether a run is shown on a page of this machine."""

    monitor: bool = False
    """show the run in a browser, with buttons, while it goes on (needs jaxtal[monitor])"""
    port: Annotated[int | None, integer(0)] = None
    """of --monitor, on 127.0.0.1; default any that is free"""
    no_open: bool = False
    """of --monitor: print its address and open no browser"""

    def check(self) -> None:
        """Refuse options that have no use, before anything is done.

        Raises:
            ValueError: options without --monitor.
        """
        for name, given in (("--port", self.port is not None), ("--no-open", self.no_open)):
            if given and not self.monitor:
                raise ValueError(f"{name}: no use without --monitor")
