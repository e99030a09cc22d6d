"""Images of ROS to numpy and back, with the real message classes."""

from array import array
from collections.abc import Iterator
import sys
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip('sensor_msgs')

from sensor_msgs.msg import Image
from std_msgs.msg import Header

from robustseg_core.errors import SensorError
from robustseg_ros.inputs import images
from robustseg_ros.inputs.image_encodings import NATIVE, to_rgb
from robustseg_ros.inputs.images import array_to_image, image_to_array
from robustseg_ros.inputs.picture_limits import PictureLimits


@pytest.fixture(autouse=True)
def _forget_cv_bridge() -> Iterator[None]:
    yield
    images._cv_bridge.cache_clear()


def noise(encoding: str, height: int = 6, width: int = 8) -> np.ndarray:
    dtype, channels = NATIVE[encoding]
    pixels = np.random.default_rng(0).integers(0, 250, (height, width, channels)).astype(dtype)
    return pixels[..., 0] if channels == 1 else pixels


def message(encoding: str, data: bytes, height: int, width: int, step: int, **more: int) -> Image:
    return Image(
        height=height, width=width, encoding=encoding, step=step, data=array('B', data), **more
    )


@pytest.mark.parametrize('encoding', sorted(NATIVE))
def test_every_native_encoding_survives_the_way_there_and_back(encoding: str) -> None:
    pixels = noise(encoding)
    header = Header(frame_id='camera')

    image = array_to_image(pixels, encoding, header)

    assert image.header is header
    assert (image.height, image.width, image.encoding) == (6, 8, encoding)
    assert image.data.tobytes() == pixels.tobytes()
    assert image.step * 6 == len(image.data)
    back = image_to_array(image)
    assert back.dtype == pixels.dtype
    np.testing.assert_array_equal(back, pixels)


def test_image_shares_the_messages_memory() -> None:
    image = array_to_image(noise('rgb8'), 'rgb8', Header())
    pixels = image_to_array(image)
    image.data[0] = 251
    assert pixels[0, 0, 0] == 251


def test_padding_of_rows_is_left_out() -> None:
    pixels = noise('bgr8', 3, 5)
    rows = b''.join(row.tobytes() + b'\xee' * 7 for row in pixels)
    np.testing.assert_array_equal(image_to_array(message('bgr8', rows, 3, 5, 22)), pixels)
    without_last_padding = message('bgr8', rows[:-7], 3, 5, 22)
    np.testing.assert_array_equal(image_to_array(without_last_padding), pixels)


