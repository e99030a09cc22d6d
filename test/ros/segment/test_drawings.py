"""What was drawn before its frame was due."""

import numpy as np
import pytest

from robustseg_ros.segment.drawing_threads import Drawn
from robustseg_ros.segment.drawings import ENOUGH, HELD, WINDOW, Drawing, Drawings

SIZE = (64, 64)


class Something:
    """A measurement."""


@pytest.fixture
def drawings():
    return Drawings()


def drawn(measurement=None):
    image = np.zeros((2, 2, 3), np.uint8)
    return Drawing(measurement or Something(), SIZE, Drawn(image, image, 0.0, (0.0, 0.0)))


def test_only_the_very_same_measurement_at_the_same_size_is_found(drawings):
    measurement = Something()
    drawing = drawn(measurement)
    drawings.add('rgb', 5, drawing)
    assert drawings.find('rgb', 5, measurement, SIZE) is drawing
    assert drawings.find('rgb', 5, Something(), SIZE) is None
    assert drawings.find('rgb', 5, measurement, (32, 64)) is None
    assert drawings.find('rgb', 6, measurement, SIZE) is None
    assert drawings.find('depth', 5, measurement, SIZE) is None


def test_a_frame_uses_one_and_what_is_older_is_wasted(drawings):
    for stamp in (1, 2, 3, 4):
        drawings.add('depth', stamp, drawn())
    drawings.add('rgb', 1, drawn())
    drawings.frame_done({'depth': 3})
    assert drawings.take_counts() == (1, 2)
    assert drawings.take_counts() == (0, 0)
    drawings.frame_done({'depth': 4, 'rgb': 1})
    assert drawings.take_counts() == (2, 0)


def test_no_more_than_a_few_are_held(drawings):
    parts = {stamp: Something() for stamp in range(HELD + 2)}
    for stamp, measurement in parts.items():
        drawings.add('rgb', stamp, drawn(measurement))
    found = [s for s, m in parts.items() if drawings.find('rgb', s, m, SIZE)]
    assert found == list(range(2, HELD + 2))
    assert drawings.take_counts() == (0, 2)


def test_news_is_newer_than_the_last_frame_and_not_known(drawings):
    assert drawings.is_news('rgb', 5)
    drawings.add('rgb', 5, drawn())
    assert not drawings.is_news('rgb', 5)
    drawings.frame_done({'rgb': 5})
    assert not drawings.is_news('rgb', 4)
    assert not drawings.is_news('rgb', 5)
    assert drawings.is_news('rgb', 6)
    drawings.reset()
    assert drawings.is_news('rgb', 4)


def test_what_comes_three_times_as_often_as_frames_is_soon_only_noted(drawings):
    promising = []
    for stamp in range(3 * WINDOW):
        promising.append(drawings.is_promising('depth'))
        drawings.add('depth', stamp, drawn() if promising[-1] else Drawing(Something(), SIZE))
        if stamp % 3 == 2:
            drawings.frame_done({'depth': stamp})
    assert all(promising[:ENOUGH])
    assert not any(promising[2 * ENOUGH :])
    used, wasted = drawings.take_counts()
    assert used + wasted == sum(promising)


def test_it_is_drawn_again_once_most_would_be_used(drawings):
    for stamp in range(WINDOW):  # as of a sensor that never matches
        drawings.add('depth', stamp, drawn())
    assert not drawings.is_promising('depth')
    assert drawings.is_promising('rgb')
    for stamp in range(WINDOW, 2 * WINDOW):
        drawings.add('depth', stamp, Drawing(Something(), SIZE))
        drawings.frame_done({'depth': stamp})
    assert drawings.is_promising('depth')
