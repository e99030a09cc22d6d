"""The end of the process: on SIGINT and SIGTERM, at any moment, in time and with status 0."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
import os
import signal
import sys
from threading import Event, Thread

SIGNALS = (signal.SIGINT, signal.SIGTERM)
# From the signal to the end of the process, whatever still holds it; people expect two seconds.
DEADLINE_S = 1.2


class Ending:
    """Ends the process when it is told to.

    Python runs its signal handlers in the main thread, and only once that returns from whatever
    library it is in. What C itself does at once is write to a pipe: a thread reads it, asks for an
    orderly end, and after ``deadline_s`` ends the process without one. Until ``orderly`` is called
    there is nothing to be left in order, and the process ends at once.

    What is beyond this: signals before the interpreter runs our first line, and a library that
    keeps Python's lock for longer than the deadline.

    Args:
        deadline_s: Seconds from the signal to the end.
    """

    def __init__(self, deadline_s: float = DEADLINE_S) -> None:
        self._deadline_s = deadline_s
        self._asked = Event()
        self._orderly = Event()
        self._wake: Callable[[], None] = _nothing

    @property
    def asked(self) -> bool:
        """Whether the process was told to end."""
        return self._asked.is_set()

    def watch(self) -> None:
        """Take over SIGINT and SIGTERM; to be called in the main thread, before all else."""
        read_end, write_end = os.pipe()
        os.set_blocking(write_end, False)
        signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
        Thread(target=self._wait, args=(read_end,), name='ending', daemon=True).start()
        for number in SIGNALS:
            signal.signal(number, self._on_signal)

    def orderly(self, wake: Callable[[], None] | None = None) -> None:
        """Say that from now on there is something to be left in order.

        Args:
            wake: Called in another thread once the process is told to end: makes the main thread
                look at ``asked``.
        """
        if wake is not None:
            self._wake = wake
        self._orderly.set()
        if self.asked:  # told just before ``wake`` was known
            self._wake()

    def leave(self, status: int) -> None:
        """End the process at once: nothing of it is waited for, neither thread nor library."""
        with suppress(OSError):  # nobody reads them any more
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)

    def _on_signal(self, number: int, frame: object) -> None:  # noqa: ARG002
        if not self._orderly.is_set():
            os._exit(0)

    def _wait(self, read_end: int) -> None:
        os.read(read_end, 1)
        if not self._orderly.is_set():
            os._exit(0)
        self._asked.set()
        self._wake()
        # The main thread ends the process; if it has not done so by then, this one does.
        Event().wait(self._deadline_s)
        os._exit(0)


def _nothing() -> None:
    """Wake nobody: the main thread is on its way."""
