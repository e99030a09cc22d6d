"""Raw depth pictures -> network images."""

import math

import numpy as np
import pytest

from robustseg_core.errors import SensorError
from robustseg_core.sensors import depth_from_raw, encode_depth
from robustseg_ros.inputs.depth_pictures import ROWS, depth_image


@pytest.mark.parametrize('scale', [1.0, 0.1])
@pytest.mark.parametrize('encoding', ['inverse_log_depth', 'linear_depth'])
@pytest.mark.parametrize('shape', [(5, 7), (2 * ROWS + 3, 600)])  # worked out, and looked up
@pytest.mark.parametrize('ros_encoding', ['16UC1', 'mono16', '32FC1'])
def test_it_is_what_training_makes_of_the_same_depth(ros_encoding, shape, encoding, scale):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 1 << 16, shape, np.uint16)
    if ros_encoding == '32FC1':
        pixels = (pixels / 200).astype(np.float32)
        pixels[0, :5] = (np.nan, np.inf, -np.inf, -3, 0)
    metres = depth_from_raw(pixels, ros_encoding) * np.float32(scale)
    np.testing.assert_array_equal(
        depth_image(pixels, ros_encoding, encoding, scale), encode_depth(metres, encoding)
    )


def test_millimetres_become_metres():
    pixels = np.full((300, 300), 4000, np.uint16)
    pixels[0] = 0
    image = depth_image(pixels, '16UC1', 'inverse_log_depth', 1.0)
    np.testing.assert_allclose(image[1, 0], (1 / 4, math.log(4) / math.log(256), 1), rtol=1e-6)
    assert not image[0].any()


def test_rows_may_lie_apart_in_memory():
    padded = np.random.default_rng(1).integers(0, 1 << 16, (300, 320), np.uint16)
    whole = depth_image(padded, '16UC1', 'inverse_log_depth', 1.0)
    part = depth_image(padded[:, :300], '16UC1', 'inverse_log_depth', 1.0)
    np.testing.assert_array_equal(part, whole[:, :300])


def test_an_encoding_that_is_not_of_depth_is_refused():
    with pytest.raises(SensorError, match="'rgb'"):
        depth_image(np.ones((4, 4), np.float32), '32FC1', 'rgb', 1.0)
