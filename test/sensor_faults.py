"""Sensors with faults on a simulated clock, and what must hold whatever they do.

A million steps, as in docs/RELIABILITY.md: ``python test/sensor_faults.py --steps 1000000``.
"""

from __future__ import annotations

import argparse
from collections import Counter
from dataclasses import dataclass, field, replace

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from robustseg_core.runtime import (
    AvailabilityConfig,
    AvailabilityMonitor,
    FrameSynchronizer,
    SyncConfig,
)
from robustseg_core.runtime.synchronizer import NO_PROGRESS

MS = 1_000_000
S = 1000 * MS
NAMES = ('rgb', 'depth', 'event', 'lidar')
TIMEOUT, MAX_WAIT, TOLERANCE, POLL = 300 * MS, 30 * MS, 40 * MS, 10 * MS
LATE = 120 * MS
# Those of which the sensor's own state must tell.
TOLD = {'back', 'ahead', 'to and fro', 'far to and fro', 'standing', 'falling', 'refused'}
SILENT = {'dead', 'back from a lag'}
JUMPS = {'back', 'ahead', 'to and fro', 'far to and fro'}
FAULTS = (
    'dead',
    'half',
    'late',
    'twice',
    'disorder',
    'back',
    'ahead',
    'to and fro',
    'far to and fro',
    'standing',
    'falling',
    'refused',
    'back from a lag',
)


@dataclass(frozen=True, kw_only=True)
class Message:
    """One message: when it was measured, how long it is on its way, its stamp (nanoseconds)."""

    at_ns: int
    way_ns: int
    stamp_ns: int
    usable: bool


@dataclass(frozen=True, kw_only=True)
class Sensor:
    """One sensor; times in nanoseconds.

    Attributes:
        skew_ns: How much its clock is ahead.
        fault: What is wrong from ``begin_ns`` to ``end_ns``.
    """

    name: str
    period_ns: int
    latency_ns: int
    skew_ns: int
    fault: str
    begin_ns: int
    end_ns: int

    def is_ill(self, at_ns: int) -> bool:
        return self.begin_ns <= at_ns < self.end_ns

    def messages(self, until_ns: int) -> list[Message]:
        """Return everything it sends, in the order of measuring."""
        sent: list[Message] = []
        for index, at_ns in enumerate(range(0, until_ns, self.period_ns)):
            stamp_ns, way_ns = at_ns + self.skew_ns, self.latency_ns
            ill, fault = self.is_ill(at_ns), self.fault
            if ill and (fault in SILENT or (fault == 'half' and index % 2)):
                continue
            if fault == 'back from a lag':
                stamp_ns -= 1500 * MS
            if ill and fault == 'late':
                way_ns += LATE
            if ill and fault == 'disorder':
                stamp_ns -= 250 * MS * (index % 2)
            if ill and fault in JUMPS:
                far_ns = {'back': -10 * S, 'ahead': 3600 * S, 'to and fro': -1500 * MS}
                goes = index % 2 or fault in {'back', 'ahead'}
                stamp_ns += far_ns.get(fault, -10 * S) if goes else 0
            if ill and fault == 'standing':
                stamp_ns = self.begin_ns + self.skew_ns
            if ill and fault == 'falling':
                stamp_ns = self.begin_ns + self.skew_ns - 10 * MS * (index % 90)
            usable = not (ill and fault == 'refused')
            message = Message(at_ns=at_ns, way_ns=way_ns, stamp_ns=stamp_ns, usable=usable)
            sent += [message] * (2 if ill and fault == 'twice' else 1)
        return sent


