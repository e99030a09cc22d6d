"""Calls from outside: whatever is asked, it is answered, and the node goes on."""

import random
import time

from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetAvailableTransitions, GetState
import pytest
from rcl_interfaces.msg import Parameter, ParameterValue
from rcl_interfaces.srv import (
    DescribeParameters,
    GetParameters,
    GetParameterTypes,
    ListParameters,
    SetParameters,
    SetParametersAtomically,
)
from rclpy.qos import DurabilityPolicy, ReliabilityPolicy
from std_srvs.srv import SetBool

CALLS = 200
SEED = 0
STRANGE = ['', ' ', '.', '..', '/', '~', 'rgb', 'rgb.', '.topic', 'a' * 100_000, 'é', '\n', '{x}']


@pytest.fixture(scope='module')
def calm(start):
    """Return the driver of a node that waits to be told."""
    return start(autostart=False)


def ask(driver, service, name, request):
    return driver.call(service, f'/segment/{name}', request)


def test_a_value_of_an_unknown_type_is_refused(calm):
    parameter = Parameter(name='rgb.timeout', value=ParameterValue(type=175))
    request = SetParameters.Request(parameters=[parameter, parameter])
    results = ask(calm, SetParameters, 'set_parameters', request).results
    assert [result.successful for result in results] == [False, False]
    assert '175' in results[0].reason
    request = SetParametersAtomically.Request(parameters=[parameter])
    result = ask(calm, SetParametersAtomically, 'set_parameters_atomically', request).result
    assert not result.successful
    assert 'Unexpected ValueError' in calm.process.log()
    calm.drive_until([], lambda: calm.value('unexpected_errors') == '2')


@pytest.mark.parametrize(
    'topic',
    ['/a b', '//a', 'a/', '/1a', '{x}', 'é', 'a' * 300, '/a\n', '~~', '/a-b', 'a' * 10_000],
)
def test_a_topic_that_is_no_name_is_refused_with_the_reason(calm, topic):
    for name in ('rgb__topic', 'camera_info_topic'):
        result = calm.set_parameters(**{name: topic})
        assert not result.successful
        assert f"'{name.replace('__', '.')}' is " in result.reason
        assert len(result.reason) < 1000


def test_texts_of_megabytes_are_refused_and_cut(calm):
    result = calm.set_parameters(checkpoint='x' * 5_000_000)
    assert not result.successful
    assert len(result.reason) < 1000
    assert not calm.set_parameters(expected_size=[1.0] * 100_000).successful


@pytest.mark.parametrize('number', [0, 8, 10, 12, 99, 255])
def test_a_transition_that_there_is_not_is_refused(calm, number):
    assert not calm.change_state(number)
    assert calm.state() == 'unconfigured'


def test_a_transition_of_a_strange_name_is_refused_and_cut(calm):
    for label in ('transition_success', 'é', 'x' * 1_000_000):
        request = ChangeState.Request(transition=Transition(label=label))
        assert not ask(calm, ChangeState, 'change_state', request).success
    assert max(len(line) for line in calm.process.log().splitlines()) < 1000


def test_a_transition_can_be_asked_for_by_its_name(calm):
    request = ChangeState.Request(transition=Transition(label='configure', id=77))
    assert ask(calm, ChangeState, 'change_state', request).success
    assert calm.state() == 'inactive'
    request.transition.label = 'cleanup'
    assert ask(calm, ChangeState, 'change_state', request).success


def test_services_answer_while_it_is_configured(start, record_property):
    driver = start(autostart=False)
    client = driver.node.create_client(ChangeState, '/segment/change_state')
    states = driver.node.create_client(GetState, '/segment/get_state')
    values = driver.node.create_client(GetParameters, '/segment/get_parameters')
    for each in (client, states, values):
        assert each.wait_for_service(30)
    configured = client.call_async(
        ChangeState.Request(transition=Transition(id=Transition.TRANSITION_CONFIGURE))
    )
    seen, times_s = set(), []
    while not configured.done():
        for each, request in (
            (states, GetState.Request()),
            (values, GetParameters.Request(names=['checkpoint'])),
        ):
            began_s = time.monotonic()
            answer = each.call_async(request)
            driver.executor.spin_until_future_complete(answer, 30)
            times_s.append(time.monotonic() - began_s)
        if not configured.done():
            seen.add(driver.value('state'))
    assert configured.result().success
    assert 'configuring' in seen  # on /diagnostics
    assert len(times_s) > 20
    # The libraries of the model hold Python's lock for a moment while they are loaded.
    assert sorted(times_s)[int(0.95 * len(times_s))] < 0.1
    record_property('answers', len(times_s))
    record_property('slowest_ms', round(max(times_s) * 1000))


