"""Images of ROS to numpy and back, with the real message classes."""

from array import array
from collections.abc import Iterator
import struct
import sys
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

pytest.importorskip('sensor_msgs')

from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from robustseg_core.errors import SensorError
from robustseg_ros.inputs import images
from robustseg_ros.inputs.images import (
    NATIVE,
    array_to_image,
    compressed_to_array,
    image_to_array,
    is_depth_encoding,
    to_rgb,
)


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
        SensorError, match=r"encoding 'yuv422'; read natively are .*'rgb8'.*cv_bridge"
    ):
        image_to_array(message('yuv422', bytes(16), 2, 4, 8))


def test_exotic_encoding_goes_through_cv_bridge(monkeypatch: pytest.MonkeyPatch) -> None:
    class CvBridgeError(Exception):
        pass

    class CvBridge:
        def imgmsg_to_cv2(self, msg: Image, desired_encoding: str) -> np.ndarray:
            if msg.encoding != 'yuv422':
                raise CvBridgeError(msg.encoding)
            assert desired_encoding == 'rgb8'
            return np.full((msg.height, msg.width, 3), 9, np.uint8)

    bridge = SimpleNamespace(CvBridge=CvBridge, CvBridgeError=CvBridgeError)
    monkeypatch.setitem(sys.modules, 'cv_bridge', bridge)
    images._cv_bridge.cache_clear()

    image = message('yuv422', bytes(16), 2, 4, 8)
    assert (to_rgb(image_to_array(image), image.encoding) == 9).all()
    with pytest.raises(SensorError, match="'64FC9', which cv_bridge cannot convert: 64FC9"):
        image_to_array(message('64FC9', bytes(16), 2, 4, 8))


def test_colour_orders_become_rgb() -> None:
    orange = {'rgb8': (255, 128, 7), 'bgr8': (7, 128, 255), '8UC3': (7, 128, 255)}
    orange |= {'rgba8': (255, 128, 7, 90), 'bgra8': (7, 128, 255, 90)}  # type: ignore[dict-item]
    for encoding, pixel in orange.items():
        pixels = np.full((2, 3, len(pixel)), pixel, np.uint8)
        rgb = to_rgb(pixels, encoding)
        assert rgb.shape == (2, 3, 3), encoding
        assert rgb[1, 2].tolist() == [255, 128, 7], encoding


@pytest.mark.parametrize(
    ('encoding', 'value'),
    [('mono8', 77), ('8UC1', 77), ('mono16', 77 << 8 | 255), ('16UC1', 77 << 8)],
)
def test_grey_becomes_rgb(encoding: str, value: int) -> None:
    pixels = np.full((2, 3), value, NATIVE[encoding][0])
    assert to_rgb(pixels, encoding).tolist() == [[[77] * 3] * 3] * 2


@pytest.mark.parametrize('pattern', ['rggb', 'bggr', 'gbrg', 'grbg'])
@pytest.mark.parametrize('channel', [0, 1, 2])
def test_bayer_patterns_give_their_colour(pattern: str, channel: int) -> None:
    # Light of one colour reaches only the cells of that colour.
    cell = [255 * (letter == 'rgb'[channel]) for letter in pattern]
    mosaic = np.tile(np.array(cell, np.uint8).reshape(2, 2), (8, 8))
    rgb = to_rgb(mosaic, f'bayer_{pattern}8')
    middle = rgb[4:-4, 4:-4].reshape(-1, 3).mean(axis=0)
    assert middle.argmax() == channel
    assert middle[channel] == 255
    assert np.delete(middle, channel).max() == 0


def test_depth_has_no_colour_and_says_so() -> None:
    assert is_depth_encoding('32FC1')
    assert is_depth_encoding('16UC1')
    assert not is_depth_encoding('rgb8')
    with pytest.raises(SensorError, match="encoding '32FC1', which has no colour"):
        to_rgb(np.ones((2, 2), np.float32), '32FC1')


@pytest.mark.parametrize(
    ('pixels', 'encoding'),
    [
        (np.zeros((2, 2), np.uint8), 'rgb8'),
        (np.zeros((2, 2, 3), np.float32), 'rgb8'),
        (np.zeros((2, 2), np.uint8), 'yuv422'),
        (np.zeros(4, np.uint8), 'mono8'),
    ],
)
def test_refuses_to_send_an_array_that_is_not_of_its_encoding(
    pixels: np.ndarray, encoding: str
) -> None:
    with pytest.raises(SensorError, match=f"for encoding '{encoding}'"):
        array_to_image(pixels, encoding, Header())


