"""Reading ahead in bags."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip('rosbags')

from robustseg_core.errors import DataError
from robustseg_ros.bags import channels, messages, reading
from robustseg_ros.bags.channels import Channel, Record
from robustseg_ros.bags.reading import ReadAhead, read_info, read_messages
from robustseg_ros.bags.writer import BagWriter

TEXT = Channel('/text', 'std_msgs/msg/String')
COUNT = 3 * reading.READ_AHEAD


@pytest.fixture(scope='module')
def bag(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp('bags') / 'bag.mcap'
    with BagWriter(path) as writer:
        writer.write(Record(channels.CONDITION, 99, messages.text('first')))
        for index in range(COUNT):
            writer.write(Record(TEXT, 100 + index, messages.text(str(index))))
    return path


def test_info_tells_topics_and_times(bag: Path) -> None:
    info = read_info(bag)
    assert (info.start_ns, info.end_ns) == (99, 99 + COUNT)
    counts = {topic.name: (topic.msgtype, topic.messages) for topic in info.topics}
    assert counts['/text'] == ('std_msgs/msg/String', COUNT)
    assert counts['/ground_truth/condition'][1] == 1
    qos = {topic.name: topic.qos for topic in info.topics}
    assert qos['/ground_truth/condition'] == (channels.LATCHED,)


def test_messages_are_those_of_the_topics_in_the_interval(bag: Path) -> None:
    found = [message.time_ns for message in read_messages(bag, {'/text'}, 105, 108)]
    assert found == [105, 106, 107]
    assert list(read_messages(bag, set())) == []


def test_reading_ahead_gives_every_message_in_order(bag: Path) -> None:
    with ReadAhead(bag, ['/text'], 101) as ahead:
        assert [message.time_ns for message in ahead] == list(range(101, 100 + COUNT))


def test_reader_that_is_left_early_ends_its_thread(bag: Path) -> None:
    with ReadAhead(bag, ['/text'], 0) as ahead:
        next(iter(ahead))
    assert not ahead._thread.is_alive()


@pytest.mark.parametrize('error', [DataError('broken'), ZeroDivisionError()])
@pytest.mark.filterwarnings('ignore::pytest.PytestUnhandledThreadExceptionWarning')
def test_failure_of_the_reading_thread_reaches_the_player(
    bag: Path, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> Iterator[Any]:
        yield from list(read_messages(bag, {'/text'}))[:2]
        raise error

    monkeypatch.setattr(reading, 'read_messages', fail)
    with ReadAhead(bag, ['/text'], 0) as ahead, pytest.raises(DataError, match='broke'):
        list(ahead)


def test_bag_without_messages_is_refused(tmp_path: Path) -> None:
    with BagWriter(tmp_path / 'bag'):
        pass
    with pytest.raises(DataError, match='holds no messages'):
        read_info(tmp_path / 'bag')
