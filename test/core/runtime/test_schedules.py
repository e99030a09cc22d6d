"""AvailabilityMonitor and FrameSynchronizer together, under schedules of living and dying."""

from dataclasses import dataclass, field
from itertools import combinations, pairwise
import random

import pytest

from robustseg_core.runtime import (
    AvailabilityConfig,
    AvailabilityMonitor,
    FrameSet,
    FrameSynchronizer,
    SyncConfig,
)

MS = 1_000_000
ORDER = ('rgb', 'depth', 'event', 'lidar')
PERIOD = 100 * MS
TIMEOUT = 300 * MS
MAX_WAIT = 30 * MS
POLL = 5 * MS
OFFSET = {'rgb': 0, 'depth': 7 * MS, 'event': -12 * MS, 'lidar': 50 * MS}
TOLERANCE = {'rgb': 20 * MS, 'depth': 30 * MS, 'event': 25 * MS, 'lidar': 40 * MS}
SUBSETS = [subset for size in (1, 2, 3, 4) for subset in combinations(ORDER, size)]


@dataclass(frozen=True)
class Emission:
    now_ns: int
    alive: tuple[str, ...]
    frame: FrameSet


@dataclass
class Robot:
    """Sensors at 10 Hz, a simulated clock, and the two judges, as the node drives them."""

    clock: object
    rng: random.Random
    tolerance_ns: dict = field(default_factory=lambda: TOLERANCE)
    jitter_ns: int = 4 * MS
    delay_ns: tuple[int, int] = (1 * MS, 20 * MS)
    loss: float = 0.0
    doubled: float = 0.0

    def __post_init__(self):
        configs = dict.fromkeys(ORDER, AvailabilityConfig(timeout_ns=TIMEOUT, recovery_frames=2))
        self.monitor = AvailabilityMonitor(configs, self.clock)
        self.sync = FrameSynchronizer(
            SyncConfig(
                order=ORDER,
                tolerance_ns=self.tolerance_ns,
                offset_ns=OFFSET,
                max_wait_ns=MAX_WAIT,
            ),
            self.clock,
        )
        self.emissions = []
        self.moments = {name: {} for name in ORDER}  # item -> the moment it was really made
        self.leader_arrivals = []

    def messages(self, begin_ns, end_ns, is_on):
        """Return (arrival, name, stamp, item) of what the sensors send, in order of arrival."""
        sent = []
        for name in ORDER:
            moment = begin_ns
            while moment < end_ns:
                true = moment + self.rng.randint(-self.jitter_ns, self.jitter_ns)
                if is_on(name, moment) and self.rng.random() >= self.loss:
                    item = f'{name}-{len(self.moments[name])}'
                    self.moments[name][item] = true
                    for _ in range(1 + (self.rng.random() < self.doubled)):
                        arrival = true + self.rng.randint(*self.delay_ns)
                        sent.append((arrival, name, true + OFFSET[name], item))
                moment += PERIOD
        return sorted(sent)

    def run(self, begin_ns, end_ns, is_on, *, tail_ns=0):
        """Let the sensors live from begin to end, and ask for frames a while longer."""
        messages = self.messages(begin_ns, end_ns, is_on)
        polls = [(at, None) for at in range(begin_ns, end_ns + tail_ns, POLL)]
        for step in sorted([*polls, *messages], key=lambda step: step[0]):
            self.clock.now_ns = step[0]
            if step[1] is not None:
                _, name, stamp, item = step
                if self.sync.add(name, stamp, item) is None:
                    self.monitor.arrived(name)
                if name == next(iter(self.monitor.alive()), None):
                    self.leader_arrivals.append((step[0], name, item))
            alive = self.monitor.alive()
            while (frame := self.sync.poll(alive)) is not None:
                self.emissions.append(Emission(step[0], alive, frame))


