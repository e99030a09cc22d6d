"""The clock of a camera beside that of its host."""

from __future__ import annotations


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
