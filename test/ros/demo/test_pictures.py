"""Network images as people like to look at them."""

import numpy as np

from robustseg_ros.demo.pictures import backdrop, shown


def test_what_no_sensor_saw_is_black():
    depth = np.zeros((4, 4, 3), np.float32)
    depth[0, 0] = (0.1, 0.4, 1.0)
    for draw in (shown, backdrop):
        seen = draw('depth', depth).any(axis=-1)
        assert seen[0, 0]
        assert seen.sum() == 1


def test_near_is_brighter_than_far_in_the_backdrop():
    lidar = np.zeros((1, 3, 3), np.float32)
    lidar[0, :, 0] = (2.0, 20.0, 0.0)
    grey = backdrop('lidar', lidar)[0, :, 0]
    assert grey[0] > grey[1] > grey[2] == 0


def test_brighter_and_darker_events_differ_in_colour():
    events = np.zeros((1, 2, 3), np.uint8)
    events[0, 0, 0] = events[0, 1, 1] = 3
    brighter, darker = shown('event', events)[0].astype(int)
    assert brighter[0] > brighter[2]
    assert darker[2] > darker[0]
