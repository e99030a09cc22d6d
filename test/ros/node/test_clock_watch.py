"""A clock that is set back, or stands still."""

import pytest
from rclpy.clock import ClockType, ROSClock
from rclpy.time import Time

from robustseg_ros.node import clock_watch
from robustseg_ros.node.clock_watch import ClockWatch


def set_to(clock, seconds):
    clock.set_ros_time_override(
        Time(nanoseconds=int(seconds * 1e9), clock_type=ClockType.ROS_TIME)
    )


@pytest.fixture
def clock():
    clock = ROSClock()
    clock._set_ros_time_is_active(True)
    set_to(clock, 100)
    return clock


@pytest.fixture
def watch(clock):
    watch = ClockWatch(clock)
    yield watch
    watch.close()


def test_being_set_back_is_told_once(clock, watch):
    set_to(clock, 101)
    assert not watch.jumped()
    set_to(clock, 100.5)
    assert watch.jumped()
    assert not watch.jumped()


def test_a_change_of_the_source_of_time_is_told(clock, watch):
    clock._set_ros_time_is_active(False)
    assert watch.jumped()


def test_a_clock_that_stands_still_is_told_until_it_goes_on(clock, watch, monkeypatch):
    now_s = [1000.0]
    monkeypatch.setattr(clock_watch, 'monotonic', lambda: now_s[0])
    assert watch.complaint() == ''
    now_s[0] += 3.2
    assert watch.complaint() == 'clock stopped: no progress on /clock for 3.2 s'
    set_to(clock, 101)
    assert watch.complaint() == ''


@pytest.fixture
def steady(monkeypatch):
    now_s = [1000.0]
    monkeypatch.setattr(clock_watch, 'monotonic', lambda: now_s[0])
    return now_s


def test_while_the_clock_stands_and_messages_come_time_goes_on(clock, watch, steady):
    assert watch.now_ns() == 100 * 10**9
    for _ in range(30):
        steady[0] += 0.1
        watch.heard()
    assert watch.is_kept
    assert 'while messages come: time is kept by the steady clock' in watch.complaint()
    before = watch.now_ns()
    steady[0] += 5
    assert watch.now_ns() - before == 5 * 10**9
    set_to(clock, 101)
    after = watch.now_ns()
    assert not watch.is_kept
    assert after == before + 5 * 10**9
    set_to(clock, 102)
    assert watch.now_ns() - after == 10**9
    assert watch.complaint() == ''


def test_in_a_paused_recording_time_stands_too(clock, watch, steady):
    watch.heard()
    before = watch.now_ns()
    steady[0] += 60
    watch.heard()  # a straggler
    assert watch.now_ns() == before
    assert not watch.is_kept
    assert watch.complaint() == 'clock stopped: no progress on /clock for 60.0 s'


def test_a_clock_that_begins_after_time_was_kept_is_begun_with(clock, steady):
    set_to(clock, 0)
    watch = ClockWatch(clock)
    for _ in range(30):
        steady[0] += 0.1
        watch.heard()
    assert watch.is_kept
    set_to(clock, 5)
    assert watch.now_ns() == 5 * 10**9
    assert watch.jumped()
    watch.close()


def test_a_clock_that_goes_back_is_followed(clock, watch, steady):
    for _ in range(30):
        steady[0] += 0.1
        watch.heard()
    set_to(clock, 50)
    assert watch.now_ns() == 50 * 10**9
    assert watch.jumped()
