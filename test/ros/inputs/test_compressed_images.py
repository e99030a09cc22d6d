"""What a CompressedImage says it is, and what comes of it."""

from array import array
import struct
from time import monotonic
import tracemalloc

import cv2
from hostile_pictures import PNG_OF_2_GB, png_that_claims, real_png, rvl_encoded
from input_reading import decompressed
import numpy as np
import pytest
from sensor_msgs.msg import CompressedImage

from robustseg_core.errors import SensorError
from robustseg_ros.decoding.pixels import decoded
from robustseg_ros.inputs.compressed_images import encoding_of_result, job_of
from robustseg_ros.inputs.image_encodings import to_rgb
from robustseg_ros.inputs.picture_limits import PictureLimits

LIMITS = PictureLimits(max_pixels=36_000_000, max_side=32767, max_aspect=64)


def noise(dtype=np.uint8, channels: int = 1, height: int = 6, width: int = 8) -> np.ndarray:
    pixels = np.random.default_rng(0).integers(0, 250, (height, width, channels)).astype(dtype)
    return pixels[..., 0] if channels == 1 else pixels


def compressed(name: str, pixels: np.ndarray, suffix: str, header: bytes = b'') -> CompressedImage:
    data = header + cv2.imencode(suffix, pixels)[1].tobytes()
    return CompressedImage(format=name, data=array('B', data))


@pytest.mark.parametrize(
    ('name', 'dtype', 'channels', 'encoding'),
    [
        # As image_transport's plugin writes it.
        ('rgb8; png compressed bgr8', np.uint8, 3, 'bgr8'),
        ('bgr8; png compressed bgr8', np.uint8, 3, 'bgr8'),
        ('rgb16; png compressed bgr16', np.uint16, 3, 'bgr16'),
        ('rgb8; png compressed rgb8', np.uint8, 3, 'rgb8'),
        ('mono8; png compressed ', np.uint8, 1, 'mono8'),
        ('mono16; png compressed mono16', np.uint16, 1, 'mono16'),
        ('16UC1; png compressed ', np.uint16, 1, '16UC1'),
        ('bayer_rggb8; png compressed ', np.uint8, 1, 'bayer_rggb8'),
        ('bayer_gbrg16; png compressed', np.uint16, 1, 'bayer_gbrg16'),
        ('bayer_rggb8; png compressed bgr8', np.uint8, 3, 'bgr8'),
        ('yuv422_yuy2; png compressed bgr8', np.uint8, 3, 'bgr8'),
        # As others do.
        ('png', np.uint8, 1, 'mono8'),
        ('png', np.uint8, 3, 'bgr8'),
        ('png', np.uint8, 4, 'bgra8'),
        ('png', np.uint16, 1, '16UC1'),
        ('', np.uint16, 4, 'bgra16'),
        ('rgb8; png', np.uint8, 3, 'bgr8'),
        ('rgba8; png compressed', np.uint8, 4, 'bgra8'),
        ('rgb16; png compressed', np.uint8, 3, 'bgr8'),
        ('16UC1; png', np.uint16, 1, '16UC1'),
        ('camera 3; png', np.uint8, 3, 'bgr8'),
    ],
)
def test_the_format_says_what_a_picture_holds(name, dtype, channels, encoding):
    pixels = noise(dtype, channels)
    found, found_encoding = decompressed(compressed(name, pixels, '.png'))
    assert found_encoding == encoding
    np.testing.assert_array_equal(found, pixels)


@pytest.mark.parametrize(
    ('name', 'dtype', 'channels'),
    [
        ('bayer_rggb8; png compressed ', np.uint8, 3),
        ('bayer_rggb16; png compressed ', np.uint8, 1),
        ('rgb8; png compressed bgr8', np.uint8, 1),
        ('rgb8; png compressed bgr8', np.uint16, 3),
        ('mono8; png compressed', np.uint8, 3),
        ('mono16; jpeg compressed ', np.uint8, 1),
        ('32FC1; png compressed ', np.uint16, 1),
    ],
)
def test_a_picture_that_holds_something_else_is_told(name, dtype, channels):
    with pytest.raises(SensorError, match=f'says .*; the picture holds {channels} channels of'):
        decompressed(compressed(name, noise(dtype, channels), '.png'))


