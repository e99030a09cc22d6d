"""MCubeS's layout and decodings."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from robustseg_core.data.mcubes import MCUBES_MODALITIES, Mcubes
from robustseg_core.errors import ConfigError, DataError
from robustseg_core.models.importers.protocols import published_modalities

HEIGHT, WIDTH, CUT = 5, 200, 192
NAME = 'outscene1208_2_0000000150'
OTHER = 'outscene0530_1_0000000030'


def put(path: Path, values: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == '.npy':
        np.save(path, values)
    else:
        cv2.imwrite(str(path), values)


def columns(dtype: type) -> np.ndarray:
    """An image (H, W) that holds the number of its column."""
    return np.tile(np.arange(WIDTH, dtype=dtype), (HEIGHT, 1))


def write_set(root: Path, name: str) -> None:
    """Write one image set in the layout of the published archive."""
    # Red is the column, green its double (past 255 it wraps), blue 7; OpenCV writes blue first.
    red = columns(np.uint8)
    put(root / f'polL_color/{name}.png', np.stack([np.full_like(red, 7), red * 2, red], axis=-1))
    put(root / f'polL_aolp_sin/{name}.npy', columns(np.float64) / 1000)
    put(root / f'polL_aolp_cos/{name}.npy', -columns(np.float64) / 1000)
    put(root / f'polL_dolp/{name}.npy', columns(np.float32) / 500)
    put(root / f'NIR_warped/{name}.png', columns(np.uint16) * 100)
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[0, CUT + 1] = 255
    mask[0, CUT + 2] = 1
    put(root / f'NIR_warped_mask/{name}.png', mask)
    ids = np.zeros((HEIGHT, WIDTH), np.uint8)
    ids[:, CUT:] = [0, 1, 2, 19, 255, 5, 6, 7]
    put(root / f'GT/{name}.png', ids)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / 'multimodal_dataset'
    for name in (NAME, OTHER):
        write_set(root, name)
    lists = {'train': [OTHER], 'val': [NAME], 'test': [OTHER, NAME], 'all': [NAME, OTHER]}
    (root / 'list_folder').mkdir()
    for split, names in lists.items():
        (root / f'list_folder/{split}.txt').write_text('\n'.join(names) + '\n\n')
    return root


def test_left_192_columns_of_everything_are_cut(root: Path) -> None:
    sample = Mcubes(root, 'val')[0]
    assert sample['labels'].shape == (HEIGHT, WIDTH - CUT)
    assert list(sample['images']) == ['rgb', 'aolp', 'dolp', 'nir']
    for image in sample['images'].values():
        assert image.shape == (HEIGHT, WIDTH - CUT, 3)
    assert sample['images']['rgb'][0, :, 0].tolist() == list(range(192, 200))


def test_sensors_are_in_the_units_of_the_published_models(root: Path) -> None:
    images = Mcubes(root, 'val')[0]['images']
    assert images['rgb'].dtype == np.uint8
    assert images['rgb'][2, 3].tolist() == [195, 390 - 256, 7]
    np.testing.assert_allclose(images['aolp'][2, 3], [0.195, -0.195, 0.195], rtol=1e-6)
    np.testing.assert_allclose(images['dolp'][2, 3], [0.39] * 3, rtol=1e-6)
    np.testing.assert_allclose(images['nir'][2, 3], [19500 / 65535] * 3, rtol=1e-6)
    assert {images[name].dtype for name in ('aolp', 'dolp', 'nir')} == {np.dtype(np.float32)}


def test_normalisation_is_imagenets_for_rgb_and_none_else() -> None:
    rgb, *others = MCUBES_MODALITIES
    np.testing.assert_allclose(np.array(rgb.normalisation.mean) / 255, [0.485, 0.456, 0.406])
    np.testing.assert_allclose(np.array(rgb.normalisation.std) / 255, [0.229, 0.224, 0.225])
    assert {(each.normalisation.mean, each.normalisation.std) for each in others} == {
        ((0, 0, 0), (1, 1, 1))
    }
    assert MCUBES_MODALITIES.letters == 'IADN'


def test_rgb_of_16_bits_is_brought_to_the_scale_of_bytes(root: Path) -> None:
    picture = np.zeros((HEIGHT, WIDTH, 3), np.uint16)
    picture[..., 2] = 65535  # red
    picture[..., 1] = 257 * 3 + 128
    put(root / f'polL_color/{NAME}.png', picture)
    rgb = Mcubes(root, 'val')[0]['images']['rgb']
    assert rgb.dtype == np.float32
    np.testing.assert_allclose(rgb[0, 0], [255, 3 + 128 / 257, 0], rtol=1e-6)


def test_near_infrared_of_8_bits_is_a_fraction_too(root: Path) -> None:
    put(root / f'NIR_warped/{NAME}.png', np.full((HEIGHT, WIDTH), 51, np.uint8))
    np.testing.assert_allclose(Mcubes(root, 'val')[0]['images']['nir'], 0.2, rtol=1e-6)


def test_labels_are_ignored_where_near_infrared_saw_nothing(root: Path) -> None:
    labels = Mcubes(root, 'val', modalities=['rgb'])[0]['labels']
    assert labels.dtype == np.uint8
    assert labels[0].tolist() == [0, 255, 255, 19, 255, 5, 6, 7]
    assert labels[1].tolist() == [0, 1, 2, 19, 255, 5, 6, 7]


def test_validation_is_not_the_test_split(root: Path) -> None:
    assert [frame.id for frame in Mcubes(root, 'val').frames] == [NAME]
    assert Mcubes(root, 'val')[0]['id'] == NAME
    assert [frame.id for frame in Mcubes(root, 'test').frames] == [OTHER, NAME]
    assert [frame.id for frame in Mcubes(root, 'train').frames] == [OTHER]
    assert len(Mcubes(root, 'all')) == 2


def test_sensors_not_asked_for_are_not_read(root: Path) -> None:
    (root / f'polL_dolp/{NAME}.npy').write_bytes(b'no array')
    (root / f'polL_color/{NAME}.png').unlink()
    data = Mcubes(root, 'val', ['nir', 'aolp'])
    assert list(data[0]['images']) == ['aolp', 'nir']
    assert data.missing.lines() == []


def test_unknown_sensor_is_answered_with_the_known(root: Path) -> None:
    with pytest.raises(ConfigError, match=r"'NIR'; known are \['rgb', 'aolp', 'dolp', 'nir'\]"):
        Mcubes(root, 'val', ['NIR'])


@pytest.mark.parametrize('folder', ['polL_aolp_sin', 'polL_aolp_cos'])
def test_angle_without_sine_or_cosine_is_missing(root: Path, folder: str) -> None:
    gone = root / f'{folder}/{NAME}.npy'
    gone.unlink()
    data = Mcubes(root, 'all')
    assert list(data[0]['images']) == ['rgb', 'dolp', 'nir']
    assert data.missing.lines() == [f'aolp: 1 of 2 files are missing, e.g. {gone}']


@pytest.mark.parametrize('folder', ['GT', 'NIR_warped_mask'])
def test_frame_without_labels_or_their_mask_is_told_at_once(root: Path, folder: str) -> None:
    gone = root / f'{folder}/{OTHER}.png'
    gone.unlink()
    data = Mcubes(root, 'all')
    with pytest.raises(DataError, match=f'labels: 1 of 2 files are missing, e.g. {gone}'):
        data.check()
    with pytest.raises(DataError, match='No such file'):
        data[1]


def test_id_that_is_no_class_is_refused(root: Path) -> None:
    put(root / f'GT/{NAME}.png', np.full((HEIGHT, WIDTH), 20, np.uint8))
    with pytest.raises(DataError, match=r'values \[20\] in 1000 of 1000 pixels; wanted 0..19 or'):
        Mcubes(root, 'val')[0]


@pytest.mark.parametrize('folder', ['polL_aolp_cos', 'polL_dolp'])
def test_array_of_another_size_is_refused(root: Path, folder: str) -> None:
    put(root / f'{folder}/{NAME}.npy', np.zeros((HEIGHT - 1, WIDTH)))
    with pytest.raises(DataError, match=r'image .* is 8x4; wanted 8x5'):
        Mcubes(root, 'val')[0]


def test_image_that_is_cut_already_is_refused(root: Path) -> None:
    put(root / f'polL_dolp/{NAME}.npy', np.zeros((HEIGHT, 192)))
    with pytest.raises(DataError, match=r'polL_dolp.* shape \(5, 192\); wanted .* 192 columns'):
        Mcubes(root, 'val')[0]


def test_picture_without_colours_is_refused(root: Path) -> None:
    put(root / f'polL_color/{NAME}.png', np.zeros((HEIGHT, WIDTH), np.uint8))
    with pytest.raises(DataError, match=r'polL_color.* has shape \(5, 200\); wanted colours'):
        Mcubes(root, 'val')[0]


def test_folder_without_lists_is_no_mcubes_root(tmp_path: Path) -> None:
    with pytest.raises(
        DataError,
        match=r"no folder 'list_folder': expected list_folder, polL_color, polL_aolp_sin",
    ):
        Mcubes(tmp_path, 'val')


def test_unknown_split_is_answered_with_those_found(root: Path) -> None:
    with pytest.raises(DataError, match=r"split 'dev'; splits found: \['all', 'test', 'tr"):
        Mcubes(root, 'dev')


def test_empty_list_is_refused(root: Path) -> None:
    (root / 'list_folder/val.txt').write_text('\n')
    with pytest.raises(DataError, match=r'val.txt. names no frame'):
        Mcubes(root, 'val')


def test_images_are_made_as_the_published_networks_want_them() -> None:
    assert published_modalities('mcubes') == MCUBES_MODALITIES
