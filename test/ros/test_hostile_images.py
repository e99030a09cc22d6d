"""Whatever one topic of images sends, the masks of the others keep their rhythm."""

from array import array
from itertools import pairwise
from pathlib import Path
import signal
import time

import cv2
from hostile_pictures import PNG_OF_2_GB, png_that_claims, real_png, slow_jpeg
import pytest
from rclpy.serialization import serialize_message
from sensor_msgs.msg import CompressedImage, Image

TIMEOUT_S = 0.4  # of every input of the driver
FRAME_S = 0.05
# For a machine that has other things to do, which delays every mask now and then.
SLACK_S = 0.3
OTHERS = ('depth', 'event', 'lidar')

COMPRESSED = {
    'a PNG of 41 bytes for which OpenCV allocates 2 GB': PNG_OF_2_GB,
    'a PNG that claims 60000x60000': png_that_claims(60_000, 60_000),
    'a real PNG of 16000x16000': real_png(16_000, 16_000),
    'a JPEG that takes half a minute': slow_jpeg(6000, 6000, 2000),
}


def raw(width: int, height: int, encoding: str, step: int) -> Image:
    data = array('B', bytes(height * step))
    return Image(width=width, height=height, encoding=encoding, step=step, data=data)


RAW = {
    '40000x20 rgb8': raw(20, 40_000, 'rgb8', 60),
    '32768x1 rgb8': raw(1, 32_768, 'rgb8', 3),
    '1x20000 mono8': raw(20_000, 1, 'mono8', 20_000),
    '1x1000000 mono8': raw(1_000_000, 1, 'mono8', 1_000_000),
    '1x4096 rgb8': raw(4096, 1, 'rgb8', 3 * 4096),
    '32FC3 between its places': raw(64, 64, '32FC3', 64 * 12 + 1),
    'an encoding of 5 MB': raw(4, 2, 'x' * 5_000_000, 4),
    'no channels': raw(4, 2, '8UC0', 4),
}


class Compressed:
    """The driver of a node whose colours come compressed."""

    def __init__(self, driver) -> None:
        self.driver = driver
        driver.node.destroy_publisher(driver.publishers['rgb'])
        self._publisher = driver.node.create_publisher(CompressedImage, driver.TOPICS['rgb'], 5)
        self._good = cv2.imencode('.png', driver.scene.rgb[..., ::-1])[1].tobytes()

    def send(self, data: bytes) -> None:
        header = self.driver.scene.message('rgb', self.driver.stamp()).header
        self._publisher.publish(
            CompressedImage(
                header=header, format='rgb8; png compressed bgr8', data=array('B', data)
            )
        )

    def settle(self) -> None:
        self.driver.drive_until(
            OTHERS,
            lambda: self.driver.value('subset') == 'RDEL',
            publish=lambda: self.send(self._good),
        )


def longest_gap(driver, names, publish, seconds: float) -> float:
    """Return the longest time without a mask: ``names`` send at 20 Hz, ``publish`` at 10."""
    times = [time.monotonic()]
    listener = driver.node.create_subscription(
        Image, '/segment/mask', lambda _: times.append(time.monotonic()), 50
    )
    try:
        end_s = time.monotonic() + seconds
        turn = 0
        while time.monotonic() < end_s:
            driver.publish(names)
            if turn % 2 == 0:
                publish()
            turn += 1
            driver.spin(FRAME_S)
    finally:
        driver.node.destroy_subscription(listener)
    times.append(time.monotonic())
    return max(after - before for before, after in pairwise(times))


@pytest.fixture(scope='module')
def compressed(start):
    return Compressed(start(rgb__type='compressed_image'))


@pytest.mark.parametrize('kind', COMPRESSED)
def test_hostile_pictures_leave_the_masks_their_rhythm(compressed, kind):
    driver = compressed.driver
    compressed.settle()
    gap_s = longest_gap(driver, OTHERS, lambda: compressed.send(COMPRESSED[kind]), 5.0)
    assert gap_s < TIMEOUT_S + FRAME_S + SLACK_S
    assert driver.value('subset') == 'DEL'
    # The transport may lose what is large; then there is nothing to refuse.
    state = driver.value('state', 'rgb')
    assert state in ('refused', 'stale')
    if state == 'refused':
        words = ('(input.', 'ends in the middle')
        assert any(word in driver.message('rgb') for word in words)
    compressed.settle()


@pytest.mark.parametrize('name', ['rgb', 'event'])
@pytest.mark.parametrize('kind', RAW)
def test_hostile_images_leave_the_masks_their_rhythm(driver, kind, name):
    others = [other for other in ('rgb', 'depth', 'event', 'lidar') if other != name]
    driver.settle('RDEL')

    # Beforehand: for 5 MB it takes the sender longer than the receiver.
    message = serialize_message(RAW[kind])
    gap_s = longest_gap(driver, others, lambda: driver.publishers[name].publish(message), 2.0)
    assert gap_s < TIMEOUT_S + FRAME_S + SLACK_S
    texts = [driver.message(name), *(v.value for v in driver.diagnostics[name].values)]
    assert max(map(len, texts)) < 2000
    assert len(driver.process.log()) < 100_000


def children(pid: int) -> list[int]:
    lists = Path(f'/proc/{pid}/task').glob('*/children')
    return [int(child) for each in lists for child in each.read_text().split()]


@pytest.mark.parametrize('sig', [signal.SIGINT, signal.SIGTERM])
def test_a_picture_under_way_delays_no_end(start, sig):
    compressed = Compressed(start(rgb__type='compressed_image', input__decode_time=60.0))
    driver = compressed.driver
    compressed.settle()
    (decoder,) = children(driver.process.process.pid)
    compressed.send(slow_jpeg(6000, 6000, 5000))
    driver.spin(0.5)
    start_s = time.monotonic()
    code = driver.process.stop(sig)
    assert time.monotonic() - start_s < 10.0  # the picture would take a minute
    assert code == 0
    end_s = time.monotonic() + 2.0
    while Path(f'/proc/{decoder}').exists() and time.monotonic() < end_s:
        time.sleep(0.02)
    assert not Path(f'/proc/{decoder}').exists()
