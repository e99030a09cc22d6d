"""The clock of a camera beside that of its host."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class SensorClock:
    """Offset between a camera's free-running clock and the host's stamps.

    A packet can be stamped late, never early: the smallest offset seen is the truest. It may rise
    by 0.2 ms in a second, faster than quartz drifts, so that no old minimum holds for ever.
    """

    RISE = 2e-4
    # More than any transport delays: the camera restarted, or its 24 bits wrapped unseen.
    JUMP_NS = 1_000_000_000

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._offset_ns: int | None = None
        self._last_ns = 0

    def offset(self, sensor_ns: int, stamp_ns: int) -> int:
        """Return what to add to sensor times, having seen ``sensor_ns`` stamped ``stamp_ns``."""
        measured = stamp_ns - sensor_ns
        if self._offset_ns is None or abs(measured - self._offset_ns) > self.JUMP_NS:
            self._offset_ns = measured
        else:
            elapsed = max(0, sensor_ns - self._last_ns)
            self._offset_ns = min(measured, self._offset_ns + int(elapsed * self.RISE))
        self._last_ns = sensor_ns
        return self._offset_ns


def unwrapped(values: NDArray[np.int64], before: int | None, period: int) -> NDArray[np.int64]:
    """Return counts without wrap, given those sent, in [0, period).

    A wrap is a step back by nearly the whole period. A wrong bit makes a step of half of it at
    most, and the next count undoes it.

    Args:
        values: (N,) as they were sent.
        before: The count before them, without wrap; None = there was none.
        period: What a count is sent modulo of.
    """
    if not len(values):
        return values
    known = int(values[0]) if before is None else before
    steps = np.diff(values, prepend=known % period)
    steps += period * (steps < -3 * period // 4)
    steps -= period * (steps > 3 * period // 4)
    return known + steps.cumsum()