@pytest.mark.parametrize('encoding', ['16UC1', 'mono16', '32FC1', '32FC3'])
def test_other_byte_order_is_turned(encoding: str) -> None:
    pixels = noise(encoding) * 3
    data = pixels.astype(pixels.dtype.newbyteorder('>')).tobytes()
    image = message(encoding, data, 6, 8, len(data) // 6, is_bigendian=1)
    back = image_to_array(image)
    assert back.dtype.isnative
    np.testing.assert_array_equal(back, pixels)


def test_part_of_a_larger_array_can_be_sent() -> None:
    pixels = noise('rgb8', 12, 16)[3:9, 2:10, ::-1]
    np.testing.assert_array_equal(image_to_array(array_to_image(pixels, 'rgb8', Header())), pixels)


def test_message_data_of_other_types_is_read() -> None:
    pixels = noise('mono8')
    for data in (pixels.tobytes(), np.frombuffer(pixels.tobytes(), np.uint8)):
        # As from rosbags, whose messages hold numpy arrays.
        image = SimpleNamespace(
            height=6, width=8, encoding='mono8', step=8, is_bigendian=0, data=data
        )
        np.testing.assert_array_equal(image_to_array(image), pixels)


@pytest.mark.parametrize(
    ('image', 'wanted'),
    [
        (message('rgb8', b'', 0, 4, 12), 'Image is 4x0 pixels; wanted at least 1x1'),
        (
            message('rgb8', bytes(24), 2, 4, 10),
            "step is 10 bytes; wanted at least 12 for 4 .*'rgb8'",
        ),
        (message('rgb8', bytes(23), 2, 4, 12), 'truncated: 23 bytes; wanted at least 24 for 4x2'),
        (message('16UC1', bytes(8), 1, 8, 16), 'truncated: 8 bytes; wanted at least 16'),
    ],
)
def test_refuses_sizes_that_do_not_fit(image: Image, wanted: str) -> None:
    with pytest.raises(SensorError, match=wanted):
        image_to_array(image)


def test_exotic_encoding_needs_cv_bridge(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'cv_bridge', None)  # as if not installed
    images._cv_bridge.cache_clear()
    with pytest.raises(
        SensorError, match=r"encoding 'nv24'; read natively are .*'rgb8'.*cv_bridge"
    ):
        image_to_array(message('nv24', bytes(16), 2, 4, 8))


def test_exotic_encoding_goes_through_cv_bridge(monkeypatch: pytest.MonkeyPatch) -> None:
    class CvBridgeError(Exception):
        pass

    class CvBridge:
        def imgmsg_to_cv2(self, msg: Image, desired_encoding: str) -> np.ndarray:
            if msg.encoding != 'nv24':
                raise CvBridgeError(msg.encoding)
            assert desired_encoding == 'rgb8'
            return np.full((msg.height, msg.width, 3), 9, np.uint8)

    bridge = SimpleNamespace(CvBridge=CvBridge, CvBridgeError=CvBridgeError)
    monkeypatch.setitem(sys.modules, 'cv_bridge', bridge)
    images._cv_bridge.cache_clear()

    image = message('nv24', bytes(16), 2, 4, 8)
    assert (to_rgb(image_to_array(image), image.encoding) == 9).all()
    with pytest.raises(SensorError, match=r"'64FC9'; .*cv_bridge cannot convert it: '64FC9'"):
        image_to_array(message('64FC9', bytes(16), 2, 4, 8))


@pytest.mark.parametrize(
    ('pixels', 'encoding'),
    [
        (np.zeros((2, 2), np.uint8), 'rgb8'),
        (np.zeros((2, 2, 3), np.float32), 'rgb8'),
        (np.zeros((2, 2), np.uint8), 'nv24'),
        (np.zeros(4, np.uint8), 'mono8'),
    ],
)
def test_refuses_to_send_an_array_that_is_not_of_its_encoding(
    pixels: np.ndarray, encoding: str
) -> None:
    with pytest.raises(SensorError, match=f"for encoding '{encoding}'"):
        array_to_image(pixels, encoding, Header())


LIMITS = PictureLimits(max_pixels=36_000_000, max_side=32767, max_aspect=64)


@pytest.mark.parametrize(
    ('width', 'height', 'encoding', 'parameter'),
    [
        (20, 40_000, 'rgb8', 'input.max_side'),
        (1, 32_768, 'mono8', 'input.max_side'),
        (1, 20_000, 'mono8', 'input.max_aspect'),
        (1, 1_000_000, 'mono8', 'input.max_side'),
        (4096, 1, 'mono8', 'input.max_aspect'),
        (16_000, 16_000, 'mono8', 'input.max_pixels'),
        (40_000, 40_000, 'bayer_rggb8', 'input.max_side'),
        (0xFFFFFFFF, 0xFFFFFFFF, 'mystery', 'input.max_side'),
    ],
)
def test_sizes_are_judged_before_anything_else(width, height, encoding, parameter):
    image = message(encoding, b'', height, width, min(3 * width, 0xFFFFFFFF))
    with pytest.raises(SensorError, match=f'{width}x{height} pixels; wanted .*at most') as error:
        image_to_array(image, LIMITS)
    assert parameter in str(error.value)


@pytest.mark.parametrize(('width', 'height'), [(7680, 4320), (2048, 32), (1, 64), (1, 1)])
def test_sizes_of_real_cameras_are_within_the_limits(width, height):
    LIMITS.check(width, height)


def test_a_huge_step_is_refused_without_allocating():
    with pytest.raises(SensorError, match='truncated: 4 bytes; wanted at least'):
        image_to_array(message('mono8', bytes(4), 30_000, 1000, 0xFFFFFFFF), LIMITS)


@pytest.mark.parametrize(('encoding', 'step'), [('32FC3', 8 * 12 + 3), ('mono16', 17)])
@pytest.mark.parametrize('is_bigendian', [0, 1])
def test_rows_that_begin_between_numbers_are_read(encoding, step, is_bigendian):
    pixels = noise(encoding)
    stored = pixels.astype(pixels.dtype.newbyteorder('>' if is_bigendian else '<'))
    rows = b''.join(row.tobytes().ljust(step, b'x') for row in stored)
    back = image_to_array(message(encoding, rows, 6, 8, step, is_bigendian=is_bigendian))
    np.testing.assert_array_equal(back, pixels)
    assert back.flags.aligned


@pytest.mark.parametrize('encoding', ['x' * 5_000_000, '', 'rgb8\0', '8UC0', '8UC99999'])
def test_an_encoding_is_not_repeated_at_length(encoding):
    with pytest.raises(SensorError) as error:
        image_to_array(message(encoding, bytes(16), 2, 4, 8), LIMITS)
    assert len(str(error.value)) < 1000


@pytest.mark.parametrize('encoding', ['nv12', 'nv21'])
@pytest.mark.parametrize('layout', ['padded', 'step of all planes'])
def test_planar_images_are_read_row_by_row(encoding, layout):
    planes = np.random.default_rng(0).integers(0, 256, (9, 8), np.uint8)
    if layout == 'padded':
        data, step = b''.join(row.tobytes() + b'xx' for row in planes), 10
    else:
        data, step = planes.tobytes(), 12
    np.testing.assert_array_equal(image_to_array(message(encoding, data, 6, 8, step)), planes)
    with pytest.raises(SensorError, match='truncated'):
        image_to_array(message(encoding, data[:-3], 6, 8, step))


@pytest.mark.parametrize(
    ('encoding', 'height', 'width'), [('nv12', 5, 8), ('nv21', 6, 7), ('yuyv', 6, 7)]
)
def test_shared_colours_need_even_sizes(encoding, height, width):
    with pytest.raises(SensorError, match='even'):
        image_to_array(message(encoding, bytes(200), height, width, 14))