def check_what_must_never_be(robot):
    """The claims that hold for every frame, whatever happened; by the true moments."""
    last = None
    for emission in robot.emissions:
        frame = emission.frame
        assert frame.leader == emission.alive[0]
        moment = robot.moments[frame.leader][frame.items[frame.leader].item]
        assert frame.stamp_ns == moment
        for name, stamped in frame.items.items():
            assert name in emission.alive
            gap = abs(robot.moments[name][stamped.item] - moment)
            assert gap <= robot.tolerance_ns[name]
        assert last is None or frame.stamp_ns > last
        last = frame.stamp_ns


def random_lives(rng, end_ns):
    """Return ``is_on`` under which every sensor dies and returns at random."""
    switches = {
        name: sorted(rng.randint(0, end_ns) for _ in range(rng.randint(0, 8))) for name in ORDER
    }
    return lambda name, moment: sum(at <= moment for at in switches[name]) % 2 == 0


@pytest.mark.parametrize('seed', range(25))
def test_random_schedules_keep_the_promises(clock, seed):
    rng = random.Random(seed)
    robot = Robot(
        clock,
        rng,
        jitter_ns=rng.choice([0, 4, 30, 90]) * MS,
        delay_ns=rng.choice([(0, 0), (1 * MS, 20 * MS), (0, 250 * MS)]),
        loss=rng.choice([0.0, 0.1, 0.5]),
        doubled=rng.choice([0.0, 0.3]),
    )
    lives = random_lives(rng, 6000 * MS)
    start = clock.now_ns
    robot.run(start, start + 6000 * MS, lambda name, at: lives(name, at - start), tail_ns=500 * MS)
    check_what_must_never_be(robot)
    arrived = {}
    for at, _, item in robot.leader_arrivals:
        arrived.setdefault(item, at)
    led = [e for e in robot.emissions if e.frame.items[e.frame.leader].item in arrived]
    for emission in led:
        latency = emission.now_ns - arrived[emission.frame.items[emission.frame.leader].item]
        assert latency <= MAX_WAIT + POLL
    assert robot.emissions
    assert robot.sync.restarts == 0


@pytest.mark.parametrize('seed', range(15))
def test_every_measurement_of_the_leader_is_emitted_or_counted(clock, seed):
    rng = random.Random(seed)
    robot = Robot(clock, rng, jitter_ns=20 * MS, delay_ns=(0, 250 * MS))
    start = clock.now_ns
    # The others stay silent or in order, so that every drop counted is one of the leader's.
    others = rng.random() < 0.5
    messages = robot.messages(start, start + 4000 * MS, lambda name, _: name == 'rgb')
    depth = [(at, 'depth', at, 'd') for at in range(start, start + 4000 * MS, PERIOD) if others]
    alive = ('rgb', 'depth') if others else ('rgb',)
    for at, name, stamp, item in sorted([*messages, *depth]):
        clock.now_ns = at
        robot.sync.add(name, stamp + (OFFSET['depth'] if name == 'depth' else 0), item)
        while (frame := robot.sync.poll(alive)) is not None:
            robot.emissions.append(frame)
    clock.now_ns += 1000 * MS
    while (frame := robot.sync.poll(alive)) is not None:
        robot.emissions.append(frame)
    assert len(messages) == len(robot.emissions) + robot.sync.dropped.total
    assert robot.sync.dropped.total > 0


def gaps(robot):
    times = [emission.now_ns for emission in robot.emissions]
    return [later - earlier for earlier, later in pairwise(times)]


def scripted(name, at):
    """Each dies and returns in turn, leaders first; it ends with lidar alone."""
    off = {
        'rgb': [(2000, 4000), (14000, 20000)],
        'depth': [(5000, 7000), (15000, 20000)],
        'event': [(8000, 10000), (16000, 20000)],
        'lidar': [(11000, 13000)],
    }
    return not any(begin * MS <= at < end * MS for begin, end in off[name])


