"""qos_overrides change the profiles of topics, and mistakes in them are told."""

import pytest
import rclpy
from rclpy.context import Context
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, HistoryPolicy, ReliabilityPolicy
from std_msgs.msg import String

from robustseg_core.errors import ConfigError
from robustseg_ros.node.qos import LATCHED, STREAM, input_qos, overridable

PUBLISHER = 'qos_overrides./robot/mask.publisher'
SUBSCRIPTION = 'qos_overrides./robot/mask.subscription'


@pytest.fixture(scope='module')
def context(tmp_path_factory):
    context = Context()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('ROS_LOG_DIR', str(tmp_path_factory.mktemp('log')))
        patch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'OFF')
        rclpy.init(context=context)
        yield context
        context.try_shutdown()


@pytest.fixture
def make(context):
    made = []

    def make_node(**overrides) -> Node:
        parameters = [Parameter(name, value=value) for name, value in overrides.items()]
        made.append(Node('n', namespace='/robot', context=context, parameter_overrides=parameters))
        return made[-1]

    yield make_node
    for node in made:
        node.destroy_node()


def subscribe(node):
    qos = input_qos('best_effort', 5)
    return overridable(node.create_subscription, String, 'mask', print, qos)


def test_without_overrides_the_profile_is_as_given_and_the_parameters_show_it(make):
    node = make()
    assert overridable(node.create_publisher, String, 'mask', LATCHED).qos_profile == LATCHED
    assert node.get_parameter(f'{PUBLISHER}.durability').value == 'transient_local'
    assert subscribe(node).qos_profile == input_qos('best_effort', 5)


def test_overrides_change_one_profile_and_no_other(make):
    node = make(
        **{
            f'{PUBLISHER}.depth': 42,
            f'{PUBLISHER}.durability': 'transient_local',
            f'{SUBSCRIPTION}.reliability': 'reliable',
            f'{SUBSCRIPTION}.history': 'keep_all',
        }
    )
    publisher = overridable(node.create_publisher, String, 'mask', STREAM).qos_profile
    assert (publisher.depth, publisher.durability) == (42, DurabilityPolicy.TRANSIENT_LOCAL)
    subscription = subscribe(node).qos_profile
    assert subscription.reliability == ReliabilityPolicy.RELIABLE
    assert subscription.history == HistoryPolicy.KEEP_ALL
    assert (STREAM.depth, STREAM.durability) == (5, DurabilityPolicy.VOLATILE)
    assert overridable(node.create_publisher, String, 'other', STREAM).qos_profile == STREAM


def test_a_topic_can_be_opened_again_with_its_overrides(make):
    node = make(**{f'{SUBSCRIPTION}.depth': 7})
    for _ in range(3):
        subscription = subscribe(node)
        assert subscription.qos_profile.depth == 7
        node.destroy_subscription(subscription)


@pytest.mark.parametrize(
    ('policy', 'value'),
    [
        ('depth', -5),
        ('depth', 0),
        ('depth', 2**40),
        ('depth', 'many'),
        ('reliability', 'perhaps'),
        ('reliability', 3),
        ('history', ''),
        ('durability', [1.0]),
    ],
)
def test_an_override_that_is_none_is_told_with_its_topic(make, policy, value):
    node = make(**{f'{SUBSCRIPTION}.{policy}': value})
    with pytest.raises(ConfigError, match=r'qos_overrides of mask: .'):
        subscribe(node)
