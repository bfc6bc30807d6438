"""What makes vectors of crystals, and why it could not of some."""

from typing import Any, Protocol, runtime_checkable

import numpy as np

from .._core import Devices
from ..crystal import HostAtoms


@runtime_checkable
class Metric(Protocol):
    """What makes vectors of crystals; `CrystalMetric` is one."""

    def to_dict(self) -> dict[str, Any]:
        """Return everything that decides the vectors, as JSON types."""
        ...

    def __call__(self, crystals: list[HostAtoms], /) -> Any:
        """Return an object with `vector`, shape (n, D), and `complete`, shape (n,)."""
        ...


def fingerprints_of(
    metric: Metric, crystals: list[Any], mesh: Devices = None
) -> tuple[np.ndarray, list[Exception | str | None]]:
    """Vectors of crystals of which some may have none (host).

    Args:
        metric: makes the vectors.
        crystals: n of them.
        mesh: devices that they are dealt to, for a metric that takes some.

    Returns:
        Vectors, shape (n, D); and for each crystal None, or why its row is not to be used: an
        error, or words.
    """
    if not crystals:
        return np.zeros((0, 1), np.float32), []
    try:
        more = {} if mesh is None else {"mesh": mesh}
        made = metric(crystals, **more)
    except (ValueError, RuntimeError, MemoryError) as error:  # JAX's is a RuntimeError
        if len(crystals) == 1:
            return np.zeros((1, 1), np.float32), [error]
        # Somebody in here is to blame; everybody else is fine alone.
        parts = [fingerprints_of(metric, [one], mesh) for one in crystals]
        length = max(part.shape[1] for part, _ in parts)
        dtype = next((part.dtype for part, (why,) in parts if why is None), np.float32)
        vectors = np.zeros((len(parts), length), dtype)
        for row, (part, (why,)) in zip(vectors, parts, strict=True):
            if why is None:
                row[:] = part[0]
        return vectors, [why for _, (why,) in parts]
    vectors = np.asarray(made.vector)
    reasons: list[Exception | str | None] = [None] * len(crystals)
    for i in np.flatnonzero(~np.asarray(made.complete)):
        reasons[i] = (
            "its fingerprint is incomplete: near-singular cell or an axis beyond 1e4 angstrom"
        )
    for i in np.flatnonzero(~vectors.any(axis=1)):
        reasons[i] = "its fingerprint is zero: near-singular cell or an axis beyond 1e4 angstrom"
    for i in np.flatnonzero(~np.isfinite(vectors).all(axis=1)):
        reasons[i] = "its fingerprint is not finite"
    return vectors, reasons


def reason_of(error: Exception) -> str:
    """An error in one line."""
    # Whoever is given one crystal calls it so, or the first of a list.
    text = " ".join(str(error).split()).removeprefix("crystal 0: ").removeprefix("crystal: ")
    if isinstance(error, ValueError | OSError) and text:
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
