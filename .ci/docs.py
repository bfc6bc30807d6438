"""Build the API reference: python .ci/docs.py FOLDER (needs pdoc, in the extra `dev`).

One page for each room, its docstring first, then every name that its `__init__` exports. Rooms
state what is public by `from ._file import Name as Name`; pdoc wants `__all__`.
"""

import ast
import importlib
import pathlib
import sys

import pdoc
import pdoc.render


def exported(init: pathlib.Path) -> list[str]:
    """Names that an `__init__.py` passes on, at once or on use (`__init__.pyi`)."""
    files = [path for path in (init, init.with_suffix(".pyi")) if path.exists()]
    nodes = [n for path in files for n in ast.parse(path.read_text()).body]
    nodes = [n for n in nodes if isinstance(n, ast.ImportFrom)]
    return [a.name for n in nodes for a in n.names if a.asname and not a.name.startswith("_")]


def main(output: str) -> None:
    """Write the reference to a folder."""
    package = pathlib.Path(importlib.import_module("jaxtal").__path__[0])
    pages = 0
    for init in sorted(package.rglob("__init__.py")):
        parts = ("jaxtal", *init.parent.relative_to(package).parts)
        if any(part.startswith("_") for part in parts):
            continue
        try:
            module = importlib.import_module(".".join(parts))
        except ModuleNotFoundError as error:  # an extra that is not installed
            print(f"left out {'.'.join(parts)}: {error}", file=sys.stderr)
            continue
        if names := exported(init):
            vars(module)["__all__"] = names
            pages += 1
    pdoc.render.configure(docformat="google", show_source=False)
    pdoc.pdoc("jaxtal", r"!jaxtal\.(.*\.)?_.*", output_directory=pathlib.Path(output))
    print(f"{pages} pages in {output}")


if __name__ == "__main__":
    main(*sys.argv[1:])
