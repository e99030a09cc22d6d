"""One number per pixel."""

import numpy as np
import pytest

from robustseg_core.errors import SensorError
from robustseg_core.sensors.grey import encode_grey


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16, np.float32])
def test_number_stands_in_every_channel_and_keeps_its_type(dtype: type) -> None:
    values = np.array([[0, 1, 200], [7, 8, 255]], dtype)
    image = encode_grey(values)
    assert image.dtype == dtype
    assert image.shape == (2, 3, 3)
    assert image[0, 2].tolist() == [200, 200, 200]
    assert image[1, 0].tolist() == [7, 7, 7]


@pytest.mark.parametrize('dtype', [np.float64, np.int32, np.int16, np.float16])
def test_types_that_cannot_be_resized_become_float32(dtype: type) -> None:
    image = encode_grey(np.array([[-3, 5]], dtype))
    assert image.dtype == np.float32
    assert image[0, :, 1].tolist() == [-3, 5]


def test_scale_brings_numbers_to_the_units_of_the_modality() -> None:
    hundredths = np.array([[29315]], np.uint16)
    np.testing.assert_allclose(encode_grey(hundredths, 0.01), 293.15, rtol=1e-6)


def test_not_finite_is_zero() -> None:
    values = np.array([[np.nan, np.inf, -np.inf, 4]], np.float32)
    assert encode_grey(values)[0, :, 0].tolist() == [0, 0, 0, 4]
    assert np.isnan(values[0, 0])  # the caller's stays as it was


@pytest.mark.parametrize('values', [np.zeros((2, 2, 3)), np.zeros(4), np.zeros((2, 2), bool)])
def test_refuses_what_is_not_one_number_per_pixel(values: np.ndarray) -> None:
    with pytest.raises(SensorError, match=r'Grey image is .*; wanted integers or floats of'):
        encode_grey(values)
