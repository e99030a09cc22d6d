"""Who is alive, in the log: every change one line, in order; a flapping input is summed up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Any

PERIOD_S = 10.0
# Changes of one input in a period that are told one by one.
ONE_BY_ONE = 6


@dataclass
class _Period:
    begin_s: float
    lines_left: int
    untold: int = 0
    newest: str = ''


class AliveLog:
    """Writes who comes and who goes.

    Args:
        logger: Of the node.
        clock: Seconds, going on steadily.
    """

    def __init__(self, logger: Any, clock: Callable[[], float] = monotonic) -> None:
        self._logger = logger
        self._clock = clock
        self._periods: dict[str, _Period] = {}

    def came(self, name: str) -> None:
        """Tell that an input is alive."""
        if self._may_tell(name, 'alive'):
            self._logger.info(f'{name}: alive')

    def went(self, name: str, reason: str) -> None:
        """Tell that an input is not alive any more, and why."""
        # rclpy wants every line that logs to have one severity.
        if self._may_tell(name, f'lost: {reason}'):
            self._logger.warning(f'{name}: lost: {reason}')

    def sum_up(self) -> None:
        """Tell what was held back, once its period has ended; to be called now and then."""
        now_s = self._clock()
        for name, period in list(self._periods.items()):
            lasted_s = now_s - period.begin_s
            if lasted_s < PERIOD_S:
                continue
            if not period.untold:
                del self._periods[name]
                continue
            self._logger.warning(
                f'{name}: flapping: {period.untold} more changes in {lasted_s:.0f} s, '
                f'now {period.newest}'
            )
            # In sums until it has been quiet for a whole period.
            self._periods[name] = _Period(now_s, lines_left=0)

    def _may_tell(self, name: str, what: str) -> bool:
        """Record a change; return whether it gets a line of its own."""
        period = self._periods.setdefault(name, _Period(self._clock(), ONE_BY_ONE))
        period.newest = what
        if not period.lines_left:
            period.untold += 1
            return False
        period.lines_left -= 1
        return True
