"""Writing a bag: what is not complete is never there under its name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
import shutil
import sqlite3
import tempfile
from types import TracebackType

from rosbags.interfaces import Connection
from rosbags.rosbag2 import StoragePlugin, Writer

from robustseg_core.errors import DataError, WriteError
from robustseg_core.quoting import quoted
from robustseg_ros.bags.channels import Channel, Record
from robustseg_ros.bags.definitions import typestore

STORAGES = {'mcap': StoragePlugin.MCAP, 'sqlite3': StoragePlugin.SQLITE3}
# A path with one of these endings is a single file, any other a folder with metadata.yaml;
# ``ros2 bag play`` and our player take both.
FILE_STORAGES = {'.mcap': 'mcap', '.db3': 'sqlite3'}


def storage_of(path: Path, storage: str | None) -> str:
    """Return the storage that a bag at ``path`` gets.

    Args:
        path: Where the bag will be.
        storage: ``mcap``, ``sqlite3``, or None to let the ending decide (mcap for folders).

    Raises:
        DataError: ``storage`` contradicts the ending.
    """
    implied = FILE_STORAGES.get(path.suffix)
    if storage is not None and implied is not None and storage != implied:
        msg = f'{str(path)!r} is a file of {implied}, but the storage asked for is {storage!r}.'
        raise DataError(msg)
    return storage or implied or 'mcap'


class BagWriter:
    """Writes records to a new bag, which appears under its name when it is complete.

    What cannot be written, on a full disk for one, is a WriteError of any method, and leaves
    nothing; what was there stays.

    Args:
        path: ``NAME.mcap`` or ``NAME.db3`` for a single file, else a folder.
        storage: See ``storage_of``.
        overwrite: Whether a bag that is there already may be replaced.

    Raises:
        DataError: ``path`` exists and may not, or is no bag, so that it is never replaced.
    """

    def __init__(self, path: Path, storage: str | None = None, *, overwrite: bool = False) -> None:
        self._path = path
        self._storage = storage_of(path, storage)
        if path.exists() and not overwrite:
            msg = f'{str(path)!r} exists already; give another name, or --overwrite.'
            raise DataError(msg)
        if path.exists() and not _is_bag(path):
            msg = f'{str(path)!r} is not a bag and will not be overwritten.'
            raise DataError(msg)
        self._connections: dict[str, Connection] = {}

    def __enter__(self) -> BagWriter:
        with self._telling():
            self._path.parent.mkdir(parents=True, exist_ok=True)
            folder = tempfile.mkdtemp(prefix=f'.{self._path.name}.', dir=self._path.parent)
        self._folder = Path(folder)
        single = self._path.suffix in FILE_STORAGES
        self._bag = self._folder / (self._path.stem if single else self._path.name)
        self._writer = Writer(self._bag, version=9, storage_plugin=STORAGES[self._storage])
        try:
            with self._telling():
                self._writer.open()
        except BaseException:
            self._give_up()
            raise
        return self

    def write(self, record: Record) -> None:
        """Append a record; those of one topic are in the order of time."""
        channel = record.channel
        data = typestore().serialize_cdr(record.message, channel.msgtype)
        with self._telling():
            connection = self._connections.get(channel.topic) or self._connect(channel)
            self._writer.write(connection, record.time_ns, data)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                with self._telling():
                    self._writer.close()
                    _remove(self._path)
                    self._written().rename(self._path)
        finally:
            self._give_up()

    def _written(self) -> Path:
        """Return the file or folder that becomes the bag."""
        if self._path.suffix in FILE_STORAGES:
            return self._bag / f'{self._bag.name}{self._path.suffix}'
        return self._bag

    def _give_up(self) -> None:
        """Close and remove what has not become the bag."""
        with suppress(OSError, sqlite3.Error):  # what was not written yet does not fit either
            self._writer.abort()
        shutil.rmtree(self._folder, ignore_errors=True)

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except (OSError, sqlite3.Error) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            msg = f'{quoted(self._path)} cannot be written: {reason}.'
            raise WriteError(msg) from error

    def _connect(self, channel: Channel) -> Connection:
        connection = self._writer.add_connection(
            channel.topic,
            channel.msgtype,
            typestore=typestore(),
            offered_qos_profiles=[channel.qos],
        )
        self._connections[channel.topic] = connection
        return connection


def _is_bag(path: Path) -> bool:
    return path.suffix in FILE_STORAGES if path.is_file() else (path / 'metadata.yaml').is_file()


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
