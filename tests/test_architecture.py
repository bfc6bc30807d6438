"""The rooms of the package: who may import whom, and what nobody may."""

import ast
import pathlib

import pytest

PACKAGE = pathlib.Path(__file__).parent.parent / "jaxtal"
#: A room imports strictly lower levels only.
LEVELS = {
    "_core": 0,
    "symmetry": 1,
    **dict.fromkeys(("lattice", "scattering", "grids"), 2),
    **dict.fromkeys(("crystal", "reflections", "density"), 3),
    "fields": 4,
    "diffraction": 5,
    **dict.fromkeys(("descriptors", "phasing"), 6),
    "metric": 7,
    **dict.fromkeys(("losses", "reconstruct", "refinement"), 8),
    **dict.fromkeys(("io", "solution"), 9),
    **dict.fromkeys(("plot", "search", "torch", "monitor"), 10),
    "cli": 11,
    "": 12,  # jaxtal/__init__.py
}
FILES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))


def source(path: pathlib.Path) -> str:
    """A file's text; of an `__init__.py` that imports on use with that of its list, `.pyi`."""
    stub = (PACKAGE / path).with_suffix(".pyi")
    return (PACKAGE / path).read_text() + (stub.read_text() if stub.exists() else "")


TREES = {path: ast.parse(source(path)) for path in FILES}


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
            # JAX's settings are the user's: changed by the command line, or when asked to; read
            # where other threads take them over.
            asked = own == "cli" or path.name in ("_compilation_cache.py", "_on_cores.py")
            if used == "jax._src" or (used == "jax.config" and not asked):
                found.append(f"{used} in line {node.lineno}")
    return found


@pytest.mark.parametrize("path", FILES, ids=str)
def test_rooms(path):
    assert violations(path, TREES[path]) == []


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("lattice/_x.py", "from ..crystal import Crystal"),  # upward
        ("lattice/_x.py", "from ..scattering import FormFactors"),  # sibling
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


def test_every_room_has_its_folder():
    assert [room for room in LEVELS if not (PACKAGE / room / "__init__.py").is_file()] == []


def module_of(path: pathlib.Path) -> tuple[str, ...]:
    """The parts of a module's name in the package; those of a folder for its `__init__.py`."""
    parts = path.with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" else parts


def cycles(trees: dict[pathlib.Path, ast.Module]) -> list[set[str]]:
    """The sets of modules that import each other, be it inside of functions or for types alone."""
    modules = {module_of(path) for path in trees}
    reached: dict[tuple[str, ...], set[tuple[str, ...]]] = {module: set() for module in modules}
    for path, tree in trees.items():
        for inside, name in imported(path, ast.walk(tree)):
            if not name:
                # What is imported is a module, or a name of the module before it.
                reached[module_of(path)].add(inside if inside in modules else inside[:-1])
    for middle in modules:
        for start in modules:
            if middle in reached[start]:
                reached[start] |= reached[middle]
    rings = {
        frozenset(".".join(other) for other in modules & reached[one] if one in reached[other])
        for one in modules
    }
    return sorted((set(ring) for ring in rings if ring), key=sorted)


def test_modules_form_no_cycle():
    assert cycles(TREES) == []


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        ({"io/_x.py": "from ._y import f", "io/_y.py": "def f(): ..."}, []),
        (
            {"io/_x.py": "from ._y import f", "io/_y.py": "def f():\n    from . import _x"},
            [{"io._x", "io._y"}],
        ),
        ({"io/_x.py": "def f():\n    from ._x import g"}, [{"io._x"}]),
        # Through the folder's own door.
        (
            {"io/__init__.py": "from ._x import f", "io/_x.py": "def f():\n    from . import g"},
            [{"io", "io._x"}],
        ),
    ],
)
def test_cycles_are_found(sources, expected):
    trees = {pathlib.Path(path): ast.parse(source) for path, source in sources.items()}
    assert cycles(trees) == expected


def exported(path: pathlib.Path) -> list[str]:
    """The names that a file takes from elsewhere to be found in it: `import Name as Name`."""
    return [
        alias.asname
        for node in TREES[path].body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname and not alias.asname.startswith("_")
    ]


def test_names_are_few():
    """What a user has to choose from stays small: make a name public when a user needs it.

    Counted are the names that `__init__` exports by `import Name as Name`: at the root, rooms
    included; over all rooms; and over the public folders inside of rooms (not
    those of `cli`, which nobody calls). `_core` is private.
    """
    rooms = [path for path in FILES if len(path.parts) == 2 and path.name == "__init__.py"]
    folders = [path for path in FILES if len(path.parts) > 2 and path.name == "__init__.py"]
    root = len(exported(pathlib.Path("__init__.py")))
    in_rooms = sum(len(exported(path)) for path in rooms if path.parts[0] != "_core")
    deeper = sum(len(exported(p)) for p in folders if p.parts[0] not in ("_core", "cli"))
    assert 0 < root <= 40
    assert 0 < in_rooms <= 280
    assert 0 < deeper <= 40
