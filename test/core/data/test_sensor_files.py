"""Which loose files are one frame, and what is read of them."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from robustseg_core.data.sensor_files import FileFrame, find_frames, read_image, read_images
from robustseg_core.errors import DataError
from robustseg_core.modalities import IMAGENET, UNIT, Modality, ModalitySet

RGB = Modality('rgb', 'R', 'rgb', IMAGENET)
DEPTH = Modality('depth', 'D', 'linear_depth', UNIT)
EVENT = Modality('event', 'E', 'event_counts', UNIT)
LIDAR = Modality('lidar', 'L', 'range_intensity_height', UNIT)
THERMAL = Modality('thermal', 'T', 'grey', UNIT)
COLOURS = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)


def touch(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()
    return folder


def write(path: Path, pixels: np.ndarray) -> Path:
    """Write a picture; three channels are given as RGB."""
    cv2.imwrite(str(path), pixels[..., ::-1] if pixels.ndim == 3 else pixels)
    return path


def save(path: Path, array: np.ndarray) -> Path:
    np.save(path, array)
    return path


def test_files_of_folders_are_joined_by_stem_and_frames_may_differ(tmp_path: Path) -> None:
    rgb = touch(tmp_path / 'rgb', '2.jpg', '1.png', 'notes.txt')
    depth = touch(tmp_path / 'depth', '2.PNG', '3.npy')
    assert find_frames({'rgb': rgb, 'depth': depth}) == [
        FileFrame('1', {'rgb': rgb / '1.png'}),
        FileFrame('2', {'rgb': rgb / '2.jpg', 'depth': depth / '2.PNG'}),
        FileFrame('3', {'depth': depth / '3.npy'}),
    ]


def test_single_files_are_one_frame_whatever_they_are_called(tmp_path: Path) -> None:
    folder = touch(tmp_path, 'left.png', 'depth_of_left.png')
    sources = {'rgb': folder / 'left.png', 'depth': folder / 'depth_of_left.png'}
    assert find_frames(sources) == [FileFrame('left', sources)]


def test_a_file_beside_a_folder_joins_by_its_stem(tmp_path: Path) -> None:
    rgb = touch(tmp_path / 'rgb', '1.png', '2.png')
    depth = touch(tmp_path, '2.npy') / '2.npy'
    assert [dict(frame.paths).keys() for frame in find_frames({'rgb': rgb, 'depth': depth})] == [
        {'rgb'},
        {'rgb', 'depth'},
    ]


def test_what_cannot_be_joined_is_refused(tmp_path: Path) -> None:
    rgb = touch(tmp_path / 'rgb', '1_rgb.png', '2_rgb.png', '3_rgb.png')
    depth = touch(tmp_path / 'depth', '1_depth.png')
    with pytest.raises(
        DataError, match=r"rgb has no file name in common .*'1_rgb', '2_rgb', \.\.\. and '1_depth'"
    ):
        find_frames({'rgb': rgb, 'depth': depth})
    with pytest.raises(DataError, match=r'nowhere.* does not exist'):
        find_frames({'rgb': tmp_path / 'nowhere'})
    with pytest.raises(DataError, match='has no file; wanted one of '):
        find_frames({'rgb': touch(tmp_path / 'texts', 'a.txt')})
    with pytest.raises(DataError, match=r"'1\.jpg' and '1\.png'; wanted one file for each stem"):
        find_frames({'rgb': touch(tmp_path / 'twice', '1.png', '1.jpg')})


def test_a_camera_picture_is_rgb(tmp_path: Path) -> None:
    np.testing.assert_array_equal(read_image(write(tmp_path / 'a.png', COLOURS), RGB), COLOURS)


def test_depth_of_16_bits_is_in_millimetres_unless_told_otherwise(tmp_path: Path) -> None:
    raw = np.array([[1500, 0, 65535]], np.uint16)
    path = write(tmp_path / 'a.png', raw)
    np.testing.assert_allclose(read_image(path, DEPTH)[0, :, 0], [1.5, 0, 65.535], rtol=1e-6)
    np.testing.assert_allclose(read_image(path, DEPTH, 0.01)[0, :2, 0], [15.0, 0], rtol=1e-6)


def test_depth_of_8_bits_needs_a_unit(tmp_path: Path) -> None:
    path = write(tmp_path / 'a.png', np.array([[51, 255]], np.uint8))
    with pytest.raises(DataError, match=r'has 8 bits.*--scale depth'):
        read_image(path, DEPTH)
    np.testing.assert_allclose(read_image(path, DEPTH, 1 / 25.5)[0, :, 1], [2, 10], rtol=1e-6)


@pytest.mark.parametrize(
    ('trained', 'dtype', 'metres'),
    [
        (1 / 25.5, np.uint8, 51 / 25.5),  # as the files trained on
        (1 / 256, np.uint16, 51 / 256),
        (1 / 25.5, np.uint16, 0.051),  # a scale of 8 bits says nothing of 16
        (1.0, np.uint16, 0.051),
        (1.0, np.uint8, 51.0),
    ],
)
def test_depth_of_the_kind_trained_on_has_its_unit(
    tmp_path: Path, trained: float, dtype: type, metres: float
) -> None:
    path = write(tmp_path / 'a.png', np.full((1, 2), 51, dtype))
    image = read_image(path, replace(DEPTH, scale=trained))
    np.testing.assert_allclose(image, np.full((1, 2, 3), metres), rtol=1e-6)


def test_a_scale_of_16_bits_is_none_of_8(tmp_path: Path) -> None:
    path = write(tmp_path / 'a.png', np.full((1, 2), 51, np.uint8))
    with pytest.raises(DataError, match='has 8 bits'):
        read_image(path, replace(DEPTH, scale=0.001))


def test_depth_of_floats_is_in_metres_and_what_is_unknown_becomes_zero(tmp_path: Path) -> None:
    path = save(tmp_path / 'a.npy', np.array([[2.5, np.nan, np.inf, -1]], np.float64))
    np.testing.assert_array_equal(read_image(path, DEPTH)[0, :, 2], [2.5, 0, 0, 0])


def test_depth_goes_through_the_encoding_of_the_model(tmp_path: Path) -> None:
    path = save(tmp_path / 'a.npy', np.array([[4.0]], np.float32))
    modality = Modality('depth', 'D', 'inverse_log_depth', UNIT)
    # 1/4, log 4 / log 256, known.
    np.testing.assert_allclose(read_image(path, modality)[0, 0], [0.25, 0.25, 1.0], rtol=1e-6)


def test_colours_are_no_depth(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r'depth file .* \(2, 3, 3\); wanted one channel'):
        read_image(write(tmp_path / 'a.png', COLOURS), DEPTH, 1.0)


def test_counts_of_events_keep_their_order_and_numbers(tmp_path: Path) -> None:
    path = write(tmp_path / 'a.png', COLOURS)
    np.testing.assert_array_equal(read_image(path, EVENT), COLOURS)
    many = COLOURS.astype(np.uint16) * 3000
    np.testing.assert_array_equal(read_image(write(tmp_path / 'b.png', many), EVENT), many)


def test_opacity_is_dropped(tmp_path: Path) -> None:
    bgra = np.dstack([COLOURS[..., ::-1], np.full((2, 3), 200, np.uint8)])
    cv2.imwrite(str(tmp_path / 'a.png'), bgra)
    np.testing.assert_array_equal(read_image(tmp_path / 'a.png', EVENT), COLOURS)


def test_a_ready_image_is_taken_as_it_is(tmp_path: Path) -> None:
    ready = np.linspace(-2, 30, 18).reshape(2, 3, 3)
    for modality in (RGB, DEPTH, LIDAR, THERMAL):
        np.testing.assert_array_equal(read_image(save(tmp_path / 'a.npy', ready), modality), ready)
    ready[0, 0, 0] = np.nan
    with pytest.raises(DataError, match='1 values that are not finite'):
        read_image(save(tmp_path / 'a.npy', ready), LIDAR)


def test_grey_keeps_its_numbers_and_colours_become_luminance(tmp_path: Path) -> None:
    raw = np.array([[3, 60000]], np.uint16)
    image = read_image(write(tmp_path / 'a.png', raw), THERMAL)
    np.testing.assert_array_equal(image, np.stack([raw] * 3, axis=-1))
    red = write(tmp_path / 'b.png', np.full((1, 1, 3), (100, 0, 0), np.uint8))
    assert read_image(red, THERMAL).tolist() == [[[30, 30, 30]]]  # ITU-R BT.601: 0.299 of red


def test_files_that_hold_no_image_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r'lidar file .* \(3,\); wanted \(height, width, 3\)'):
        read_image(save(tmp_path / 'a.npy', np.zeros(3)), LIDAR)
    with pytest.raises(DataError, match='holds complex128; wanted numbers'):
        read_image(save(tmp_path / 'b.npy', np.zeros((2, 2, 3), complex)), LIDAR)
    (tmp_path / 'c.png').write_bytes(b'no picture')
    with pytest.raises(DataError, match=r"c\.png' is not a picture"):
        read_image(tmp_path / 'c.png', RGB)
    (tmp_path / 'd.npy').write_bytes(b'no array')
    with pytest.raises(DataError, match=r'd\.npy'):
        read_image(tmp_path / 'd.npy', LIDAR)


def test_the_images_of_a_frame_must_have_one_size(tmp_path: Path) -> None:
    paths = {
        'rgb': write(tmp_path / 'a.png', COLOURS),
        'depth': save(tmp_path / 'a.npy', np.ones((2, 3), np.float32)),
    }
    modalities = ModalitySet((RGB, DEPTH))
    images = read_images(FileFrame('a', paths), modalities)
    assert {name: image.shape for name, image in images.items()} == {
        'rgb': (2, 3, 3),
        'depth': (2, 3, 3),
    }
    save(tmp_path / 'a.npy', np.ones((4, 3), np.float32))
    with pytest.raises(DataError, match=r"Frame 'a' .* 3x2, .* 3x4; wanted one size"):
        read_images(FileFrame('a', paths), modalities)
