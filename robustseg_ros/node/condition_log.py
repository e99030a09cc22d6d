"""What is wrong for longer than a moment, in the log: its beginning, now and then, its end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Any

# Seconds before what still holds is told again, and before the same is told as new.
REMIND_S = 60.0
REPEAT_S = 10.0


@dataclass
class _Condition:
    since_s: float | None = None  # when it began; None where it does not hold
    told_s: float | None = None  # when it was last told
    is_open: bool = False  # told, and its end not yet


class ConditionLog:
    """Writes warnings about conditions that are looked at again and again.

    Args:
        logger: Of the node.
        clock: Seconds, going on steadily.
    """

    def __init__(self, logger: Any, clock: Callable[[], float] = monotonic) -> None:
        self._logger = logger
        self._clock = clock
        self._conditions: dict[str, _Condition] = {}

    def heed(self, kind: str, text: str, *, after_s: float = 0.0, over: str = '') -> None:
        """Take how things stand.

        Args:
            kind: Of condition; there is one at a time of each.
            text: What is wrong now; empty where nothing is. Its numbers may change.
            after_s: How long it must hold before it is told.
            over: What to write once it is over; empty for nothing.
        """
        now_s = self._clock()
        condition = self._conditions.setdefault(kind, _Condition())
        if not text:
            if condition.is_open and over:
                self._logger.info(over)
            condition.since_s, condition.is_open = None, False
            return
        if condition.since_s is None:
            condition.since_s = now_s
        quiet_s = REMIND_S if condition.is_open else REPEAT_S
        is_news = condition.told_s is None or now_s - condition.told_s >= quiet_s
        if is_news and now_s - condition.since_s >= after_s:
            self._logger.warning(text)
            condition.told_s, condition.is_open = now_s, True
