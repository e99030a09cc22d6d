"""Replaying bags over real DDS."""

from collections.abc import Iterator
from dataclasses import dataclass, field
import os
from pathlib import Path
import re
import signal
import subprocess
import sys
import time
from typing import Any

import pytest

rclpy = pytest.importorskip('rclpy')

from rclpy.qos import (  # noqa: E402
    DurabilityPolicy,
    HistoryPolicy,
    QoSProfile,
    ReliabilityPolicy,
)
from rosbags.interfaces import (  # noqa: E402
    Qos,
    QosDurability,
    QosHistory,
    QosLiveliness,
    QosReliability,
    QosTime,
)
from rosbags.rosbag2 import StoragePlugin, Writer  # noqa: E402
from rosbags.typesys import Stores, get_types_from_msg, get_typestore  # noqa: E402
from rosgraph_msgs.msg import Clock  # noqa: E402
from std_msgs.msg import String  # noqa: E402

from robustseg_core.errors import ConfigError, DataError  # noqa: E402
from robustseg_ros.bags import play  # noqa: E402
from robustseg_ros.bags.channels import Channel, Record  # noqa: E402
from robustseg_ros.bags.play_options import PlayOptions  # noqa: E402
from robustseg_ros.bags.player import BagPlayer  # noqa: E402
from robustseg_ros.bags.replay_qos import replay_qos  # noqa: E402
from robustseg_ros.bags.writer import BagWriter  # noqa: E402
from robustseg_ros.node.initialised import initialised  # noqa: E402

pytestmark = pytest.mark.ros

START_NS = 1_000 * 10**9
PERIOD_NS = 50_000_000
COUNT = 20
WAIT = ('--wait-for-subscribers', '8')
LATCHED = QoSProfile(
    depth=1,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
    reliability=ReliabilityPolicy.RELIABLE,
)


def qos(
    durability: QosDurability = QosDurability.VOLATILE,
    reliability: QosReliability = QosReliability.RELIABLE,
    depth: int = 7,
) -> Qos:
    none = QosTime(0, 0)
    history, liveliness = QosHistory.KEEP_LAST, QosLiveliness.AUTOMATIC
    return Qos(history, depth, reliability, durability, none, none, liveliness, none, False)


