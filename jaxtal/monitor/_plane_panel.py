"""Where a user chooses a plane through the N-dimensional cell."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
from bokeh.layouts import column
from bokeh.models import Button, Div, Select, TextInput

from ..density import Plane
from ..lattice import Superspace
from ._style import FONT, RED, escaped

#: Half of the edge of the first picture of a quasicrystal, angstrom.
_EDGE = 30.0
_KINDS = {
    "rational": "rational: two lattice vectors",
    "physical": "physical space",
    "perpendicular": "perpendicular space",
    "mixed": "mixed: one of each",
}


class PlanePanel:
    """Kind, two vectors and a point; a plane is made of them at once.

    Attributes:
        layout: of bokeh.
        plane: the last one that was right; None before the crystal is known.
    """

    def __init__(self, given: tuple[Plane, ...] = (), changed: Callable[[], object] = lambda: None):
        """Lay out empty fields.

        Args:
            given: planes to choose from besides those that are made.
            changed: called when there is another plane.
        """
        self._changed = changed
        self._given = {f"given {i}": plane for i, plane in enumerate(given, 1)}
        self._kind = Select(title="plane", name="kind", width=230)
        self._u, self._v, self._point = (
            TextInput(title=title, width=230, name=name)
            for title, name in (("first", "u"), ("second", "v"), ("through", "point"))
        )
        self._show = Button(label="show", width=230, name="show")
        self._said = Div(width=230, name="plane-message")
        self._kind.on_change("value", lambda attr, old, new: self._defaults())
        for box in (self._u, self._v, self._point):
            box.on_change("value", lambda attr, old, new: self._read())
        self._show.on_click(lambda: self._read())
        self._filling = False
        self._space: Any = None
        self.plane: Plane | None = None
        self.layout = column(
            self._kind, self._u, self._v, self._point, self._show, self._said, width=235
        )

    def begin(self, space: Superspace) -> None:
        """Begin with the first plane given, or with one that shows something in any crystal."""
        self._space = space
        kinds = ["rational"]
        if space.n_physical >= 2 and space.n_internal:
            kinds.append("physical")
        if space.n_internal >= 2:
            kinds.append("perpendicular")
        if space.n_internal:
            kinds.append("mixed")
        named = [(name, f"section {name.split()[1]} of the job") for name in self._given]
        self._kind.options = [*named, *((kind, _KINDS[kind]) for kind in kinds)]
        eye = np.eye(space.dimension, dtype=int)
        self.plane = Plane.rational(eye[0], eye[1 % len(eye)], None, space)
        # Which fills the fields.
        first = "physical" if "physical" in kinds else "rational"
        self._kind.value = next(iter(self._given), first)

    def _defaults(self) -> None:
        """Vectors that make sense for a kind, and the plane of them."""
        kind, space = self._kind.value, self._space
        own = kind in self._given
        sizes = self._sizes()
        firsts = [np.eye(n)[0] if n else np.zeros(0) for n in sizes]
        seconds = np.eye(sizes[1])[1 % max(sizes[1], 1)] if sizes[1] else np.zeros(0)
        second = np.eye(sizes[1])[0] if kind == "mixed" else seconds
        lengths = [1.0 if kind == "rational" else self._edge(inner) for inner in self._inner()]
        self._filling = True
        self._u.value, self._v.value = _text(firsts[0] * lengths[0]), _text(second * lengths[1])
        self._point.value = _text(np.zeros(space.dimension))
        for box, title in zip((self._u, self._v), self._titles(), strict=True):
            box.title, box.disabled = title, own
        self._point.title = f"through: {space.dimension} lattice coordinates"
        self._point.disabled = own
        self._filling = False
        self._read()

    def _sizes(self) -> tuple[int, int]:
        """Numbers of the two vectors."""
        N, d, p = self._space.dimension, self._space.n_physical, self._space.n_internal
        kind = self._kind.value
        return {"physical": (d, d), "perpendicular": (p, p), "mixed": (d, p)}.get(kind, (N, N))

    def _inner(self) -> tuple[bool, bool]:
        kind = self._kind.value
        return kind == "perpendicular", kind in ("perpendicular", "mixed")

    def _edge(self, inner: bool) -> float:
        """Of the picture: some cells, or the atomic surfaces of a quasicrystal."""
        basis = self._space.perpendicular if inner else self._space.parallel
        shortest = float(np.linalg.norm(basis, axis=1).max())
        cell = 2 * np.pi / shortest if shortest > 0 else _EDGE
        return float(f"{(4 if inner else 6) * cell:.2g}")

    def _titles(self) -> tuple[str, str]:
        kind = self._kind.value
        if kind == "rational" or kind in self._given:
            return "first edge: lattice vector, integers", "second edge: lattice vector, integers"
        first, second = ("internal space" if one else "angstrom" for one in self._inner())
        return f"first edge in {first}", f"second edge in {second}"

    def _read(self) -> None:
        if self._filling:
            return
        try:
            self.plane = self._made()
        except ValueError as error:
            self._said.text = (
                f'<div style="color:{RED};font:12px {FONT}">{escaped(str(error))}</div>'
            )
        else:
            self._said.text = ""
            self._changed()

    def _made(self) -> Plane:
        kind, space = self._kind.value, self._space
        if kind in self._given:
            return self._given[kind]
        u, v = (
            _numbers(box.value, size, name)
            for box, size, name in zip(
                (self._u, self._v), self._sizes(), ("first", "second"), strict=True
            )
        )
        point = _numbers(self._point.value, space.dimension, "through")
        if kind == "rational":
            return Plane.rational(u, v, point, space)
        along: Any = {
            "physical": Plane.physical,
            "perpendicular": Plane.perpendicular,
            "mixed": Plane.mixed,
        }[kind]
        return along(space, u, v, point)


def _numbers(text: str, size: int, name: str) -> np.ndarray:
    words = [word for word in re.split(r"[\s,;]+", text.strip("[]() ")) if word]
    try:
        values = np.array([float(word) for word in words])
    except ValueError:
        values = np.zeros(0)
    if len(values) != size or not np.isfinite(values).all():
        raise ValueError(f"{name}: expected {size} numbers, got {text!r}")
    return values


def _text(vector: np.ndarray) -> str:
    return " ".join(f"{value:g}" for value in vector)
