"""Whether this process keeps up with what its sensors send."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from time import monotonic

WINDOW_S = 5.0
ENOUGH = 10  # frames before anything is said
MOST = 0.25  # a larger share of frames thrown away, or of time waited for, is overload
LATE_S = 0.1  # a tick that comes so much too late was kept waiting


class Load:
    """Counts frames thrown away for newer ones, and time for which the executor was kept waiting.

    Args:
        clock: Seconds, going on steadily.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._frames: deque[tuple[float, bool]] = deque()  # when due, whether for a newer one
        self._late: deque[tuple[float, float]] = deque()  # when, and for how long
        self._ticked_s: float | None = None

    def due(self, *, superseded: bool) -> None:
        """Record that a frame is due, and whether one that still waited was thrown away for it."""
        self._frames.append((self._clock(), superseded))

    def ticked(self, period_s: float) -> None:
        """Record that a timer of this period has called."""
        now_s = self._clock()
        if self._ticked_s is not None:
            late_s = now_s - self._ticked_s - period_s
            if late_s >= LATE_S:
                self._late.append((now_s, min(late_s, WINDOW_S)))
        self._ticked_s = now_s

    def complaint(self) -> str:
        """Return that this process does not keep up, if it does not."""
        begin_s = self._clock() - WINDOW_S
        for records in (self._frames, self._late):
            while records and records[0][0] < begin_s:  # type: ignore[index]
                records.popleft()  # type: ignore[attr-defined]
        dropped = sum(superseded for _, superseded in self._frames)
        due = len(self._frames)
        if due >= ENOUGH and dropped / due > MOST:
            return (
                f'overload: {(due - dropped) / WINDOW_S:.1f} masks/s of {due / WINDOW_S:.1f} '
                'frames/s, the others are thrown away for newer ones: smaller images, another '
                'backend or device, or fewer inputs relieve it'
            )
        waited = sum(late_s for _, late_s in self._late) / WINDOW_S
        if waited > MOST:
            return (
                f'overload: messages were kept waiting for {min(waited, 1.0):.0%} of the last '
                f'{WINDOW_S:g} s: the CPUs are busy with this or other processes'
            )
        return ''
