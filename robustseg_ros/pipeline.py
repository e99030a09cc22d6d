"""From the measurements of one frame to its published mask; runs in the worker's thread."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from robustseg_core.errors import RobustSegError, SensorError
from robustseg_ros.measurements import Measurement, Size
from robustseg_ros.outputs import Outputs, Result

if TYPE_CHECKING:  # the engine brings torch, which only the worker's thread waits for
    from robustseg_core.runtime.engine import Engine


@dataclass(frozen=True)
class Frame:
    """What is to be segmented.

    Attributes:
        measurements: Name -> its stamp (ns) and measurement; the leading one first, the others by
            priority.
        received_s: When the leading message was received, on the monotonic clock.
        opacity: Of the overlay.
        min_confidence: Of the mask.
        camera_info: The camera of the points, or None.
    """

    measurements: Mapping[str, tuple[int, Measurement]]
    received_s: float
    opacity: float
    min_confidence: float
    camera_info: Any | None


@dataclass
class FrameReport:
    """What became of a frame.

    Attributes:
        present: Names that were fused, in the model's order; empty if there is no mask.
        refused: Name -> why its measurement could not be used.
        error: Why there is no mask, or empty.
        latency_ms: From receiving the leading message to having published.
        model_ms: Spent in the network.
        overhead_ms: Spent on the frame outside the network.
    """

    present: tuple[str, ...] = ()
    refused: dict[str, str] = field(default_factory=dict)
    error: str = ''
    latency_ms: float = 0.0
    model_ms: float = 0.0
    overhead_ms: float = 0.0


class Pipeline:
    """Draws the network's images, has them segmented and publishes the result."""

    def __init__(self, engine: Engine, outputs: Outputs) -> None:
        self._engine = engine
        self._outputs = outputs

    def reset(self) -> None:
        """Forget earlier frames: time has begun again."""
        self._engine.reset()

    def run(self, frame: Frame) -> FrameReport:
        """Segment and publish ``frame``; what cannot be used is left out and reported."""
        start_s = monotonic()
        report = FrameReport()
        leader: Measurement | None = None
        leading_image: NDArray[Any] | None = None
        size, network_size = (0, 0), (0, 0)
        present: dict[str, int] = {}
        model_s = 0.0
        for name, (stamp_ns, measurement) in frame.measurements.items():
            try:
                if leader is None:
                    size = measurement.size()
                    network_size = self._engine.network_size(*size)
                image = measurement.network_image(network_size)
                observed_s = monotonic()
                self._engine.observe(name, image, stamp_ns)
                model_s += monotonic() - observed_s
            except RobustSegError as error:
                report.refused[name] = f'cannot decode: {error}'
                continue
            present[name] = stamp_ns
            if leader is None:
                leader, leading_image = measurement, image
        if leader is None or leading_image is None:
            report.error = 'none of its measurements could be used'
            return report
        segment_s = monotonic()
        with_confidence = frame.min_confidence > 0 or self._outputs.wants_confidence
        try:
            segmentation = self._engine.segment(present, size, with_confidence=with_confidence)
        except SensorError:
            report.refused |= self._culprits(present, size)
            present = {name: at for name, at in present.items() if name not in report.refused}
            segmentation = self._engine.segment(present, size, with_confidence=with_confidence)
        model_s += monotonic() - segment_s
        self._outputs.publish(
            Result(
                header=leader.header,
                class_ids=segmentation.class_ids,
                confidence=segmentation.confidence,
                image=leading_image,
                present=segmentation.present,
            ),
            opacity=frame.opacity,
            min_confidence=frame.min_confidence,
            camera_info=frame.camera_info,
        )
        end_s = monotonic()
        report.present = segmentation.present
        report.latency_ms = (end_s - frame.received_s) * 1000
        report.model_ms = model_s * 1000
        report.overhead_ms = (end_s - start_s - model_s) * 1000
        return report

    def _culprits(self, present: Mapping[str, int], size: Size) -> dict[str, str]:
        """Return which images the network cannot take, and why: each is tried alone."""
        reasons = {name: self._refusal({name: at}, size) for name, at in present.items()}
        return {name: f'cannot segment: {reason}' for name, reason in reasons.items() if reason}

    def _refusal(self, present: Mapping[str, int], size: Size) -> str:
        try:
            self._engine.segment(present, size)
        except SensorError as error:
            return str(error)
        return ''
