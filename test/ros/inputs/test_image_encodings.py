"""Encodings of images to colours and grey."""

import cv2
import numpy as np
import pytest

from robustseg_core.errors import SensorError
from robustseg_ros.inputs.image_encodings import NATIVE, is_depth_encoding, to_grey, to_rgb


def test_colour_orders_become_rgb() -> None:
    orange = {'rgb8': (255, 128, 7), 'bgr8': (7, 128, 255), '8UC3': (7, 128, 255)}
    orange |= {'rgba8': (255, 128, 7, 90), 'bgra8': (7, 128, 255, 90)}
    orange |= {'8UC4': (7, 128, 255, 90)}
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


def test_16_bits_of_colour_become_their_upper_8():
    for encoding in ('rgb16', 'bgr16', 'rgba16', 'bgra16', '16UC3', '16UC4'):
        orange = (0x07FF, 0x80AA, 0xFF00) if encoding[0] in 'b1' else (0xFF00, 0x80AA, 0x07FF)
        pixel = (*orange, 9)[: NATIVE[encoding][1]]
        rgb = to_rgb(np.full((2, 3, len(pixel)), pixel, np.uint16), encoding)
        assert rgb.dtype == np.uint8
        assert rgb[1, 2].tolist() == [0xFF, 0x80, 0x07], encoding


@pytest.mark.parametrize('pattern', ['rggb', 'bggr', 'gbrg', 'grbg'])
def test_16_bit_bayer_is_that_of_the_upper_8_bits(pattern):
    mosaic = np.random.default_rng(0).integers(0, 1 << 16, (8, 10), np.uint16)
    upper = (mosaic >> 8).astype(np.uint8)
    np.testing.assert_array_equal(
        to_rgb(mosaic, f'bayer_{pattern}16'), to_rgb(upper, f'bayer_{pattern}8')
    )


@pytest.mark.parametrize('bits', [8, 10, 12, 14, 16])
def test_fewer_bits_use_the_whole_range(bits):
    top = (1 << bits) - 1
    pixels = np.array([[0, top // 2, top]], np.uint16)
    assert to_rgb(pixels, 'mono16', bits)[0, :, 0].tolist() == [0, 127, 255]
    grey = to_grey(pixels, 'mono16', bits)
    assert grey.dtype == np.uint16
    np.testing.assert_allclose(grey[0] / 65535, [0, 0.5, 1], atol=2 / top)
    # What should not be there, a flag in an upper bit, is white and not dark.
    too_bright = np.array([[1 << 15 | 3]], np.uint16)
    assert to_rgb(too_bright, 'mono16', bits)[0, 0, 0] == (255 if bits < 16 else 128)


def yuv(rgb: tuple[int, int, int]) -> tuple[int, int, int]:
    """BT.601 in the range of video, as its definition has it."""
    r, g, b = (value / 255 for value in rgb)
    luminance = 16 + 65.481 * r + 128.553 * g + 24.966 * b
    blue = 128 - 37.797 * r - 74.203 * g + 112 * b
    red = 128 + 112 * r - 93.786 * g - 18.214 * b
    return round(luminance), round(blue), round(red)


@pytest.mark.parametrize('colour', [(255, 0, 0), (0, 200, 30), (20, 40, 250), (255, 255, 255)])
@pytest.mark.parametrize(
    ('encoding', 'order'),
    [('yuv422', 'UYVY'), ('uyvy', 'UYVY'), ('yuv422_yuy2', 'YUYV'), ('yuyv', 'YUYV')],
)
def test_shared_colours_become_rgb(encoding, order, colour):
    values = dict(zip('YUV', yuv(colour), strict=True))
    two_pixels = np.array([values[letter] for letter in order], np.uint8)
    pixels = np.tile(two_pixels.reshape(1, 2, 2), (4, 3, 1))
    rgb = to_rgb(pixels, encoding)
    assert rgb.shape == (4, 6, 3)
    np.testing.assert_allclose(rgb[1, 2].astype(int), colour, atol=3)
    assert to_grey(pixels, encoding).shape == (4, 6)


@pytest.mark.parametrize('colour', [(255, 0, 0), (0, 200, 30), (20, 40, 250)])
@pytest.mark.parametrize(('encoding', 'order'), [('nv12', 'UV'), ('nv21', 'VU')])
def test_planar_colours_become_rgb(encoding, order, colour):
    values = dict(zip('YUV', yuv(colour), strict=True))
    pixels = np.full((6, 8), values['Y'], np.uint8)
    pixels[4:] = np.tile([values[letter] for letter in order], 4)
    rgb = to_rgb(pixels, encoding)
    assert rgb.shape == (4, 8, 3)
    np.testing.assert_allclose(rgb[1, 2].astype(int), colour, atol=3)
    assert to_grey(pixels, encoding).shape == (4, 8)


def test_grey_of_colours_is_their_luminance():
    pixels = np.full((2, 3, 3), (10, 200, 90), np.uint8)
    wanted = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    np.testing.assert_array_equal(to_grey(pixels, 'rgb8'), wanted)
    sixteen = pixels.astype(np.uint16) << 8
    np.testing.assert_array_equal(to_grey(sixteen, 'rgb16'), wanted)
