"""Transitions that wait let everybody else be served meanwhile, and fail as they should."""

from concurrent.futures import Future
from threading import Thread
import time

from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
import pytest
import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.node import Node

from robustseg_core.errors import ConfigError
from robustseg_ros.node.calls import answer_all
from robustseg_ros.node.ending import Ending
from robustseg_ros.node.lifecycle import PatientLifecycleNode
from robustseg_ros.node.process import spin
from robustseg_ros.node.transitions import reported

CONFIGURE, CLEANUP = Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_CLEANUP


class Patient(PatientLifecycleNode):
    def __init__(self, context):
        super().__init__('patient', context=context)
        self.work = Future()
        self.failures = []
        self.unexpected = []
        self.create_timer(0.01, self.tick)
        self.ticks = 0
        self.raises = None
        answer_all(self, self.unexpected.append)

    def tick(self):
        self.ticks += 1
        if self.raises is not None:
            raise self.raises

    def on_failed(self, message):
        self.failures.append(message)

    @reported
    async def on_configure(self, state):
        await self.finished(self.work)
        return super().on_configure(state)

    async def on_error(self, state):
        return TransitionCallbackReturn.SUCCESS


@pytest.fixture
def context(tmp_path, monkeypatch):
    monkeypatch.setenv('ROS_LOG_DIR', str(tmp_path))
    monkeypatch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    context = Context()
    rclpy.init(context=context, domain_id=100)
    yield context
    context.try_shutdown()


@pytest.fixture
def patient(context):
    """A node that spins in a thread of its own."""
    node = Patient(context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    ending = Ending()
    thread = Thread(target=spin, args=(executor, ending, node.unexpected.append))
    thread.start()
    yield node
    ending._asked.set()
    executor.wake()
    thread.join()
    executor.shutdown()
    node.destroy_node()


@pytest.fixture
def ask(context, patient):
    user = Node('user', context=context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(user)
    clients = {
        kind: user.create_client(kind, f'/patient/{name}')
        for kind, name in ((ChangeState, 'change_state'), (GetState, 'get_state'))
    }
    for client in clients.values():
        assert client.wait_for_service(20)

    def call(kind, wait=True, **fields):
        answer = clients[kind].call_async(kind.Request(**fields))
        if not wait:
            return lambda: (executor.spin_until_future_complete(answer, 20), answer.result())[1]
        executor.spin_until_future_complete(answer, 20)
        return answer.result()

    yield call
    executor.shutdown()
    user.destroy_node()


def change(number):
    return {'transition': Transition(id=number)}


def test_all_go_on_while_a_transition_waits(patient, ask):
    configured = ask(ChangeState, wait=False, **change(CONFIGURE))
    for _ in range(5):
        began, ticks = time.monotonic(), patient.ticks
        while ask(GetState).current_state.label != 'configuring':
            assert time.monotonic() - began < 10
        time.sleep(0.05)
        assert patient.ticks > ticks
    assert not ask(ChangeState, **change(CONFIGURE)).success  # one at a time
    patient.work.set_result(None)
    assert configured().success
    assert ask(GetState).current_state.label == 'inactive'
    assert ask(ChangeState, **change(CLEANUP)).success
    assert not patient.unexpected


def test_nobody_else_can_end_the_step_of_a_transition(patient, ask):
    configured = ask(ChangeState, wait=False, **change(CONFIGURE))
    for number in (10, 11, 12):  # transition_success and the like
        assert not ask(ChangeState, **change(number)).success
    assert not ask(ChangeState, transition=Transition(label='transition_success')).success
    assert ask(GetState).current_state.label == 'configuring'
    patient.work.set_result(None)
    assert configured().success


@pytest.mark.parametrize(
    ('error', 'words'),
    [(ConfigError('no such file'), 'configure failed: no such file'), (OSError('x'), 'broke')],
)
def test_what_the_work_raised_fails_the_transition(patient, ask, error, words):
    patient.work.set_exception(error)
    assert not ask(ChangeState, **change(CONFIGURE)).success
    assert ask(GetState).current_state.label == 'unconfigured'
    assert words in patient.failures[0]
    patient.work = Future()
    patient.work.set_result(None)
    assert ask(ChangeState, **change(CONFIGURE)).success


def test_what_a_callback_raises_ends_nothing(patient, ask):
    patient.raises = RuntimeError('a timer')
    began = time.monotonic()
    while len(patient.unexpected) < 3:
        assert time.monotonic() - began < 10
        time.sleep(0.01)
    patient.raises = None
    assert ask(GetState).current_state.label == 'unconfigured'
    assert {str(error) for error in patient.unexpected} == {'a timer'}


def test_whoever_spins_a_node_himself_can_trigger_and_waits(context):
    node = Patient(context)
    Thread(target=lambda: (time.sleep(0.2), node.work.set_result(None))).start()
    success, failure = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE
    assert node.trigger_activate() == failure
    assert node.trigger_configure() == success
    assert node.ticks > 5  # others were served
    assert node.trigger_activate() == node.trigger_deactivate() == success
    assert node.trigger_cleanup() == node.trigger_shutdown() == success
    assert node.lifecycle_state == 'finalized'
    assert node.trigger_shutdown() == failure
    node.destroy_node()
