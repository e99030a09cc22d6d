"""Network images as pictures."""

import numpy as np
import pytest

from robustseg_core.errors import ConfigError
from robustseg_core.sensors.depth import encode_depth
from robustseg_core.sensors.pictures import picture


def test_a_cameras_bytes_stay_as_they_are():
    image = np.arange(4 * 5 * 3, dtype=np.uint8).reshape(4, 5, 3)
    np.testing.assert_array_equal(picture(image, 'rgb'), image)
    np.testing.assert_array_equal(picture(image, 'image'), image)


@pytest.mark.parametrize('encoding', ['inverse_log_depth', 'linear_depth'])
def test_near_is_red_far_is_blue_and_unknown_is_black(encoding):
    near, far, unknown = picture(
        encode_depth(np.array([[0.5, 60.0, 0.0]], np.float32), encoding), encoding
    )[0].astype(int)
    assert near[0] > near[2]
    assert far[2] > far[0]
    assert unknown.tolist() == [0, 0, 0]


def test_both_encodings_of_one_depth_look_alike():
    depth = np.geomspace(1.0, 70.0, 12, dtype=np.float32).reshape(3, 4)
    pictures = [picture(encode_depth(depth, e), e) for e in ('inverse_log_depth', 'linear_depth')]
    np.testing.assert_allclose(pictures[0].astype(int), pictures[1], atol=3)


def test_points_are_coloured_by_their_range_only_where_there_are_any():
    image = np.zeros((1, 3, 3), np.float32)
    image[0, 0] = (2.0, 0.3, -1.0)
    image[0, 1] = (2.0, 0.9, 1.0)
    painted = picture(image, 'range_intensity_height')[0]
    np.testing.assert_array_equal(painted[0], painted[1])
    assert painted[0].any()
    assert not painted[2].any()


def test_events_are_red_where_on_blue_where_off_and_never_overflow():
    image = np.zeros((1, 4, 3), np.uint8)
    image[0, 0, 0] = image[0, 1, 1] = 3
    image[0, 2, :2] = 255
    on, off, both, none = picture(image, 'event_counts')[0].astype(int)
    assert on[0] > on[2]
    assert off[2] > off[0]
    assert (both >= np.maximum(on, off)).all()
    assert none.tolist() == [0, 0, 0]


def test_numbers_of_another_kind_are_stretched_with_zero_black():
    image = np.zeros((1, 3, 3), np.float32)
    image[0, :, 0] = (0.0, 1.0, 4.0)
    assert picture(image, 'image')[0, :, 0].tolist() == [0, 63, 255]
    image[0, :, 0] = (-1.0, 0.0, 1.0)
    assert picture(image, 'grey')[0, :, 0].tolist() == [0, 127, 255]


def test_an_empty_image_is_a_black_picture():
    for encoding in ('image', 'event_counts', 'range_intensity', 'inverse_log_depth'):
        assert not picture(np.zeros((2, 2, 3), np.float32), encoding).any()


def test_an_unknown_encoding_is_refused():
    with pytest.raises(ConfigError, match="Unknown encoding 'sonar'"):
        picture(np.zeros((1, 1, 3), np.uint8), 'sonar')
