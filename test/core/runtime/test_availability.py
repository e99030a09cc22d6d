"""AvailabilityMonitor."""

import pytest

from robustseg_core.errors import ConfigError
from robustseg_core.runtime.availability import AvailabilityConfig, AvailabilityMonitor, State

MS = 1_000_000
CONFIG = AvailabilityConfig(timeout_ns=300 * MS, recovery_frames=2)


@pytest.fixture
def monitor(clock):
    return AvailabilityMonitor({'rgb': CONFIG, 'depth': CONFIG}, clock)


def feed(monitor, clock, name, *, frames, period_ms=100):
    """Let messages arrive, one now and each other a period after the one before."""
    for index in range(frames):
        clock.now_ns += period_ms * MS if index else 0
        monitor.arrived(name)


def test_never_seen_until_the_first_message(monitor):
    status = monitor.status('rgb')
    assert status.state is State.NEVER_SEEN
    assert status.reason == 'no message yet'
    assert status.age_ns is None
    assert monitor.alive() == ()


def test_first_sighting_counts_at_once_and_a_comeback_needs_the_streak(monitor, clock):
    feed(monitor, clock, 'rgb', frames=1)
    assert monitor.alive() == ('rgb',)
    assert monitor.status('rgb').reason == ''
    clock.now_ns += 1000 * MS
    monitor.arrived('rgb')
    assert monitor.alive() == ()
    assert monitor.status('rgb').state is State.STALE
    assert monitor.status('rgb').reason == 'coming back: 1 of 2 timely messages'
    clock.now_ns += 100 * MS
    monitor.arrived('rgb')
    assert monitor.alive() == ('rgb',)


def test_after_a_reset_the_first_sighting_counts_at_once_again(monitor, clock):
    feed(monitor, clock, 'rgb', frames=2)
    monitor.reset()
    assert monitor.alive() == ()
    monitor.arrived('rgb')
    assert monitor.alive() == ('rgb',)


def test_alive_at_once_where_one_frame_is_enough(clock):
    config = AvailabilityConfig(timeout_ns=300 * MS, recovery_frames=1)
    monitor = AvailabilityMonitor({'rgb': config}, clock)
    monitor.arrived('rgb')
    assert monitor.alive() == ('rgb',)


def test_silence_beyond_the_timeout_is_stale_and_says_for_how_long(monitor, clock):
    feed(monitor, clock, 'rgb', frames=3)
    clock.now_ns += 300 * MS
    assert monitor.alive() == ('rgb',)
    clock.now_ns += 1
    assert monitor.alive() == ()
    clock.now_ns += 900 * MS
    status = monitor.status('rgb')
    assert status.state is State.STALE
    assert status.reason == 'silent for 1.2 s (timeout 0.3 s)'
    assert status.age_ns == 1200 * MS + 1


def test_one_frame_does_not_bring_it_back_and_a_late_second_neither(monitor, clock):
    feed(monitor, clock, 'rgb', frames=3)
    for _ in range(5):  # a stutter slower than the timeout never counts as alive
        clock.now_ns += 400 * MS
        monitor.arrived('rgb')
        assert monitor.alive() == ()
    clock.now_ns += 100 * MS
    monitor.arrived('rgb')
    assert monitor.alive() == ('rgb',)


def test_alive_keeps_the_order_of_the_configs(monitor, clock):
    feed(monitor, clock, 'depth', frames=2)
    feed(monitor, clock, 'rgb', frames=2)
    assert monitor.alive() == ('rgb', 'depth')


def test_refused_messages_are_no_arrivals(monitor, clock):
    for _ in range(5):
        monitor.refused('rgb', "cannot decode: encoding 'foo'")
        clock.now_ns += 100 * MS
    status = monitor.status('rgb')
    assert status.state is State.REFUSED
    assert status.reason == "cannot decode: encoding 'foo'"
    assert (status.received, status.refused, status.age_ns) == (0, 5, None)
    assert monitor.alive() == ()


def test_a_good_message_clears_a_refusal(monitor, clock):
    feed(monitor, clock, 'rgb', frames=2)
    clock.now_ns += 50 * MS
    monitor.refused('rgb', 'cannot decode: truncated')
    assert monitor.status('rgb').state is State.REFUSED
    assert monitor.alive() == ()
    clock.now_ns += 50 * MS
    monitor.arrived('rgb')
    assert monitor.alive() == ('rgb',)


def test_a_good_message_clears_a_refusal_while_the_clock_stands(monitor):
    monitor.arrived('rgb')
    monitor.refused('rgb', 'cannot decode: truncated')
    monitor.arrived('rgb')
    assert monitor.alive() == ('rgb',)


