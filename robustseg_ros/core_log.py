"""What the core says through Python's logging, said in ROS."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
import logging
from typing import Any

CORE = 'robustseg_core'


class CoreLog(logging.Handler):
    """Hands on what is logged to a ROS logger, and remembers the warnings.

    Args:
        logger: Of the node.
    """

    def __init__(self, logger: Any) -> None:
        super().__init__(logging.INFO)
        self.warnings: list[str] = []
        self._logger = logger

    def emit(self, record: logging.LogRecord) -> None:
        """Say one message; may be called in any thread."""
        message = record.getMessage()
        if record.levelno >= logging.WARNING:
            self.warnings.append(message)
            self._logger.warning(message)
        else:
            self._logger.info(message)


@contextmanager
def core_log(logger: Any) -> Iterator[list[str]]:
    """Hand on what the core logs meanwhile; give the list that its warnings go to."""
    source, handler = logging.getLogger(CORE), CoreLog(logger)
    level = source.level
    source.addHandler(handler)
    source.setLevel(logging.INFO)
    try:
        yield handler.warnings
    finally:
        source.setLevel(level)
        source.removeHandler(handler)
