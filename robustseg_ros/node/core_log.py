"""What the core says through Python's logging, said in ROS."""

from __future__ import annotations

import logging
from typing import Any

CORE = 'robustseg_core'


class CoreLog(logging.Handler):
    """Hands on what the core logs to a ROS logger, from ``open`` to ``close``.

    That is as long as a network is held: some backends build for each new size of image, which
    takes minutes, and tell how far they are.

    Args:
        logger: Of the node.
    """

    def __init__(self, logger: Any) -> None:
        super().__init__(logging.INFO)
        self._logger = logger
        self._source = logging.getLogger(CORE)
        self._level: int | None = None

    def open(self) -> None:
        """Begin to listen."""
        if self._level is None:
            self._level = self._source.level
            self._source.addHandler(self)
            self._source.setLevel(logging.INFO)

    def close(self) -> None:
        """Stop listening; all is as before."""
        if self._level is not None:
            self._source.setLevel(self._level)
            self._source.removeHandler(self)
            self._level = None
        super().close()

    def emit(self, record: logging.LogRecord) -> None:
        """Say one message; may be called in any thread."""
        message = record.getMessage()
        if record.levelno >= logging.WARNING:
            self._logger.warning(message)
        else:
            self._logger.info(message)
