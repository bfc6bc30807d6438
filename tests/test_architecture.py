"""The rooms of the package: who may import whom, and what nobody may."""

import ast
import graphlib
import pathlib

import pytest

PACKAGE = pathlib.Path(__file__).parent.parent / "jaxtal"
#: A room imports strictly lower levels only.
LEVELS = {
    "_core": 0,
    **dict.fromkeys(("lattice", "symmetry", "scattering"), 1),
    **dict.fromkeys(("crystal", "reflections", "fields"), 2),
    "diffraction": 3,
    **dict.fromkeys(("descriptors", "phasing"), 4),
    "metric": 5,
    **dict.fromkeys(("losses", "reconstruct", "io"), 6),
    **dict.fromkeys(("plot", "search", "torch"), 7),
    "cli": 8,
    "": 9,  # jaxtal/__init__.py
}
FILES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))
TREES = {path: ast.parse((PACKAGE / path).read_text()) for path in FILES}


def room_of(parts: tuple[str, ...]) -> str:
    return parts[0] if parts and parts[0] in LEVELS else ""


def imported(path: pathlib.Path, nodes):
    """What each import names: (parts inside the package, "") or ((), absolute name)."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (((), alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield from (((), f"{node.module}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = path.parts[: len(path.parts) - node.level]
            base += tuple(node.module.split(".")) if node.module else ()
            yield from (((*base, alias.name), "") for alias in node.names)


def violations(path: pathlib.Path, tree: ast.Module) -> list[str]:
    own, found = room_of(path.parts), []
    if len(path.parts) > 1 and not own:
        found.append(f"room {path.parts[0]} has no level")
    for inside, name in imported(path, ast.walk(tree)):
        other = room_of(inside)
        if inside and other != own:
            # Of _core, symmetry uses the half without jax alone.
            if LEVELS[other] >= LEVELS[own] or (
                own == "symmetry" and inside[:2] != ("_core", "host")
            ):
                found.append(f"{own} imports {other}")
        elif name.split(".")[0] == "jaxtal":
            found.append(f"absolute import of {name}")
        elif (own == "symmetry" or path.parts[:2] == ("_core", "host")) and (
            name.split(".")[0] in ("jax", "equinox", "optax")
        ):
            found.append(f"{own} imports {name}")
        elif name == "__future__.annotations":
            found.append("postponed annotations hide types from the hook")
        elif name.startswith("jax._src") or (name.startswith("jax.config") and own != "cli"):
            found.append(name)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            used = f"{node.value.id}.{node.attr}"
            if used == "jax._src" or (used == "jax.config" and own != "cli"):
                found.append(f"{used} in line {node.lineno}")
    return found


@pytest.mark.parametrize("path", FILES, ids=str)
def test_rooms(path):
    assert violations(path, TREES[path]) == []


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("lattice/_x.py", "from ..crystal import Crystal"),  # upward
        ("lattice/_x.py", "from ..symmetry import SpaceGroup"),  # sibling
        ("lattice/_x.py", "def f():\n    from .. import cli"),  # upward, hidden in a function
        ("crystal/_x.py", "from jaxtal.lattice import Lattice"),
        ("symmetry/_x.py", "import jax.numpy as jnp"),
        ("symmetry/_x.py", "from .._core import bucket"),
        ("_core/host/_x.py", "import jax"),
        ("io/_x.py", "from jax._src import core"),
        ("io/_x.py", "import jax\njax.config.update('jax_enable_x64', True)"),
        ("io/_x.py", "from __future__ import annotations"),
        ("unknown/_x.py", "import numpy"),
    ],
)
def test_the_rules_bite(path, source):
    assert len(violations(pathlib.Path(path), ast.parse(source))) == 1


def test_modules_of_a_room_form_no_cycle():
    modules = {path.with_suffix("").parts for path in FILES if path.name != "__init__.py"}
    graph = {path.with_suffix("").parts: set() for path in FILES}
    for path in FILES:
        # Imports inside functions and `if TYPE_CHECKING` do not run when the module is imported.
        for inside, _ in imported(path, TREES[path].body):
            graph[path.with_suffix("").parts] |= {inside, inside[:-1]} & modules
    assert len(list(graphlib.TopologicalSorter(graph).static_order())) == len(FILES)
