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