def test_an_override_of_qos_that_is_none_fails_the_transition_and_no_more(start):
    bad = {
        'qos_overrides./camera/image_raw.subscription.depth': -5,
        'qos_overrides./segment/overlay.publisher.reliability': 'perhaps',
        'qos_overrides./no/topic.publisher.depth': 5,
    }
    driver = start(autostart=False, **bad)
    configure, activate = Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE
    assert not driver.change_state(configure)
    assert driver.state() == 'unconfigured'
    driver.drive_until([], lambda: 'qos_overrides of ~/overlay' in driver.message())
    assert driver.node.count_publishers('/segment/mask') == 0

    del bad['qos_overrides./segment/overlay.publisher.reliability']
    driver = start(autostart=False, **bad)
    assert driver.change_state(configure)
    assert not driver.change_state(activate)
    assert driver.state() == 'inactive'
    driver.drive_until([], lambda: 'depth is -5; wanted 1 to 10000' in driver.message())
    assert driver.node.count_subscribers('/depth/image_rect') == 0


def test_overrides_of_qos_count_and_those_for_nobody_are_named(start):
    given = {
        'qos_overrides./camera/image_raw.subscription.reliability': 'reliable',
        'qos_overrides./segment/mask.publisher.durability': 'transient_local',
        'qos_overrides./no/topic.publisher.depth': 5,
    }
    driver = start(**given)
    driver.settle('R')
    [subscription] = driver.node.get_subscriptions_info_by_topic('/camera/image_raw')
    assert subscription.qos_profile.reliability == ReliabilityPolicy.RELIABLE
    [mask] = driver.node.get_publishers_info_by_topic('/segment/mask')
    assert mask.qos_profile.durability == DurabilityPolicy.TRANSIENT_LOCAL
    assert "'qos_overrides./no/topic.publisher.depth' is not known" in driver.process.log()


def test_garbage_of_every_kind_is_answered(calm):
    rng = random.Random(SEED)
    names = [*STRANGE, *[f'{m}.{k}' for m in ('rgb', 'lidar', 'x') for k in ('topic', 'timeout')]]
    names += ['use_sim_time', 'start_type_description_service', 'qos_overrides./x.publisher.depth']

    def value() -> ParameterValue:
        return ParameterValue(
            type=rng.choice((*range(10), rng.randrange(256))),
            bool_value=rng.random() < 0.5,
            integer_value=rng.choice((0, -1, 2**63 - 1, -(2**63))),
            double_value=rng.choice((0.0, -1.0, 1e308, float('nan'), float('inf'))),
            string_value=rng.choice(STRANGE),
            byte_array_value=[bytes([rng.randrange(256)])] * rng.randrange(3),
            bool_array_value=[True] * rng.randrange(3),
            integer_array_value=[2**63 - 1] * rng.randrange(20),
            double_array_value=[float('nan')] * rng.randrange(20),
            string_array_value=[rng.choice(STRANGE)] * rng.randrange(3),
        )

    def some() -> list[str]:
        return [rng.choice(names) for _ in range(rng.randrange(4))]

    def several() -> list[Parameter]:
        # The clock stays as it is: simulated time without one is another test's.
        return [Parameter(name=n, value=value()) for n in some() if n != 'use_sim_time']

    kinds = [
        (SetParameters, 'set_parameters', lambda: {'parameters': several()}),
        (SetParametersAtomically, 'set_parameters_atomically', lambda: {'parameters': several()}),
        (GetParameters, 'get_parameters', lambda: {'names': some()}),
        (GetParameterTypes, 'get_parameter_types', lambda: {'names': some()}),
        (DescribeParameters, 'describe_parameters', lambda: {'names': some()}),
        (
            ListParameters,
            'list_parameters',
            lambda: {'prefixes': some(), 'depth': rng.choice((0, 1, 2**64 - 1))},
        ),
        (SetBool, 'enable', lambda: {'data': rng.random() < 0.5}),
        (GetAvailableTransitions, 'get_available_transitions', dict),
        (
            ChangeState,
            'change_state',
            lambda: {
                'transition': Transition(
                    id=rng.randrange(9, 256),
                    label=rng.choice(('', *STRANGE)),
                )
            },
        ),
    ]  # fmt: skip
    for _ in range(CALLS):
        service, name, make = rng.choice(kinds)
        ask(calm, service, name, service.Request(**make()))
    assert calm.process.process.poll() is None
    assert calm.state() == 'unconfigured'
    assert ask(calm, SetBool, 'enable', SetBool.Request(data=True)).success
