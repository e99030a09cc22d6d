"""The synchronizer as a filter; message_filters' own are used where they are installed."""

from builtin_interfaces.msg import Time
import pytest
import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from sensor_msgs.msg import Image
from std_msgs.msg import Header, String

from robustseg_core.errors import ConfigError
from robustseg_ros.inputs import AvailabilitySynchronizer

S = 1_000_000_000


class Source:
    """A filter as message_filters.SimpleFilter is one, fed by the test."""

    def __init__(self):
        self.callbacks = []

    def registerCallback(self, cb, *args):  # noqa: N802 theirs
        self.callbacks.append((cb, args))

    def send(self, message):
        for cb, args in self.callbacks:
            cb(message, *args)


class StandingClock:
    """A clock that the test sets."""

    def __init__(self):
        self.now_ns = 100 * S

    def now(self):
        return type('Moment', (), {'nanoseconds': self.now_ns})()


class Node:
    """The part of a node that the filter needs; its timer is called by hand."""

    def __init__(self):
        self.clock = StandingClock()
        self.timers = []

    def get_clock(self):
        return self.clock

    def create_timer(self, period_s, callback, clock):
        del period_s, clock
        self.timers.append(callback)
        return callback

    def destroy_timer(self, timer):
        self.timers.remove(timer)


class Bench:
    def __init__(self, **options):
        self.node = Node()
        self.sources = [Source(), Source()]
        self.frames = []
        self.filter = AvailabilitySynchronizer(self.sources, self.node, **options)
        self.filter.registerCallback(lambda *messages: self.frames.append(messages))

    def send(self, *places, after_s=0.1):
        """Let time pass, then send one message of each source, stamped now."""
        self.node.clock.now_ns += round(after_s * S)
        messages = {place: image(self.node.clock.now_ns) for place in places}
        for place, message in messages.items():
            self.sources[place].send(message)
        return messages

    def wait(self, seconds):
        self.node.clock.now_ns += round(seconds * S)
        for timer in list(self.node.timers):
            timer()


def image(stamp_ns):
    return Image(header=Header(stamp=Time(sec=stamp_ns // S, nanosec=stamp_ns % S)))


@pytest.fixture
def bench():
    return Bench()


def test_messages_of_one_moment_come_together_in_the_filters_order(bench):
    bench.send(0, 1)  # the first message of all comes before anybody else is known
    sent = bench.send(1, 0)
    assert bench.frames[-1] == (sent[0], sent[1])
    assert len(bench.frames) == 2


def test_a_dead_filter_is_none_and_the_others_go_on(bench):
    bench.send(0, 1)
    for _ in range(10):
        sent = bench.send(0)
        bench.wait(0.06)
    assert bench.frames[-1] == (sent[0], None)
    assert len(bench.frames) == 11
    assert bench.filter.alive() == (0,)


def test_the_next_leads_where_the_first_dies(bench):
    bench.send(0, 1)
    for _ in range(10):
        sent = bench.send(1)
    assert bench.frames[-1] == (None, sent[1])
    assert bench.filter.alive() == (1,)


def test_a_filter_that_returns_is_used_again(bench):
    bench.send(0, 1)
    for _ in range(10):
        bench.send(0)
    for _ in range(3):
        sent = bench.send(0, 1)
    assert bench.frames[-1] == (sent[0], sent[1])


def test_what_lies_beyond_the_slop_is_not_matched():
    bench = Bench(slop=0.01)
    bench.send(0, 1)
    bench.send(1)
    bench.send(0, after_s=0.05)
    bench.wait(0.2)
    assert [message is None for message in bench.frames[-1]] == [False, True]


def test_a_callback_that_raises_harms_no_later_frame(bench):
    calls = []

    def raising(*messages):
        calls.append(messages)
        if len(calls) == 1:
            raise RuntimeError('a fault of the user')

    bench.filter.registerCallback(raising)
    with pytest.raises(RuntimeError, match='a fault of the user'):
        bench.send(0, 1)
    bench.send(0, 1)
    assert len(calls) == 2


def test_a_message_without_a_header_is_refused_unless_allowed():
    with pytest.raises(ConfigError, match=r'String has no header.*allow_headerless'):
        Bench().sources[0].send(String(data='x'))
    bench = Bench(allow_headerless=True)
    bench.send(0, 1)
    bench.node.clock.now_ns += S // 10
    bench.sources[0].send(String(data='x'))
    bench.sources[1].send(String(data='y'))
    assert [message.data for message in bench.frames[-1]] == ['x', 'y']


def test_without_filters_it_says_so():
    with pytest.raises(ConfigError, match='at least one filter'):
        AvailabilitySynchronizer([], Node())


def test_closing_ends_the_timer(bench):
    bench.filter.close()
    assert bench.node.timers == []


@pytest.mark.ros
def test_it_works_behind_subscribers_of_message_filters():
    message_filters = pytest.importorskip(
        'message_filters', reason='message_filters is part of a ROS installation, not of pip'
    )
    context = Context()
    rclpy.init(context=context, domain_id=71)
    node = rclpy.create_node('filtering', context=context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    publishers = [node.create_publisher(Image, topic, 5) for topic in ('a', 'b')]
    subscribers = [message_filters.Subscriber(node, Image, topic) for topic in ('a', 'b')]
    frames = []
    synchronizer = AvailabilitySynchronizer(subscribers, node, timeout=0.2)
    synchronizer.registerCallback(lambda *messages: frames.append(messages))
    try:
        for count in range(100):
            stamp = node.get_clock().now().to_msg()
            for publisher in publishers[: 2 if count < 30 else 1]:
                publisher.publish(Image(header=Header(stamp=stamp)))
            executor.spin_once(timeout_sec=0.02)
        kinds = {tuple(message is not None for message in frame) for frame in frames}
        assert {(True, True), (True, False)} <= kinds
    finally:
        synchronizer.close()
        node.destroy_node()
        rclpy.shutdown(context=context)
