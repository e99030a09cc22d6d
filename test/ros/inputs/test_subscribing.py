"""Inputs subscribe through message_filters where it is installed, and lose nothing by that."""

from contextlib import contextmanager
from types import SimpleNamespace

import pytest
import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from std_msgs.msg import String

from robustseg_ros.inputs import subscribing
from robustseg_ros.inputs.subscribing import subscribe
from robustseg_ros.node.qos import STREAM

pytestmark = pytest.mark.ros


class Subscriber:
    """As message_filters.Subscriber: one subscription, and callbacks behind it."""

    def __init__(self, *args, **kwargs):
        self.callbacks = []
        node, *rest = args
        self.sub = node.create_subscription(*rest, self.callback, **kwargs)

    def registerCallback(self, cb, *args):  # noqa: N802 theirs
        self.callbacks.append((cb, args))

    def signalMessage(self, *message):  # noqa: N802 theirs
        for cb, args in self.callbacks:
            cb(*message, *args)


@contextmanager
def running_node(domain):
    context = Context()
    rclpy.init(context=context, domain_id=domain)
    node = rclpy.create_node('subscribing', context=context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    try:
        yield node, executor
    finally:
        node.destroy_node()
        rclpy.shutdown(context=context)


@pytest.mark.parametrize('filters', [None, SimpleNamespace(Subscriber=Subscriber)])
def test_a_message_comes_with_the_number_that_its_sender_gave(filters, monkeypatch):
    monkeypatch.setattr(subscribing.optional, 'load', lambda package: filters)
    received = []
    with running_node(72) as (node, executor):
        subscription = subscribe(
            node, String, 'words', lambda message, info: received.append((message, info)), STREAM
        )
        publisher = node.create_publisher(String, 'words', STREAM)
        for _ in range(100):
            publisher.publish(String(data='here'))
            executor.spin_once(timeout_sec=0.05)
            if len(received) > 1:
                break
        node.destroy_subscription(subscription)
        assert publisher.get_subscription_count() == 0
    message, info = received[-1]
    assert message.data == 'here'
    assert info['publication_sequence_number'] > received[0][1]['publication_sequence_number']


def test_message_filters_own_subscriber_is_used_where_it_is_installed():
    filters = pytest.importorskip(
        'message_filters', reason='message_filters is part of a ROS installation, not of pip'
    )
    received = []
    with running_node(73) as (node, executor):
        subscription = subscribe(
            node, String, 'words', lambda message, info: received.append(info), STREAM
        )
        assert isinstance(subscription.callback.__self__, filters.Subscriber)
        publisher = node.create_publisher(String, 'words', STREAM)
        for _ in range(100):
            publisher.publish(String(data='here'))
            executor.spin_once(timeout_sec=0.05)
            if received:
                break
    assert 'publication_sequence_number' in received[0]
