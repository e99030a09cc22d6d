"""The figures of the demo: what was lost, how long it took, how right it was."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
import math
from typing import Any

import numpy as np

from robustseg_core.modalities import ModalitySet
from robustseg_ros.demo.records import Moment, Said
from robustseg_ros.demo.schedule import NS, Outage, Schedule
from robustseg_ros.demo.scoring import FrameScore, by_subset, pooled


@dataclass(frozen=True)
class Clockwork:
    """The times that the figures are judged by.

    Attributes:
        first_ns: Stamp of the first frame.
        wall_s: When that was due, in steady time.
        rate: Seconds of the drive per second.
        timeout_ns: Silence after which the node gives a sensor up, in the drive's time.
        recovery_frames: Messages in a row after which it trusts one.
    """

    first_ns: int
    wall_s: float
    rate: float
    timeout_ns: int
    recovery_frames: int

    def wall(self, time_ns: int) -> float:
        """Return when ``time_ns`` of the drive was, in steady time."""
        return self.wall_s + time_ns / NS / self.rate

    def drive_s(self, wall_s: float) -> float:
        """Return the drive's time (s) at a steady time."""
        return (wall_s - self.wall_s) * self.rate


@dataclass(frozen=True)
class Losses:
    """Frames that somebody sent and that gave no mask, by cause.

    Attributes:
        at_start: Before any sensor can have been trusted.
        within_timeout: No later than the timeout and one frame after a sensor's last message.
        after_timeout: All others; there must be none.
    """

    at_start: tuple[Moment, ...]
    within_timeout: tuple[Moment, ...]
    after_timeout: tuple[Moment, ...]


def losses(moments: Iterable[Moment], schedule: Schedule, clock: Clockwork) -> Losses:
    """Sort the frames without a mask by cause."""
    start: list[Moment] = []
    within: list[Moment] = []
    after: list[Moment] = []
    for moment in moments:
        if moment.mask is not None or not moment.published:
            continue
        time_ns = moment.stamp_ns - clock.first_ns
        if moment.index < clock.recovery_frames - 1:
            start.append(moment)
        elif any(
            is_excused(time_ns, outage, schedule, clock.timeout_ns) for outage in schedule.outages
        ):
            within.append(moment)
        else:
            after.append(moment)
    return Losses(tuple(start), tuple(within), tuple(after))


def is_excused(time_ns: int, outage: Outage, schedule: Schedule, timeout_ns: int) -> bool:
    """Tell whether a frame lies within the timeout and one frame of an outage's beginning."""
    silent_ns = time_ns - (outage.start_ns - schedule.period_ns)  # since the last message
    return 0 < silent_ns <= timeout_ns + schedule.period_ns


def longest_gap_s(arrivals: Sequence[float], begin_s: float, end_s: float) -> float:
    """Return the longest time between two masks in a row, of those that touch [begin, end].

    Args:
        arrivals: Of the masks, in order.
        begin_s: Masks before it count only as the last one before.
        end_s: Likewise.
    """
    gaps = [
        later - earlier
        for earlier, later in pairwise(arrivals)
        if later > begin_s and earlier < end_s
    ]
    return max(gaps, default=math.nan)


def noticed_after_s(
    said: Iterable[Said], name: str, outage: Outage, schedule: Schedule, clock: Clockwork
) -> float | None:
    """Return how long after its last message the node called a sensor dead, in the drive's time.

    None if it never did.
    """
    last_s = clock.wall(outage.start_ns - schedule.period_ns)
    walls = (
        report.wall_s
        for report in said
        if last_s < report.wall_s < clock.wall(outage.end_ns)
        and report.states.get(name) not in ('alive', None)
    )
    first_s = next(walls, None)
    return None if first_s is None else (first_s - last_s) * clock.rate


def dropouts(
    moments: Sequence[Moment], said: Sequence[Said], schedule: Schedule, clock: Clockwork
) -> list[dict[str, Any]]:
    """Return what each outage caused."""
    arrivals = sorted(moment.mask.wall_s for moment in moments if moment.mask is not None)
    entries = []
    for outage in schedule.outages:
        last_ns = outage.start_ns - schedule.period_ns
        until_ns = min(last_ns + clock.timeout_ns + 2 * schedule.period_ns, schedule.end_ns)
        lost = sum(
            moment.mask is None
            and is_excused(moment.stamp_ns - clock.first_ns, outage, schedule, clock.timeout_ns)
            for moment in moments
        )
        noticed = {
            name: rounded(noticed_after_s(said, name, outage, schedule, clock))
            for name in outage.names
        }
        entries.append(
            {
                'sensors': list(outage.names),
                'from_s': outage.start_ns / NS,
                'until_s': outage.end_ns / NS,
                'gap_s': rounded(
                    longest_gap_s(arrivals, clock.wall(last_ns), clock.wall(until_ns))
                ),
                'frames_lost': lost,
                'noticed_after_s': noticed,
            }
        )
    return entries


def latencies_ms(moments: Iterable[Moment], scores: Mapping[int, FrameScore]) -> dict[int, float]:
    """Return index -> time from the publication of the leading input to the mask's arrival.

    The leading input is the most important of those that the mask rests on.
    """
    found = {}
    for moment in moments:
        score = scores.get(moment.stamp_ns)
        if moment.mask is not None and score is not None:
            begin_s = moment.published[score.used[0]]
            found[moment.index] = (moment.mask.wall_s - begin_s) * 1000
    return found


def miou_tables(scores: Sequence[FrameScore], modalities: ModalitySet) -> dict[str, Any]:
    """Return the mean IoU (%) per subset in use, and where exactly one sensor was missing."""
    groups = by_subset(scores, modalities)
    whole = len(modalities)
    one_dead = {
        next(name for name in modalities.names if name not in group[0].used): group
        for group in groups.values()
        if len(group[0].used) == whole - 1
    }
    pool = [score for group in one_dead.values() for score in group]
    return {
        'frames': {letters: len(group) for letters, group in groups.items()},
        'miou': _student(groups),
        'teacher_miou': _teacher(groups),
        'any_one_sensor_dead': {
            'frames': len(pool),
            'miou': rounded(pooled(score.student for score in pool)),
            'teacher_miou': rounded(pooled(score.teacher for score in pool)),
            'miou_without': _student(one_dead),
            'teacher_miou_without': _teacher(one_dead),
        },
    }


def rounded(value: float | None, digits: int = 3) -> float | None:
    """Round for JSON, which knows no NaN."""
    return None if value is None or not math.isfinite(value) else round(value, digits)


def percentiles(values: Iterable[float]) -> dict[str, float | None]:
    """Return the median and the 99th percentile."""
    found = np.array(list(values), np.float64)
    if not len(found):
        return {'p50': None, 'p99': None}
    return {f'p{q}': rounded(float(np.percentile(found, q)), 1) for q in (50, 99)}


def _student(groups: Mapping[str, Sequence[FrameScore]]) -> dict[str, float | None]:
    return {key: rounded(pooled(s.student for s in group)) for key, group in groups.items()}


def _teacher(groups: Mapping[str, Sequence[FrameScore]]) -> dict[str, float | None]:
    return {key: rounded(pooled(s.teacher for s in group)) for key, group in groups.items()}
