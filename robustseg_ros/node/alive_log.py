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
    told: int = 0
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
        self._tell(name, 'alive', self._logger.info)

    def went(self, name: str, reason: str) -> None:
        """Tell that an input is not alive any more, and why."""
        self._tell(name, f'lost: {reason}', self._logger.warning)

    def sum_up(self) -> None:
        """Tell what was held back, once its period has ended; to be called now and then."""
        now_s = self._clock()
        for name, period in list(self._periods.items()):
            if now_s - period.begin_s < PERIOD_S:
                continue
            if period.untold:
                self._logger.warning(
                    f'{name}: flapping: {period.told + period.untold} changes in '
                    f'{now_s - period.begin_s:.0f} s, now {period.newest}'
                )
                # Told in sums until it has been quiet for a whole period.
                self._periods[name] = _Period(now_s, told=0)
                self._periods[name].told = ONE_BY_ONE
            else:
                del self._periods[name]

    def _tell(self, name: str, what: str, write: Callable[[str], Any]) -> None:
        period = self._periods.setdefault(name, _Period(self._clock()))
        period.newest = what
        if period.told < ONE_BY_ONE:
            period.told += 1
            write(f'{name}: {what}')
        else:
            period.untold += 1
