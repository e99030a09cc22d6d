"""A lifecycle node whose transitions may take long: everybody else is served meanwhile."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from concurrent.futures import Future as ThreadFuture
from inspect import isawaitable
from typing import Any, TypeVar

from lifecycle_msgs.msg import State, Transition
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.executors import SingleThreadedExecutor
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.task import Future

from robustseg_core.quoting import quoted

_TELL = True  # on ~/transition_event
_NONE = Transition.TRANSITION_CREATE  # which no state allows

T = TypeVar('T')
Step = Callable[[LifecycleState], TransitionCallbackReturn | Awaitable[TransitionCallbackReturn]]


class PatientLifecycleNode(LifecycleNode):  # type: ignore[misc]
    """A lifecycle node whose ``on_...`` may be coroutines.

    rclpy runs a transition from its beginning to its end inside the service that asks for it, so
    that no other service answers. Here the transition is a coroutine of the executor: all of it
    runs in the executor's thread, and while it waits for ``finished`` the executor serves others.
    ``trigger_configure`` and the like spin until the transition is through: they are for programs
    that spin by themselves, and not for callbacks, which await ``change_state``.
    """

    def __init__(self, name: str, **arguments: Any) -> None:
        super().__init__(name, **arguments)
        self._steps: dict[int, Step] = {
            State.TRANSITION_STATE_CONFIGURING: self.on_configure,
            State.TRANSITION_STATE_CLEANINGUP: self.on_cleanup,
            State.TRANSITION_STATE_SHUTTINGDOWN: self.on_shutdown,
            State.TRANSITION_STATE_ACTIVATING: self.on_activate,
            State.TRANSITION_STATE_DEACTIVATING: self.on_deactivate,
            State.TRANSITION_STATE_ERRORPROCESSING: self.on_error,
        }
        # Of a node that nobody spins; kept, since a node does not keep its executor.
        self._own_executor: SingleThreadedExecutor | None = None
        service = self._service_change_state
        service.callback = self._on_change_state
        # Of its own: the default group lets nobody else in before a coroutine has ended.
        service.callback_group = ReentrantCallbackGroup()
        service.callback_group.add_entity(service)

    @property
    def lifecycle_state(self) -> str:
        """The name of the state the node is in."""
        return str(self._state_machine.current_state[1])

    def start(self) -> None:
        """Configure and activate, unless the parameter ``autostart`` leaves that to others."""
        if self.get_parameter('autostart').value:
            self.executor.create_task(self._start)

    async def _start(self) -> None:
        if await self.change_state(Transition.TRANSITION_CONFIGURE):
            await self.change_state(Transition.TRANSITION_ACTIVATE)

    async def change_state(self, transition_id: int) -> bool:
        """Go through a transition (``lifecycle_msgs/Transition``); return whether it succeeded."""
        number, label = self._state_machine.current_state
        if transition_id not in self._possible().values():
            self.get_logger().warning(f'No transition {transition_id} from the state {label!r}.')
            return False
        self._state_machine.trigger_transition_by_id(transition_id, _TELL)
        before = LifecycleState(state_id=number, label=label)
        result = await self._step(before)
        if result == TransitionCallbackReturn.ERROR:
            await self._step(before)  # on_error
        return bool(result == TransitionCallbackReturn.SUCCESS)

    def trigger_configure(self) -> TransitionCallbackReturn:
        """Configure, and wait for it."""
        return self._trigger(Transition.TRANSITION_CONFIGURE)

    def trigger_cleanup(self) -> TransitionCallbackReturn:
        """Clean up, and wait for it."""
        return self._trigger(Transition.TRANSITION_CLEANUP)

    def trigger_activate(self) -> TransitionCallbackReturn:
        """Activate, and wait for it."""
        return self._trigger(Transition.TRANSITION_ACTIVATE)

    def trigger_deactivate(self) -> TransitionCallbackReturn:
        """Deactivate, and wait for it."""
        return self._trigger(Transition.TRANSITION_DEACTIVATE)

    def trigger_shutdown(self) -> TransitionCallbackReturn:
        """Shut down from whatever state allows it, and wait for it."""
        return self._trigger(self._possible().get('shutdown', _NONE))

    def _trigger(self, transition_id: int) -> TransitionCallbackReturn:
        if self.executor is None:
            self._own_executor = SingleThreadedExecutor(context=self.context)
            self._own_executor.add_node(self)
        task = self.executor.create_task(self.change_state, transition_id)
        self.executor.spin_until_future_complete(task)
        done = TransitionCallbackReturn
        return done.SUCCESS if task.result() else done.FAILURE

    async def _step(self, before: LifecycleState) -> TransitionCallbackReturn:
        """Do what the state that was entered asks for, and go on to the one that follows."""
        result = self._steps[self._state_machine.current_state[0]](before)
        if isawaitable(result):
            result = await result
        self._state_machine.trigger_transition_by_label(result.to_label(), _TELL)
        return result

    async def finished(self, work: ThreadFuture[T]) -> T:
        """Wait for what another thread does, and return what it gave or raise what it raised."""
        executor = self.executor
        done: Future[None] = Future(executor=executor)

        def on_done(_: ThreadFuture[T]) -> None:
            done.set_result(None)
            executor.wake()

        work.add_done_callback(on_done)
        await done
        return work.result()

    def _possible(self) -> dict[str, int]:
        """Return the transitions that the present state allows: label -> id."""
        # Those that a step ends with are for nobody to ask for.
        return {
            label: number
            for number, label, *_ in self._state_machine.available_transitions
            if not label.startswith('transition_')
        }

    async def _on_change_state(self, request: Any, response: Any) -> Any:
        wanted = request.transition
        if wanted.label and wanted.label not in (possible := self._possible()):
            self.get_logger().warning(
                f'No transition {quoted(wanted.label)} from the state {self.lifecycle_state!r}; '
                f'there are {sorted(possible)}.'
            )
            response.success = False
            return response
        number = self._possible()[wanted.label] if wanted.label else wanted.id
        response.success = await self.change_state(number)
        return response