@dataclass(frozen=True, kw_only=True)
class Story:
    """Sensors, and what happens to all of them.

    Attributes:
        base_ns: Of all stamps against the clock: 0, or a recording's age.
        loops_ns: When all stamps begin again at the first one; None = never.
        pause_ns: From when on the clock stands for a second, with only those messages that are on
            their way; None = never.
    """

    sensors: tuple[Sensor, ...]
    length_ns: int
    base_ns: int = 0
    loops_ns: int | None = None
    pause_ns: int | None = None

    @property
    def slack_ns(self) -> int:
        """Longest time without a frame while one healthy sensor lives."""
        faults = {sensor.fault for sensor in self.sensors}
        period_ns = max(s.period_ns * (2 if s.fault == 'half' else 1) for s in self.sensors)
        skews = [sensor.skew_ns for sensor in self.sensors]
        way_ns = max(sensor.latency_ns for sensor in self.sensors) + max(skews) - min(skews)
        # A leader that begins to be late is waited for.
        way_ns += LATE if 'late' in faults else 0
        # Only silence takes the timeout to be noticed, and time that stands some messages.
        noticed_ns = TIMEOUT if faults & {'half', *SILENT} else 0
        standing_ns = (
            NO_PROGRESS * period_ns if faults & {'standing', 'falling', 'disorder'} else 0
        )
        # At the seam of a recording it takes a message of half of them.
        seam_ns = 0 if self.loops_ns is None else period_ns + way_ns
        return period_ns + way_ns + MAX_WAIT + 2 * POLL + noticed_ns + standing_ns + seam_ns

    @property
    def is_misled(self) -> bool:
        """Whether somebody sends a wrong stamp before anybody else is heard: it is believed."""
        first_ns = {
            sensor.name: min(m.at_ns + m.way_ns for m in sensor.messages(self.length_ns))
            for sensor in self.sensors
        }
        return any(
            message.at_ns + message.way_ns
            <= min(first_ns[name] for name in first_ns if name != sensor.name)
            for sensor in self.sensors
            if sensor.fault in JUMPS
            for message in sensor.messages(self.length_ns)
            if sensor.is_ill(message.at_ns)
        )

    def clock_ns(self, at_ns: int) -> int:
        """Return what the clock shows so long after the beginning."""
        if self.pause_ns is None:
            return at_ns
        return min(at_ns, self.pause_ns) if at_ns < self.pause_ns + S else at_ns - S

    @property
    def end_ns(self) -> int:
        """When the last message has been measured."""
        return self.length_ns + (0 if self.pause_ns is None else S)

    def arrival_ns(self, message: Message) -> int:
        """Return when a message arrives; what is paused measures nothing meanwhile."""
        is_after = self.pause_ns is not None and message.at_ns >= self.pause_ns
        return message.at_ns + message.way_ns + (S if is_after else 0)


@st.composite
def stories(draw: st.DrawFn) -> Story:
    """Draw sensors of which at least one is healthy all the time, and at most one is mad."""
    length_ns = 5 * S
    names = NAMES[: draw(st.integers(2, 4))]
    healthy = draw(st.sampled_from(names))
    mad = draw(st.sampled_from([name for name in names if name != healthy]))
    sensors = []
    for name in names:
        fault = 'none'
        if name != healthy:
            fault = draw(st.sampled_from(FAULTS if name == mad else ('none', 'dead', 'half')))
        begin_ns = draw(st.integers(0, 3000)) * MS
        sensors.append(
            Sensor(
                name=name,
                period_ns=draw(st.sampled_from([33, 50, 100, 140])) * MS,
                latency_ns=draw(st.integers(0, 60)) * MS,
                skew_ns=draw(st.integers(-100, 100)) * MS,
                fault=fault,
                begin_ns=begin_ns,
                end_ns=begin_ns + draw(st.integers(100, 3000)) * MS,
            )
        )
    kind = draw(st.sampled_from(['plain', 'plain', 'loop', 'pause']))
    if kind == 'loop':
        # What is mad at the seam may take the others' side or not: no claim about that.
        sensors = [replace(sensor, fault='none') for sensor in sensors]
    return Story(
        sensors=tuple(sensors),
        length_ns=length_ns,
        base_ns=draw(st.sampled_from([0, -(10**16)])),
        loops_ns=draw(st.integers(1500, 3500)) * MS if kind == 'loop' else None,
        pause_ns=draw(st.integers(500, 3500)) * MS if kind == 'pause' else None,
    )


