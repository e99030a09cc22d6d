"""Bags from strangers: nothing they name is run, nothing they claim is believed."""

from collections.abc import Callable
import os
from pathlib import Path
import signal
import sqlite3
import struct
import sys
import time
from typing import Any

import pytest

pytest.importorskip('rosbags')
pytest.importorskip('rclpy')

from rosbags.interfaces import (
    Qos,
    QosDurability,
    QosHistory,
    QosLiveliness,
    QosReliability,
    QosTime,
)
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from robustseg_core.errors import DataError
from robustseg_ros.bags import play
from robustseg_ros.bags.message_packages import message_class
from robustseg_ros.bags.play_options import PlayOptions, choose_topics
from robustseg_ros.bags.reading import read_info, read_messages

STORE = get_typestore(Stores.ROS2_JAZZY)
TEXT = 'std_msgs/msg/String'
DATA = bytes(STORE.serialize_cdr(STORE.types[TEXT]('text'), TEXT))


def qos(depth: int) -> Qos:
    none = QosTime(0, 0)
    return Qos(
        QosHistory.KEEP_LAST, depth, QosReliability.RELIABLE, QosDurability.VOLATILE, none, none,
        QosLiveliness.AUTOMATIC, none, avoid_ros_namespace_conventions=False,
    )  # fmt: skip


@pytest.fixture
def make_bag(tmp_path: Path) -> Callable[..., Path]:
    def make(
        topic: str = '/text',
        msgtype: str = TEXT,
        depth: int = 10,
        storage: StoragePlugin = StoragePlugin.MCAP,
        compression: CompressionMode = CompressionMode.NONE,
        data: bytes = DATA,
    ) -> Path:
        path = tmp_path / 'bag'
        writer = Writer(path, version=9, storage_plugin=storage)
        if compression != CompressionMode.NONE:
            writer.set_compression(compression, CompressionFormat.ZSTD)
        with writer:
            connection = writer.add_connection(
                topic,
                msgtype,
                msgdef='string data',
                rihs01='RIHS01_' + 64 * '0',
                offered_qos_profiles=[qos(depth)],
            )
            for time_ns in range(1000, 1010):
                writer.write(connection, time_ns, data)
        return path

    return make