def compressed(name: str, pixels: np.ndarray, suffix: str, header: bytes = b'') -> CompressedImage:
    data = header + cv2.imencode(suffix, pixels)[1].tobytes()
    return CompressedImage(format=name, data=array('B', data))


@pytest.mark.parametrize(
    ('pixels', 'encoding'),
    [
        (noise('bgr8'), 'bgr8'),
        (noise('bgra8'), 'bgra8'),
        (noise('mono8'), 'mono8'),
        (noise('16UC1') * 200, '16UC1'),
    ],
)
def test_png_is_decoded_without_loss(pixels: np.ndarray, encoding: str) -> None:
    decoded, found = compressed_to_array(compressed('rgb8; png compressed bgr8', pixels, '.png'))
    assert found == encoding
    np.testing.assert_array_equal(decoded, pixels)


def test_jpeg_is_decoded_to_its_colours() -> None:
    blue = np.full((32, 32, 3), (250, 20, 20), np.uint8)  # OpenCV's order
    pixels = to_rgb(*compressed_to_array(compressed('rgb8; jpeg compressed bgr8', blue, '.jpg')))
    np.testing.assert_allclose(pixels.mean(axis=(0, 1)), (20, 20, 250), atol=4)


def test_compressed_depth_in_millimetres() -> None:
    depth = noise('16UC1') * 30
    msg = compressed('16UC1; compressedDepth png', depth, '.png', struct.pack('<iff', 0, 0, 0))
    decoded, encoding = compressed_to_array(msg)
    assert encoding == '16UC1'
    np.testing.assert_array_equal(decoded, depth)


def test_compressed_depth_in_metres_is_inverse_and_quantised() -> None:
    metres = np.array([[0.5, 1, 2, 4, 8]])
    scale, shift = 100 * 101.0, 1 - 101.0 / 10  # as depth_image_transport: quality 100, up to 10 m
    stored = np.rint(scale / metres + shift).astype(np.uint16)
    stored = np.concatenate([stored, [[0]]], axis=1).astype(np.uint16)  # 0 = unknown
    header = struct.pack('<iff', 0, scale, shift)
    decoded, encoding = compressed_to_array(
        compressed('32FC1; compressedDepth png', stored, '.png', header)
    )
    assert encoding == '32FC1'
    np.testing.assert_allclose(decoded[0, :5], metres[0], rtol=1e-3)
    assert decoded[0, 5] == 0


def test_quantised_depth_beyond_infinity_is_unknown() -> None:
    stored = np.array([[2, 3, 4]], np.uint16)
    msg = compressed('32FC1; compressedDepth png', stored, '.png', struct.pack('<iff', 0, 5, 3))
    with np.errstate(all='raise'):
        assert compressed_to_array(msg)[0].tolist() == [[0, 0, 5]]


@pytest.mark.parametrize(
    ('msg', 'wanted'),
    [
        (CompressedImage(format='jpeg'), "'jpeg', 0 bytes, is unreadable; wanted JPEG or PNG"),
        (CompressedImage(format='h264', data=array('B', b'nonsense')), "'h264', 8 bytes"),
        (
            CompressedImage(format='16UC1; compressedDepth rvl'),
            'rvl.; wanted 16UC1 or 32FC1 as png',
        ),
        (CompressedImage(format='8UC1; compressedDepth'), "'8UC1; compressedDepth'; wanted 16UC1"),
        (
            CompressedImage(format='16UC1; compressedDepth', data=array('B', bytes(12))),
            'truncated: 12 bytes',
        ),
        (
            compressed('16UC1; compressedDepth', noise('mono8'), '.png', bytes(12)),
            r'holds uint8 \(6, 8\); wanted uint16',
        ),
        (
            compressed('png', np.zeros((4, 4, 3), np.uint16), '.png'),
            'has 3 channels of uint16; wanted',
        ),
    ],
)
def test_refuses_what_cannot_be_decompressed(msg: CompressedImage, wanted: str) -> None:
    with pytest.raises(SensorError, match=wanted):
        compressed_to_array(msg)
