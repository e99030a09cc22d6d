"""What every reader of messages is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from robustseg_ros.inputs.measurements import Measurement

# The stamp in nanoseconds and the measurement, if the message completes one.
Reading = tuple[int, Measurement | None]


class Pending:
    """A message that is still being worked on elsewhere.

    Attributes:
        then: Called in the executor's thread, once, with what gives the reading or raises what is
            wrong; never, where the stream was forgotten or a newer message took its place.
    """

    def __init__(self) -> None:
        self.then: Callable[[Callable[[], Reading]], None] = lambda _: None


class Reader(ABC):
    """Turns messages of one type into measurements."""

    @abstractmethod
    def read(self, msg: Any) -> Reading | Pending:
        """Return what the message gives, or will give.

        Raises:
            SensorError: The message cannot be read.
        """

    def reset(self) -> None:  # noqa: B027 most remember nothing
        """Forget the stream: time has begun again."""

    def close(self) -> None:  # noqa: B027 most hold nothing
        """Let go of what was needed for reading."""