def refusal(path: Path, capsys: Any) -> str:
    """Return the one line that ``bags.play`` says."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        assert play.main([str(path), '--default-transport']) == 1
    finally:
        signal.signal(signal.SIGTERM, before)
    error = capsys.readouterr().err
    assert len(error.splitlines()) == 1
    assert str(path) in error
    return error


def test_a_module_that_a_type_names_is_not_imported(
    make_bag: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / 'evil_module').mkdir()
    (tmp_path / 'evil_module' / '__init__.py').write_text(
        f'open({str(tmp_path / "was_here")!r}, "w").close()'
    )
    (tmp_path / 'evil_module' / 'msg.py').write_text('class X: ...')
    monkeypatch.syspath_prepend(tmp_path)
    make_bag(msgtype='evil_module/msg/X')
    topic = read_info(tmp_path / 'bag').topics[0]
    assert message_class(topic.msgtype) is None
    assert 'evil_module' not in sys.modules
    assert not (tmp_path / 'was_here').exists()


def test_installed_types_are_found_and_others_are_none() -> None:
    assert message_class(TEXT).__name__ == 'String'  # type: ignore[union-attr]
    for text in (
        'sensor_msgs/msg/Nothing', 'sensor_msgs/msg/__name__', '.x/msg/X', '/msg/X', '..', '',
        'os/msg/PathLike', 'sensor_msgs/msg/Image\n', 'sensor_msgs.msg/msg/Image', 'a' * 10**6,
    ):  # fmt: skip
        assert message_class(text) is None


@pytest.mark.parametrize('msgtype', ['.x/msg/X', '/msg/X', 'sensor_msgs/msg/__name__', 'a b', ''])
def test_a_type_that_is_none_is_one_line(make_bag: Any, capsys: Any, msgtype: str) -> None:
    assert 'of type' in refusal(make_bag(msgtype=msgtype), capsys)


@pytest.mark.parametrize(
    'topic', ['/a b', '', 'relative', '/', '/a//b', '/0', '/a' * 200, '/\n'], ids=repr
)
def test_a_topic_that_is_none_is_one_line(make_bag: Any, capsys: Any, topic: str) -> None:
    assert 'has a topic' in refusal(make_bag(topic), capsys)


@pytest.mark.parametrize('depth', [2**40, -5])
def test_a_queue_that_is_none_is_one_line(make_bag: Any, capsys: Any, depth: int) -> None:
    assert f"with a queue of '{depth}' messages; wanted 0 to" in refusal(
        make_bag(depth=depth), capsys
    )


def test_what_is_left_out_may_be_anything(make_bag: Any) -> None:
    info = read_info(make_bag('/a b'))
    with pytest.raises(DataError, match='No topic'):
        choose_topics(info, PlayOptions(exclude=('/a b',)))


@pytest.mark.parametrize(
    'content',
    [
        '[' * 100_000,
        '{a: ' * 100_000,
        '- ' * 100_000,
        'a: &a [x]\n' + ''.join(f'{"bcdefghij"[i]}: &{"bcdefghij"[i]} '
        f'[{", ".join(["*" + "abcdefghij"[i]] * 10)}]\n' for i in range(9)),
        'a: ' + 'x' * (5 << 20),
        'rosbag2_bagfile_information: {version: 9}',
        'rosbag2_bagfile_information: 5',
        '\0',
    ],
    ids=['lists', 'mappings', 'dashes', 'laughs', 'large', 'empty', 'number', 'binary'],
)  # fmt: skip
def test_metadata_that_is_none_is_one_line_soon(make_bag: Any, capsys: Any, content: str) -> None:
    path = make_bag()
    (path / 'metadata.yaml').write_text(content)
    begin = time.monotonic()
    refusal(path, capsys)
    assert time.monotonic() - begin < 30


def test_what_unpacks_to_more_than_there_may_be_is_one_line(make_bag: Any, capsys: Any) -> None:
    in_python = sys.version_info >= (3, 14)
    zstd = pytest.importorskip('compression.zstd' if in_python else 'backports.zstd')
    path = make_bag(compression=CompressionMode.MESSAGE, storage=StoragePlugin.SQLITE3)
    compressor = zstd.ZstdCompressor()
    parts = [compressor.compress(bytes(1 << 26)) for _ in range(48)]
    bomb = b''.join([*parts, compressor.flush()])  # 3 GiB in a few hundred kB
    with sqlite3.connect(path / 'bag.db3') as database:
        database.execute('UPDATE messages SET data = ?', (bomb,))
    with pytest.raises(DataError, match='MemoryError'):
        list(read_messages(path, ['/text']))
    assert 'MemoryError' in refusal(path, capsys)


def test_a_database_that_never_ends_is_one_line(make_bag: Any, monkeypatch: Any) -> None:
    path = make_bag(storage=StoragePlugin.SQLITE3) / 'bag.db3'
    with sqlite3.connect(path) as database:
        database.execute('ALTER TABLE messages RENAME TO old')
        database.execute(
            'CREATE TABLE messages(id INTEGER PRIMARY KEY, topic_id INTEGER, timestamp INTEGER, '
            'data BLOB)'
        )
        database.execute('DROP TABLE messages')
        database.execute(
            'CREATE VIEW messages AS WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 '
            "FROM n) SELECT id, 1 AS topic_id, id AS timestamp, x'00' AS data FROM n"
        )
    begin = time.monotonic()
    with pytest.raises(DataError, match='cannot be read'):
        read_info(path)
    assert time.monotonic() - begin < 60


def test_a_pipe_in_place_of_a_bag_is_not_waited_for(tmp_path: Path, capsys: Any) -> None:
    os.mkfifo(tmp_path / 'pipe.mcap')
    assert 'is a pipe; wanted a regular file' in refusal(tmp_path / 'pipe.mcap', capsys)
    (tmp_path / 'bag').mkdir()
    os.mkfifo(tmp_path / 'bag' / 'metadata.yaml')
    assert 'a folder needs metadata.yaml' in refusal(tmp_path / 'bag', capsys)


@pytest.mark.parametrize('size', [2**40, 2**63 - 1, 2**64 - 1])
def test_a_record_of_absurd_size_is_one_line(make_bag: Any, capsys: Any, size: int) -> None:
    path = make_bag() / 'bag.mcap'
    content = bytearray(path.read_bytes())
    content[9:17] = struct.pack('<Q', size)
    path.write_bytes(content)
    assert 'cannot be read' in refusal(path, capsys)