@pytest.mark.parametrize('suffix', ['.png', '.jpg'])
@pytest.mark.parametrize('channel', [0, 1, 2])
def test_a_compressed_bayer_pattern_has_its_colours(suffix, channel):
    cell = [255 * (letter == 'rgb'[channel]) for letter in 'rggb']
    mosaic = np.tile(np.array(cell, np.uint8).reshape(2, 2), (16, 16))
    msg = compressed(f'bayer_rggb8; {suffix[1:]} compressed ', mosaic, suffix)
    middle = to_rgb(*decompressed(msg))[8:-8, 8:-8].reshape(-1, 3).mean(axis=0)
    assert middle.argmax() == channel
    assert middle[channel] > 200
    assert np.delete(middle, channel).max() < 40


def test_jpeg_is_decoded_to_its_colours():
    blue = np.full((32, 32, 3), (250, 20, 20), np.uint8)  # OpenCV's order
    pixels = to_rgb(*decompressed(compressed('rgb8; jpeg compressed bgr8', blue, '.jpg')))
    np.testing.assert_allclose(pixels.mean(axis=(0, 1)), (20, 20, 250), atol=4)
    # Whoever handed it RGB has swapped red and blue in the file.
    swapped = compressed('rgb8; jpeg compressed rgb8', blue[..., ::-1], '.jpg')
    pixels = to_rgb(*decompressed(swapped))
    np.testing.assert_allclose(pixels.mean(axis=(0, 1)), (20, 20, 250), atol=4)


def depth_header(scale: float = 0, shift: float = 0) -> bytes:
    return struct.pack('<iff', 0, scale, shift)


def rvl(name: str, stored: np.ndarray, scale: float = 0, shift: float = 0) -> CompressedImage:
    size = struct.pack('<II', *stored.shape[::-1])
    data = depth_header(scale, shift) + size + rvl_encoded(stored)
    return CompressedImage(format=name, data=array('B', data))


@pytest.mark.parametrize('codec', ['png', 'rvl'])
def test_compressed_depth_in_millimetres(codec):
    depth = noise(np.uint16) * 30
    name = f'16UC1; compressedDepth {codec}'
    png = compressed(name, depth, '.png', depth_header())
    found, encoding = decompressed(png if codec == 'png' else rvl(name, depth))
    assert encoding == '16UC1'
    np.testing.assert_array_equal(found, depth)


@pytest.mark.parametrize('codec', ['png', 'rvl'])
def test_compressed_depth_in_metres_is_inverse_and_quantised(codec):
    metres = np.array([[0.5, 1, 2, 4, 8]])
    scale, shift = 100 * 101.0, 1 - 101.0 / 10  # as depth_image_transport: quality 100, up to 10 m
    stored = np.rint(scale / metres + shift).astype(np.uint16)
    stored = np.concatenate([stored, [[0]]], axis=1).astype(np.uint16)  # 0 = unknown
    name = f'32FC1; compressedDepth {codec}'
    png = compressed(name, stored, '.png', depth_header(scale, shift))
    found, encoding = decompressed(png if codec == 'png' else rvl(name, stored, scale, shift))
    assert encoding == '32FC1'
    np.testing.assert_allclose(found[0, :5], metres[0], rtol=1e-3)
    assert found[0, 5] == 0


def test_quantised_depth_beyond_infinity_is_unknown():
    stored = np.array([[2, 3, 4]], np.uint16)
    with np.errstate(all='raise'):
        found, _ = decompressed(
            compressed('32FC1; compressedDepth png', stored, '.png', depth_header(5, 3))
        )
    assert found.tolist() == [[0, 0, 5]]


