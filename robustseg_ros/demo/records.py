"""What was seen during the replay, as values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Sent(NamedTuple):
    """A sensor's message when its time had come.

    Attributes:
        name: The sensor.
        stamp_ns: Of the message.
        wall_s: Steady time.
        published: False where the schedule held it back.
    """

    name: str
    stamp_ns: int
    wall_s: float
    published: bool


class MaskSeen(NamedTuple):
    """A mask (H, W) uint8, its stamp, and when it arrived in steady time."""

    stamp_ns: int
    wall_s: float
    class_ids: NDArray[np.uint8]


class Said(NamedTuple):
    """What the node said about itself, and when it arrived in steady time.

    Attributes:
        wall_s: Steady time.
        states: Sensor -> ``alive``, ``stale``, ...
        values: Of the whole: state of the lifecycle, subset, counters.
        message: Of the whole, in words.
        failed: Whether the node could not become ready.
    """

    wall_s: float
    states: Mapping[str, str]
    values: Mapping[str, str]
    message: str
    failed: bool = False


@dataclass
class Recording:
    """Everything seen, in the order of arrival."""

    sent: list[Sent] = field(default_factory=list)
    masks: list[MaskSeen] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)


@dataclass(frozen=True)
class Moment:
    """One frame of the drive.

    Attributes:
        index: Its number.
        stamp_ns: Its stamp.
        published: Sensor -> when its message was published, in steady time.
        mask: What the node made of it, if anything.
    """

    index: int
    stamp_ns: int
    published: Mapping[str, float]
    mask: MaskSeen | None


def moments(recording: Recording) -> list[Moment]:
    """Put together what belongs to the same stamp; moments when nobody sent have no sensors."""
    masks: dict[int, MaskSeen] = {}
    for mask in recording.masks:
        masks.setdefault(mask.stamp_ns, mask)
    published: dict[int, dict[str, float]] = {}
    for sent in recording.sent:
        at = published.setdefault(sent.stamp_ns, {})
        if sent.published:
            at[sent.name] = sent.wall_s
    return [
        Moment(index, stamp_ns, published[stamp_ns], masks.get(stamp_ns))
        for index, stamp_ns in enumerate(sorted(published))
    ]


def wall_of_start(sent: Iterable[Sent], first_ns: int, rate: float) -> float:
    """Return when, in steady time, the first frame was due; most messages are a little late."""
    return min(item.wall_s - (item.stamp_ns - first_ns) / 1e9 / rate for item in sent)


def stray_masks(recording: Recording) -> int:
    """Count masks that belong to no frame sent, or repeat one: there must be none."""
    known = {sent.stamp_ns for sent in recording.sent if sent.published}
    return len(recording.masks) - len({m.stamp_ns for m in recording.masks} & known)


def alive_spans(said: Sequence[Said], name: str, end_s: float) -> list[tuple[float, float, str]]:
    """Return (from, until, state) in steady time, as the node said about the sensor ``name``."""
    spans: list[tuple[float, float, str]] = []
    for report, until_s in zip(said, [r.wall_s for r in said[1:]] + [end_s], strict=True):
        state = report.states.get(name, 'unknown')
        if spans and spans[-1][2] == state:
            spans[-1] = (spans[-1][0], until_s, state)
        else:
            spans.append((report.wall_s, until_s, state))
    return spans
