"""Resolution shells."""

import numpy as np
from jaxtyping import Float, Int


def resolution_shells(stol2: Float[np.ndarray, " n"], count: int) -> Int[np.ndarray, " n"]:
    """Shell of each reflection, with about as many reflections in each, inner ones first.

    Reflections of equal length are in one shell, so that there may be fewer shells than asked.

    Args:
        stol2: s^2 in 1/A^2, (n,).
        count: number of shells wanted, >= 1.

    Returns:
        Shell numbers 0, 1, ..., all used, (n,).

    Raises:
        ValueError: no positive number of shells.
    """
    if isinstance(count, bool) or int(count) != count or count < 1:
        raise ValueError(f"shells: expected a positive number, got {count!r}")
    # Rounded, since equivalent lengths differ in their last bits.
    size = float(stol2.max(initial=0.0)) or 1.0
    levels = np.round(stol2 / size, 10)
    inner = np.quantile(levels, np.arange(1, count) / count)
    return np.unique(np.searchsorted(inner, levels, side="left"), return_inverse=True)[1]


def shell_means(
    values: Float[np.ndarray, " n"], shell: Int[np.ndarray, " n"]
) -> Float[np.ndarray, " m"]:
    """Mean of each shell, (m,)."""
    return np.bincount(shell, values) / np.bincount(shell)


def shell_count(n: int, per_shell: int, smallest: int, largest: int) -> int:
    """Number of shells for n reflections with about `per_shell` in each, within limits."""
    return int(np.clip(n // per_shell, smallest, largest))
