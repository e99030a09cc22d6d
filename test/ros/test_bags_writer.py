"""Writing bags."""

from collections.abc import Iterable, Iterator
from pathlib import Path
import resource
from typing import Any

import pytest

pytest.importorskip('rosbags')

from rosbags.highlevel import AnyReader
from rosbags.interfaces import QosDurability, QosReliability

from robustseg_core.errors import DataError, WriteError
from robustseg_ros.bags import channels, messages
from robustseg_ros.bags.channels import Channel, Record
from robustseg_ros.bags.writer import BagWriter

TEXT = Channel('/text', 'std_msgs/msg/String')


def write(path: Path, values: Iterable[str], **options: Any) -> None:
    with BagWriter(path, **options) as writer:
        for index, value in enumerate(values):
            writer.write(Record(TEXT, 10 + index, messages.text(value)))


def read(path: Path) -> list[tuple[str, int, str]]:
    with AnyReader([path]) as reader:
        return [
            (connection.topic, time_ns, reader.deserialize(data, connection.msgtype).data)
            for connection, time_ns, data in reader.messages()
        ]


@pytest.mark.parametrize(
    ('name', 'storage', 'files'),
    [
        ('bag.mcap', None, ['bag.mcap']),
        ('bag.db3', None, ['bag.db3']),
        ('bag', None, ['bag/bag.mcap', 'bag/metadata.yaml']),
        ('bag', 'sqlite3', ['bag/bag.db3', 'bag/metadata.yaml']),
    ],
)
def test_name_decides_between_file_and_folder(
    name: str, storage: str | None, files: list[str], tmp_path: Path
) -> None:
    write(tmp_path / name, ['a', 'b'], storage=storage)
    found = [path for path in tmp_path.rglob('*') if path.is_file()]
    assert sorted(str(path.relative_to(tmp_path)) for path in found) == files
    assert read(tmp_path / name) == [('/text', 10, 'a'), ('/text', 11, 'b')]


def test_storage_must_fit_the_name(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"bag.mcap' is a file of mcap.* is 'sqlite3'"):
        BagWriter(tmp_path / 'bag.mcap', 'sqlite3')


def test_bag_that_is_there_is_kept_unless_told(tmp_path: Path) -> None:
    path = tmp_path / 'bag'
    write(path, ['old'])
    with pytest.raises(DataError, match=r"bag' exists already; give another name, or --overwrite"):
        write(path, ['new'])
    assert read(path)[0][2] == 'old'
    write(path, ['new'], overwrite=True)
    assert read(path)[0][2] == 'new'


def test_what_is_no_bag_is_never_overwritten(tmp_path: Path) -> None:
    precious = tmp_path / 'home' / 'thesis.tex'
    precious.parent.mkdir()
    precious.touch()
    with pytest.raises(DataError, match='is not a bag and will not be overwritten'):
        write(tmp_path / 'home', ['x'], overwrite=True)
    assert precious.exists()


def test_failure_half_way_leaves_nothing_and_keeps_the_old(tmp_path: Path) -> None:
    path = tmp_path / 'bag.mcap'
    write(path, ['old'])

    def records() -> Iterator[str]:
        yield 'half'
        raise DataError('a broken file')

    with pytest.raises(DataError, match='a broken file'):
        write(path, records(), overwrite=True)
    assert [entry.name for entry in tmp_path.iterdir()] == ['bag.mcap']
    assert read(path)[0][2] == 'old'


@pytest.mark.parametrize('name', ['bag.mcap', 'bag.db3', 'bag'])
def test_a_full_disk_is_one_line_and_leaves_the_old_alone(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    write(path, ['old'])
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    # Writing fails in the midst of a file that grows larger, as on a disk that is full.
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, before[1]))
    try:
        with pytest.raises(WriteError, match=f"{name}' cannot be written: ") as caught:
            write(path, ['x' * 100_000 for _ in range(100)], overwrite=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert len(str(caught.value).splitlines()) == 1
    assert [entry.name for entry in tmp_path.iterdir()] == [name]
    assert read(path)[0][2] == 'old'


def test_missing_parents_are_made(tmp_path: Path) -> None:
    write(tmp_path / 'deep' / 'down' / 'bag.mcap', ['a'])
    assert read(tmp_path / 'deep' / 'down' / 'bag.mcap')


def test_quality_of_service_is_recorded(tmp_path: Path) -> None:
    path = tmp_path / 'bag'
    transforms = messages.static_transforms('base', {}, 1)
    with BagWriter(path) as writer:
        writer.write(Record(TEXT, 1, messages.text('a')))
        writer.write(Record(channels.TF_STATIC, 1, transforms))
    with AnyReader([path]) as reader:
        offered = {c.topic: c.ext.offered_qos_profiles for c in reader.connections}
    (text,), (tf_static,) = offered['/text'], offered['/tf_static']
    assert (text.durability, text.reliability) == (QosDurability.VOLATILE, QosReliability.RELIABLE)
    assert tf_static.durability == QosDurability.TRANSIENT_LOCAL
    assert tf_static.depth == 1
