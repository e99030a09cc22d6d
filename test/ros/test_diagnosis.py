"""Diagnostics name the dead sensor and say why it is dead."""

from importlib.util import find_spec

import pytest
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage


@pytest.fixture(scope='module')
def driver(start):
    return start(depth__qos__reliability='reliable', lidar__camera_from_sensor=[])


def test_silent(driver):
    driver.settle('RE')
    driver.drive_until(['rgb'], lambda: 'silent for' in driver.message('event'))
    assert driver.diagnostics['event'].level == b'\x03'
    assert driver.value('topic', 'event') == '/event_camera/image'
    assert 'without depth, event, lidar' in driver.message()


def test_no_publisher(driver):
    driver.settle('RE')
    driver.node.destroy_publisher(driver.publishers['event'])
    driver.drive_until(
        ['rgb'], lambda: 'no publisher on /event_camera/image' in driver.message('event')
    )
    driver.publishers['event'] = driver.publisher('event')
    driver.settle('RE')


def test_incompatible_qos(driver):
    driver.node.destroy_publisher(driver.publishers['depth'])
    qos = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
    driver.publishers['depth'] = driver.publisher('depth', qos)
    driver.drive_until(
        ['rgb', 'depth'],
        lambda: 'incompatible QoS on /depth/image_rect' in driver.message('depth'),
    )
    assert 'reliab' in driver.message('depth').lower()
    driver.node.destroy_publisher(driver.publishers['depth'])
    driver.publishers['depth'] = driver.publisher('depth')
    driver.settle('RD')


def test_wrong_type(driver):
    driver.node.destroy_publisher(driver.publishers['event'])
    wrong = driver.node.create_publisher(CompressedImage, driver.TOPICS['event'], 5)
    driver.drive_until(['rgb'], lambda: 'wanted sensor_msgs/msg/Image' in driver.message('event'))
    assert 'topic /event_camera/image carries sensor_msgs/msg/CompressedImage' in driver.message(
        'event'
    )
    driver.node.destroy_publisher(wrong)
    driver.publishers['event'] = driver.publisher('event')
    driver.settle('RE')


def test_no_camera_info_then_no_extrinsics(driver):
    cloud = lambda: driver.publishers['lidar'].publish(  # noqa: E731
        driver.scene.message('lidar', driver.stamp())
    )
    driver.drive_until(
        ['rgb'],
        lambda: 'no CameraInfo on /camera/camera_info' in driver.message('lidar'),
        publish=cloud,
    )
    assert driver.value('state', 'lidar') == 'refused'
    # With tf2 the transform would be looked for there.
    driver.drive_until(['rgb', 'lidar'], lambda: 'no extrinsics' in driver.message('lidar'))


@pytest.mark.parametrize(
    'package', ['tf2_ros', 'vision_msgs', 'event_camera_msgs', 'bondpy', 'cv_bridge']
)
def test_what_is_not_installed_is_named_with_what_that_costs(driver, package):
    driver.settle('R')
    is_missing = find_spec(package) is None
    assert (driver.value(f'not installed: {package}') != '') == is_missing
    assert (f'{package} is not installed: ' in driver.process.log()) == is_missing


def test_share_of_messages_that_arrive_is_known(driver):
    driver.settle('R')
    driver.drive_until(['rgb'], lambda: driver.value('arriving', 'rgb') != '')
    assert float(driver.value('arriving', 'rgb')) > 0.9
