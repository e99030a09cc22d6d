"""An input and what it says of its publishers; without any DDS."""

from types import SimpleNamespace

from node_scene import image_message
import numpy as np
import pytest
from std_msgs.msg import Header

from robustseg_ros.inputs import input as input_module
from robustseg_ros.inputs.image_readers import ImageReader
from robustseg_ros.inputs.input import Input
from robustseg_ros.node.config import node_config
from robustseg_ros.node.parameters import parameter_table
from robustseg_ros.node.qos import STREAM


class Node:
    """Knows publishers, and hands on what the test publishes."""

    def __init__(self):
        self.publishers = []
        self.receive = None

    def add_publisher(self, name):
        self.publishers.append(
            SimpleNamespace(
                topic_type='sensor_msgs/msg/Image',
                qos_profile=STREAM,
                node_namespace='/',
                node_name=name,
            )
        )

    def resolve_topic_name(self, topic):
        return f'/{topic.lstrip("/")}'

    def get_publishers_info_by_topic(self, topic):
        return self.publishers

    def create_subscription(self, message, topic, receive, qos, **_):
        self.receive = receive
        return SimpleNamespace(qos_profile=qos)


class Sink:
    def __init__(self):
        self.taken = []

    def received(self, name, stamp_ns, measurement, received_s):
        self.taken.append(stamp_ns)

    def refused(self, name, reason):
        self.taken.append(reason)


@pytest.fixture
def now(monkeypatch):
    now_s = [1000.0]
    monkeypatch.setattr(input_module, 'monotonic', lambda: now_s[0])
    return now_s


@pytest.fixture
def node():
    return Node()


@pytest.fixture
def source(node):
    values = {name: p.default for name, p in parameter_table(['rgb']).items()}
    config = node_config(values | {'modalities': ['rgb']}).inputs['rgb']
    made = Input(node, config, ImageReader(config, 'rgb'), Sink())
    made.connect()
    return made


def image(frame_id='camera', size=(4, 6)):
    return image_message(np.zeros((*size, 3), np.uint8), 'rgb8', Header(frame_id=frame_id))


def test_a_matched_publisher_of_which_nothing_comes_is_odd_after_some_seconds(source, node, now):
    assert source.problem() == 'no publisher on /camera/image_raw'
    node.add_publisher('driver')
    assert source.problem() == ''
    now[0] += 6
    assert '/dev/shm' in source.problem()
    node.receive(image(), {})
    assert source.problem() == ''
    now[0] += 60
    assert source.problem() == ''  # it is silent, not unreadable


def test_two_publishers_are_named_and_two_kinds_of_messages_too(source, node):
    node.add_publisher('driver')
    source.problem()
    assert source.complaint() == ''
    node.add_publisher('other')
    source.problem()
    assert source.complaint() == '2 publishers on /camera/image_raw: /driver, /other'
    for _ in range(4):
        node.receive(image(), {})
        node.receive(image('other'), {})
    assert 'messages of two kinds take turns' in source.complaint()


def test_a_frame_id_of_megabytes_is_refused_in_a_line(source, node):
    """It would be in the header of every mask, and be kept with the last messages."""
    node.receive(image('x' * 5_000_000), {})
    [reason] = source._sink.taken
    assert 'frame_id' in reason
    assert len(reason) < 300
    assert source.faces.newest is None
    node.receive(image('x' * 1024), {})
    assert source._sink.taken[1:] == [0]
