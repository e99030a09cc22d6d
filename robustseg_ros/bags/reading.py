"""Opening bags and reading ahead in them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
import json
from pathlib import Path
from queue import Empty, Full, Queue
import select
import signal
import subprocess
import sys
from threading import Event, Thread
from typing import Any, NamedTuple

from robustseg_core.errors import DataError
from robustseg_core.quoting import quoted
from robustseg_ros.bags.bag_process import END, ERROR, HEADER, INFO
from robustseg_ros.bags.recorded import RecordedTopic, recorded_topic

READ_AHEAD = 32  # messages
LEAVE_S = 1.0
# A disk that sleeps takes ten seconds to wake.
STALL_S = 60.0
LAST_NS = (2**31 - 1) * 10**9  # the last time that a stamp of ROS can say


class BagInfo(NamedTuple):
    """What a bag holds; times in nanoseconds, from its first message to its last."""

    path: Path
    topics: tuple[RecordedTopic, ...]
    start_ns: int
    end_ns: int


class Serialized(NamedTuple):
    """A message as it was recorded."""

    topic: str
    time_ns: int
    data: bytes


def read_info(path: Path) -> BagInfo:
    """Look into the bag ``path``: a folder with metadata.yaml, an .mcap file or a .db3 file.

    Raises:
        DataError: It is missing, damaged, asks for too much memory or time, or holds no messages.
    """
    with _BagStream(path) as stream:
        for kind, _, _, data in stream:
            if kind == INFO:
                return _info(path, json.loads(data))
    raise _unreadable(path, 'it ended before it said what it holds')


def read_messages(
    path: Path, topics: Collection[str], start_ns: int | None = None, stop_ns: int | None = None
) -> Iterator[Serialized]:
    """Yield the messages of ``topics`` recorded in [start, stop), in the order of time.

    Raises:
        DataError: The bag is missing, damaged, or asks for too much memory or time.
    """
    names = sorted(topics)
    with _BagStream(path, names, start_ns, stop_ns) as stream:
        for _, index, time_ns, data in stream:
            yield Serialized(names[index], time_ns, data)


class ReadAhead:
    """Reads messages in a thread of its own, so that the disk is never waited for; iterate once.

    Args:
        path: The bag.
        topics: Those wanted.
        start_ns: Where to begin.
    """

    def __init__(self, path: Path, topics: Collection[str], start_ns: int) -> None:
        self._arguments = (path, topics, start_ns)
        self._queue: Queue[Serialized | Exception | None] = Queue(READ_AHEAD)
        self._stopped = Event()
        self._thread = Thread(target=self._read, name='read_ahead', daemon=True)

    def __enter__(self) -> ReadAhead:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stopped.set()
        self._thread.join(LEAVE_S)  # it may be waiting for a disk

    def __iter__(self) -> Iterator[Serialized]:
        """Yield the messages in the order of time.

        Raises:
            DataError: The bag is damaged.
        """
        while (item := self._next()) is not None:
            if isinstance(item, Exception):
                raise item
            yield item

    def _next(self) -> Serialized | Exception | None:
        # A thread that dies without a last word must not be waited for for ever.
        while self._thread.is_alive() or not self._queue.empty():
            with suppress(Empty):
                return self._queue.get(timeout=0.2)
        return DataError(f'Reading bag {str(self._arguments[0])!r} broke off.')

    def _read(self) -> None:
        try:
            for message in read_messages(*self._arguments):
                if not self._put(message):
                    return
            self._put(None)
        except DataError as error:
            self._put(error)

    def _put(self, item: Serialized | Exception | None) -> bool:
        while not self._stopped.is_set():
            try:
                self._queue.put(item, timeout=0.1)
            except Full:
                continue
            return True
        return False


class _BagStream:
    """What a ``bag_process`` answers; iterate once, and leave it whenever you like.

    Args:
        path: The bag.
        topics: Those whose messages are wanted; None = only what the bag holds.
        start_ns: Of the messages, None = from the first.
        stop_ns: First time no longer wanted, None = to the last.

    Raises:
        DataError: There is no such bag.
    """

    def __init__(
        self,
        path: Path,
        topics: Sequence[str] | None = None,
        start_ns: int | None = None,
        stop_ns: int | None = None,
    ) -> None:
        if not path.exists():
            msg = f'There is no bag {str(path)!r}.'
            raise DataError(msg)
        if path.is_dir() and not (path / 'metadata.yaml').is_file():
            msg = f'{str(path)!r} is no bag: a folder needs metadata.yaml.'
            raise DataError(msg)
        self._path = path
        self._request = {
            'path': str(path),
            'topics': topics,
            'start': start_ns,
            'stop': stop_ns,
        }

    def __enter__(self) -> _BagStream:
        self._process = subprocess.Popen(
            [sys.executable, '-m', 'robustseg_ros.bags.bag_process'],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            start_new_session=True,  # Ctrl-C is for who reads, who then ends it
        )
        assert self._process.stdin is not None  # it is a pipe
        with suppress(BrokenPipeError), self._process.stdin as stdin:
            stdin.write(json.dumps(self._request).encode())
        return self

    def __exit__(self, *error: object) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None  # it is a pipe
        self._process.stdout.close()

    def __iter__(self) -> Iterator[tuple[int, int, int, bytes]]:
        """Yield kind, index of the topic, time (ns), and content of each frame.

        Raises:
            DataError: The bag cannot be read.
        """
        while True:
            kind, index, time_ns, size = HEADER.unpack(self._read(HEADER.size))
            data = self._read(size)
            if kind == ERROR:
                raise _unreadable(self._path, data.decode(errors='replace'))
            if kind == END:
                return
            yield kind, index, time_ns, data

    def _read(self, size: int) -> bytes:
        stdout = self._process.stdout
        assert stdout is not None  # it is a pipe
        content = bytearray(size)
        view, filled = memoryview(content), 0
        while filled < size:
            ready, _, _ = select.select([stdout], [], [], STALL_S)
            if not ready:
                raise _unreadable(self._path, f'nothing came for {STALL_S:g} s')
            count = stdout.readinto(view[filled:])  # type: ignore[attr-defined]
            if not count:
                raise _unreadable(self._path, self._how_it_ended())
            filled += count
        return bytes(content)

    def _how_it_ended(self) -> str:
        status = self._process.wait()
        if status in {-signal.SIGXCPU, -signal.SIGKILL}:
            return 'reading it took too much time or memory and was ended'
        return f'reading it broke off with exit status {status}'


def _unreadable(path: Path, reason: str) -> DataError:
    return DataError(f'Bag {str(path)!r} cannot be read: {reason}.')


def _info(path: Path, found: Any) -> BagInfo:
    times = found['start'], found['end']
    if found['messages'] == 0:
        msg = f'Bag {str(path)!r} holds no messages.'
        raise DataError(msg)
    if not all(type(each) is int for each in times) or not 0 <= times[0] <= times[1] <= LAST_NS:
        msg = (
            f'Bag {str(path)!r} says that it goes from {quoted(times[0])} to {quoted(times[1])} '
            f'ns; wanted times from 0 to {LAST_NS}, the last that ROS has.'
        )
        raise DataError(msg)
    topics: dict[tuple[str, str], RecordedTopic] = {}
    for each in found['topics']:
        topic = recorded_topic(path, *each)
        key = topic.name, topic.msgtype
        if (same := topics.get(key)) is not None:  # some recorders split by publisher
            count = topic.messages + same.messages
            topic = topic._replace(messages=count, qos=(*same.qos, *topic.qos))
        topics[key] = topic
    return BagInfo(path, tuple(topics.values()), *times)
