"""Whether the node's clock has jumped back or stands still."""

from __future__ import annotations

from time import monotonic
from typing import Any

from rclpy.clock import JumpThreshold
from rclpy.duration import Duration

STOPPED_S = 2.0
_BACKWARD = Duration(nanoseconds=-100_000_000)


class ClockWatch:
    """Watches a clock that may follow ``/clock``.

    Args:
        clock: The node's.
    """

    def __init__(self, clock: Any) -> None:
        self._clock = clock
        self._jumped = False
        self._seen = (0, monotonic())
        threshold = JumpThreshold(min_forward=None, min_backward=_BACKWARD, on_clock_change=True)
        self._handle = clock.create_jump_callback(threshold, post_callback=self._on_jump)

    def close(self) -> None:
        """End watching."""
        self._handle.unregister()

    def jumped(self) -> bool:
        """Return whether the clock has jumped back since this was last asked."""
        jumped, self._jumped = self._jumped, False
        return jumped

    def complaint(self) -> str:
        """Return that the clock stands still, if it does; to be asked every second or so."""
        now_ns, now_s = self._clock.now().nanoseconds, monotonic()
        if now_ns != self._seen[0]:
            self._seen = (now_ns, now_s)
        stopped_s = now_s - self._seen[1]
        if stopped_s <= STOPPED_S:
            return ''
        return f'clock stopped: no progress on /clock for {stopped_s:.1f} s'

    def _on_jump(self, jump: Any) -> None:  # noqa: ARG002
        # Called while the clock is being set: what follows from it is done by whoever asks.
        self._jumped = True
