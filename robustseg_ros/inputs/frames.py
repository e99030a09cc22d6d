"""What goes into the worker's thread for a frame, and what comes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from robustseg_core.runtime.trust import Trust
from robustseg_core.sensors.input_watch import Noticed
from robustseg_ros.inputs.measurements import Measurement
from robustseg_ros.node.config import Looks


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
        leave_out: Inputs that are not fused while their images are without content.
    """

    measurements: Mapping[str, tuple[int, Measurement]]
    received_s: float
    complete_s: float
    looks: Looks
    camera_info: Any | None
    leave_out: frozenset[str] = frozenset()


@dataclass
class FrameReport:
    """What became of a frame.

    Attributes:
        present: Names that were fused, in the model's order; empty if there is no mask.
        refused: Name -> why its measurement could not be used.
        noticed: Name -> what its image says of itself.
        left_out: Names that were not fused because their image is without content.
        error: Why there is no mask, or empty.
        latency_ms: From receiving the leading message to having published.
        response_ms: From receiving the last message to having published.
        rest_ms: Of that, what the engine was not at work.
        model_ms: Spent in the encoder and the head on this frame, beforehand included.
        around_ms: Spent in the engine around these, beforehand included: images to the network's
            size and normalised, logits to the mask's size and classes chosen.
        overhead_ms: Spent on this frame outside the engine, beforehand included.
        ahead_used: Images encoded ahead that this frame is made of.
        ahead_wasted: Those that no frame can be made of any more, since the last report.
        trust: What the mask is worth; None if there is none.
    """

    present: tuple[str, ...] = ()
    refused: dict[str, str] = field(default_factory=dict)
    noticed: dict[str, Noticed] = field(default_factory=dict)
    left_out: frozenset[str] = frozenset()
    error: str = ''
    latency_ms: float = 0.0
    response_ms: float = 0.0
    rest_ms: float = 0.0
    model_ms: float = 0.0
    around_ms: float = 0.0
    overhead_ms: float = 0.0
    ahead_used: int = 0
    ahead_wasted: int = 0
    trust: Trust | None = None
