"""From the measurements of one frame to its published mask; runs in the worker's thread."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from time import monotonic, time_ns
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from robustseg_core.errors import SensorError
from robustseg_core.runtime.expected import ExpectedScores
from robustseg_core.runtime.trust import ShareMeter, Trust
from robustseg_ros.inputs.frames import Frame, FrameReport
from robustseg_ros.inputs.measurements import Cloud, Measurement, Size
from robustseg_ros.inputs.noticed import InputWatches
from robustseg_ros.inputs.refusals import refusal
from robustseg_ros.segment.drawing_threads import DrawingThreads, Drawn
from robustseg_ros.segment.drawings import Drawing, Drawings
from robustseg_ros.segment.network_sizes import NetworkSizes
from robustseg_ros.segment.outputs import Outputs, Result

if TYPE_CHECKING:  # the engine brings torch, which only the worker's thread waits for
    from robustseg_core.runtime.engine import Engine, Segmentation

# Spans of the engine's time remembered: more than fit between a message and its mask.
_SPANS = 64
MOST_S = 0.5  # for one input's image, unless a parameter says otherwise


@dataclass
class _Seen:
    """What the engine has been shown of a frame; the leading input first."""

    leader: Measurement | None = None
    image: NDArray[Any] | None = None
    size: Size = (0, 0)
    inner: Size = (0, 0)
    present: dict[str, int] = field(default_factory=dict)
    ahead: list[Drawing] = field(default_factory=list)
    fitting_s: float = 0.0


class Pipeline:
    """Draws the network's images, has them segmented and publishes the result.

    Args:
        engine: The network, warmed up for ``ready_size``.
        outputs: Takes the masks.
        tell: Is told that, and then how long, the network prepares for another size of image.
        ready_size: (height, width) as the network sees it; None = of no size yet.
        most_s: A frame waits so long for the image of one input.
        now_ns: The clock of the stamps.

    Attributes:
        sizes: (height, width) of the last mask, and as the network sees it; None = no frame yet.
    """

    def __init__(
        self,
        engine: Engine,
        outputs: Outputs,
        tell: Callable[[str], None],
        ready_size: Size | None = None,
        most_s: float = MOST_S,
        now_ns: Callable[[], int] = time_ns,
    ) -> None:
        self.sizes: tuple[Size, Size] | None = None
        self._engine = engine
        self._outputs = outputs
        self._sizes = NetworkSizes(engine, tell, ready_size)
        self._threads = DrawingThreads(engine, most_s)
        self._drawings = Drawings()
        self._now_ns = now_ns
        self._expected = ExpectedScores.of(engine.backend.provenance)
        self._shares = ShareMeter(monotonic)
        self._watches = InputWatches(engine.modalities)
        self._size: Size | None = None  # of the last mask
        self._spans: deque[tuple[float, float]] = deque(maxlen=_SPANS)

    @property
    def preparing(self) -> Size | None:
        """(height, width) of the masks for which the network is being made ready, if any."""
        return self._sizes.preparing

    def close(self) -> None:
        """End the threads beside the worker's; what is stuck in one is not waited for."""
        self._threads.close()
        self._sizes.close()

    def vet(self, name: str, measurement: Measurement) -> str:
        """Return why a measurement that just came cannot be relied on, or an empty string.

        For the executor's thread: what an input sends whose images were bad or too slow costs
        nothing there, nor in a frame.
        """
        size = self.sizes[1] if self.sizes is not None else self._engine.resolution
        return self._threads.vet(name, measurement, size)

    def reset(self) -> None:
        """Forget earlier frames: time has begun again."""
        self._engine.reset()
        self._drawings.reset()
        self._shares.reset()
        self._watches.reset()
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
        size = self._sizes.now(self._size)
        drawing = Drawing(measurement, size)
        if self._drawings.is_promising(name):
            start_s = monotonic()
            try:
                future = self._threads.begin(name, measurement, size)
                drawing.drawn = drawn = self._threads.wait(name, future, start_s)
                self._engine.observe(name, drawn.fitted, stamp_ns)
                drawing.work_s = monotonic() - start_s - drawn.fitting_s
                with self._at_work():
                    timings_ms = self._engine.encode_ahead(name, stamp_ns, self._size, size)
            except Exception:
                return
            drawing.model_ms = timings_ms['encode']
            drawing.around_ms = timings_ms['prepare'] + drawn.fitting_s * 1000
        self._drawings.add(name, stamp_ns, drawing)

    def run(self, frame: Frame) -> FrameReport:
        """Segment and publish ``frame``; what cannot be used is left out and reported."""
        start_s = monotonic()
        report = FrameReport()
        seen = self._observe(frame, report)
        self._drawings.frame_done({name: at for name, (at, _) in frame.measurements.items()})
        report.ahead_used, report.ahead_wasted = self._drawings.take_counts()
        segmentation = None
        if seen.leader is not None:
            self._size = seen.size
            self.sizes = seen.size, seen.inner
            segmentation = self._segment(frame, seen, report)
        if seen.leader is None or seen.image is None or segmentation is None:
            report.error = 'none of its measurements could be used'
            return report
        report.trust = self._trust(frame, segmentation)
        self._outputs.publish(
            Result(
                header=seen.leader.header,
                class_ids=segmentation.class_ids,
                confidence=segmentation.confidence,
                image=seen.image,
                encoding=seen.leader.encoding,
                trust=report.trust,
                cloud=_cloud_of(frame, segmentation.present),
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
        report.around_ms = timings_ms['prepare'] + timings_ms['classes'] + seen.fitting_s * 1000
        report.overhead_ms = (end_s - start_s - self._engine_s(start_s, end_s)) * 1000
        for drawing in seen.ahead:
            report.model_ms += drawing.model_ms
            report.around_ms += drawing.around_ms
            report.overhead_ms += drawing.work_s * 1000
        if self._outputs.wants_shares:
            rate_hz = frame.looks.share_rate_hz
            with self._at_work():
                self._shares.measure(segmentation.present, self._engine.change_without, rate_hz)
        return report

    def _trust(self, frame: Frame, segmentation: Segmentation) -> Trust:
        present, modalities = segmentation.present, self._engine.modalities
        subset = modalities.letters_of(present)
        now_ns = self._now_ns()
        return Trust(
            subset=subset,
            missing=tuple(name for name in modalities.names if name not in present),
            ages_ms={name: (now_ns - frame.measurements[name][0]) / 1e6 for name in present},
            confidence=segmentation.mean_confidence,
            expected_miou=self._expected.mean_iou(subset),
            expected_on=self._expected.data,
            shares=self._shares.shares(present),
        )

    def _observe(self, frame: Frame, report: FrameReport) -> _Seen:
        """Show the engine every measurement that can be used; each costs itself alone."""
        seen = _Seen()
        waiting = dict(frame.measurements)
        while waiting and seen.leader is None:
            name = next(iter(waiting))
            measurement = waiting[name][1]
            with self._refusing(name, report):
                size = measurement.size()
                seen.inner = self._sizes.choose(size)
                self._take(seen, {name: waiting[name]}, report)
            if name in seen.present:
                seen.leader, seen.size = measurement, size
            del waiting[name]
        self._take(seen, waiting, report)
        _leave_out(frame, seen, report)
        return seen

    def _take(
        self, seen: _Seen, parts: Mapping[str, tuple[int, Measurement]], report: FrameReport
    ) -> None:
        """Have all ``parts`` drawn at once that were not drawn ahead; show them to the engine."""
        began_s = monotonic()
        drawings: dict[str, Drawing | Future[Drawn]] = {}
        for name, (stamp_ns, measurement) in parts.items():
            ahead = self._drawings.find(name, stamp_ns, measurement, seen.inner)
            drawings[name] = ahead or self._threads.begin(name, measurement, seen.inner)
        for name, drawing in drawings.items():
            with self._refusing(name, report):
                if isinstance(drawing, Future):
                    drawn = self._threads.wait(name, drawing, began_s)
                    self._spans.append(drawn.fitting)
                    seen.fitting_s += drawn.fitting_s
                else:
                    assert drawing.drawn is not None
                    drawn = drawing.drawn
                self._engine.observe(name, drawn.fitted, parts[name][0])
                report.noticed[name] = self._watches.look(name, drawn.image, parts[name][0])
                seen.present[name] = parts[name][0]
                if seen.image is None:
                    seen.image = drawn.image
                if isinstance(drawing, Drawing):
                    seen.ahead.append(drawing)

    @contextmanager
    def _refusing(self, name: str, report: FrameReport) -> Iterator[None]:
        """Let whatever is raised cost the input ``name`` alone, which is told."""
        try:
            yield
        except Exception as error:  # a boundary: of what others send, anything may come out
            report.refused[name] = refusal(error)
            self._threads.doubt(name, report.refused[name])

    def _segment(self, frame: Frame, seen: _Seen, report: FrameReport) -> Segmentation | None:
        segment = partial(
            self._engine.segment,
            size=seen.size,
            with_confidence=frame.looks.min_confidence > 0 or self._outputs.wants_confidence,
            inner=seen.inner,
        )
        with self._at_work():
            try:
                return segment(seen.present)
            except Exception as error:  # a boundary: one input's image may have led to it
                culprits = self._culprits(seen)
                are_all = len(culprits) == len(seen.present)
                if not culprits or (are_all and not isinstance(error, SensorError)):
                    raise  # it is the network
            report.refused |= culprits
            present = {n: at for n, at in seen.present.items() if n not in culprits}
            return segment(present) if present else None

    def _culprits(self, seen: _Seen) -> dict[str, str]:
        """Return which images the network cannot take, and why: each is tried alone."""
        reasons = {name: self._refusal({name: at}, seen) for name, at in seen.present.items()}
        return {name: f'cannot segment: {reason}' for name, reason in reasons.items() if reason}

    def _refusal(self, present: Mapping[str, int], seen: _Seen) -> str:
        try:
            self._engine.segment(present, seen.size, inner=seen.inner)
        except Exception as error:  # a boundary: as above
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
        """Return for how long of a stretch of time the engine, or fitting to it, was at work."""
        total_s, counted_s = 0.0, since_s  # up to there
        for start_s, end_s in sorted(self._spans):  # those of several threads overlap
            stop_s = min(end_s, until_s)
            total_s += max(0.0, stop_s - max(start_s, counted_s))
            counted_s = max(counted_s, stop_s)
        return total_s


def _cloud_of(frame: Frame, present: tuple[str, ...]) -> Cloud | None:
    """Return the first cloud that a mask rests on."""
    clouds = (each for name, (_, each) in frame.measurements.items() if name in present)
    return next((each for each in clouds if isinstance(each, Cloud)), None)


def _leave_out(frame: Frame, seen: _Seen, report: FrameReport) -> None:
    """Take out of a frame what is without content, where that is asked for.

    The leading input still gives the mask its size, stamp and picture. Where all of them are
    without content they are used as they are: there is nothing better.
    """
    without = {name for name in seen.present if report.noticed[name].problem} & frame.leave_out
    if without != seen.present.keys():
        report.left_out = frozenset(without)
        for name in without:
            del seen.present[name]
