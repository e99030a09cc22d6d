"""One warning per kind of problem, however often it happens."""

from __future__ import annotations

from time import monotonic
from typing import Any

REPEAT_S = 10.0


class ProblemLog:
    """Writes warnings; repeats one of the same kind only after a while, with the count.

    Args:
        logger: Of the node.
        repeat_s: Seconds before a kind of problem is named again.
    """

    def __init__(self, logger: Any, repeat_s: float = REPEAT_S) -> None:
        self._logger = logger
        self._repeat_s = repeat_s
        self._last_s: dict[str, float] = {}
        self._unsaid: dict[str, int] = {}

    def report(self, kind: str, message: str) -> None:
        """Log ``message`` unless one of this ``kind`` was logged a short time ago."""
        now_s = monotonic()
        if now_s - self._last_s.get(kind, -self._repeat_s) < self._repeat_s:
            self._unsaid[kind] = self._unsaid.get(kind, 0) + 1
            return
        self._last_s[kind] = now_s
        more = self._unsaid.pop(kind, 0)
        self._logger.warning(f'{message} ({more} more like this)' if more else message)
