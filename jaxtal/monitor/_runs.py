"""What a page needs to know of several starts that look for one density."""

import abc
import dataclasses
import pathlib
import threading
import time
from typing import Any

import numpy as np

from .._core import write_bytes, write_text
from ..io import write_cif
from ..lattice import Superspace
from ..phasing import Control
from ._budget import Elsewhere
from ._curve import Curve
from ._plane_sum import Waves

#: Lines of the log that are kept.
_LINES = 200
#: Times what comparing starts takes, between two comparisons.
_PATIENCE = 80
#: Seconds that a comparison may take when the run is over.
_AT_END = 1.0
#: Starts that are compared with each other, at most: the last ones.
_COMPARED = 24
_FIRST = 3


@dataclasses.dataclass(frozen=True, eq=False)
class Families:
    """How far starts agree.

    Attributes:
        starts: their numbers.
        agreement: of every two, (S, S).
        lines: of each family, largest first, a line.
    """

    starts: list[int]
    agreement: np.ndarray
    lines: list[str]


class News(abc.ABC):
    """What every page shows of a run: state, log, numbers that can be changed.

    Attributes:
        control: holds and ends the run.
        title: what is done.
        news: how often something has happened.
        lines: what has happened, in words.
        ended: how the run ended, empty while it goes on.
        aside: processor seconds of the thread that looks that keep an account of their own.
        elsewhere: what JAX does for that thread in others.
    """

    def __init__(self, title: str, control: Control):
        """Begin the clock."""
        self.title, self.control = title, control
        self.news, self.ended, self.lines = 0, "", []
        self.aside, self.elsewhere = 0.0, Elsewhere()
        self._begun, self._over = time.perf_counter(), 0.0

    @property
    def seconds(self) -> float:
        """Since the run began."""
        return (self._over or time.perf_counter()) - self._begun

    @property
    @abc.abstractmethod
    def ready(self) -> bool:
        """Whether there is something to show."""

    @property
    @abc.abstractmethod
    def state(self) -> str:
        """Where the run stands, in a few words."""

    def changeable(self) -> dict[str, tuple[float, float, float]]:
        """Numbers that can be changed: lowest, highest, present value."""
        return {}

    def tell(self, line: str) -> None:
        """Add a line to the log."""
        self.lines.append(f"{self.seconds:7.1f} s  {line}")
        del self.lines[:-_LINES]
        self.news += 1

    def end(self, message: str) -> None:
        """Tell how the run ended."""
        self._over = time.perf_counter()
        self.ended = message
        self.tell(message)

    @abc.abstractmethod
    def work(self, seconds: float) -> bool:
        """Look at what has come, for about some seconds; returns whether there was anything."""

    @abc.abstractmethod
    def save(self, folder: pathlib.Path, stem: str) -> list[pathlib.Path]:
        """Write what is known into files."""

    def save_best(self, crystal: Any, path: pathlib.Path) -> list[pathlib.Path]:
        """Write the best crystal so far; none, with a line in the log, where it is no valid one."""
        if crystal is None:
            return []
        try:
            write_cif(crystal, path, name="best_so_far")
        except ValueError as error:
            self.tell(f"no CIF: {error}")
            return []
        return [path]


