"""Bad input gets a clear message, and the other sensors go on being served."""

from array import array
from importlib.util import find_spec
import math

import cv2
import numpy as np
import pytest
from sensor_msgs.msg import CompressedImage, PointCloud2, PointField


def with_rgb8(message):
    message.encoding = 'rgb8'


def with_unknown_encoding(message):
    message.encoding = 'mystery7'


def truncated(message):
    message.data = message.data[: len(message.data) // 2]


def with_zero_size(message):
    message.width = message.height = message.step = 0
    message.data = array('B')


def with_short_step(message):
    message.step = 3


def without_xyz(message):
    message.fields = [field for field in message.fields if field.name != 'z']


BAD = [
    ('depth', with_rgb8, ["'rgb8'", 'truncated']),
    ('event', with_unknown_encoding, ["'mystery7'", 'cv_bridge']),
    ('rgb', truncated, ['truncated', 'wanted at least']),
    ('rgb', with_zero_size, ['0x0', 'at least 1x1']),
    ('rgb', with_short_step, ['step is 3 bytes']),
    ('lidar', without_xyz, ['wanted x, y, z']),
    ('lidar', truncated, ['truncated', 'wanted at least']),
]


@pytest.mark.parametrize(
    ('name', 'spoil', 'words'), BAD, ids=lambda v: getattr(v, '__name__', None)
)
def test_bad_message_is_refused_by_name_and_the_rest_goes_on(driver, scene, name, spoil, words):
    others = [other for other in ('rgb', 'depth', 'event', 'lidar') if other != name]
    letters = ''.join(other[0].upper() for other in others)
    driver.settle('RDEL')

    def publish_bad():
        message = scene.message(name, driver.stamp())
        spoil(message)
        driver.publishers[name].publish(message)

    driver.drive_until(
        others, lambda: driver.value('state', name) == 'refused', publish=publish_bad
    )
    assert 'cannot decode' in driver.message(name)
    assert any(word in driver.message(name) for word in words)
    driver.drive_until(others, lambda: driver.value('subset') == letters, publish=publish_bad)
    driver.forget_masks()
    driver.drive_until(others, lambda: len(driver.masks) >= 3, publish=publish_bad)
    found = {scene.rests_on(mask) for mask in driver.masks}
    assert letters in found
    # On a busy machine another one may come too late; the bad one must not come at all.
    assert not any(name[0].upper() in subset for subset in found)
    assert int(driver.value('refused', name)) > 0
    # A flood of bad messages is one warning.
    assert driver.process.log().count(f'{name}: cannot decode') <= 3


def test_colours_on_the_depth_topic_are_told_from_depth(driver, scene):
    driver.settle('RD')
    colours = lambda: driver.publishers['depth'].publish(scene.message('rgb', driver.stamp()))  # noqa: E731
    driver.drive_until(
        ['rgb'], lambda: driver.value('state', 'depth') == 'refused', publish=colours
    )
    assert "'rgb8'" in driver.message('depth')
    assert 'wants raw depth, 16UC1 (mm) or 32FC1 (m)' in driver.message('depth')


@pytest.fixture(scope='module')
def other(start):
    """Return the driver of a node with other message types."""
    return start(depth__type='compressed_image', event__type='events')


def test_uncalibrated_camera_refuses_the_points_only(other, scene):
    def publish_zeros():
        info = scene.camera_info(other.stamp())
        info.k = np.zeros(9)
        other.camera_info.publish(info)
        other.publishers['lidar'].publish(scene.message('lidar', other.stamp()))

    other.drive_until(
        ['rgb'], lambda: 'uncalibrated' in other.message('lidar'), publish=publish_zeros
    )
    other.drive_until(['rgb'], lambda: other.value('subset') == 'R', publish=publish_zeros)
    other.settle('RL')


@pytest.mark.skipif(find_spec('event_camera_msgs') is not None, reason='it is installed')
def test_an_input_whose_message_type_is_not_installed_says_so(other):
    other.drive_until(['rgb'], lambda: 'needs event_camera_msgs' in other.message('event'))
    other.settle('R')


def test_a_broken_compressed_image_does_not_cost_the_frame(other, scene):
    other.node.destroy_publisher(other.publishers['depth'])
    publisher = other.node.create_publisher(CompressedImage, other.TOPICS['depth'], 5)
    millimetres = (scene.depth_m * 1000).astype(np.uint16)
    good = cv2.imencode('.png', millimetres)[1].tobytes()

    def send(data):
        header = scene.message('depth', other.stamp()).header
        publisher.publish(CompressedImage(header=header, format='16UC1; png', data=data))

    def fused():
        return other.value('subset') == 'RD'

    other.drive_until(['rgb'], fused, publish=lambda: send(good))
    assert scene.rests_on(other.masks[-1]) == 'RD'
    bad = lambda: send(good[:100])  # noqa: E731
    other.drive_until(['rgb'], lambda: other.value('state', 'depth') == 'refused', publish=bad)
    assert 'claims' in other.message('depth')
    other.drive_until(['rgb'], lambda: other.value('subset') == 'R', publish=bad)
    other.forget_masks()
    states = []

    def publish_bad():
        other.publish(['rgb'])
        bad()
        states.append(other.value('state', 'depth'))

    other.drive_until([], lambda: len(states) >= 30, publish=publish_bad)
    assert len(other.masks) >= 15
    # It must not come back for every other frame; the first few may have been under way.
    assert 'alive' not in states[10:]
    other.drive_until(['rgb'], fused, publish=lambda: send(good))


def test_holes_in_depth_and_points_are_no_reason_to_refuse(driver, scene):
    driver.settle('RDEL')
    holed = type(scene)(scene.model, seed=1)
    holed.depth_m = scene.depth_m.copy()
    holed.depth_m[:8], holed.depth_m[8:16], holed.depth_m[16:24] = math.nan, math.inf, -math.inf
    holed.points = scene.points.copy()
    holed.points[::3] = math.nan
    holed.points[1::7, 0] = math.inf
    driver.scene = holed
    try:
        driver.spin(0.3)
        driver.forget_masks()
        driver.drive_until(['rgb', 'depth', 'event', 'lidar'], lambda: len(driver.masks) >= 5)
        assert driver.value('alive') == 'RDEL'
        assert np.frombuffer(driver.masks[-1].data, np.uint8).max() < 25
        assert driver.value('state', 'depth') == 'alive'
    finally:
        driver.scene = scene


def test_an_empty_cloud_is_a_scan_that_saw_nothing(driver, scene):
    driver.settle('RL')
    fields = [
        PointField(name=name, offset=4 * place, datatype=PointField.FLOAT32, count=1)
        for place, name in enumerate('xyz')
    ]

    def publish_empty():
        header = scene.message('lidar', driver.stamp()).header
        driver.publishers['lidar'].publish(
            PointCloud2(header=header, height=1, width=0, fields=fields, point_step=12)
        )

    driver.forget_masks()
    driver.drive_until(['rgb'], lambda: len(driver.masks) >= 10, publish=publish_empty)
    assert driver.value('subset') == 'RL'
