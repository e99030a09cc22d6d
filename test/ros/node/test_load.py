"""Whether the process keeps up."""

import pytest

from robustseg_ros.node.load import WINDOW_S, Load


@pytest.fixture
def now():
    return [1000.0]


@pytest.fixture
def load(now):
    return Load(lambda: now[0])


def test_frames_thrown_away_for_newer_ones_are_overload(load, now):
    for index in range(75):  # 15 Hz for 5 s, of which the network takes 3.3
        load.due(superseded=index % 9 not in (0, 4))
        now[0] += 1 / 15
    assert load.complaint().startswith('overload: 3.2 masks/s of 14.8 frames/s')
    now[0] += WINDOW_S + 1
    assert load.complaint() == ''


def test_a_frame_lost_now_and_then_is_none(load, now):
    for index in range(75):
        load.due(superseded=index % 10 == 0)
        now[0] += 1 / 15
    assert load.complaint() == ''


def test_an_executor_that_is_kept_waiting_is_overload_without_any_frame(load, now):
    for _ in range(10):
        load.ticked(0.02)
        now[0] += 0.5
    assert 'messages were kept waiting for' in load.complaint()


def test_ticks_in_time_are_none(load, now):
    for _ in range(250):
        load.ticked(0.02)
        now[0] += 0.022
    assert load.complaint() == ''
