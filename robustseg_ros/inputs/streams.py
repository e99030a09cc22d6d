"""The inputs together: who is alive, and which measurements make a frame."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from robustseg_core.modalities import ModalitySet
from robustseg_core.runtime import (
    AvailabilityConfig,
    AvailabilityMonitor,
    FrameSet,
    FrameSynchronizer,
    ModalityStatus,
    State,
    SyncConfig,
)
from robustseg_core.sensors.range_check import without_ranges
from robustseg_ros.inputs import complaints
from robustseg_ros.inputs.camera_keeper import CameraKeeper
from robustseg_ros.inputs.faces import camera_complaint, registration_complaint
from robustseg_ros.inputs.frames import Frame, FrameReport
from robustseg_ros.inputs.input import Input
from robustseg_ros.inputs.measurements import Measurement
from robustseg_ros.inputs.noticed import noticed_words
from robustseg_ros.inputs.readers import make_reader
from robustseg_ros.inputs.refusals import refusal
from robustseg_ros.node.clock_watch import ClockWatch
from robustseg_ros.node.config import InputConfig, NodeConfig, scale_of
from robustseg_ros.node.problem_log import ProblemLog

_Item = tuple[float, Measurement]  # when it was received, on the monotonic clock


@dataclass
class InputStatus:
    """What is known about one input, for /diagnostics.

    Attributes:
        config: Of the input.
        topic: Its topic in full, after namespace and remapping; empty where it has none.
        availability: Its state and counters.
        problem: Why nothing can arrive, or empty.
        share: Share of the messages sent that arrived, or None if not known.
        complaint: What is wrong although it is alive, or empty.
        fused: Frames it was part of.
        unmatched: Frames in a row that it was alive for but not part of.
    """

    config: InputConfig
    topic: str
    availability: ModalityStatus
    problem: str
    share: float | None
    complaint: str
    fused: int
    unmatched: int

    @property
    def is_alive(self) -> bool:
        """Whether frames are made with this input."""
        return self.config.enabled and self.availability.state is State.ALIVE


@dataclass
class _Counts:
    fused: Counter[str] = field(default_factory=Counter)
    unmatched: Counter[str] = field(default_factory=Counter)


class Streams:
    """Owns the subscriptions while the node is active; lives in the executor's thread.

    Args:
        node: The node.
        config: Of the node.
        modalities: Of the model.
        camera: Of the points; outlives this object, which is gone while the node is not active.
        on_frame: Takes each frame that is due.
        on_measurement: Takes what a living input has delivered and no frame has taken yet, with
            the stamp that it will have there.
        on_restart: Called when time has begun again.
        vet: Returns why a measurement that just came is of no use, or an empty string.
        log: Of problems.
        clock: Keeps the time for availability and waiting.

    Attributes:
        overload: That this process does not keep up, in words, or empty; whoever knows sets it.
    """

    def __init__(
        self,
        node: Any,
        config: NodeConfig,
        modalities: ModalitySet,
        camera: CameraKeeper,
        on_frame: Callable[[Frame], None],
        on_measurement: Callable[[str, int, Measurement], None],
        on_restart: Callable[[], None],
        vet: Callable[[str, Measurement], str],
        log: ProblemLog,
        clock: ClockWatch,
    ) -> None:
        self.overload = ''
        self._node = node
        self._clock = clock
        self._config = config
        self._on_frame = on_frame
        self._on_measurement = on_measurement
        self._on_restart = on_restart
        self._vet = vet
        self._log = log
        self._monitor = AvailabilityMonitor(_availability(config), self._clock.now_ns)
        self._synchronizer: FrameSynchronizer[_Item] = FrameSynchronizer(
            _sync(config), self._clock.now_ns
        )
        self._restarts = 0
        self._counts = _Counts()
        self._problems: dict[str, str] = {}
        self._leader = ''
        self._sampled_ns: dict[str, int] = {}  # when each last gave a measurement
        self._camera = camera
        camera.connect(node)
        self._noticed: dict[str, str] = {}
        self._inputs: dict[str, Input] = {}
        try:
            self._connect(modalities)
        except Exception:
            self.close()
            raise

    def _connect(self, modalities: ModalitySet) -> None:
        node, config = self._node, self._config
        for name, source in config.inputs.items():
            # As far back as a frame can wait, and some for the way here.
            slack_ns = config.max_wait_ns + source.tolerance_ns + 200_000_000
            encoding = source.encoding or modalities[name].encoding
            scaled = replace(source, scale=scale_of(source, modalities[name]))
            reader = make_reader(node, scaled, encoding, self._camera, slack_ns)
            self._inputs[name] = Input(node, source, reader, self)
            if source.enabled:
                self._inputs[name].connect()
        if unknown := without_ranges(modalities, config.inputs):
            node.get_logger().info(unknown)

    def close(self) -> None:
        """End all subscriptions."""
        for source in self._inputs.values():
            source.close()
        self._camera.disconnect(self._node)

    def reset(self) -> None:
        """Forget everything that was received: time has begun again."""
        self._monitor.reset()
        self._synchronizer.reset()
        self._restart()

    def reconfigure(self, config: NodeConfig) -> None:
        """Take over what counts at once of ``config``."""
        self._config = config
        for name, availability in _availability(config).items():
            self._monitor.reconfigure(name, availability)
        self._synchronizer.reconfigure(_sync(config))
        for name, source in config.inputs.items():
            if source.enabled:
                self._inputs[name].connect()
            else:
                self._inputs[name].disconnect()

    def alive(self) -> tuple[str, ...]:
        """Return the names of the living inputs."""
        return tuple(name for name in self._monitor.alive() if self._inputs[name].connected)

    def received(
        self, name: str, stamp_ns: int, measurement: Measurement | None, received_s: float
    ) -> None:
        """Take a good message of an input, received at ``received_s`` on the monotonic clock."""
        self._clock.heard()
        if measurement is None and self._is_overdue(name):
            self.refused(name, 'its messages make no image: their stamps do not go on')
            return
        if measurement is not None:
            if measurement.is_final and (doubt := self._vet(name, measurement)):
                self.refused(name, doubt)
                return
            item = (received_s, measurement)
            if (complaint := self._synchronizer.add(name, stamp_ns, item)) is not None:
                self.refused(name, complaint)
                return
            self._heed_restarts()
            self._sampled_ns[name] = self._clock.now_ns()
        self._monitor.arrived(name)
        self.poll()
        if measurement is not None and measurement.is_final and name in self.alive():
            corrected_ns = stamp_ns - self._config.inputs[name].offset_ns
            self._on_measurement(name, corrected_ns, measurement)

    def refused(self, name: str, reason: str) -> None:
        """Take the reason why a message is of no use."""
        self._clock.heard()
        self._log.report(f'{name} refused', f'{name}: {reason}')
        self._monitor.refused(name, reason)

    def heed(self, report: FrameReport) -> None:
        """Take what became of a frame: which measurements were of no use, what others say."""
        for name, reason in report.refused.items():
            self.refused(name, reason)
        for name, noticed in report.noticed.items():
            words = noticed_words(name, noticed, left_out=name in report.left_out)
            before = self._noticed.get(name, '')
            self._noticed[name] = words
            if words and words != before:
                self._log.report(f'{name} noticed', f'{name}: {words}')
            elif before and not words:
                self._node.get_logger().info(f'{name}: no longer {before}')

    def poll(self) -> None:
        """Hand on every frame that is due."""
        alive = self.alive()
        while (frame := self._synchronizer.poll(alive)) is not None:
            self._hand_on(frame, alive)
        self._heed_restarts()

    def watch(self) -> None:
        """Ask the graph why nothing can arrive; costs a millisecond or so."""
        self._camera.watch(self._node)
        for name, source in self._inputs.items():
            problem = source.problem() if self._config.inputs[name].enabled else ''
            self._problems[name] = problem
            self._monitor.cannot_connect(name, problem or None)

    def statuses(self) -> dict[str, InputStatus]:
        """Return what is known about each input."""
        return {name: self._status(name, source) for name, source in self._inputs.items()}

    @property
    def dropped(self) -> Mapping[str, int]:
        """How many measurements the synchronizer threw away, by cause."""
        return asdict(self._synchronizer.dropped)

    @property
    def camera_problem(self) -> str:
        """What is wrong with the newest CameraInfo, or an empty string."""
        return self._camera.problem

    def _hand_on(self, frame: FrameSet[_Item], alive: tuple[str, ...]) -> None:
        measurements = self._measurements(frame)
        if not measurements:
            return
        items = {name: frame.items[name] for name in measurements}
        self._leader = next(iter(items))
        for name in alive:
            if name in items:
                self._counts.fused[name] += 1
                self._counts.unmatched[name] = 0
            else:
                self._counts.unmatched[name] += 1
        self._on_frame(
            Frame(
                measurements=measurements,
                received_s=items[self._leader].item[0],
                complete_s=max(item.item[0] for item in items.values()),
                looks=self._config.looks,
                camera_info=self._camera.info,
                leave_out=frozenset(
                    name
                    for name, source in self._config.inputs.items()
                    if source.leave_out_degraded
                ),
            )
        )

    def _measurements(self, frame: FrameSet[_Item]) -> dict[str, tuple[int, Measurement]]:
        """Return those of a frame as of its moment, the leading one first."""
        found: dict[str, tuple[int, Measurement]] = {}
        for name in (frame.leader, *(n for n in self._config.order if n != frame.leader)):
            if name not in frame.items:
                continue
            item = frame.items[name]
            # The frame's stamp is the corrected one; an event stream has its own.
            own_ns = frame.stamp_ns + self._config.inputs[name].offset_ns
            try:
                found[name] = item.stamp_ns, item.item[1].at(own_ns)
            except Exception as error:  # a boundary: it costs itself alone
                self.refused(name, refusal(error))
        return found

    def _is_overdue(self, name: str) -> bool:
        """Tell whether an input's messages have given no measurement for too long."""
        now_ns, config = self._clock.now_ns(), self._config.inputs[name]
        since_ns = self._sampled_ns.setdefault(name, now_ns)
        return now_ns - since_ns > config.timeout_ns + config.event_period_ns

    def _status(self, name: str, source: Input) -> InputStatus:
        found = [source.statistics.complaint(name, self.overload), source.complaint()]
        if self._counts.unmatched[name] >= complaints.UNMATCHED_LIMIT:
            found.append(self._unmatched(name))
        found.append(self._registration(name, source))
        found.append(self._noticed.get(name, ''))
        return InputStatus(
            config=self._config.inputs[name],
            topic=source.topic,
            availability=self._monitor.status(name),
            problem=self._problems.get(name, ''),
            share=source.statistics.share(),
            complaint='; '.join(filter(None, found)),
            fused=self._counts.fused[name],
            unmatched=self._counts.unmatched[name],
        )

    def _unmatched(self, name: str) -> str:
        """Return why an input that is alive is in no frame."""
        config = self._config
        if (lateness_ns := self._synchronizer.lateness_ns(name)) is not None:
            return complaints.late(name, self._leader, lateness_ns, config.max_wait_ns)
        return complaints.unmatched(
            name, self._counts.unmatched[name], config.inputs[name].tolerance_ns
        )

    def _registration(self, name: str, source: Input) -> str:
        """Return why an image can hardly be fused pixel on pixel, if it is an image."""
        face, leader = source.faces.newest, self._inputs.get(self._leader)
        if face is None or face.size is None or leader is None:
            return ''
        found, leading = [], leader.faces.newest
        if name != self._leader and leading is not None and leading.size is not None:
            found.append(registration_complaint(face, self._leader, leading))
        info, size = self._camera.info, self._camera.size
        if info is not None and size is not None and info.header.frame_id == face.frame_id:
            found.append(camera_complaint(size, face))
        return '; '.join(filter(None, found))

    def _heed_restarts(self) -> None:
        if self._synchronizer.restarts != self._restarts:
            self._restarts = self._synchronizer.restarts
            self._log.report('restart', 'Stamps jumped back: starting over.')
            self._restart()

    def _restart(self) -> None:
        self._sampled_ns.clear()
        for source in self._inputs.values():
            source.reset()
        self._on_restart()


def _availability(config: NodeConfig) -> dict[str, AvailabilityConfig]:
    return {
        name: AvailabilityConfig(
            timeout_ns=source.timeout_ns, recovery_frames=source.recovery_frames
        )
        for name, source in config.inputs.items()
    }


def _sync(config: NodeConfig) -> SyncConfig:
    return SyncConfig(
        order=config.order,
        tolerance_ns={name: source.tolerance_ns for name, source in config.inputs.items()},
        offset_ns={name: source.offset_ns for name, source in config.inputs.items()},
        max_wait_ns=config.max_wait_ns,
    )
