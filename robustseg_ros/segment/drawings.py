"""Network images drawn before their frame is due, and whether that was worth it."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from robustseg_ros.inputs.measurements import Measurement, Size
from robustseg_ros.segment.drawing_threads import Drawn

# Of each input. A frame that waits for the others is at most a few measurements behind.
HELD = 4
# How many of the last ones tell whether the next is likely to be used.
WINDOW = 12
ENOUGH = 4


@dataclass
class Drawing:
    """A measurement that came before its frame.

    Attributes:
        measurement: What came.
        size: Of the network, for which it was drawn.
        drawn: It, or None where it was not worth drawing.
        work_s: Spent on drawing and checking it.
        model_ms: Spent in the encoder.
        around_ms: Spent around that: on bringing it to the network's size and normalising it.
    """

    measurement: Measurement
    size: Size
    drawn: Drawn | None = None
    work_s: float = 0.0
    model_ms: float = 0.0
    around_ms: float = 0.0


class Drawings:
    """The newest few drawings of each input, by stamp; lives in the worker's thread.

    What comes more often than it is fused, e.g. depth at 30 Hz beside a camera at 10 Hz, is only
    noted: once it is seen that most would be used, it is drawn again.
    """

    def __init__(self) -> None:
        self._used = 0
        self._wasted = 0
        self._held: dict[str, dict[int, Drawing]] = {}
        self._fused_ns: dict[str, int] = {}
        self._outcomes: dict[str, deque[bool]] = {}

    def reset(self) -> None:
        """Forget all drawings: time has begun again. The counts are kept."""
        self._held.clear()
        self._fused_ns.clear()

    def is_news(self, name: str, stamp_ns: int) -> bool:
        """Tell whether a measurement could still become part of a frame for the first time."""
        known = self._held.get(name, {})
        return stamp_ns not in known and stamp_ns > self._fused_ns.get(name, stamp_ns - 1)

    def is_promising(self, name: str) -> bool:
        """Tell whether the next measurement of ``name`` is likely to be used."""
        outcomes = self._outcomes.get(name, ())
        return len(outcomes) < ENOUGH or 2 * sum(outcomes) > len(outcomes)

    def add(self, name: str, stamp_ns: int, drawing: Drawing) -> None:
        """Hold ``drawing``; the oldest one beyond ``HELD`` is let go."""
        held = self._held.setdefault(name, {})
        held[stamp_ns] = drawing
        if len(held) > HELD:
            self._let_go(name, min(held), used=False)

    def find(
        self, name: str, stamp_ns: int, measurement: Measurement, size: Size
    ) -> Drawing | None:
        """Return the drawing of exactly this measurement at the network's ``size``, if any."""
        drawing = self._held.get(name, {}).get(stamp_ns)
        if drawing is None or drawing.drawn is None:
            return None
        fits = drawing.measurement is measurement and drawing.size == size
        return drawing if fits else None

    def frame_done(self, stamps_ns: Mapping[str, int]) -> None:
        """Let go of what no later frame can use; ``stamps_ns`` is what this one was made of."""
        for name, fused_ns in stamps_ns.items():
            self._fused_ns[name] = fused_ns
            for stamp_ns in sorted(self._held.get(name, {})):
                if stamp_ns <= fused_ns:
                    self._let_go(name, stamp_ns, used=stamp_ns == fused_ns)

    def take_counts(self) -> tuple[int, int]:
        """Return how many drawn ahead were used and how many wasted since this was last asked."""
        counts = self._used, self._wasted
        self._used = self._wasted = 0
        return counts

    def _let_go(self, name: str, stamp_ns: int, *, used: bool) -> None:
        drawing = self._held[name].pop(stamp_ns)
        self._outcomes.setdefault(name, deque(maxlen=WINDOW)).append(used)
        if drawing.drawn is not None:
            self._used += used
            self._wasted += not used
