"""Depth from raw images, and its encodings."""

import math

import numpy as np
import pytest

from robustseg_core.errors import SensorError
from robustseg_core.sensors.depth import depth_from_raw, encode_depth


@pytest.mark.parametrize('encoding', ['16UC1', 'mono16'])
def test_sixteen_bit_depth_is_millimetres(encoding: str) -> None:
    depth = depth_from_raw(np.array([[0, 1, 1500, 65535]], np.uint16), encoding)
    assert depth.dtype == np.float32
    np.testing.assert_allclose(depth, [[0, 0.001, 1.5, 65.535]], rtol=1e-6)


def test_float_depth_is_metres_and_what_is_unknown_becomes_zero() -> None:
    raw = np.array([[2.5, np.nan, np.inf, -np.inf, -1, 0]], np.float32)
    assert depth_from_raw(raw, '32FC1').tolist() == [[2.5, 0, 0, 0, 0, 0]]
    assert np.isnan(raw[0, 1])  # the message's memory is left alone


@pytest.mark.parametrize('order', ['<', '>'])
def test_raw_depth_may_be_in_either_byte_order(order: str) -> None:
    raw = np.array([[1500]], order + 'u2')
    assert depth_from_raw(raw, '16UC1')[0, 0] == pytest.approx(1.5)


@pytest.mark.parametrize(
    ('raw', 'encoding', 'message'),
    [
        (np.zeros((2, 2), np.uint8), 'mono8', "encoding 'mono8'; wanted one of .*16UC1.*32FC1"),
        (np.zeros((2, 2), np.uint8), '16UC1', "'16UC1' is uint8 .*; wanted uint16"),
        (np.zeros((2, 2, 3), np.float32), '32FC1', r'\(2, 2, 3\); wanted float32'),
    ],
)
def test_refuses_what_is_not_depth(raw: np.ndarray, encoding: str, message: str) -> None:
    with pytest.raises(SensorError, match=message):
        depth_from_raw(raw, encoding)


@pytest.mark.parametrize(
    ('metres', 'wanted'),
    [
        (0.5, (1, 0, 1)),
        (1.0, (1, 0, 1)),
        (4.0, (0.25, math.log(4) / math.log(256), 1)),
        (16.0, (0.0625, 0.5, 1)),
        (256.0, (1 / 256, 1, 1)),
        (1000.0, (0.001, 1, 1)),
        *((unknown, (0, 0, 0)) for unknown in (0.0, -3.0, math.nan, math.inf, -math.inf)),
    ],
)
def test_inverse_log_depth(metres: float, wanted: tuple[float, float, float]) -> None:
    image = encode_depth(np.full((2, 3), metres, np.float32), 'inverse_log_depth')
    assert image.shape == (2, 3, 3)
    assert image.dtype == np.float32
    np.testing.assert_allclose(image[1, 2], wanted, rtol=1e-6)


def test_linear_depth_repeats_metres_and_forgets_the_unknown() -> None:
    image = encode_depth(np.array([[7.5, np.inf]]), 'linear_depth')
    assert image.tolist() == [[[7.5] * 3, [0] * 3]]
    assert image.dtype == np.float32


def test_refuses_other_encodings_and_shapes() -> None:
    with pytest.raises(SensorError, match="Unknown depth encoding 'hha'; known are 'inverse_log"):
        encode_depth(np.ones((2, 2), np.float32), 'hha')
    with pytest.raises(SensorError, match=r'shape \(2, 2, 1\); wanted \(height, width\)'):
        encode_depth(np.ones((2, 2, 1), np.float32), 'linear_depth')
