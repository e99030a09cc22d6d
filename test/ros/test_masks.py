"""What the node publishes, seen from outside."""

import json

import numpy as np
import pytest
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import String
from std_srvs.srv import SetBool

from robustseg_core.labels import DELIVER

BOTH = ['rgb', 'depth']


def pixels_of(message, dtype=np.uint8, channels=1):
    shape = (message.height, message.width, channels)
    pixels = np.frombuffer(message.data, dtype).reshape(shape)
    return pixels[..., 0] if channels == 1 else pixels


@pytest.fixture
def listen(driver):
    """Subscribe to a topic of the node; return the list that its messages go to."""
    subscriptions = []

    def subscribe(message, topic, qos=10):
        received = []
        subscriptions.append(
            driver.node.create_subscription(message, f'/segment/{topic}', received.append, qos)
        )
        return received

    yield subscribe
    for subscription in subscriptions:
        driver.node.destroy_subscription(subscription)
    driver.spin(0.3)


def test_mask_has_the_leading_inputs_header_and_size_and_only_known_ids(driver):
    driver.settle('RD')
    driver.forget_masks()
    sent = []
    driver.drive_until(
        [], lambda: len(driver.masks) >= 5, publish=lambda: sent.append(driver.publish(BOTH))
    )
    for mask in driver.masks:
        assert mask.encoding == 'mono8'
        assert (mask.height, mask.width, mask.step) == (64, 64, 64)
        assert len(mask.data) == 64 * 64
        assert mask.header.frame_id == 'camera_optical_frame'
        assert mask.header.stamp in sent
        assert pixels_of(mask).max() < len(DELIVER)


def test_size_may_change_in_mid_stream(driver, scene):
    driver.settle('R')
    large = type(scene)(scene.model, seed=2, side=96)
    driver.scene = large
    try:
        driver.drive_until(['rgb'], lambda: driver.masks[-1].height == 96)
        mask = driver.next_masks(['rgb'])[-1]
        assert (mask.height, mask.width) == (96, 96)
        assert large.rests_on(mask) == 'R'
    finally:
        driver.scene = scene
    driver.drive_until(['rgb'], lambda: driver.masks[-1].height == 64)


def test_inputs_of_different_sizes_are_fused_at_the_leading_ones(driver, scene):
    driver.settle('RD')
    half = type(scene)(scene.model, seed=1, side=32)
    send = lambda: driver.publishers['depth'].publish(half.message('depth', driver.stamp()))  # noqa: E731
    driver.forget_masks()
    driver.drive_until(['rgb'], lambda: len(driver.masks) >= 5, publish=send)
    assert {(mask.height, mask.width) for mask in driver.masks} == {(64, 64)}
    assert driver.value('subset') == 'RD'


def test_palette_reaches_those_who_come_late(driver, listen):
    driver.settle('R')
    qos = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    received = listen(String, 'palette', qos)
    driver.drive_until([], lambda: received)
    entries = json.loads(received[0].data)
    assert [entry['id'] for entry in entries] == list(range(len(DELIVER)))
    assert entries[6] == {'id': 6, 'name': 'Road', 'color': [128, 64, 128]}


def test_overlay_blends_the_image_with_the_colours_of_the_mask(driver, scene, listen):
    driver.settle('R')
    received = listen(Image, 'overlay')
    driver.drive_until(['rgb'], lambda: received)
    overlay = pixels_of(received[-1], channels=3)
    assert received[-1].encoding == 'rgb8'
    colours = np.array(DELIVER.palette)[scene.mask(['rgb'])]
    expected = (colours + scene.rgb.astype(float)) / 2
    is_blended = np.abs(overlay - expected).max(axis=-1) <= 1
    # Two lines name the sensor and say what to expect.
    assert np.mean(is_blended[28:]) > 0.98
    assert not is_blended[:14].all()
    assert not is_blended[14:28].all()


def test_confidence_is_a_probability(driver, listen):
    driver.settle('R')
    received = listen(Image, 'confidence')
    driver.drive_until(['rgb'], lambda: received)
    assert received[-1].encoding == '32FC1'
    confidence = pixels_of(received[-1], np.float32)
    assert confidence.shape == (64, 64)
    # The best of 25 classes cannot have less than an equal share.
    assert confidence.min() >= 1 / 25
    assert confidence.max() <= 1


def test_camera_info_goes_with_the_mask(driver, listen):
    received = listen(CameraInfo, 'camera_info')
    driver.settle('RL')
    driver.drive_until(['rgb', 'lidar'], lambda: received)
    masks = {mask.header.stamp.nanosec for mask in driver.masks}
    info = received[-1]
    assert info.header.stamp.nanosec in masks
    assert (info.width, info.height) == (64, 64)
    assert info.k[0] == pytest.approx(driver.scene.camera.matrix[0, 0])
    # A mask in another camera's frame must not be given this camera's calibration.
    driver.settle('D')
    received.clear()
    driver.next_masks(['depth'])
    assert not received


def test_pixels_below_the_wanted_confidence_are_unlabelled(driver, scene):
    driver.settle('R')
    assert driver.set_parameters(mask__min_confidence=1.0).successful
    try:
        mask = driver.next_masks(['rgb'], 3)[-1]
        assert (pixels_of(mask) == 255).mean() > 0.9
    finally:
        assert driver.set_parameters(mask__min_confidence=0.0).successful
    assert scene.rests_on(driver.next_masks(['rgb'], 3)[-1]) == 'R'


def test_masks_can_be_paused_and_resumed(driver):
    driver.settle('R')
    answer = driver.call(SetBool, '/segment/enable', SetBool.Request(data=False))
    assert answer.success
    assert answer.message == 'masks are paused'
    driver.spin(0.3)
    driver.forget_masks()
    driver.drive_until(['rgb'], lambda: 'paused by ~/enable' in driver.message())
    for _ in range(5):
        driver.publish(['rgb'])
        driver.spin(0.05)
    assert not driver.masks
    assert driver.value('alive') == 'R'
    assert driver.call(SetBool, '/segment/enable', SetBool.Request(data=True)).success
    assert driver.next_masks(['rgb'])


def test_latency_and_overhead_are_told(driver):
    driver.settle('RDEL')
    latency, model, overhead = (
        float(driver.value(f'{key}_ms')) for key in ('latency', 'model', 'overhead')
    )
    assert 0 < overhead < latency
    assert 0 < model < latency
    assert driver.value('device') == 'cpu'
    assert driver.value('checkpoint') == 'tiny.safetensors'
