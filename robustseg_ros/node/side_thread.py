"""A thread beside the worker's, for what may take too long to be waited for."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from threading import Condition, Thread
from typing import Generic, TypeVar

Result = TypeVar('Result')


class SideThread(Generic[Result]):
    """A thread that does one task at a time; a newer one takes the place of one that waits.

    However long a task takes, nothing piles up behind it: one runs and at most one waits.

    Args:
        name: Of the thread.
    """

    def __init__(self, name: str) -> None:
        self._changed = Condition()
        self._waiting: tuple[Callable[[], Result], Future[Result]] | None = None
        self._closed = False
        # A daemon: what is stuck in it must not hold up the end of the process.
        self._thread = Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def ask(self, task: Callable[[], Result]) -> Future[Result]:
        """Have ``task`` done next; what was to be next is cancelled."""
        future: Future[Result] = Future()
        with self._changed:
            replaced, self._waiting = self._waiting, (task, future)
            self._changed.notify()
        if replaced is not None:
            replaced[1].cancel()
        return future

    def close(self) -> None:
        """End the thread, at the latest when its task ends; that is not waited for."""
        with self._changed:
            self._closed = True
            waiting, self._waiting = self._waiting, None
            self._changed.notify()
        if waiting is not None:
            waiting[1].cancel()

    def _run(self) -> None:
        while self._do_next():
            pass

    def _do_next(self) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._waiting is not None)
            if self._waiting is None:
                return False
            (task, future), self._waiting = self._waiting, None
        if future.set_running_or_notify_cancel():
            try:
                result = task()
            except Exception as error:  # a boundary: raised again where it is asked for
                future.set_exception(error)
            except BaseException as error:  # a library that would end the program, from a thread
                future.set_exception(RuntimeError(repr(error)))
            else:
                future.set_result(result)
        return True
