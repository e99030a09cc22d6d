"""When which sensor is dead."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from robustseg_core.errors import ConfigError

NS = 10**9
# The drive goes through these in stretches of equal length.
CONDITIONS = ('sun', 'night', 'rain', 'night')
# Who is silent, from and until when, in seconds of a drive of 20; None is until the end. Each
# sensor alone, then pairs, and last one after another until only the LiDAR is left.
_LENGTH_S = 20.0
_PLAN: tuple[tuple[tuple[str, ...], float, float | None], ...] = (
    (('rgb',), 1.2, 3.0),
    (('depth',), 3.6, 5.4),
    (('event',), 6.0, 7.8),
    (('lidar',), 8.4, 10.2),
    (('rgb', 'depth'), 10.8, 12.2),
    (('rgb', 'lidar'), 12.8, 14.2),
    (('depth', 'event'), 14.8, 16.2),
    (('rgb',), 16.8, None),
    (('depth',), 17.7, None),
    (('event',), 18.6, None),
)
SHORTEST_S = 8.0


@dataclass(frozen=True)
class Outage:
    """Sensors that are silent together; times in nanoseconds since the first frame.

    Attributes:
        names: Which.
        start_ns: Of the first frame they miss.
        end_ns: Of the first frame they have again.
    """

    names: tuple[str, ...]
    start_ns: int
    end_ns: int


@dataclass(frozen=True)
class Schedule:
    """The life of every sensor.

    Attributes:
        names: All sensors, the most important first.
        outages: In the order of time.
        period_ns: Between two frames.
        frames: How many.
    """

    names: tuple[str, ...]
    outages: tuple[Outage, ...]
    period_ns: int
    frames: int

    @property
    def end_ns(self) -> int:
        """When the frame after the last would be."""
        return self.frames * self.period_ns

    def sends(self, name: str, time_ns: int) -> bool:
        """Tell whether the sensor ``name`` sends its frame of ``time_ns``."""
        # Recorded times may be rounded; a frame belongs to the nearest multiple of the period.
        frame_ns = (time_ns + self.period_ns // 2) // self.period_ns * self.period_ns
        return not any(
            name in outage.names and outage.start_ns <= frame_ns < outage.end_ns
            for outage in self.outages
        )

    def alive(self, time_ns: int) -> tuple[str, ...]:
        """Return the sensors that send a frame of ``time_ns``."""
        return tuple(name for name in self.names if self.sends(name, time_ns))


def default_schedule(seconds: float, rate_hz: float, names: Iterable[str]) -> Schedule:
    """Return the plan above, stretched to ``seconds`` and snapped to frames.

    Raises:
        ConfigError: The drive is too short for the outages to show.
    """
    if not seconds >= SHORTEST_S:
        msg = f'The drive lasts {seconds!r} s; wanted at least {SHORTEST_S:g} s.'
        raise ConfigError(msg)
    period_ns = round(NS / rate_hz)
    frames = round(seconds * rate_hz)

    def snapped(at_s: float) -> int:
        return round(at_s / _LENGTH_S * frames) * period_ns

    outages = tuple(
        Outage(who, snapped(start_s), frames * period_ns if end_s is None else snapped(end_s))
        for who, start_s, end_s in _PLAN
    )
    return Schedule(tuple(names), outages, period_ns, frames)


def condition_at(index: int, frames: int) -> str:
    """Return the weather and light of frame ``index`` of ``frames``."""
    stretch = max(1, -(-frames // len(CONDITIONS)))
    return CONDITIONS[min(index // stretch, len(CONDITIONS) - 1)]


def still_indices(schedule: Schedule) -> list[int]:
    """Choose six frames that tell the story: all alive, three single deaths, a pair, the end."""
    late = [
        (outage.names, (outage.start_ns + 3 * outage.end_ns) // 4 // schedule.period_ns)
        for outage in schedule.outages
        if outage.end_ns < schedule.end_ns
    ]
    single = {names[0]: index for names, index in reversed(late) if len(names) == 1}
    pairs = [index for names, index in late if len(names) > 1]
    chosen = [single[name] for name in ('rgb', 'depth', 'lidar') if name in single]
    return sorted({schedule.frames // 25, *chosen, *pairs[1:2], schedule.frames - 2})