@dataclass
class Robot:
    """The two judges as the node drives them, and the claims about them."""

    story: Story
    now_ns: int = 10**18
    steps: int = 0
    frames: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        config = AvailabilityConfig(timeout_ns=TIMEOUT, recovery_frames=2)
        names = tuple(sensor.name for sensor in self.story.sensors)
        self.monitor = AvailabilityMonitor(dict.fromkeys(names, config), lambda: self.now_ns)
        self.sync: FrameSynchronizer[int] = FrameSynchronizer(
            SyncConfig(
                order=names, tolerance_ns=dict.fromkeys(names, TOLERANCE), max_wait_ns=MAX_WAIT
            ),
            lambda: self.now_ns,
        )
        self._start_ns = self.now_ns
        self._last: tuple[int, int] | None = None  # stamp and restarts of the last frame
        self._last_frame_ns = self.now_ns
        self._timely: Counter[str] = Counter()
        self._came_ns: dict[str, int] = {}

    def run(self) -> None:
        story = self.story
        events: list[tuple[int, str, int, bool]] = [
            (at, '', 0, True) for at in range(0, story.end_ns, POLL)
        ]
        for sensor in story.sensors:
            for message in sensor.messages(story.length_ns):
                loop_ns = story.loops_ns
                is_again = loop_ns is not None and message.at_ns >= loop_ns
                stamp_ns = message.stamp_ns + story.base_ns - (loop_ns or 0) * is_again
                arrival_ns = story.arrival_ns(message)
                events.append((arrival_ns, sensor.name, stamp_ns, message.usable))
        for at_ns, name, stamp_ns, usable in sorted(events, key=lambda event: event[:2]):
            self.steps += 1
            self.now_ns = self._start_ns + story.clock_ns(at_ns)
            if name:
                self._arrive(name, self._start_ns + stamp_ns, at_ns, usable=usable)
            self._poll(at_ns)
        restarts = 0 if story.loops_ns is None else 1
        wanted = {restarts, restarts + story.is_misled}
        assert self.sync.restarts in wanted, f'{self.sync.restarts} restarts, wanted {wanted}'
        for sensor in story.sensors:
            lasted_ns = min(sensor.end_ns, story.length_ns - S) - sensor.begin_ns
            is_told = sensor.fault in TOLD and story.pause_ns is None
            if is_told and lasted_ns > 2 * NO_PROGRESS * sensor.period_ns:
                # Of two that disagree from the first message on, one is told: perhaps the other.
                names = [each.name for each in story.sensors] if story.is_misled else [sensor.name]
                told = any(self.monitor.status(name).refused for name in names)
                assert told, f'{sensor.name} was {sensor.fault!r} and never refused'

    def _arrive(self, name: str, stamp_ns: int, at_ns: int, *, usable: bool) -> None:
        reason = self.sync.add(name, stamp_ns, at_ns) if usable else 'cannot decode'
        if reason is not None:
            self.monitor.refused(name, reason)
            self._timely[name] = 0
            return
        self.monitor.arrived(name)
        is_timely = self.now_ns - self._came_ns.get(name, 0) <= TIMEOUT
        self._timely[name] = self._timely[name] + 1 if is_timely else 1
        self._came_ns[name] = self.now_ns
        if self._timely[name] >= 2:
            assert name in self.monitor.alive(), f'{name} is not back after two timely messages'

    def _poll(self, at_ns: int) -> None:
        alive = self.monitor.alive()
        while (frame := self.sync.poll(alive)) is not None:
            assert set(frame.items) <= set(alive), 'a dead modality was fused'
            assert next(iter(frame.items)) == frame.leader
            for item in frame.items.values():
                assert abs(item.stamp_ns - frame.stamp_ns) <= TOLERANCE, 'beyond its tolerance'
            if self._last is not None and self._last[1] == self.sync.restarts:
                assert frame.stamp_ns > self._last[0], 'stamps went back'
            self._last = frame.stamp_ns, self.sync.restarts
            self._last_frame_ns = self.now_ns
            self.frames[frame.leader] += 1
        waited_ns = self.now_ns - self._last_frame_ns
        assert waited_ns <= self.story.slack_ns, (
            f'no frame for {waited_ns / S:.3f} s at {at_ns / S:.3f} s, alive {alive}'
        )


def main() -> int:
    """Check random stories until so many steps are done; say what was done."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--steps', type=int, default=1_000_000)
    parser.add_argument('--seed', type=int, default=1)
    args = parser.parse_args()
    done: Counter[str] = Counter()
    while done['steps'] < args.steps:

        @seed(args.seed + done['batches'])
        @settings(
            max_examples=200,
            deadline=None,
            database=None,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        )
        @given(stories())
        def check(story: Story) -> None:
            robot = Robot(story)
            robot.run()
            done['steps'] += robot.steps
            done['stories'] += 1
            done['frames'] += robot.frames.total()

        check()
        done['batches'] += 1
    print(  # noqa: T201
        ', '.join(f'{count} {what}' for what, count in done.items()), 'and no claim broken'
    )
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