@pytest.fixture(scope='module')
def bag(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One second: /a and /b at 20 Hz, /latched once, /thing of a type nobody has."""
    store = get_typestore(Stores.ROS2_JAZZY)
    store.register(get_types_from_msg('uint8 value', 'nowhere_msgs/msg/Thing'))
    text, thing = store.types['std_msgs/msg/String'], store.types['nowhere_msgs/msg/Thing']
    path = tmp_path_factory.mktemp('bags') / 'bag'
    with Writer(path, version=9, storage_plugin=StoragePlugin.MCAP) as writer:

        def add(topic: str, msgtype: str, profile: Qos) -> Any:
            return writer.add_connection(
                topic, msgtype, typestore=store, offered_qos_profiles=[profile]
            )

        latched = add('/latched', 'std_msgs/msg/String', qos(QosDurability.TRANSIENT_LOCAL))
        a, b = (add(name, 'std_msgs/msg/String', qos()) for name in ('/a', '/b'))
        things = add('/thing', 'nowhere_msgs/msg/Thing', qos())
        serialize = store.serialize_cdr
        writer.write(latched, START_NS, serialize(text('map'), 'std_msgs/msg/String'))
        writer.write(things, START_NS, serialize(thing(1), 'nowhere_msgs/msg/Thing'))
        for index in range(COUNT):
            data = serialize(text(str(index)), 'std_msgs/msg/String')
            for connection in (a, b):
                writer.write(connection, START_NS + (index + 1) * PERIOD_NS, data)
    return path


@pytest.fixture
def node(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv('ROS_DOMAIN_ID', str(1 + (os.getpid() + 50) % 100))
    monkeypatch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    monkeypatch.setenv('AMENT_PREFIX_PATH', os.environ.get('AMENT_PREFIX_PATH', sys.prefix))
    with initialised():
        yield rclpy.create_node('listener')


@dataclass
class Heard:
    """What a subscription received, and when (steady clock)."""

    values: list[Any] = field(default_factory=list)
    walls: list[float] = field(default_factory=list)


def listen(node: Any, topic: str, msgtype: Any = String, profile: Any = 100) -> Heard:
    heard = Heard()

    def arrived(message: Any) -> None:
        if msgtype is Clock:
            heard.values.append(message.clock.sec * 10**9 + message.clock.nanosec)
        else:
            heard.values.append(message.data)
        heard.walls.append(time.monotonic())

    node.create_subscription(msgtype, topic, arrived, profile)
    return heard


def start(bag: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, '-m', 'robustseg_ros.bags.play', str(bag), *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def spin_until(node: Any, done: Any, timeout_s: float = 10.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not done() and time.monotonic() < deadline:
        rclpy.spin_once(node, timeout_sec=0.02)
    assert done()


def test_replay_keeps_order_rate_exclusions_and_latched_topics(bag: Path, node: Any) -> None:
    a, b = listen(node, '/a'), listen(node, '/b')
    clock = listen(node, '/clock', Clock)
    player = start(bag, '--rate', '2', '--exclude', '/b', '--clock', '50', *WAIT)
    spin_until(node, lambda: len(a.values) > 2)
    late = listen(node, '/latched', profile=LATCHED)
    spin_until(node, lambda: player.poll() is not None)
    assert player.returncode == 0
    assert a.values == [str(index) for index in range(COUNT)]
    # 19 periods of 50 ms at twice the speed
    assert a.walls[-1] - a.walls[0] == pytest.approx(0.475, abs=0.2)
    assert b.values == []
    assert late.values == ['map']
    assert clock.values == sorted(clock.values)
    assert clock.values[0] == pytest.approx(START_NS, abs=0.2e9)
    assert clock.values[-1] == pytest.approx(START_NS + COUNT * PERIOD_NS, abs=0.1e9)
    assert len(clock.values) >= 15  # 50 Hz for half a second
    out, err = player.communicate()
    skipped = [line for line in out.splitlines() if 'not installed' in line]
    assert len(skipped) == 1
    assert '/thing (nowhere_msgs/msg/Thing)' in skipped[0]
    assert '21 messages on 2 topics, 1.0 s at rate 2' in out
    assert 'Played 21 messages' in out
    assert err == ''


@pytest.mark.parametrize('effort', [ReliabilityPolicy.BEST_EFFORT, ReliabilityPolicy.RELIABLE])
def test_the_last_message_arrives(tmp_path: Path, node: Any, effort: ReliabilityPolicy) -> None:
    store = get_typestore(Stores.ROS2_JAZZY)
    text = store.types['std_msgs/msg/String']
    path = tmp_path / 'bag.mcap'
    with BagWriter(path) as writer:
        channel = Channel('/large', 'std_msgs/msg/String')
        for index in range(5):
            writer.write(Record(channel, 1000 + index, text(str(index) * 4_000_000)))
    # Deep enough for all, so that none is missing but what was never sent.
    profile = QoSProfile(depth=10, reliability=effort)
    for _ in range(3):
        assert played_through(path, node, profile) == ['0', '1', '2', '3', '4']


def played_through(path: Path, node: Any, profile: QoSProfile) -> list[str]:
    """Return the first letter of each message that a subscription has received."""
    heard = listen(node, '/large', profile=profile)
    player = start(path, '--wait-for-subscribers', '10')
    spin_until(node, lambda: player.poll() is not None, 30.0)
    deadline = time.monotonic() + 2.0
    while len(heard.values) < 5 and time.monotonic() < deadline:
        rclpy.spin_once(node, timeout_sec=0.02)
    node.destroy_subscription(next(iter(node.subscriptions)))
    return [text[0] for text in heard.values]


def test_loop_starts_over_with_the_clock_and_sigterm_ends_it(bag: Path, node: Any) -> None:
    a = listen(node, '/a')
    clock = listen(node, '/clock', Clock)
    player = start(bag, '--rate', '4', '--loop', '--clock', *WAIT)
    spin_until(node, lambda: a.values.count('1') == 2 or player.poll() is not None)
    player.send_signal(signal.SIGTERM)
    out, err = player.communicate(timeout=5)
    assert player.returncode == 0, err
    assert 'Stopped after' in out
    assert a.values[:COUNT] == [str(index) for index in range(COUNT)]
    assert a.values[COUNT : COUNT + 2] == ['0', '1']
    steps = [after - before for before, after in zip(clock.values, clock.values[1:], strict=False)]
    assert min(steps) < -0.8e9
    assert sum(step < 0 for step in steps) == 1


def test_gate_withholds_messages_by_topic_and_time(bag: Path, node: Any) -> None:
    heard = listen(node, '/a')

    def gate(topic: str, elapsed_ns: int) -> bool:
        return topic != '/a' or elapsed_ns <= 10 * PERIOD_NS

    options = PlayOptions(rate=20, topics=('/a', '/b'), gate=gate, wait_for_subscribers_s=8)
    player = BagPlayer(bag, rclpy.create_node('player'), options)
    report = player.play()
    player.close()
    spin_until(node, lambda: len(heard.values) == 10)
    assert heard.values == [str(index) for index in range(10)]
    assert report.published == {'/a': 10, '/b': COUNT}
    assert report.withheld == {'/a': 10}
    assert report.passes == 1


def test_start_offset_skips_but_still_gives_what_is_latched(bag: Path, node: Any) -> None:
    options = PlayOptions(rate=20, start_offset_s=0.9)
    player = BagPlayer(bag, node, options)
    report = player.play()
    player.close()
    assert report.published == {'/latched': 1, '/a': 3, '/b': 3}
    with pytest.raises(DataError, match=r'start_offset_s is 5; the bag lasts 1 s'):
        BagPlayer(bag, node, PlayOptions(start_offset_s=5))


def test_stopped_player_returns_at_once(bag: Path, node: Any) -> None:
    player = BagPlayer(bag, node, PlayOptions(rate=0.01, loop=True))
    player.stop()
    begin = time.monotonic()
    assert player.play().passes == 0
    assert time.monotonic() - begin < 0.5


def test_recorded_profile_is_replayed() -> None:
    latched = replay_qos([qos(QosDurability.TRANSIENT_LOCAL, depth=3)])
    assert latched.durability == DurabilityPolicy.TRANSIENT_LOCAL
    assert latched.reliability == ReliabilityPolicy.RELIABLE
    assert (latched.history, latched.depth) == (HistoryPolicy.KEEP_LAST, 3)
    sensor = replay_qos([qos(reliability=QosReliability.BEST_EFFORT)])
    assert sensor.reliability == ReliabilityPolicy.BEST_EFFORT
    assert sensor.durability == DurabilityPolicy.VOLATILE


def test_publishers_that_differed_are_replayed_by_one_for_all() -> None:
    best_effort = qos(reliability=QosReliability.BEST_EFFORT)
    latched = qos(QosDurability.TRANSIENT_LOCAL)
    for recorded in ([], [best_effort, latched]):
        profile = replay_qos(recorded)
        assert profile.reliability == ReliabilityPolicy.RELIABLE
        assert profile.durability == DurabilityPolicy.VOLATILE
    assert replay_qos([qos(depth=0)]).depth == 10


@pytest.mark.parametrize('name', ['rate', 'clock_hz'])
def test_rates_must_be_positive(name: str) -> None:
    with pytest.raises(ConfigError, match=rf'{name} is 0.0; wanted > 0'):
        PlayOptions(**{name: 0.0})


def run_main(*arguments: str) -> int:
    before = signal.getsignal(signal.SIGTERM)
    try:
        return play.main([*arguments, '--default-transport'])
    finally:
        signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize(
    ('name', 'content', 'message'),
    [
        ('none.mcap', None, 'There is no bag'),
        ('empty.mcap', b'', 'cannot be read'),
        ('junk.mcap', b'no bag at all' * 99, 'cannot be read'),
        ('junk.db3', b'no bag at all' * 99, 'cannot be read'),
        ('bag.txt', b'', "cannot be read.*'.txt'"),
    ],
)
def test_bad_bags_are_refused_in_one_line(
    name: str, content: bytes | None, message: str, tmp_path: Path, capsys: Any
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    assert run_main(str(path)) == 1
    error = capsys.readouterr().err
    assert len(error.splitlines()) == 1
    assert str(path) in error
    assert re.search(message, error)


def test_folder_without_metadata_is_no_bag(tmp_path: Path, capsys: Any) -> None:
    assert run_main(str(tmp_path)) == 1
    assert 'a folder needs metadata.yaml' in capsys.readouterr().err


def test_truncated_bag_is_an_error_not_a_crash(bag: Path, tmp_path: Path, capsys: Any) -> None:
    whole = (bag / 'bag.mcap').read_bytes()
    path = tmp_path / 'half.mcap'
    path.write_bytes(whole[: len(whole) // 2])
    assert run_main(str(path)) == 1
    assert 'cannot be read' in capsys.readouterr().err


def test_mistyped_topic_is_named_beside_those_there_are(bag: Path, capsys: Any) -> None:
    assert run_main(str(bag), '--exclude', '/aa') == 1
    error = capsys.readouterr().err
    assert "has no topic ['/aa']" in error
    assert "'/latched'" in error