def message(name: str, data: bytes) -> CompressedImage:
    return CompressedImage(format=name, data=array('B', data))


@pytest.mark.parametrize(
    ('msg', 'wanted'),
    [
        (message('jpeg', b''), "'jpeg': of 0 bytes is neither JPEG nor PNG"),
        (message('h264', b'nonsense'), "'h264': of 8 bytes is neither"),
        (compressed('tiff', noise(), '.tiff'), "'tiff': is TIFF; wanted JPEG or PNG"),
        (message('8UC1; compressedDepth', bytes(40)), "encoding '8UC1'; wanted depth, 16UC1"),
        (message('16UC1; compressedDepth', bytes(12)), 'truncated: 12 bytes; wanted a header'),
        (message('16UC1; compressedDepth rvl', bytes(20)), 'wanted a header of 20'),
        (message('16UC1; compressedDepth rvl', bytes(24)), '0x0 pixels; wanted at least 1x1'),
        (
            message(
                '16UC1; compressedDepth rvl', bytes(12) + struct.pack('<II', 8, 6) + bytes(999)
            ),
            'has 999 bytes of RVL for 8x6 pixels; at most 256 fit',
        ),
        (
            message('32FC1; compressedDepth rvl', bytes(12) + b'\xff' * 12),
            r'4294967295x4294967295 pixels; wanted .* \(input.max_side\)',
        ),
        (
            compressed('16UC1; compressedDepth', noise(), '.png', bytes(12)),
            'holds a PNG of 8 bits; wanted a PNG of 16',
        ),
        (compressed('16UC1; compressedDepth', noise(), '.jpg', bytes(12)), 'holds a JPEG of 8'),
        (message('png', png_that_claims(60_000, 60_000)), 'input.max_side'),
        (message('png', png_that_claims(16_000, 16_000)), 'input.max_pixels'),
        (message('png', png_that_claims(1, 20_000)), 'input.max_aspect'),
        (message('png', PNG_OF_2_GB), 'ends in the middle'),
    ],
)
def test_what_cannot_be_decompressed_is_refused_from_its_header(msg, wanted):
    start_s = monotonic()
    tracemalloc.start()
    try:
        with pytest.raises(SensorError, match=wanted):
            job_of(msg, LIMITS)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert monotonic() - start_s < 0.5
    assert peak < 1_000_000


def test_a_real_picture_of_256_megapixels_is_refused_from_its_header():
    msg = message('png', real_png(16_000, 16_000))
    start_s = monotonic()
    with pytest.raises(SensorError, match=r'16000x16000 pixels; .*\(input.max_pixels\)'):
        job_of(msg, LIMITS)
    assert monotonic() - start_s < 0.1


@pytest.mark.parametrize(
    'name', ['x' * 5_000_000, '16UC2' * 999_999 + '; compressedDepth', '; ' * 9999]
)
def test_a_format_is_not_repeated_at_length(name):
    errors = []
    for data in (b'', bytes(40), png_that_claims(60_000, 60_000)):
        with pytest.raises(SensorError) as error:
            job_of(message(name, data), LIMITS)
        errors.append(str(error.value))
    with pytest.raises(SensorError) as error:
        encoding_of_result(name, np.dtype(np.float32), 7)
    assert max(map(len, [*errors, str(error.value)])) < 500


def test_a_picture_decoded_to_another_one_is_told():
    two = noise(np.uint16, 3)
    job = job_of(compressed('32FC1; compressedDepth', two, '.png', depth_header(1, 0)), LIMITS)
    with pytest.raises(SensorError, match=r'holds uint16 \(6, 8, 3\); wanted uint16'):
        decoded(np.frombuffer(job.data, np.uint8), job.codec, 8, 6, job.quantised)
