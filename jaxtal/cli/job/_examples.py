"""Example jobs, each followed by a list of all keys that is made from the tables themselves."""

import importlib.resources
import textwrap
from typing import Annotated, Literal, get_args, get_origin

from ._table import Table
from ._tables import JobTables

Example = Literal["icosahedral", "decagonal", "modulated", "2d", "3d", "zn-mg-tm"]
Demo = Literal["icosahedral", "decagonal", "modulated", "2d", "3d"]

_WIDTH = 99


def example_text(name: str) -> str:
    """Read a commented job that comes with the package, and add the list of all keys."""
    return f"{_stored(name)}\n{list_of_keys()}"


def demo_text(name: str) -> str:
    """Read the job of a model that needs no file."""
    return _stored("demo-icosahedral" if name == "icosahedral" else name)


def list_of_keys() -> str:
    """List every key of every table as comments: what it means, its default, when it counts."""
    lines = ["# All keys that a job may have:"]
    for name, tables in tables_by_name().items():
        lines += ["#", f"# [[{name}]]" if name == "section" else f"# [{name}]"]
        for key, kinds in _kinds_by_key(tables).items():
            field = kinds[0].model_fields[key]
            text = field.description or ""
            if field.default is not None and not field.is_required():
                text += f"; default {_toml(field.default)}"
            text += _restriction(kinds, tables)
            lines += textwrap.wrap(
                f"{key:<17} {text}", _WIDTH, initial_indent="# ", subsequent_indent="#" + " " * 19
            )
    return "\n".join(lines) + "\n"


def tables_by_name() -> dict[str, list[type[Table]]]:
    """The tables of a job by their name, each with the kinds that it may be of."""
    return {name: _tables_in(field.annotation) for name, field in JobTables.model_fields.items()}


def _restriction(kinds: list[type[Table]], tables: list[type[Table]]) -> str:
    """For which kinds of a table a key is, where few have it and the job says which one it is."""
    when = [one.when[4:] for one in kinds if one.when.startswith("for ") and "=" in one.when]
    return f" (for {' or '.join(when)})" if when and 2 * len(kinds) <= len(tables) else ""


def _kinds_by_key(tables: list[type[Table]]) -> dict[str, list[type[Table]]]:
    keys: dict[str, list[type[Table]]] = {}
    for table in tables:
        for key in table.model_fields:
            keys.setdefault(key, []).append(table)
    return keys


def _tables_in(annotation: object) -> list[type[Table]]:
    """The classes in an annotation, whatever is around them."""
    if isinstance(annotation, type) and issubclass(annotation, Table):
        return [annotation]
    inner = get_args(annotation)
    inner = inner[:1] if get_origin(annotation) is Annotated else inner
    return [table for one in inner for table in _tables_in(one)]


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)


def _stored(name: str) -> str:
    folder = importlib.resources.files(__package__ or "") / "examples"
    return (folder / f"{name}.toml").read_text(encoding="utf-8")