def test_a_refusal_is_forgotten_after_the_timeout_but_told_where_nothing_else_came(monitor, clock):
    feed(monitor, clock, 'depth', frames=2)
    monitor.refused('rgb', 'cannot decode: x')
    monitor.refused('depth', 'cannot decode: x')
    clock.now_ns += 301 * MS
    assert monitor.status('depth').reason == 'silent for 0.3 s (timeout 0.3 s)'
    rgb = monitor.status('rgb')
    assert rgb.state is State.NEVER_SEEN
    assert rgb.reason == 'no usable message yet; the last was refused: cannot decode: x'


def test_what_cannot_connect_is_the_reason_until_cleared(monitor, clock):
    monitor.cannot_connect('rgb', 'no publisher on /x')
    assert monitor.status('rgb').state is State.NEVER_SEEN
    assert monitor.status('rgb').reason == 'no publisher on /x'
    monitor.cannot_connect('rgb', None)
    assert monitor.status('rgb').reason == 'no message yet'


def test_what_cannot_connect_explains_a_silence_but_messages_are_better_evidence(monitor, clock):
    feed(monitor, clock, 'rgb', frames=2)
    monitor.cannot_connect('rgb', 'no publisher on /x')
    assert monitor.alive() == ('rgb',)
    clock.now_ns += 400 * MS
    expected = 'silent for 0.4 s (timeout 0.3 s); no publisher on /x'
    assert monitor.status('rgb').reason == expected


def test_nothing_dies_while_the_clock_stands(monitor, clock):
    feed(monitor, clock, 'rgb', frames=2)
    assert all(monitor.alive() == ('rgb',) for _ in range(1000))
    monitor.arrived('rgb')
    assert monitor.status('rgb').rate_hz == pytest.approx(20.0)  # 3 in 100 ms of the clock


def test_a_standing_clock_gives_no_rate(monitor):
    monitor.arrived('rgb')
    monitor.arrived('rgb')
    assert monitor.status('rgb').rate_hz == 0.0


def test_a_clock_that_jumps_back_resets_by_itself(monitor, clock):
    feed(monitor, clock, 'rgb', frames=5)
    clock.now_ns -= 10_000 * MS
    assert monitor.alive() == ()
    assert monitor.status('rgb').age_ns is None
    feed(monitor, clock, 'rgb', frames=2)
    assert monitor.alive() == ('rgb',)
    assert monitor.status('rgb').received == 7


def test_a_refusal_does_not_outlive_a_jump_back(monitor, clock):
    monitor.refused('rgb', 'cannot decode: x')
    clock.now_ns -= 10_000 * MS
    assert monitor.status('rgb').reason == 'no message yet'


def test_reset_forgets_arrivals_and_keeps_counts_and_connections(monitor, clock):
    feed(monitor, clock, 'rgb', frames=2)
    monitor.cannot_connect('depth', 'no publisher on /d')
    monitor.reset()
    assert monitor.alive() == ()
    assert monitor.status('rgb').received == 2
    assert monitor.status('depth').reason == 'no publisher on /d'


def test_rate_is_that_of_late_and_an_outage_does_not_count(monitor, clock):
    feed(monitor, clock, 'rgb', frames=30, period_ms=100)
    assert monitor.status('rgb').rate_hz == pytest.approx(10.0)
    clock.now_ns += 60_000 * MS
    assert monitor.status('rgb').rate_hz == 0.0
    feed(monitor, clock, 'rgb', frames=5, period_ms=50)
    assert monitor.status('rgb').rate_hz == pytest.approx(20.0)
    feed(monitor, clock, 'rgb', frames=40, period_ms=200)
    assert monitor.status('rgb').rate_hz == pytest.approx(5.0)


def test_reconfigure_judges_anew_at_once(monitor, clock):
    feed(monitor, clock, 'rgb', frames=2)
    clock.now_ns += 400 * MS
    assert monitor.alive() == ()
    monitor.reconfigure('rgb', AvailabilityConfig(timeout_ns=1000 * MS, recovery_frames=2))
    assert monitor.alive() == ('rgb',)


def test_unknown_names_are_answered_with_the_known(monitor):
    with pytest.raises(ConfigError, match=r"'radar'; watched are \['rgb', 'depth'\]"):
        monitor.arrived('radar')


@pytest.mark.parametrize('values', [{'timeout_ns': 0}, {'timeout_ns': 1, 'recovery_frames': 0}])
def test_config_refuses_what_makes_no_sense(values):
    with pytest.raises(ConfigError, match='got 0'):
        AvailabilityConfig(**values)
