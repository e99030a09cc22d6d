"""The node's time: whether its clock has jumped back or stands, and what counts meanwhile."""

from __future__ import annotations

from time import monotonic
from typing import Any

from rclpy.clock import JumpThreshold
from rclpy.duration import Duration

STOPPED_S = 2.0
# Messages after the clock has stopped that say that it is the clock alone which stands.
HEARD = 3
_BACKWARD = Duration(nanoseconds=-100_000_000)


class ClockWatch:
    """Watches a clock that may follow ``/clock``, and keeps time where that stands.

    While the clock stands and messages come nonetheless, time is kept by the steady clock, so
    that what dies is noticed and waiting ends. Where no messages come either, a recording is
    paused, and time stands with it.

    Args:
        clock: The node's.
    """

    def __init__(self, clock: Any) -> None:
        self._clock = clock
        self._jumped = False
        self._seen = (0, monotonic())
        self._heard = 0  # messages since the clock was last found to stand for too long
        self._kept_since_ns: int | None = None  # on the steady clock
        self._ahead_ns = 0  # of the node's clock, by time that was kept
        threshold = JumpThreshold(min_forward=None, min_backward=_BACKWARD, on_clock_change=True)
        self._handle = clock.create_jump_callback(threshold, post_callback=self._on_jump)

    def close(self) -> None:
        """End watching."""
        self._handle.unregister()

    def jumped(self) -> bool:
        """Return whether the clock has jumped back since this was last asked."""
        jumped, self._jumped = self._jumped, False
        return jumped

    @property
    def is_kept(self) -> bool:
        """Whether time is kept by the steady clock, since the node's stands."""
        return self._kept_since_ns is not None

    def now_ns(self) -> int:
        """Return the time for availability and waiting; goes on wherever messages come."""
        self._look()
        now_ns = self._seen[0] + self._ahead_ns
        if self._kept_since_ns is not None:
            now_ns += _steady_ns() - self._kept_since_ns
        return now_ns

    def heard(self) -> None:
        """Take note that a message has come."""
        self._look()
        if self.is_kept or monotonic() - self._seen[1] <= STOPPED_S:
            return
        self._heard += 1
        if self._heard >= HEARD:
            self._kept_since_ns = _steady_ns()

    def complaint(self) -> str:
        """Return that the clock stands still, if it does; to be asked every second or so."""
        self._look()
        stopped_s = monotonic() - self._seen[1]
        if stopped_s <= STOPPED_S:
            return ''
        words = f'clock stopped: no progress on /clock for {stopped_s:.1f} s'
        if not self.is_kept:
            return words
        return (
            f'{words} while messages come: time is kept by the steady clock; start what '
            f'publishes /clock, or set use_sim_time to false'
        )

    def _look(self) -> None:
        ros_ns = self._clock.now().nanoseconds
        if ros_ns == self._seen[0]:
            return
        if self._kept_since_ns is not None and self._seen[0] == 0:
            # What was kept had nothing to do with the clock that begins now.
            self._kept_since_ns, self._jumped = None, True
        elif self._kept_since_ns is not None:
            # No jump where the clock goes on: what was kept is added to it from now on.
            kept_ns = _steady_ns() - self._kept_since_ns
            self._ahead_ns += self._seen[0] + kept_ns - ros_ns
            self._kept_since_ns = None
        self._heard = 0
        self._seen = (ros_ns, monotonic())

    def _on_jump(self, jump: Any) -> None:  # noqa: ARG002
        # Called while the clock is being set: what follows from it is done by whoever asks.
        self._jumped = True
        self._kept_since_ns = None
        self._ahead_ns = 0


def _steady_ns() -> int:
    return round(monotonic() * 1e9)
