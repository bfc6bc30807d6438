"""How much a search may do: trials first, seconds as a safety net."""

import time


class Budget:
    """Counts trials; spent when they or the seconds run out.

    A search that ends by trials gives the same grid for the same seed on every machine; one that
    ends by the clock may not.
    """

    def __init__(self, max_trials: int, max_seconds: float | None):
        """Start the clock.

        Raises:
            ValueError: no trial or no time allowed.
        """
        if max_trials < 1 or (max_seconds is not None and not max_seconds > 0):
            raise ValueError(
                f"expected at least one trial and some seconds, got {max_trials}, {max_seconds}"
            )
        self.left = int(max_trials)
        self._end = None if max_seconds is None else time.monotonic() + max_seconds

    @property
    def spent(self) -> bool:
        """True when nothing is left."""
        return self.left <= 0 or (self._end is not None and time.monotonic() > self._end)

    def take(self) -> bool:
        """Use one trial; False when nothing is left."""
        if self.spent:
            return False
        self.left -= 1
        return True
