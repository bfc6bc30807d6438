"""What the arguments of all commands are made of."""

import argparse
import math
from collections.abc import Callable
from typing import Any, NoReturn


class Parser(argparse.ArgumentParser):
    """Reports a wrong argument in one line, as every other error."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"jaxtal: error: {' '.join(message.split())} (see {self.prog} --help)\n")


def command(
    commands: Any, name: str, run: Callable[..., int] | None, text: str, description: str = ""
) -> argparse.ArgumentParser:
    """A command, or with `run` None a family of commands that parses its own names."""
    long = description or f"{text[0].upper()}{text[1:]}."
    one = commands.add_parser(name, help=text, description=long, allow_abbrev=False)
    if run is not None:
        one.set_defaults(run=run)
    return one


def add_json(one: argparse.ArgumentParser) -> None:
    """The option of every command."""
    one.add_argument("--json", action="store_true", help="one JSON object on stdout")


def integer(least: int) -> Callable[[str], int]:
    """Converts an integer that isn't smaller."""

    def convert(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = None
        if value is None or not least <= value < 2**31:
            raise argparse.ArgumentTypeError(f"expected an integer >= {least}, got {text}")
        return value

    return convert


def number(least: float) -> Callable[[str], float]:
    """Converts a finite number that isn't smaller."""

    def convert(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not least <= value < math.inf:
            raise argparse.ArgumentTypeError(f"expected a number >= {least:g}, got {text}")
        return value

    return convert
