"""The lifecycle node ``segment``: only wires its parts together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from queue import SimpleQueue
from time import monotonic
import traceback
from typing import TYPE_CHECKING, Any

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import TransitionCallbackReturn
from std_srvs.srv import SetBool

from robustseg_core.errors import ConfigError
from robustseg_core.models.embedded import checkpoint_path
from robustseg_core.quoting import quoted
from robustseg_ros.inputs.camera_keeper import CameraKeeper
from robustseg_ros.inputs.frames import Frame, FrameReport
from robustseg_ros.inputs.images import CV_BRIDGE
from robustseg_ros.inputs.measurements import Measurement, size_text
from robustseg_ros.inputs.streams import Streams
from robustseg_ros.node import optional
from robustseg_ros.node.arguments import last_given
from robustseg_ros.node.bond import ManagerBond
from robustseg_ros.node.calls import answer_all
from robustseg_ros.node.clock_watch import ClockWatch
from robustseg_ros.node.config import (
    NodeConfig,
    changed_live,
    node_config,
    without_unknown,
)
from robustseg_ros.node.core_log import CoreLog
from robustseg_ros.node.health import Health, diagnostics
from robustseg_ros.node.lifecycle import PatientLifecycleNode
from robustseg_ros.node.node_parameters import NodeParameters
from robustseg_ros.node.problem_log import ProblemLog
from robustseg_ros.node.qos import overridable
from robustseg_ros.node.telling import Telling, camera_problem
from robustseg_ros.node.transitions import reported
from robustseg_ros.node.worker import Worker
from robustseg_ros.segment.loading import load_engine
from robustseg_ros.segment.outputs import Outputs
from robustseg_ros.segment.pipeline import Pipeline
from robustseg_ros.segment.status_values import status_values
from robustseg_ros.segment.topics import DIAGNOSTICS

if TYPE_CHECKING:
    from robustseg_core.runtime.engine import Engine

NAME = 'segment'
TICK_S = 0.02
WATCH_S = 0.5


class SegmentNode(PatientLifecycleNode):
    """Publish the segmentation of the newest frames of whatever sensors are alive.

    The executor's thread takes messages in and decides which make a frame; the worker's thread
    owns the model and publishes. Neither waits for the other.

    Args:
        args: Of the command line.
    """

    def __init__(self, args: Sequence[str] = ()) -> None:
        super().__init__(NAME, parameter_overrides=last_given(args, NAME))
        self._log = ProblemLog(self.get_logger())
        self._core_log = CoreLog(self.get_logger())
        self._config: NodeConfig | None = None
        self._engine: Engine | None = None
        self._engine_notes = ''
        self._worker: Worker[Frame] | None = None
        self._outputs: Outputs | None = None
        self._pipeline: Pipeline | None = None
        self._camera: CameraKeeper | None = None
        self._streams: Streams | None = None
        self._tick_timer: Any | None = None
        self._reports: SimpleQueue[FrameReport] = SimpleQueue()
        self._failure = ''
        self._paused = False
        self._watched_s = 0.0
        self._unexpected = 0
        self._settings = NodeParameters(self, self._parameter_overrides, self._on_parameters)
        missing = optional.missing(
            (optional.TF2, optional.VISION, optional.EVENTS, optional.BOND, CV_BRIDGE)
        )
        for package in missing:
            tell = self.get_logger().warning if package.broken else self.get_logger().info
            tell(f'{package.name} {package.why}: {package.loss}.')
        self._health = Health(self.get_fully_qualified_name().lstrip('/'), missing)
        # Steady: the node's clock stops with /clock, and just then there is something to say.
        self._steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._diagnostics = overridable(
            self.create_publisher, DiagnosticArray, DIAGNOSTICS.topic, DIAGNOSTICS.qos
        )
        period_s = self.get_parameter('diagnostics.period').value
        self.create_timer(period_s, self._publish_diagnostics, clock=self._steady)
        self.create_service(SetBool, '~/enable', self._on_enable)
        self._clock_watch = ClockWatch(self.get_clock())
        self._telling = Telling(self, self._clock_watch)
        self._bond = ManagerBond(self)
        answer_all(self, self.on_unexpected)

    def close(self, timeout_s: float | None = None) -> None:
        """Let go of everything, before ``destroy_node``.

        Args:
            timeout_s: How long to wait for the worker, which may be in the middle of anything;
                None: as long as that takes.
        """
        self._stop_streams()
        if self._worker is not None:
            self._worker.stop(timeout_s)
        if self._pipeline is not None:
            self._pipeline.close()
        self._core_log.close()
        self._clock_watch.close()

    def on_unexpected(self, error: Exception) -> None:
        """Count what came out of a callback, and say it once a while: the node goes on."""
        self._unexpected += 1
        where = ''.join(traceback.format_tb(error.__traceback__))
        kind = type(error).__name__
        self._log.report(f'unexpected {kind}', f'Unexpected {kind}: {quoted(error)}\n{where}')

    @reported
    async def on_configure(self, state: Any) -> TransitionCallbackReturn:
        try:
            return await self._configure(state)
        except Exception:
            await self._release()
            raise

    async def _configure(self, state: Any) -> TransitionCallbackReturn:
        config = node_config(self._settings.values())
        self._worker = Worker(partial(self._load, config), self._on_worker_error)
        self.get_logger().info(f'Loading {checkpoint_path(config.checkpoint)} ...')
        self._core_log.open()
        await self.finished(self._worker.begin())
        assert self._engine is not None
        config = without_unknown(config, self._engine.modalities, self.get_logger().warning)
        self._config = self._with_live_values(config)  # some may have come while it loaded
        self._camera = CameraKeeper(
            config.camera_info_topic, rectified=config.rectified, limits=config.limits
        )
        self._outputs = Outputs(self, self._engine.labels)
        self._pipeline = Pipeline(
            self._engine,
            self._outputs,
            self.get_logger().info,
            self._engine.network_size(*(config.expected_size or self._engine.resolution)),
            config.drawing_max_s,
            now_ns=lambda: int(self.get_clock().now().nanoseconds),
        )
        self._failure = ''
        self._health.hardware_id = str(self._engine.backend.device)
        self.get_logger().info(
            f'{checkpoint_path(config.checkpoint)} on {self._engine.backend.device}, computed by '
            f'{self._engine.backend.name} in {config.precision}: '
            f'{self._engine.labels.name}, {len(self._engine.labels)} classes, '
            f'from {", ".join(self._engine.modalities.names)}'
        )
        return super().on_configure(state)

    @reported
    def on_activate(self, state: Any) -> TransitionCallbackReturn:
        try:
            return self._activate(state)
        except Exception:
            self._stop_streams()
            super().on_deactivate(state)
            raise

    def _activate(self, state: Any) -> TransitionCallbackReturn:
        assert self._config is not None
        assert self._engine is not None
        assert self._outputs is not None
        assert self._pipeline is not None
        assert self._camera is not None
        result = super().on_activate(state)
        self._outputs.publish_labels(self.get_clock().now().to_msg())
        modalities = self._engine.modalities
        self._streams = Streams(
            self,
            self._config,
            modalities,
            self._camera,
            self._on_frame,
            self._on_measurement,
            self._on_restart,
            self._pipeline.vet,
            self._log,
            self._clock_watch,
        )
        self._settings.tell_unused_qos()
        if not self.get_parameter('autostart').value:  # somebody else manages it
            self._bond.form()
        self._tick_timer = self.create_timer(TICK_S, self._on_tick, clock=self._steady)
        return result

    @reported
    def on_deactivate(self, state: Any) -> TransitionCallbackReturn:
        self._stop_streams()
        return super().on_deactivate(state)

    @reported
    async def on_cleanup(self, state: Any) -> TransitionCallbackReturn:
        result = super().on_cleanup(state)
        await self._release()
        return result

    @reported
    async def on_shutdown(self, state: Any) -> TransitionCallbackReturn:
        self._stop_streams()
        result = super().on_shutdown(state)
        await self._release()
        return result

    async def on_error(self, state: Any) -> TransitionCallbackReturn:  # noqa: ARG002
        """Come back to unconfigured with nothing left over."""
        self._stop_streams()
        await self._release()
        return TransitionCallbackReturn.SUCCESS

    def on_failed(self, message: str) -> None:
        """Say why a transition failed, at once and as long as it holds."""
        self.get_logger().error(message)
        self._failure = message.splitlines()[0]
        self._publish_diagnostics()

    def _load(self, config: NodeConfig) -> Callable[[Frame], None]:
        """Load and warm up the model; runs in the worker's thread."""
        self._engine, self._engine_notes = load_engine(config)
        return self._segment

    def _segment(self, frame: Frame) -> None:
        """Do one frame; runs in the worker's thread."""
        if self._pipeline is not None:
            self._reports.put(self._pipeline.run(frame))

    def _on_worker_error(self, error: Exception) -> None:
        self._reports.put(FrameReport(error=f'{type(error).__name__}: {quoted(error)}'))

    def _on_frame(self, frame: Frame) -> None:
        if self._paused or self._worker is None:
            return
        superseded = self._worker.submit(frame)
        self._telling.load.due(superseded=superseded)
        if superseded:
            self._health.dropped['busy'] += 1

    def _on_measurement(self, name: str, stamp_ns: int, measurement: Measurement) -> None:
        """Have it encoded before its frame is due, if there is time."""
        worker, pipeline, config = self._worker, self._pipeline, self._config
        if self._paused or worker is None or pipeline is None or config is None:
            return
        if config.encode_ahead:
            worker.offer(name, partial(pipeline.encode_ahead, name, stamp_ns, measurement))

    def _on_tick(self) -> None:
        if self._streams is None:
            return
        self._telling.load.ticked(TICK_S)
        try:
            self._look_after(self._streams)
        except Exception as error:  # a boundary: the other inputs are to be served
            self.on_unexpected(error)

    def _look_after(self, streams: Streams) -> None:
        if self._clock_watch.jumped():
            self._log.report('jump', 'The clock was set back or changed: starting over.')
            streams.reset()
        streams.poll()
        while not self._reports.empty():
            self._on_report(self._reports.get())
        now_s = monotonic()
        if now_s - self._watched_s >= WATCH_S:
            self._watched_s = now_s
            streams.overload = self._telling.load.complaint()
            streams.watch()
            statuses = streams.statuses()
            self._telling.look(statuses, camera_problem(streams.camera_problem, statuses.values()))
        if self._telling.alive(streams.alive(), streams.statuses):
            self._publish_diagnostics()

    def _on_report(self, report: FrameReport) -> None:
        self._health.record(report)
        if report.error:
            self._log.report('frame', f'No mask for a frame: {report.error}')
        if self._streams is not None:
            self._streams.heed(report)

    def _on_restart(self) -> None:
        if self._worker is not None and self._pipeline is not None:
            self._worker.run_first(self._pipeline.reset)

    def _on_enable(self, request: Any, response: Any) -> Any:
        if self._paused and request.data:
            self._health.begin_times()
        self._paused = not request.data
        response.success = True
        response.message = 'masks are paused' if self._paused else 'masks are published'
        self._publish_diagnostics()
        return response

    def _with_live_values(self, config: NodeConfig) -> NodeConfig:
        try:
            return changed_live(config, node_config(self._settings.values()))
        except ConfigError as error:
            self.get_logger().warning(f'{error} The next configure will fail.')
            return config

    def _on_parameters(self, names: set[str]) -> None:
        if self._config is None:
            return
        self._config = self._with_live_values(self._config)
        if self._streams is not None:
            self._streams.reconfigure(self._config)
        for name in sorted(names):
            self.get_logger().info(f'Changed {name}; counts {self._settings.effect(name)}.')

    def _stop_streams(self) -> None:
        self._bond.end()
        if self._tick_timer is not None:
            self.destroy_timer(self._tick_timer)
            self._tick_timer = None
        if self._streams is not None:
            self._streams.close()
            self._streams = None
        self._on_restart()
        self._telling.forget()

    async def _release(self) -> None:
        if self._worker is not None:
            await self.finished(self._worker.end())
        if self._pipeline is not None:
            self._pipeline.close()
        self._core_log.close()
        if self._outputs is not None:
            self._outputs.destroy()
        for left in list(self._managed_entities):  # of outputs that came about in part
            self.destroy_lifecycle_publisher(left)
        self._worker = self._outputs = self._pipeline = self._engine = self._config = None
        self._camera = None

    def _publish_diagnostics(self) -> None:
        statuses = {} if self._streams is None else self._streams.statuses()
        modalities = () if self._engine is None else self._engine.modalities
        whole = self._health.whole(
            lifecycle=self.lifecycle_state,
            failure=self._failure,
            alive=[name for name, status in statuses.items() if status.is_alive],
            enabled=[name for name, status in statuses.items() if status.config.enabled],
            letters={modality.name: modality.letter for modality in modalities},
            notes=self._notes(),
            is_error=self._telling.is_error,
            values=self._values(),
        )
        parts = [self._health.modality(name, status) for name, status in statuses.items()]
        stamp = self.get_clock().now().to_msg()
        self._diagnostics.publish(diagnostics(stamp, [whole, *parts]))

    def _notes(self) -> list[str]:
        notes = ['paused by ~/enable'] if self._paused else []
        if self._streams is not None:
            notes += self._telling.notes()
        if self._pipeline is not None and self._pipeline.preparing is not None:
            notes.append(f'preparing for masks of {size_text(self._pipeline.preparing)}')
        return notes

    def _values(self) -> dict[str, Any]:
        parts = self._config, self._engine, self._pipeline, self._streams
        own = {'paused': self._paused, 'unexpected_errors': self._unexpected}
        notes = {} if self._engine is None else {'backend_notes': self._engine_notes}
        return own | status_values(*parts) | notes