def test_no_gap_is_longer_than_timeout_and_one_period_while_sensors_die_and_return(clock):
    robot = Robot(clock, random.Random(1))
    start = clock.now_ns
    robot.run(start, start + 20_000 * MS, lambda name, at: scripted(name, at - start))
    check_what_must_never_be(robot)
    slack = 2 * robot.jitter_ns + robot.delay_ns[1] + MAX_WAIT + POLL
    assert max(gaps(robot)) <= TIMEOUT + PERIOD + slack
    assert sum(gap > PERIOD + slack for gap in gaps(robot)) == 4  # one for each leader that died

    def used(from_ms, to_ms):
        return {
            tuple(sorted(e.frame.items))
            for e in robot.emissions
            if from_ms * MS <= e.now_ns - start < to_ms * MS
        }

    everyone = tuple(sorted(ORDER))
    assert used(500, 2000) == {everyone}
    assert used(2500, 4000) == {('depth', 'event', 'lidar')}
    assert used(4300, 5000) == {everyone}
    assert used(5500, 7000) == {('event', 'lidar', 'rgb')}
    assert used(8500, 10_000) == {('depth', 'lidar', 'rgb')}
    assert used(11_500, 13_000) == {('depth', 'event', 'rgb')}
    assert used(16_500, 20_000) == {('lidar',)}


@pytest.mark.parametrize('subset', SUBSETS, ids='+'.join)
def test_every_subset_is_used_whole_at_its_full_rate(clock, subset):
    robot = Robot(clock, random.Random(2))
    start = clock.now_ns
    robot.run(start, start + 3000 * MS, lambda name, _: name in subset)
    check_what_must_never_be(robot)
    settled = [e for e in robot.emissions if e.now_ns > start + 300 * MS]
    assert all(set(e.frame.items) == set(subset) for e in settled)
    assert {e.frame.leader for e in settled} == {subset[0]}
    assert 26 <= len(settled) <= 28


def test_a_dead_sensor_costs_its_timeout_once_and_then_nothing(clock):
    robot = Robot(clock, random.Random(3), delay_ns=(1 * MS, 1 * MS))
    start = clock.now_ns
    robot.run(start, start + 3000 * MS, lambda name, at: name != 'lidar' or at < start + 1000 * MS)

    def worst_latency(from_ms, to_ms):
        return max(
            e.now_ns - e.frame.stamp_ns
            for e in robot.emissions
            if from_ms * MS <= e.now_ns - start < to_ms * MS
        )

    quick = 2 * robot.jitter_ns + 2 * MS
    assert worst_latency(300, 1000) <= quick
    assert MAX_WAIT <= worst_latency(1050, 1350) <= MAX_WAIT + 2 * MS + POLL
    assert worst_latency(1400, 3000) <= quick


@pytest.mark.parametrize('is_told', [True, False], ids=['node resets', 'found out'])
def test_a_clock_that_loops_restarts_at_once_three_times(clock, is_told):
    robot = Robot(clock, random.Random(4))
    start = clock.now_ns
    for turn in range(3):
        if turn and is_told:
            robot.monitor.reset()
            robot.sync.reset()
        before = len(robot.emissions)
        # The lidar is missing at the end of each turn: what stops message_filters for good.
        robot.run(
            start,
            start + 3000 * MS,
            lambda name, at: name != 'lidar' or at < start + 2000 * MS,
        )
        new = robot.emissions[before:]
        first = new[0].now_ns - start
        assert first <= 2 * PERIOD + MAX_WAIT + POLL + robot.delay_ns[1]
        assert len(new) >= 28
    assert robot.sync.restarts == (0 if is_told else 2)


def test_a_paused_recording_kills_nothing_and_goes_on(clock):
    robot = Robot(clock, random.Random(5))
    start = clock.now_ns
    robot.run(start, start + 1000 * MS, lambda *_: True)
    for _ in range(1000):  # the clock stands while the watchdog goes on
        assert robot.monitor.alive() == ORDER
        assert robot.sync.poll(ORDER) is None
    before = len(robot.emissions)
    robot.run(start + 1000 * MS, start + 2000 * MS, lambda *_: True)
    assert len(robot.emissions) - before >= 10
    check_what_must_never_be(robot)
