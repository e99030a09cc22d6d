"""How much of what was sent has arrived."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

# A message above this size does not fit into the default transport's shared memory.
LARGE_BYTES = 512 * 1024
WINDOW = 50
ENOUGH = 5  # messages before anything is said
MOST = 0.5  # a smaller share than this is "loses most"

REMEDY = (
    'the default transport drops big best-effort messages: start every process with '
    'FASTDDS_DEFAULT_PROFILES_FILE (before Kilted: FASTRTPS_DEFAULT_PROFILES_FILE) set to '
    "this package's config/fastdds.xml, or ask for reliable messages "
    '({name}.qos.reliability: reliable)'
)


class _Message(NamedTuple):
    sequence: int
    bytes: int


class ArrivalStatistics:
    """Counts what is missing between the messages of one publisher, by their sequence numbers.

    The numbers are the transport's own; where it gives none (or two publishers share the topic,
    so that they go up and down) nothing is claimed.
    """

    def __init__(self) -> None:
        self._messages: deque[_Message] = deque(maxlen=WINDOW)

    def add(self, sequence: int | None, size_bytes: int) -> None:
        """Record a message; ``sequence`` is what its publisher numbered it."""
        if sequence is None or (self._messages and sequence <= self._messages[-1].sequence):
            self._messages.clear()
        if sequence is not None:
            self._messages.append(_Message(sequence, size_bytes))

    def reset(self) -> None:
        self._messages.clear()

    def share(self) -> float | None:
        """Return the share of the messages sent that arrived, or None if that is not known."""
        if len(self._messages) < ENOUGH:
            return None
        sent = self._messages[-1].sequence - self._messages[0].sequence
        return (len(self._messages) - 1) / sent

    def complaint(self, name: str, overload: str = '') -> str:
        """Return a sentence with the remedy if a large input loses most of its messages.

        Args:
            name: Of the input.
            overload: That this process does not keep up, if so: then that is the likely cause.
        """
        share = self.share()
        if share is None or share >= MOST or self._messages[-1].bytes < LARGE_BYTES:
            return ''
        megabytes = self._messages[-1].bytes / 1e6
        found = f'only {share:.0%} of its messages of {megabytes:.1f} MB arrive: '
        if overload:
            return f'{found}the CPUs do not keep up, which is the likely cause ({overload})'
        return found + REMEDY.format(name=name)
