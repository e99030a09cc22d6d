"""What is wrong with inputs, load and clock: told in the log, and to the status of the whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from robustseg_core.runtime import State
from robustseg_ros.inputs.streams import InputStatus
from robustseg_ros.node.alive_log import AliveLog
from robustseg_ros.node.clock_watch import ClockWatch
from robustseg_ros.node.condition_log import ConditionLog
from robustseg_ros.node.load import Load

# Seconds that discovery may take before a missing publisher is told.
DISCOVERY_S = 3.0


class Telling:
    """Tells people what goes wrong, each thing once and in time.

    Args:
        node: The node.
        clock: Its clock's watch.

    Attributes:
        load: Whether this process keeps up.
    """

    def __init__(self, node: Any, clock: ClockWatch) -> None:
        self._node = node
        self._clock = clock
        self.load = Load()
        self._alive_log = AliveLog(node.get_logger())
        self._conditions = ConditionLog(node.get_logger())
        self._alive: tuple[str, ...] = ()
        self._complaints: dict[str, str] = {}
        self._camera_problem = ''
        self._namesake = ''

    def forget(self) -> None:
        """Begin anew: nothing is listened to any more."""
        self._alive = ()
        self._complaints = {}
        self._camera_problem = ''

    def alive(
        self, alive: tuple[str, ...], statuses: Callable[[], Mapping[str, InputStatus]]
    ) -> bool:
        """Tell who has come or gone; return whether anybody has."""
        if alive == self._alive:
            return False
        for name, status in statuses().items():
            if name in alive and name not in self._alive:
                self._alive_log.came(name)
            elif name in self._alive and name not in alive:
                self._alive_log.went(name, status.availability.reason or 'disabled by parameter')
        self._alive = alive
        return True

    def look(self, statuses: Mapping[str, InputStatus], camera_problem: str) -> None:
        """Tell what has begun or ended; to be called about twice a second."""
        self._alive_log.sum_up()
        self._conditions.heed('clock', self._clock.complaint(), over='The clock goes on.')
        kept = 'Messages come though the clock stands: time is kept by the steady clock.'
        self._conditions.heed('kept', kept if self._clock.is_kept else '')
        self._conditions.heed('load', self.load.complaint(), over='This process keeps up again.')
        self._namesake = self._namesakes()
        self._conditions.heed('names', self._namesake)
        for name, status in statuses.items():
            self._heed_input(name, status)
        self._camera_problem = camera_problem
        self._conditions.heed(
            'camera', camera_problem, after_s=DISCOVERY_S, over='A good CameraInfo has come.'
        )

    def notes(self) -> list[str]:
        """Return what of it deserves a warning on the status of the whole."""
        inputs = [
            f'{name}: {text}'
            for name, text in self._complaints.items()
            if text and name in self._alive
        ]
        found = [
            self._clock.complaint(),
            self.load.complaint(),
            self._namesake,
            self._camera_problem,
        ]
        return [*filter(None, found), *inputs]

    @property
    def is_error(self) -> bool:
        """Whether something is so wrong that masks cannot be trusted to be in time."""
        return self._clock.is_kept

    def _heed_input(self, name: str, status: InputStatus) -> None:
        enabled = status.config.enabled
        is_alive = status.availability.state is State.ALIVE
        problem = f'{name}: {status.problem}' if enabled and status.problem else ''
        over = f'{name}: something can arrive now.'
        self._conditions.heed(f'{name} problem', problem, after_s=DISCOVERY_S, over=over)
        self._complaints[name] = status.complaint if enabled and is_alive else ''
        complaint = f'{name}: {self._complaints[name]}' if self._complaints[name] else ''
        self._conditions.heed(f'{name} complaint', complaint, after_s=1.0)

    def _namesakes(self) -> str:
        own = self._node.get_name(), self._node.get_namespace()
        number = self._node.get_node_names_and_namespaces().count(own)
        if number < 2:
            return ''
        full = self._node.get_fully_qualified_name()
        return f'{number} nodes are called {full}: start one of them under another name'


def camera_problem(problem: str, statuses: Iterable[InputStatus]) -> str:
    """Return what is wrong with the camera, where clouds that come need to know it."""
    needs = any(
        status.config.enabled
        and status.config.type == 'points'
        and status.availability.received + status.availability.refused
        for status in statuses
    )
    return problem if needs else ''
