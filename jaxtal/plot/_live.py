"""A view of a phasing run while it goes on, in a window or a notebook."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from ..density import Density, Plane, Section
from ..symmetry import Orbits
from ._density import section_image
from ._phasing import decile_lines, decile_scale, decile_table
from ._style import COLOURS, tidy


class LiveView:
    """Deciles, R and one section of the density, redrawn as the run reports.

        view = LiveView(plane, problem.orbits)
        phase(problem, observers=(deciles, r_factor), control=Control(view), chunk=5)

    Artists are changed in place. Drawing never takes more than a share of the time: the next
    picture waits until the last one has been paid for, so that a slow display or a dear section
    makes pictures rarer and not the run slower.

    Attributes:
        figure: the matplotlib figure.
        seconds: time spent in drawing so far.
        drawn: pictures drawn so far.
    """

    def __init__(
        self,
        plane: Plane | None = None,
        orbits: Orbits | None = None,
        *,
        shape: tuple[int, int] = (96, 96),
        start: int = 0,
        share: float | int = 0.1,
        figure: Any = None,
    ):
        """Lay out the figure.

        Args:
            plane: where the density is shown; rational planes cost least. None for no section.
            orbits: what the amplitudes of a snapshot belong to; needed for the section when the
                view is called with snapshots.
            shape: points of the section.
            start: which start is shown.
            share: largest part of the time that drawing may take, in (0, 1].
            figure: a matplotlib figure to use; by default one of pyplot.

        Raises:
            ValueError: a share out of range.
        """
        if not 0 < share <= 1:
            raise ValueError(f"share: expected a number in (0, 1], got {share}")
        self.plane, self.orbits, self.shape = plane, orbits, shape
        self.start, self.share = start, share
        self.seconds, self.drawn = 0.0, 0
        if figure is None:
            import matplotlib.pyplot as plt

            figure = plt.figure(figsize=(10.0 if plane else 6.0, 4.6), layout="constrained")
        self.figure = figure
        grid = figure.add_gridspec(2, 2 if plane else 1, height_ratios=(3, 1))
        self._top, self._bottom = figure.add_subplot(grid[0, 0]), figure.add_subplot(grid[1, 0])
        self._right = figure.add_subplot(grid[:, 1]) if plane else None
        self._lines = decile_lines(self._top)
        self._top.set_xlabel("")
        self._top.legend(
            frameon=False,
            fontsize="x-small",
            ncols=4,
            loc="lower left",
            bbox_to_anchor=(0.0, 1.0),
            borderaxespad=0.1,
        )
        (self._r_line,) = self._bottom.plot([], [], color=COLOURS[2], linewidth=1.4)
        self._bottom.set(xlabel="iteration", ylabel="R", ylim=(0, 1))
        tidy(self._bottom)
        self._image: Any = None
        self._show = _display(figure)
        self._begun, self._free = time.perf_counter(), -np.inf
        self._clear(None)

    def __call__(self, snapshot: Any) -> None:
        """Take in what a chunk of cycles recorded: for `Control(on_chunk=...)`.

        Args:
            snapshot: a `phasing` snapshot, with the records of the observers `deciles` and
                `r_factor` (each may be missing).
        """
        attempt = snapshot.attempt
        if attempt.start != self.start:
            return
        if self._attempt != attempt.number:
            self._clear(attempt.number)
        arrays = [np.asarray(record) for record in snapshot.records]
        wide = next((a for a in arrays if a.ndim == 2 and a.shape[1] == 11), None)
        flat = next((a for a in arrays if a.ndim == 1), None)
        orbits = self.orbits
        if self.plane is None or orbits is None:
            self.update(wide, flat)
        else:
            self.update(wide, flat, lambda: Density.from_orbits(orbits, snapshot.f))

    def update(
        self,
        deciles: Any = None,
        r_factor: Any = None,
        density: Density | Callable[[], Density] | None = None,
    ) -> bool:
        """Add iterations, and draw if enough time has passed.

        Args:
            deciles: minimum, nine deciles, maximum, (iterations, 11), or None.
            r_factor: R, (iterations,), or None.
            density: the density now, or what makes it; asked for only when it is drawn.

        Returns:
            whether a picture was drawn.
        """
        if deciles is not None:
            self._deciles.append(decile_table(deciles))
        if r_factor is not None:
            self._r.append(np.atleast_1d(np.asarray(r_factor, np.float64)))
        self._density = density
        if time.perf_counter() < self._free:
            return False
        self.draw()
        return True

    def draw(self) -> None:
        """Draw now, whatever time it takes; to be called once more when the run has ended."""
        begun = time.perf_counter()
        if self._deciles:
            table = np.concatenate(self._deciles)
            x = np.arange(len(table))
            for line, column in zip(self._lines, table.T, strict=True):
                line.set_data(x, column)
            decile_scale(self._top, table)
            self._top.set_xlim(0, max(10, len(table)))
        if self._r:
            r = np.concatenate(self._r)
            self._r_line.set_data(np.arange(len(r)), r)
            self._bottom.set_xlim(0, max(10, len(r)))
            self._bottom.set_ylim(0, max(1e-3, 1.1 * float(np.nanmax(r))))
        if self.plane is not None and self._density is not None:
            density = self._density
            density = density if isinstance(density, Density) else density()
            self._draw_section(density.section(self.plane, self.shape))
        self._show()
        now = time.perf_counter()
        self.seconds, self.drawn = self.seconds + now - begun, self.drawn + 1
        self._free = now + (now - begun) * (1.0 / self.share - 1.0)

    def _draw_section(self, drawn: Section) -> None:
        if self._image is None:
            right: Any = self._right
            self._image = section_image(right, drawn, outline=True)
            right.set_title("density in a plane, white below zero", fontsize="medium")
        self._image.set_array(drawn.values.T)
        top = float(drawn.values.max()) if drawn.highest is None else drawn.highest
        self._image.set_clim(0.0, top if top > 0 else 1.0)

    def _clear(self, attempt: int | None) -> None:
        self._attempt = attempt
        self._deciles: list[np.ndarray] = []
        self._r: list[np.ndarray] = []
        self._density: Any = None


def _display(figure: Any) -> Callable[[], None]:
    """What shows a changed figure: a window, the output of a notebook cell, or nothing."""
    import matplotlib

    manager = getattr(figure.canvas, "manager", None)
    if manager is not None and matplotlib.get_backend().lower() in _windows():
        manager.show()

        def show() -> None:
            figure.canvas.draw_idle()
            figure.canvas.flush_events()

        return show
    if manager is not None and "inline" in matplotlib.get_backend():
        import matplotlib.pyplot as plt
        from IPython.display import display  # pyright: ignore[reportMissingImports]

        handle: Any = display(figure, display_id=True)
        plt.close(figure)  # or the cell shows it a second time at its end
        return lambda: handle.update(figure)
    return lambda: None


def _windows() -> set[str]:
    from matplotlib.backends.registry import BackendFilter, backend_registry

    return {name.lower() for name in backend_registry.list_builtin(BackendFilter.INTERACTIVE)}
