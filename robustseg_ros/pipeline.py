"""From the measurements of one frame to its published mask; runs in the worker's thread."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from robustseg_core.errors import RobustSegError, SensorError
from robustseg_ros.config import Looks
from robustseg_ros.drawings import Drawing, Drawings
from robustseg_ros.measurements import Measurement, Size
from robustseg_ros.outputs import Outputs, Result

if TYPE_CHECKING:  # the engine brings torch, which only the worker's thread waits for
    from robustseg_core.runtime.engine import Engine, Segmentation

# Spans of network time remembered: more than fit between a message and its mask.
_SPANS = 64


@dataclass(frozen=True)
class Frame:
    """What is to be segmented.

    Attributes:
        measurements: Name -> its stamp (ns) and measurement; the leading one first, the others by
            priority.
        received_s: When the leading message was received, on the monotonic clock.
        complete_s: When the last of its messages was.
        looks: How it is to be shown.
        camera_info: The camera of the points, or None.
    """

    measurements: Mapping[str, tuple[int, Measurement]]
    received_s: float
    complete_s: float
    looks: Looks
    camera_info: Any | None


@dataclass
class FrameReport:
    """What became of a frame.

    Attributes:
        present: Names that were fused, in the model's order; empty if there is no mask.
        refused: Name -> why its measurement could not be used.
        error: Why there is no mask, or empty.
        latency_ms: From receiving the leading message to having published.
        response_ms: From receiving the last message to having published.
        rest_ms: Of that, what the network was not at work.
        model_ms: Spent in the network on this frame, beforehand included.
        overhead_ms: Spent on this frame outside the network, beforehand included.
        ahead_used: Images encoded ahead that this frame is made of.
        ahead_wasted: Those that no frame can be made of any more, since the last report.
    """

    present: tuple[str, ...] = ()
    refused: dict[str, str] = field(default_factory=dict)
    error: str = ''
    latency_ms: float = 0.0
    response_ms: float = 0.0
    rest_ms: float = 0.0
    model_ms: float = 0.0
    overhead_ms: float = 0.0
    ahead_used: int = 0
    ahead_wasted: int = 0


@dataclass
class _Seen:
    """What the engine has been shown of a frame; the leading input first."""

    leader: Measurement | None = None
    image: NDArray[Any] | None = None
    size: Size = (0, 0)
    present: dict[str, int] = field(default_factory=dict)
    ahead_work_s: float = 0.0
    ahead_model_s: float = 0.0


class Pipeline:
    """Draws the network's images, has them segmented and publishes the result.

    Args:
        engine: The network.
        outputs: Takes the masks.
    """

    def __init__(self, engine: Engine, outputs: Outputs) -> None:
        self._engine = engine
        self._outputs = outputs
        self._drawings = Drawings()
        self._size: Size | None = None  # of the last mask
        self._spans: deque[tuple[float, float]] = deque(maxlen=_SPANS)

    def reset(self) -> None:
        """Forget earlier frames: time has begun again."""
        self._engine.reset()
        self._drawings.reset()
        self._size = None

    def encode_ahead(self, name: str, stamp_ns: int, measurement: Measurement) -> None:
        """Encode a measurement that is likely to be part of the next frame.

        What fails here is left to that frame, which says so.

        Args:
            name: Of the input.
            stamp_ns: As the frame will have it.
            measurement: A final one.
        """
        if self._size is None or not self._drawings.is_news(name, stamp_ns):
            return
        size = self._engine.network_size(*self._size)
        drawing = Drawing(measurement, size)
        if self._drawings.is_promising(name):
            start_s = monotonic()
            try:
                drawing.image = measurement.network_image(size)
                drawn_s = monotonic()
                with self._network():
                    self._engine.observe(name, drawing.image, stamp_ns)
                    self._engine.encode_ahead(name, stamp_ns, self._size)
            except RobustSegError:
                return
            drawing.work_s, drawing.model_s = drawn_s - start_s, monotonic() - drawn_s
        self._drawings.add(name, stamp_ns, drawing)

    def run(self, frame: Frame) -> FrameReport:
        """Segment and publish ``frame``; what cannot be used is left out and reported."""
        start_s = monotonic()
        report = FrameReport()
        seen = self._observe(frame, report)
        self._drawings.frame_done({name: at for name, (at, _) in frame.measurements.items()})
        report.ahead_used, report.ahead_wasted = self._drawings.take_counts()
        if seen.leader is None or seen.image is None:
            report.error = 'none of its measurements could be used'
            return report
        self._size = seen.size
        segmentation = self._segment(frame, seen, report)
        self._outputs.publish(
            Result(
                header=seen.leader.header,
                class_ids=segmentation.class_ids,
                confidence=segmentation.confidence,
                image=seen.image,
                present=segmentation.present,
            ),
            frame.looks,
            frame.camera_info,
        )
        end_s = monotonic()
        model_s = self._network_s(start_s, end_s)
        report.present = segmentation.present
        report.latency_ms = (end_s - frame.received_s) * 1000
        response_s = end_s - frame.complete_s
        report.response_ms = response_s * 1000
        report.rest_ms = (response_s - self._network_s(frame.complete_s, end_s)) * 1000
        report.model_ms = (seen.ahead_model_s + model_s) * 1000
        report.overhead_ms = (seen.ahead_work_s + end_s - start_s - model_s) * 1000
        return report

    def _observe(self, frame: Frame, report: FrameReport) -> _Seen:
        """Show the engine every measurement that can be used."""
        seen = _Seen()
        network_size = (0, 0)
        for name, (stamp_ns, measurement) in frame.measurements.items():
            try:
                if seen.leader is None:
                    seen.size = measurement.size()
                    network_size = self._engine.network_size(*seen.size)
                drawing = self._drawings.find(name, stamp_ns, measurement, network_size)
                if drawing is None or drawing.image is None:
                    image = measurement.network_image(network_size)
                else:
                    image = drawing.image
                    seen.ahead_work_s += drawing.work_s
                    seen.ahead_model_s += drawing.model_s
                with self._network():
                    self._engine.observe(name, image, stamp_ns)
            except RobustSegError as error:
                report.refused[name] = f'cannot decode: {error}'
                continue
            seen.present[name] = stamp_ns
            if seen.leader is None:
                seen.leader, seen.image = measurement, image
        return seen

    def _segment(self, frame: Frame, seen: _Seen, report: FrameReport) -> Segmentation:
        with_confidence = frame.looks.min_confidence > 0 or self._outputs.wants_confidence
        with self._network():
            try:
                return self._engine.segment(
                    seen.present, seen.size, with_confidence=with_confidence
                )
            except SensorError:
                report.refused |= self._culprits(seen)
            present = {n: at for n, at in seen.present.items() if n not in report.refused}
            return self._engine.segment(present, seen.size, with_confidence=with_confidence)

    def _culprits(self, seen: _Seen) -> dict[str, str]:
        """Return which images the network cannot take, and why: each is tried alone."""
        reasons = {name: self._refusal({name: at}, seen.size) for name, at in seen.present.items()}
        return {name: f'cannot segment: {reason}' for name, reason in reasons.items() if reason}

    def _refusal(self, present: Mapping[str, int], size: Size) -> str:
        try:
            self._engine.segment(present, size)
        except SensorError as error:
            return str(error)
        return ''

    @contextmanager
    def _network(self) -> Iterator[None]:
        """Take note of the time that the network takes."""
        start_s = monotonic()
        try:
            yield
        finally:
            self._spans.append((start_s, monotonic()))

    def _network_s(self, since_s: float, until_s: float) -> float:
        """Return for how long of a stretch of time the network was at work."""
        return sum(
            max(0.0, min(end_s, until_s) - max(start_s, since_s)) for start_s, end_s in self._spans
        )
