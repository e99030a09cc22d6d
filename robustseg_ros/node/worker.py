"""The one thread that owns the model; the newest job wins, and idle time is used."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from threading import Condition, Thread
from typing import Generic, TypeVar

Job = TypeVar('Job')


class Worker(Generic[Job]):
    """A thread that makes its own tools, then does the newest job given to it.

    Where there is no job, it does what was offered: of each kind the newest alone.

    Args:
        load: Makes the function that does a job. Called in the thread, so that whatever it
            loads is owned by that thread from the start.
        on_error: Called in the thread with what a job or task raised; the thread goes on.
    """

    def __init__(
        self, load: Callable[[], Callable[[Job], None]], on_error: Callable[[Exception], None]
    ) -> None:
        self._load = load
        self._on_error = on_error
        self._loaded: Future[None] = Future()
        self._ended: Future[None] = Future()
        self._changed = Condition()
        self._job: Job | None = None
        self._tasks: deque[Callable[[], None]] = deque()
        self._offers: dict[str, Callable[[], None]] = {}
        self._stopping = False
        self._thread = Thread(target=self._run, name='segment-model', daemon=True)

    def begin(self) -> Future[None]:
        """Start the thread; the answer is there once it has loaded, with what loading raised."""
        self._thread.start()
        return self._loaded

    def start(self) -> None:
        """Start the thread and wait until it has loaded; raise what loading raised."""
        self.begin().result()

    def submit(self, job: Job) -> bool:
        """Give the next job; return whether that threw away one which was still waiting."""
        with self._changed:
            superseded = self._job is not None
            self._job = job
            self._changed.notify()
        return superseded

    def offer(self, kind: str, task: Callable[[], None]) -> None:
        """Give a task for idle time, in place of one of the same kind that still waits."""
        with self._changed:
            self._offers.pop(kind, None)  # its turn is that of the new one
            self._offers[kind] = task
            self._changed.notify()

    def run_first(self, task: Callable[[], None]) -> None:
        """Forget the waiting job and all offers, and do ``task`` before any other."""
        with self._changed:
            self._job = None
            self._offers.clear()
            self._tasks.append(task)
            self._changed.notify()

    def end(self) -> Future[None]:
        """Ask the thread to end after what it is doing; the answer is there once it has."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        if self._thread.ident is None and not self._ended.done():
            self._ended.set_result(None)
        return self._ended

    def stop(self, timeout_s: float | None = None) -> bool:
        """End the thread after what it is doing and wait for it; return whether it has ended."""
        self.end()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._work()
        finally:
            self._ended.set_result(None)

    def _work(self) -> None:
        try:
            work = self._load()
        except Exception as error:  # raised again in the thread that waits
            self._loaded.set_exception(error)
            return
        except BaseException as error:  # a library that would end the program, from a thread
            self._loaded.set_exception(RuntimeError(repr(error)))
            return
        self._loaded.set_result(None)
        while (step := self._next(work)) is not None:
            self._do(step)

    def _do(self, step: Callable[[], None]) -> None:
        try:
            step()
        except Exception as error:  # a boundary: one bad job must not end the thread
            self._on_error(error)

    def _next(self, work: Callable[[Job], None]) -> Callable[[], None] | None:
        """Wait for something to do; None means stop."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._stopping or self._tasks or self._job is not None or self._offers
            )
            if self._stopping:
                return None
            if self._tasks:
                return self._tasks.popleft()
            if self._job is None:
                return self._offers.pop(next(iter(self._offers)))
            job, self._job = self._job, None
        return lambda: work(job)
