"""Rows as a file has them, made a table: rows that are no measurements are left out and counted."""

from typing import Any

import numpy as np

from ...reflections import Dropped, ReflectionTable

#: Rows of similar intensity whose sigma stands in for one that is zero.
_NEIGHBOURS = 51


def measured_table(
    indices: np.ndarray,
    value: np.ndarray,
    sigma: np.ndarray | None,
    *,
    amplitude: bool = False,
    lines: np.ndarray | None = None,
    batch: np.ndarray | None = None,
    dropped: tuple[Dropped, ...] = (),
    notes: tuple[str, ...] = (),
    keep_negative_sigma: bool = False,
    **stated: Any,
) -> ReflectionTable:
    """Make a table of rows: those marked as unmeasured or rejected are left out.

    A row "-1 -1" was not measured; a negative sigma marks a rejected row (XDS: a misfit). A sigma
    of zero would be an infinite weight: it becomes the median of those of rows as strong, and if
    no row has a positive one there are none at all.

    Args:
        indices: (n, N) integers.
        value: I or |F|, (n,).
        sigma: its uncertainties, (n,), or None.
        amplitude: whether values are |F|.
        lines: line of each row.
        batch: batch number or flag of each row.
        dropped: what the reader has left out already.
        notes: what the reader has to say.
        keep_negative_sigma: take |sigma| of these rows, as of merged lists of XDS.
        stated: `cell`, `group`, `source`, ... of the table.
    """
    left, told = list(dropped), list(notes)
    keep = np.ones(len(value), bool)
    if sigma is not None:
        unmeasured = (sigma == -1) & (value == -1)
        if unmeasured.any():
            left.append(Dropped.of("unmeasured (-1 -1)", rows=int(unmeasured.sum())))
        negative = (sigma < 0) & ~unmeasured
        keep = ~unmeasured
        if negative.any() and keep_negative_sigma:
            told.append(f"{int(negative.sum())} rows are marked as misfits, and kept")
            sigma = np.where(negative, -sigma, sigma)
        elif negative.any():
            left.append(Dropped.of("rejected (sigma < 0)", value[negative]))
            keep &= ~negative
        if keep.any():
            sigma = _positive(value, sigma, keep, told)
    if not keep.any():
        reasons = "; ".join(one.text() for one in left)
        raise ValueError(
            f"{stated.get('source', '')}: expected measured reflections, got {reasons}"
        )
    return ReflectionTable(
        indices=indices[keep],
        intensity=None if amplitude else value[keep],
        amplitude=value[keep] if amplitude else None,
        sigma=None if sigma is None else sigma[keep],
        lines=None if lines is None else lines[keep],
        batch=None if batch is None else batch[keep],
        dropped=tuple(left),
        notes=tuple(told),
        **stated,
    )


def _positive(
    value: np.ndarray, sigma: np.ndarray, keep: np.ndarray, notes: list[str]
) -> np.ndarray | None:
    zero, good = keep & (sigma == 0), np.flatnonzero(keep & (sigma > 0))
    if not zero.any():
        return sigma
    if len(good) == 0:
        notes.append("every sigma is 0: read without uncertainties")
        return None
    notes.append(f"{int(zero.sum())} rows have sigma 0: that of rows as strong was taken")
    good = good[np.argsort(value[good], kind="stable")]
    at = np.searchsorted(value[good], value[zero])
    width = min(_NEIGHBOURS, len(good))
    start = np.clip(at - width // 2, 0, len(good) - width)
    near = sigma[good][start[:, None] + np.arange(width)]
    filled = sigma.copy()
    filled[zero] = np.median(near, axis=1)
    return filled
