"""Opening bags and reading ahead in them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Empty, Full, Queue
import struct
from threading import Event, Thread
from typing import NamedTuple

import apsw
from rosbags.interfaces import Connection, ConnectionExtRosbag2, Qos
from rosbags.rosbag2 import Reader, ReaderError

from robustseg_core.errors import DataError

READ_AHEAD = 32  # messages


class RecordedTopic(NamedTuple):
    """A topic of a bag, and the quality of service its publishers offered, as far as recorded."""

    name: str
    msgtype: str
    messages: int
    qos: tuple[Qos, ...]


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
        DataError: It is missing, damaged, or holds no messages.
    """
    with _open(path) as reader:
        if reader.message_count == 0:
            msg = f'Bag {str(path)!r} holds no messages.'
            raise DataError(msg)
        return BagInfo(
            path,
            tuple(_topic(connection) for connection in reader.connections),
            reader.start_time,
            reader.end_time - 1,  # rosbags counts the end as the first moment after
        )


def read_messages(
    path: Path, topics: Collection[str], start_ns: int | None = None, stop_ns: int | None = None
) -> Iterator[Serialized]:
    """Yield the messages of ``topics`` recorded in [start, stop), in the order of time.

    Raises:
        DataError: The bag is missing or damaged.
    """
    with _open(path) as reader:
        wanted = [connection for connection in reader.connections if connection.topic in topics]
        if not wanted:  # to rosbags an empty list means all
            return
        for connection, time_ns, data in reader.messages(wanted, start_ns, stop_ns):
            yield Serialized(connection.topic, time_ns, bytes(data))


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
        self._thread.join()

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


# What rosbags lets through for files that are not what their names say.
_BROKEN = (ReaderError, apsw.Error, OSError, ValueError, LookupError, EOFError, struct.error)


@contextmanager
def _open(path: Path) -> Iterator[Reader]:
    if not path.exists():
        msg = f'There is no bag {str(path)!r}.'
        raise DataError(msg)
    if path.is_dir() and not (path / 'metadata.yaml').is_file():
        msg = f'{str(path)!r} is no bag: a folder needs metadata.yaml.'
        raise DataError(msg)
    try:
        with Reader(path) as reader:
            yield reader
    except _BROKEN as error:
        msg = f'Bag {str(path)!r} cannot be read: {error!r}.'
        raise DataError(msg) from error


def _topic(connection: Connection) -> RecordedTopic:
    offered = (
        tuple(connection.ext.offered_qos_profiles)
        if isinstance(connection.ext, ConnectionExtRosbag2)
        else ()
    )
    return RecordedTopic(connection.topic, connection.msgtype, connection.msgcount, offered)
