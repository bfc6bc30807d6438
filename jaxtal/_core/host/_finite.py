"""The check that every array from outside passes."""

import numpy as np


def check_finite(x: np.ndarray, name: str) -> None:
    """Raise a `ValueError` naming the first entry of `x` that is NaN or infinite."""
    finite = np.isfinite(x)
    if not finite.all():
        bad = np.argwhere(~finite)
        where = ", ".join(str(int(i)) for i in bad[0])
        raise ValueError(f"{name}[{where}]: expected a finite number, got {x[tuple(bad[0])]}")
