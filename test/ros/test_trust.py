"""What the node says of its masks, and the outputs for robots, seen from outside."""

import json

from input_reading import decompressed
import numpy as np
import pytest
from sensor_msgs.msg import CompressedImage, Image, PointCloud2
from std_msgs.msg import String

from robustseg_core.labels import DELIVER
from robustseg_ros.inputs.conversions import image_to_array


@pytest.fixture
def listen(driver):
    """Subscribe to a topic of the node; return the list that its messages go to."""
    subscriptions = []

    def subscribe(message, topic):
        received = []
        subscriptions.append(
            driver.node.create_subscription(message, f'/segment/{topic}', received.append, 10)
        )
        return received

    yield subscribe
    for subscription in subscriptions:
        driver.node.destroy_subscription(subscription)
    driver.spin(0.3)


def stamp_of(stamp):
    return stamp.sec, stamp.nanosec


def test_every_mask_has_a_report_and_shares_come_with_time(driver, listen):
    driver.settle('RDL')
    received = listen(String, 'report')
    names = ['rgb', 'depth', 'lidar']

    def newest():
        return json.loads(received[-1].data) if received else {'inputs': {}}

    driver.drive_until(
        names, lambda: len(newest()['inputs']) == 3 and newest()['inputs']['lidar']['share']
    )
    driver.forget_masks()
    received.clear()
    driver.drive_until(names, lambda: len(driver.masks) >= 5 and len(received) >= 5)
    stamps = {stamp_of(mask.header.stamp) for mask in driver.masks}
    reports = [json.loads(each.data) for each in received]
    told = [(each['stamp']['sec'], each['stamp']['nanosec']) for each in reports]
    assert len(set(told) & stamps) >= 4
    last = reports[-1]
    assert (last['subset'], last['missing']) == ('RDL', ['event'])
    assert last['frame_id'] == 'camera_optical_frame'
    assert list(last['inputs']) == names
    assert sum(each['share'] for each in last['inputs'].values()) == pytest.approx(1, abs=0.01)
    assert all(0 < each['age_ms'] < 2000 for each in last['inputs'].values())
    assert 1 / len(DELIVER) < last['confidence'] <= 1
    assert last['expected_miou'] is None, 'this network was never evaluated'

    driver.settle('R')
    driver.drive_until(['rgb'], lambda: driver.value('share_rgb') == '1.00')
    assert driver.value('share_lidar') == '', 'only of what the mask rests on'
    assert 0 < float(driver.value('age_ms_rgb')) < 2000
    assert 0 < float(driver.value('confidence')) <= 1


def test_points_coloured_masks_and_compressed_pictures_go_with_the_masks(driver, listen):
    driver.settle('RL')
    points = listen(PointCloud2, 'points')
    colours = listen(Image, 'color_mask')
    png = listen(CompressedImage, 'mask/compressed')
    jpeg = listen(CompressedImage, 'overlay/compressed')
    heard = (points, colours, png, jpeg)
    driver.drive_until(['rgb', 'lidar'], lambda: all(heard))
    driver.forget_masks()
    for each in heard:
        each.clear()

    def together():
        stamps = [
            {stamp_of(each.header.stamp) for each in some} for some in (driver.masks, *heard)
        ]
        return set.intersection(*stamps)

    driver.drive_until(['rgb', 'lidar'], together)
    at = together().pop()
    mask, cloud, coloured, compressed, overlay = (
        next(each for each in some if stamp_of(each.header.stamp) == at)
        for some in (driver.masks, *heard)
    )
    ids = image_to_array(mask)
    np.testing.assert_array_equal(decompressed(compressed)[0], ids)
    np.testing.assert_array_equal(image_to_array(coloured), DELIVER.colour_table()[ids])
    assert decompressed(overlay)[0].shape == (64, 64, 3)
    assert cloud.header.frame_id == 'lidar'
    assert (cloud.width, cloud.height) == (len(driver.scene.points), 1)
    rows = np.frombuffer(cloud.data, np.uint8).reshape(cloud.width, cloud.point_step)
    labels = rows[:, 16]
    assert set(labels) <= {*ids.ravel(), 255}
    assert 0.2 < (labels != 255).mean() < 1