class Runs(News):
    """Starts that look for one density.

    Attributes:
        space: of the crystal, None before it is known.
        waves: what the density is summed of.
        curves: of each start.
        per: what changes of phases are given for.
        active: starts that run now.
        families: how far they agree.
    """

    def __init__(self, title: str, control: Control):
        """No starts yet."""
        super().__init__(title, control)
        self.space: Superspace | None = None
        self.waves: Waves | None = None
        self.curves: dict[int, Curve] = {}
        self.per = "cycle"
        self.active: tuple[int, ...] = ()
        self.families: Families | None = None
        self._lock = threading.Lock()
        self._judged, self._rest, self._pair = 0, 0.0, 0.0

    @property
    def ready(self) -> bool:
        return bool(self.curves)

    def curve(self, start: int) -> Curve:
        """That of a start, made if need be."""
        with self._lock:
            return self.curves.setdefault(start, Curve(start))

    def amplitudes(self, start: int) -> np.ndarray | None:
        """The last known ones of a start, if they are numbers."""
        f = self.curves[start].amplitudes
        f = None if f is None else np.asarray(f)
        return f if f is not None and np.isfinite(f).all() else None

    def work(self, seconds: float) -> bool:
        begun, did = time.perf_counter(), False
        # Each of those that run is looked at once, however long that takes.
        due = set(self.active)
        while True:
            first = [self.curves[i] for i in self.active]
            rest = [one for i, one in sorted(self.curves.items()) if i not in self.active]
            curves = [one for one in (*first, *rest) if one.waiting]
            for curve in curves:
                state = curve.newest()
                if state is not None:
                    self.look(curve, state)
                    did = True
                due.discard(curve.start)
                if not due and time.perf_counter() - begun > seconds:
                    break
            due.clear()
            if not curves or time.perf_counter() - begun > seconds:
                break
        known = {i: self.amplitudes(i) for i in sorted(self.curves)}
        known = {i: f for i, f in known.items() if f is not None}
        if len(known) > 1 and self.news > self._judged:
            self._judge(known)
            if self.ended and self.families and len(self.families.starts) < len(known):
                # The few of a first comparison are not what is left to be seen.
                self._judge(known)
        return did

    def _judge(self, known: dict[int, np.ndarray]) -> None:
        """Compare starts, no oftener than what it costs allows."""
        # A few at first, which tell what many would cost.
        recent = dict(sorted(known.items())[-(_COMPARED if self._pair else _FIRST) :])
        begun, pairs = time.perf_counter(), len(recent) ** 2
        price = self._pair * pairs
        if begun < self._rest + _PATIENCE * price and not (self.ended and price < _AT_END):
            return
        self._judged, own = self.news, time.thread_time()
        self.families = self.judge(recent)
        self._rest = time.perf_counter()
        self._pair = (self._rest - begun) / pairs
        self.aside += time.thread_time() - own

    @abc.abstractmethod
    def look(self, curve: Curve, state: Any) -> None:
        """Add a point to a curve, of a state that was kept."""

    @abc.abstractmethod
    def judge(self, known: dict[int, np.ndarray]) -> Families:
        """Compare the amplitudes of starts."""

    def save(self, folder: pathlib.Path, stem: str) -> list[pathlib.Path]:
        """Curves as columns of text, and amplitudes of every start with their indices."""
        with self._lock:
            curves = sorted(self.curves.items())
        lines = ["start,attempt,cycle,minimum,"]
        lines[0] += ",".join(f"decile{10 * i}" for i in range(1, 10))
        lines[0] += ",maximum,r_factor,flipped,phase_change"
        names = ("cycle", *(f"d{i}" for i in range(11)), "r_factor", "flipped", "phase_change")
        for start, curve in curves:
            table = curve.table()
            for row in zip(*(table[name] for name in names), strict=True):
                numbers = [str(start), str(curve.attempt), str(int(row[0]))]
                lines.append(",".join([*numbers, *(f"{value:.6g}" for value in row[1:])]))
        path = folder / f"{stem}.csv"
        write_text(path, "\n".join(lines) + "\n")
        known = [(i, one.amplitudes) for i, one in curves if one.amplitudes is not None]
        if not known or self.waves is None:
            return [path]
        waves = self.waves
        arrays: dict[str, Any] = {
            "starts": np.array([i for i, _ in known]),
            "f": np.stack([np.asarray(f) for _, f in known]),
            "k": waves.k,
            "orbit": waves.orbit,
            "factor": waves.factor,
        }
        data = folder / f"{stem}.npz"
        write_bytes(data, lambda file: np.savez(file, **arrays))
        return [path, data]
