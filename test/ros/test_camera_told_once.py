"""A CameraInfo that is published once, before the node is there, serves it for all its life."""

from lifecycle_msgs.msg import Transition
import pytest
from sensor_msgs.msg import CameraInfo

from robustseg_ros.node.qos import LATCHED


@pytest.fixture(scope='module')
def told_once(start):
    """Return the driver of a node whose camera has said all that it will say."""
    driver = start(modalities=['lidar'])
    driver.node.destroy_publisher(driver.camera_info)
    driver.camera_info = driver.node.create_publisher(CameraInfo, '/camera/camera_info', LATCHED)
    driver.camera_info.publish(driver.scene.camera_info(driver.stamp()))
    return driver


def test_points_are_seen_by_a_camera_that_was_told_once(told_once, scene):
    driver = told_once

    def publish_points():
        driver.publishers['lidar'].publish(scene.message('lidar', driver.stamp()))

    driver.drive_until([], lambda: len(driver.masks) >= 3, publish=publish_points)
    assert scene.rests_on(driver.masks[-1]) == 'L'
    # The camera's driver ends; what it said is still true.
    driver.node.destroy_publisher(driver.camera_info)
    assert driver.change_state(Transition.TRANSITION_DEACTIVATE)
    assert driver.change_state(Transition.TRANSITION_ACTIVATE)
    driver.forget_masks()
    driver.drive_until([], lambda: len(driver.masks) >= 3, publish=publish_points)
    assert scene.rests_on(driver.masks[-1]) == 'L'
