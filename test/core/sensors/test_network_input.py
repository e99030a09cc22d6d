"""Resizing and normalising."""

import numpy as np
import pytest
import torch

from robustseg_core.errors import ConfigError, SensorError
from robustseg_core.modalities import IMAGENET, UNIT, Modality, Normalisation
from robustseg_core.sensors.camera import CameraModel
from robustseg_core.sensors.lidar import lidar_image
from robustseg_core.sensors.network_input import network_tensor, resized

RGB = Modality('rgb', 'R', 'rgb', IMAGENET)
PLAIN = Modality('rgb', 'R', 'rgb', UNIT)
DEPTH = Modality('depth', 'D', 'inverse_log_depth', UNIT)
EVENT = Modality('event', 'E', 'event_counts', UNIT)
LIDAR = Modality('lidar', 'L', 'range_intensity_height', UNIT)


def noise(height: int, width: int, dtype: type = np.uint8) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 200, (height, width, 3)).astype(dtype)


def test_normalises_each_channel_in_the_images_units() -> None:
    image = np.zeros((32, 64, 3), np.uint8)
    image[:] = (124, 200, 0)
    tensor = network_tensor(image, RGB, (32, 64))
    assert tensor.shape == (3, 32, 64)
    assert tensor.dtype == torch.float32
    assert tensor.is_contiguous()
    wanted = [(124 - 123.675) / 58.395, (200 - 116.28) / 57.12, -103.53 / 57.375]
    torch.testing.assert_close(tensor[:, 5, 9], torch.tensor(wanted))


@pytest.mark.parametrize(
    'dtype', [np.uint8, np.uint16, np.float32, np.float64, np.int64, np.bool_]
)
def test_takes_any_number_type(dtype: type) -> None:
    image = noise(64, 64, dtype)
    tensor = network_tensor(image, PLAIN, (32, 32))
    # Shrinking to a half by area is the mean of four.
    wanted = image.astype(np.float64).reshape(32, 2, 32, 2, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(tensor.permute(1, 2, 0), wanted, atol=0.51)


@pytest.mark.parametrize('modality', [EVENT, LIDAR])
@pytest.mark.parametrize('size', [(32, 32), (96, 160), (70, 50)])
def test_sparse_images_keep_their_values(modality: Modality, size: tuple[int, int]) -> None:
    image = np.zeros((64, 64, 3), np.float32)
    image[::2, ::2] = (7, 5, 3)
    values = torch.unique(network_tensor(image, modality, size)[0])
    assert set(values.tolist()) <= {0.0, 7.0}


def test_sparse_images_are_sampled_at_the_middle_of_the_new_pixel() -> None:
    image = np.zeros((96, 96, 3), np.uint8)
    image[:] = np.arange(96)[None, :, None]
    row = network_tensor(image, EVENT, (32, 32))[0, 0]
    assert row.tolist() == [3.0 * column + 1 for column in range(32)]


@pytest.mark.parametrize('modality', [PLAIN, DEPTH])
def test_dense_images_are_averaged_when_they_shrink(modality: Modality) -> None:
    image = np.zeros((128, 128, 3), np.float32)
    image[::4] = 1
    assert (network_tensor(image, modality, (32, 32)) == 0.25).all()


def test_dense_images_are_interpolated_when_they_grow() -> None:
    image = np.zeros((2, 2, 3), np.float32)
    image[:, 1] = 1
    row = network_tensor(image, PLAIN, (2, 8))[0, 0]
    wanted = torch.nn.functional.interpolate(
        torch.tensor([[[0.0, 1.0]]]), size=8, mode='linear', align_corners=False
    )[0, 0]
    torch.testing.assert_close(row, wanted)


def test_the_callers_image_is_neither_changed_nor_shared() -> None:
    image = noise(32, 32, np.float32)
    image.setflags(write=False)
    before = image.copy()
    network_tensor(image, RGB, (32, 32)).zero_()
    np.testing.assert_array_equal(image, before)


def test_lidar_drawn_at_the_networks_size_falls_where_the_resized_picture_is() -> None:
    # A lamp in the picture and the LiDAR point on it must meet in the network's images.
    camera = CameraModel.pinhole(240, 180, 70)
    point = np.array([[2.0, -1.0, 10.0]])  # in the camera's frame
    column, row = np.rint(camera.project(point).pixels[0]).astype(int)
    picture = np.zeros((180, 240, 3), np.float32)
    picture[row - 1 : row + 2, column - 1 : column + 2] = 1
    small = network_tensor(picture, PLAIN, (96, 128))[0]
    lidar = lidar_image(point, None, np.eye(4), camera.resized(128, 96), dilation=1)[..., 0]
    brightest = np.unravel_index(int(small.argmax()), (96, 128))
    assert np.argwhere(lidar).tolist() == [list(brightest)]


@pytest.mark.parametrize('shape', [(32, 32), (32, 32, 4), (0, 32, 3)])
def test_refuses_what_is_no_image(shape: tuple[int, ...]) -> None:
    with pytest.raises(
        SensorError, match=r"Image of 'rgb' has shape .*; wanted \(height, width, 3"
    ):
        network_tensor(np.zeros(shape, np.uint8), RGB, (32, 32))


def test_refuses_a_modality_of_unknown_encoding() -> None:
    odd = Modality('radar', 'A', 'polar', Normalisation((0, 0, 0), (1, 1, 1)))
    with pytest.raises(ConfigError, match="Unknown encoding 'polar'"):
        network_tensor(noise(32, 32), odd, (32, 32))


def centred(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return of each new pixel the old one under its centre, one after the other."""
    height, width = image.shape[:2]
    rows = [int((row + 0.5) * height / size[0]) for row in range(size[0])]
    columns = [int((column + 0.5) * width / size[1]) for column in range(size[1])]
    return np.array([[image[row, column] for column in columns] for row in rows])


@pytest.mark.parametrize(
    'shape',
    [(32767, 3), (3, 32767), (32768, 1), (1, 32768), (40000, 20), (20, 40000), (1, 1_000_000)],
)
@pytest.mark.parametrize('dtype', [np.uint8, np.float32])
def test_sparse_images_of_any_length_are_sampled_at_their_own_pixels(
    shape: tuple[int, int], dtype: type
) -> None:
    image = noise(*shape, dtype)
    np.testing.assert_array_equal(resized(image, EVENT, (64, 32)), centred(image, (64, 32)))


@pytest.mark.parametrize('shape', [(40000, 64), (64, 40000)])
def test_dense_images_of_any_length_are_averaged(shape: tuple[int, int]) -> None:
    image = noise(*shape, np.float32)
    size = (shape[0] // 4, shape[1] // 4)
    wanted = image.reshape(size[0], 4, size[1], 4, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(resized(image, PLAIN, size), wanted, atol=1e-3)
