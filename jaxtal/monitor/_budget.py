"""How much time may be spent on looking at a run."""

import time


class Budget:
    """A share of the time that passes, and some pictures in advance.

    Work is begun while there is credit and paid for afterwards: what is dear makes pictures rarer
    and not the run slower.

    Attributes:
        spent: seconds paid so far.
    """

    def __init__(self, share: float | int, credit: float | int = 0.15, most: float | int = 0.3):
        """Begin to count.

        Args:
            share: largest part of the time, in (0, 1].
            credit: seconds in advance, so that short runs are seen.
            most: seconds that can be saved up.

        Raises:
            ValueError: a share out of range.
        """
        if not 0 < share <= 1:
            raise ValueError(f"share: expected a number in (0, 1], got {share}")
        self._share, self._credit, self._most = share, float(credit), float(most)
        self._last, self.spent = time.perf_counter(), 0.0

    @property
    def left(self) -> float:
        """Seconds that may be spent now; negative while the last work is being paid for."""
        now = time.perf_counter()
        self._credit = min(self._most, self._credit + self._share * (now - self._last))
        self._last = now
        return self._credit

    def pay(self, seconds: float) -> None:
        """Take seconds off."""
        self._credit -= seconds
        self.spent += seconds
