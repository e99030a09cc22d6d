"""Who is dead when."""

import pytest

from robustseg_core.errors import ConfigError
from robustseg_ros.demo.schedule import NS, condition_at, default_schedule, still_indices

NAMES = ('rgb', 'depth', 'event', 'lidar')


def sets_of(schedule):
    """The living sensors of every frame, without repetition."""
    seen = []
    for index in range(schedule.frames):
        alive = schedule.alive(index * schedule.period_ns)
        if not seen or seen[-1] != alive:
            seen.append(alive)
    return seen


@pytest.mark.parametrize('seconds', [8.0, 20.0, 47.3])
def test_each_sensor_dies_alone_and_returns_and_three_are_dead_at_the_end(seconds):
    seen = sets_of(default_schedule(seconds, 10.0, NAMES))
    for name in NAMES:
        without = tuple(other for other in NAMES if other != name)
        place = seen.index(without)
        assert seen[place - 1] == seen[place + 1] == NAMES
    assert len(seen[-1]) == 1
    assert any(len(alive) == 2 for alive in seen[:-3])


@pytest.mark.parametrize('seconds', [8.0, 20.0])
def test_outages_of_which_sensors_return_outlast_the_timeout_of_the_demo(seconds):
    for outage in default_schedule(seconds, 10.0, NAMES).outages:
        assert outage.end_ns - outage.start_ns >= 0.25 * NS + 2 * NS // 10


def test_a_sensor_misses_exactly_the_frames_of_its_outage():
    schedule = default_schedule(20.0, 10.0, NAMES)
    missed = [i for i in range(100) if not schedule.sends('rgb', i * schedule.period_ns)]
    assert missed == list(range(12, 30))


def test_a_time_that_is_off_by_rounding_belongs_to_the_nearest_frame():
    schedule = default_schedule(20.0, 10.0, NAMES)
    start_ns = schedule.outages[0].start_ns
    assert not schedule.sends('rgb', start_ns - 3)
    assert schedule.sends('rgb', start_ns - schedule.period_ns + 3)


def test_a_drive_too_short_for_the_outages_is_refused():
    with pytest.raises(ConfigError, match=r'lasts 7\.9 s; wanted at least 8 s'):
        default_schedule(7.9, 10.0, NAMES)


def test_the_drive_has_day_and_night_in_equal_stretches():
    conditions = [condition_at(index, 200) for index in range(200)]
    assert conditions == ['sun'] * 50 + ['night'] * 50 + ['rain'] * 50 + ['night'] * 50


@pytest.mark.parametrize('seconds', [8.0, 20.0])
def test_the_still_shows_all_alive_three_single_deaths_a_pair_and_the_end(seconds):
    schedule = default_schedule(seconds, 10.0, NAMES)
    shown = [schedule.alive(index * schedule.period_ns) for index in still_indices(schedule)]
    assert shown == [
        NAMES,
        ('depth', 'event', 'lidar'),
        ('rgb', 'event', 'lidar'),
        ('rgb', 'depth', 'event'),
        ('depth', 'event'),
        ('lidar',),
    ]
