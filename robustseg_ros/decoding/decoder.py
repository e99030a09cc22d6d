"""One input's decoder: a thread that has pictures decoded in a process, the newest first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Condition, Thread
from typing import Any, Generic, TypeVar

from numpy.typing import NDArray

from robustseg_core.errors import SensorError
from robustseg_core.quoting import quoted
from robustseg_ros.decoding.job import Job
from robustseg_ros.decoding.process import DecoderProcess

Tag = TypeVar('Tag')
# From a process that could not be started to the next try.
RETRY_S = 1.0
STOP_LIMIT_S = 1.0


@dataclass(frozen=True)
class Decoded(Generic[Tag]):
    """What has become of a job.

    Attributes:
        tag: As it was given.
        job: As it was given.
        pixels: The picture, or None where it could not be decoded.
        error: Why, or empty.
    """

    tag: Tag
    job: Job
    pixels: NDArray[Any] | None
    error: str = ''


class Decoder(Generic[Tag]):
    """Has pictures decoded, one at a time; of those that wait only the newest is kept.

    A picture that takes too long, or ends the process, costs only the time of a new process.

    Args:
        name: Of the input.
        limit_s: For one picture.
        notify: Called in the decoder's thread when there is something for ``finished``.
    """

    def __init__(self, name: str, limit_s: float, notify: Callable[[], None]) -> None:
        self._limit_s = limit_s
        self._notify = notify
        self._finished: SimpleQueue[Decoded[Tag]] = SimpleQueue()
        self._changed = Condition()
        self._waiting: tuple[Tag, Job] | None = None
        self._process: DecoderProcess | None = None
        self._stopping = False
        self._thread = Thread(target=self._run, name=f'decode-{name}', daemon=True)
        self._thread.start()

    @property
    def pid(self) -> int | None:
        """The process that decodes, if there is one just now."""
        process = self._process
        return None if process is None else process.pid

    def submit(self, tag: Tag, job: Job) -> Tag | None:
        """Have ``job`` decoded next; return the tag of the one whose place it took, if any."""
        with self._changed:
            displaced, self._waiting = self._waiting, (tag, job)
            self._changed.notify()
        return None if displaced is None else displaced[0]

    def finished(self) -> list[Decoded[Tag]]:
        """Return what has been finished since this was last asked, in its order."""
        return [self._finished.get() for _ in range(self._finished.qsize())]

    def close(self) -> None:
        """End the process and the thread at once, whatever they are doing."""
        with self._changed:
            self._stopping = True
            if self._process is not None:
                self._process.kill()
            self._changed.notify()
        self._thread.join(STOP_LIMIT_S)

    def _run(self) -> None:
        while not self._stopping:
            self._try_to_serve()

    def _try_to_serve(self) -> None:
        try:
            self._serve()
        except Exception as error:  # a boundary: what fails, fails for one picture
            self._fail(f'no decoder: {type(error).__name__}: {error}')

    def _serve(self) -> None:
        """Start a process and have pictures decoded until it ends."""
        process = DecoderProcess()
        try:
            with self._changed:
                self._process = process
                if self._stopping:
                    return
            process.wait_until_ready()
            while not process.is_over and (task := self._next()) is not None:
                self._finish(*task, process)
        finally:
            with self._changed:
                self._process = None
            process.close()

    def _next(self) -> tuple[Tag, Job] | None:
        """Wait for something to decode; None means stop."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopping or self._waiting is not None)
            task, self._waiting = self._waiting, None
            return None if self._stopping else task

    def _finish(self, tag: Tag, job: Job, process: DecoderProcess) -> None:
        try:
            done = Decoded(tag, job, process.decode(job, self._limit_s))
        except SensorError as error:
            done = Decoded(tag, job, None, f'Compressed image {quoted(job.format)}: {error}')
        self._put(done)

    def _fail(self, reason: str) -> None:
        """Tell of a process that cannot be had, and wait before the next try."""
        with self._changed:
            task, self._waiting = self._waiting, None
        if task is not None:
            self._put(Decoded(*task, None, reason))
        with self._changed:
            self._changed.wait_for(lambda: self._stopping, RETRY_S)

    def _put(self, done: Decoded[Tag]) -> None:
        self._finished.put(done)
        if not self._stopping:
            self._notify()
