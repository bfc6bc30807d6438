"""Numbers with their standard uncertainties in brackets."""

import numpy as np


def bracketed(value: float, error: float, decimals: int = 5) -> str:
    """1.2345, 0.0012 -> "1.2345(12)": two digits up to 19, one beyond; without an error plain.

    Args:
        value: finite.
        error: standard uncertainty; 0 or NaN for none.
        decimals: of a value without one.
    """
    if not np.isfinite(value):
        raise ValueError(f"expected finite numbers to write, got {value}")
    if not (np.isfinite(error) and error > 0):
        return f"{value + 0.0:.{decimals}f}"
    places = -int(np.floor(np.log10(error)))
    # The rule of 19: 0.0019 has two digits, 0.0020 has one.
    if round(error * 10.0 ** (places + 1)) <= 19:
        places += 1
    digits = round(error * 10.0**places)
    if digits == 0:
        return f"{value + 0.0:.{decimals}f}"
    if places <= 0:
        return f"{round(value, places):.0f}({digits * 10**-places})"
    return f"{value + 0.0:.{places}f}({digits})"
