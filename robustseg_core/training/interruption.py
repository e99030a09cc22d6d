"""Signals that end a run: it says how to go on, and its exit status is that of a failure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
import os
import signal
from threading import Timer, current_thread, main_thread
from typing import Any

import lightning
from lightning.pytorch.callbacks import Callback

SIGNALS = (signal.SIGINT, signal.SIGTERM)
SECONDS_TO_END = 30.0


class Interrupted(BaseException):
    """A signal asks the run to end; like KeyboardInterrupt it is no Exception.

    Attributes:
        status: The exit status that a shell gives to what such a signal has ended: 130 for
            Ctrl-C, 143 for SIGTERM. With 0 ``train && evaluate`` would go on.
    """

    def __init__(self, number: int) -> None:
        super().__init__(f'Ended by {signal.Signals(number).name}.')
        self.status = 128 + number


@contextmanager
def interruptible(
    tell: Callable[[Interrupted], None], seconds: float = SECONDS_TO_END
) -> Iterator[None]:
    """Have the first SIGINT or SIGTERM raise ``Interrupted`` within the block.

    A second one of the same kind ends the process at once; so does time, since what clears up may
    wait for a process that is no more.

    Args:
        tell: Called, from another thread, where the block has not ended in time.
        seconds: So much time it has.
    """
    if current_thread() is not main_thread():  # which alone may set handlers
        yield
        return
    owner = os.getpid()
    late: list[Timer] = []

    def interrupt(number: int, _frame: Any) -> None:
        if os.getpid() != owner:
            # A forked process that reads frames, which Ctrl-C reaches too; torch knows how.
            raise KeyboardInterrupt
        for each in SIGNALS:
            signal.signal(each, signal.SIG_DFL if each == number else signal.SIG_IGN)
        end = Interrupted(number)
        late.append(Timer(seconds, _end_now, (end, tell)))
        late[0].daemon = True
        late[0].start()
        raise end

    before = {each: signal.signal(each, interrupt) for each in SIGNALS}
    try:
        yield
    finally:
        for timer in late:
            timer.cancel()
        for each, handler in before.items():
            signal.signal(each, handler)


def _end_now(end: Interrupted, tell: Callable[[Interrupted], None]) -> None:
    tell(end)
    os._exit(end.status)


class OwnSignals(Callback):
    """Has signals interrupt training as they do outside of it, in all its processes.

    Lightning's own handler waits for a batch to end, which then ends with status 0. With several
    processes it talks to the others from within a signal, where they may wait for something else.
    """

    def __init__(self) -> None:
        self._handler = signal.getsignal(signal.SIGTERM)

    def on_train_start(self, *_: Any) -> None:
        # By now Lightning has put its own in place; it puts this one back at the end.
        if current_thread() is main_thread():
            signal.signal(signal.SIGTERM, self._handler)

    def on_exception(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,  # noqa: ARG002
        exception: BaseException,  # noqa: ARG002
    ) -> None:
        """End the processes that this one has started: they write nothing, and may hang."""
        launcher: Any = trainer.strategy.launcher
        if started := getattr(launcher, 'procs', []):
            launcher.kill(signal.SIGKILL)
            # Or Lightning's watch over them would kill this process before it has said why.
            started.clear()
