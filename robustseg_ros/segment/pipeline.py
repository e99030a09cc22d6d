"""From the measurements of one frame to its published mask; runs in the worker's thread."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from robustseg_core.errors import RobustSegError, SensorError
from robustseg_ros.inputs.frames import Frame, FrameReport
from robustseg_ros.inputs.measurements import Measurement, Size
from robustseg_ros.segment.drawings import Drawing, Drawings
from robustseg_ros.segment.outputs import Outputs, Result

if TYPE_CHECKING:  # the engine brings torch, which only the worker's thread waits for
    from robustseg_core.runtime.engine import Engine, Segmentation

# Spans of the engine's time remembered: more than fit between a message and its mask.
_SPANS = 64


@dataclass
class _Seen:
    """What the engine has been shown of a frame; the leading input first."""

    leader: Measurement | None = None
    image: NDArray[Any] | None = None
    size: Size = (0, 0)
    present: dict[str, int] = field(default_factory=dict)
    ahead: list[Drawing] = field(default_factory=list)


class Pipeline:
    """Draws the network's images, has them segmented and publishes the result.

    Args:
        engine: The network, warmed up for ``ready_size``.
        outputs: Takes the masks.
        tell: Is told that, and then how long, the network prepares for another size of image.
        ready_size: (height, width) as the network sees it; None = of no size yet.

    Attributes:
        sizes: (height, width) of the last mask, and as the network sees it; None = no frame yet.
        preparing: (height, width) of the masks for which the network is being made ready, if any.
    """

    def __init__(
        self,
        engine: Engine,
        outputs: Outputs,
        tell: Callable[[str], None],
        ready_size: Size | None = None,
    ) -> None:
        self.sizes: tuple[Size, Size] | None = None
        self.preparing: Size | None = None
        self._engine = engine
        self._outputs = outputs
        self._tell = tell
        self._ready_sizes = {ready_size}
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
                self._engine.observe(name, drawing.image, stamp_ns)
                drawing.work_s = monotonic() - start_s
                with self._at_work():
                    timings_ms = self._engine.encode_ahead(name, stamp_ns, self._size)
            except RobustSegError:
                return
            drawing.model_ms, drawing.around_ms = timings_ms['encode'], timings_ms['prepare']
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
        self.sizes = seen.size, self._engine.network_size(*seen.size)
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
        timings_ms = segmentation.timings_ms
        report.present = segmentation.present
        report.latency_ms = (end_s - frame.received_s) * 1000
        response_s = end_s - frame.complete_s
        report.response_ms = response_s * 1000
        report.rest_ms = (response_s - self._engine_s(frame.complete_s, end_s)) * 1000
        report.model_ms = timings_ms['encode'] + timings_ms['head']
        report.around_ms = timings_ms['prepare'] + timings_ms['classes']
        report.overhead_ms = (end_s - start_s - self._engine_s(start_s, end_s)) * 1000
        for drawing in seen.ahead:
            report.model_ms += drawing.model_ms
            report.around_ms += drawing.around_ms
            report.overhead_ms += drawing.work_s * 1000
        return report

    def _observe(self, frame: Frame, report: FrameReport) -> _Seen:
        """Show the engine every measurement that can be used."""
        seen = _Seen()
        for name, (stamp_ns, measurement) in frame.measurements.items():
            try:
                size = measurement.size() if seen.leader is None else seen.size
                network_size = self._engine.network_size(*size)
                drawing = self._drawings.find(name, stamp_ns, measurement, network_size)
                if drawing is None or drawing.image is None:
                    image = measurement.network_image(network_size)
                else:
                    image = drawing.image
                    seen.ahead.append(drawing)
                if seen.leader is None:
                    self._make_ready(size, network_size)
                self._engine.observe(name, image, stamp_ns)
            except RobustSegError as error:
                report.refused[name] = f'cannot decode: {error}'
                continue
            seen.present[name] = stamp_ns
            if seen.leader is None:
                seen.leader, seen.image, seen.size = measurement, image, size
        return seen

    def _make_ready(self, size: Size, network_size: Size) -> None:
        """Warm the network up for masks of a new size; for some backends that takes minutes.

        Features of another size are of no use any more, so that nothing is lost with them.
        """
        if network_size in self._ready_sizes:
            return
        words = f'masks of {size_text(size)}, which it sees at {size_text(network_size)}'
        self._tell(f'The network prepares for {words}: no masks until that is done.')
        start_s = monotonic()
        self.preparing = size
        try:
            with self._at_work():
                self._engine.warm_up(*size)
        except RobustSegError as error:  # not the sensor's fault, whose measurement led to it
            msg = f'The network cannot be made ready for {words}: {error}'
            raise RuntimeError(msg) from error
        finally:
            self.preparing = None
        self._ready_sizes.add(network_size)
        self._tell(f'The network is ready for {words}, after {monotonic() - start_s:.1f} s.')

    def _segment(self, frame: Frame, seen: _Seen, report: FrameReport) -> Segmentation:
        with_confidence = frame.looks.min_confidence > 0 or self._outputs.wants_confidence
        with self._at_work():
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
    def _at_work(self) -> Iterator[None]:
        """Take note of the time that the engine takes."""
        start_s = monotonic()
        try:
            yield
        finally:
            self._spans.append((start_s, monotonic()))

    def _engine_s(self, since_s: float, until_s: float) -> float:
        """Return for how long of a stretch of time the engine was at work."""
        return sum(
            max(0.0, min(end_s, until_s) - max(start_s, since_s)) for start_s, end_s in self._spans
        )


def size_text(size: Size) -> str:
    """Return (height, width) in words: ``720x1280``."""
    return f'{size[0]}x{size[1]}'
