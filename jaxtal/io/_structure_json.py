"""Structures in JSON: those of pymatgen (`Structure.as_dict`) and of OPTIMADE's interface."""

import json
import os
import pathlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .._core import gunzip
from ..crystal import HostAtoms
from ..scattering import parse_species

_IDENTIFIERS = ("material_id", "id", "_id", "name", "entry_id", "task_id")


def structures_of(
    path: str | os.PathLike[str],
) -> Iterator[tuple[str, Callable[[], HostAtoms]]]:
    """Names and readers of the structures in a file.

    One structure, a list or a dictionary of them, records with a `structure` in each, or an answer
    of OPTIMADE.

    Raises:
        ValueError: not JSON, or no structure in it; names the file.
    """
    file = os.fspath(path)
    try:
        data = pathlib.Path(path).read_bytes()
        text = gunzip(data) if data.startswith(b"\x1f\x8b") else data
        content = json.loads(text)
    except (OSError, EOFError, ValueError, RecursionError) as error:
        raise ValueError(f"{file}: expected JSON, got {error}") from error
    found = list(_structures(content, "0"))
    if not found:
        what = f"keys {', '.join(list(content)[:8])}" if isinstance(content, dict) else "a list"
        raise ValueError(
            f"{file}: expected structures of pymatgen (Structure.as_dict, with lattice and sites) "
            f"or OPTIMADE (with lattice_vectors and cartesian_site_positions), got {what[:200]}"
        )
    seen: set[str] = set()
    for number, (name, read, structure) in enumerate(found):
        unique = f"{name}-{number}" if name in seen else name
        seen.add(unique)
        yield unique, _loader(f"{file}#{unique}", read, structure)


def _loader(
    name: str, read: Callable[[dict[str, Any]], HostAtoms], structure: dict[str, Any]
) -> Callable[[], HostAtoms]:
    def load() -> HostAtoms:
        try:
            return read(structure)
        except KeyError as error:
            raise ValueError(f"{name}: expected a structure with {error}") from error
        except (ValueError, TypeError, AttributeError, IndexError) as error:
            raise ValueError(f"{name}: {error}") from error

    return load


def _structures(
    content: Any, name: str, depth: int = 0
) -> Iterator[tuple[str, Callable[[dict[str, Any]], HostAtoms], dict[str, Any]]]:
    """Name, reader and data of each structure in some JSON."""
    if depth > 4:
        return
    if isinstance(content, str) and content.lstrip().startswith("{"):
        try:  # JSON in JSON, as tables of records have it
            content = json.loads(content)
        except ValueError:
            return
    if isinstance(content, list):
        for number, one in enumerate(content):
            yield from _structures(one, str(number), depth + 1)
    if not isinstance(content, dict):
        return
    own = next((str(content[key]) for key in _IDENTIFIERS if content.get(key)), name)
    if "lattice" in content and "sites" in content:
        yield own, _of_pymatgen, content
    elif "lattice_vectors" in content:
        yield own, _of_optimade, content
    elif "structure" in content:
        yield from _structures(content["structure"], own, depth + 1)
    elif isinstance(content.get("attributes"), dict):
        yield from _structures(content["attributes"], own, depth + 1)
    elif "data" in content:
        yield from _structures(content["data"], own, depth + 1)
    else:
        for key, one in content.items():
            yield from _structures(one, str(key), depth + 1)


def _of_pymatgen(data: dict[str, Any]) -> HostAtoms:
    lattice = data["lattice"]
    rows: list[tuple[tuple[int, int, int], float, Any]] = []
    for number, site in enumerate(data["sites"]):
        for one in site["species"]:
            symbol = str(one["element"])
            if one.get("@class") == "DummySpecies":
                raise ValueError(f"site {number}: expected an element, got the dummy {symbol!r}")
            charge = one.get("oxidation_state") or 0
            key = _key(symbol, charge, f"site {number}")
            rows.append((key, float(one.get("occu", 1.0)), site["abc"]))
    matrix = lattice["matrix"] if "matrix" in lattice else [lattice[k] for k in _CELL]
    if not all(lattice.get("pbc", (True,))):
        raise ValueError("expected a crystal periodic in three dimensions, got pbc false")
    return _atoms(matrix, rows, [x for _, _, x in rows])


_CELL = ("a", "b", "c", "alpha", "beta", "gamma")


def _of_optimade(data: dict[str, Any]) -> HostAtoms:
    matrix = data["lattice_vectors"]
    if not all(data.get("dimension_types") or (1,)) or any(None in row for row in matrix):
        raise ValueError("expected a crystal periodic in three dimensions")
    kinds = {one["name"]: one for one in data.get("species") or []}
    rows: list[tuple[tuple[int, int, int], float, Any]] = []
    names, positions = data["species_at_sites"], data["cartesian_site_positions"]
    if len(names) != len(positions):
        raise ValueError(f"expected a species for each of {len(positions)} sites, got {len(names)}")
    for number, (name, x) in enumerate(zip(names, positions, strict=True)):
        kind = kinds.get(name, {"chemical_symbols": [name], "concentration": [1.0]})
        pairs = zip(kind["chemical_symbols"], kind["concentration"], strict=True)
        for symbol, occupancy in pairs:
            if symbol != "vacancy":
                rows.append((_key(symbol, 0, f"site {number}"), float(occupancy), x))
    cart = np.array([x for _, _, x in rows], dtype=float)
    frac = np.linalg.solve(np.array(matrix, dtype=float).T, cart.T).T
    return _atoms(matrix, rows, frac)


def _key(symbol: str, charge: float | int, where: str) -> tuple[int, int, int]:
    try:
        number, own, mass = parse_species(symbol)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error
    # A mean oxidation state (2.67) chooses no form factor.
    return number, int(charge) if charge == int(charge) else own, mass


def _atoms(
    matrix: Any, rows: list[tuple[tuple[int, int, int], float, Any]], frac: Any
) -> HostAtoms:
    if not rows:
        raise ValueError("expected sites, got none")
    keys = np.array([key for key, _, _ in rows])
    return HostAtoms.from_arrays(
        matrix,
        frac,
        keys[:, 0],
        charges=keys[:, 1],
        isotopes=keys[:, 2],
        occupancies=[occupancy for _, occupancy, _ in rows],
    )
