"""NYU Depth v2's layout and decodings."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from robustseg_core.data.nyuv2 import Nyuv2, held_out
from robustseg_core.errors import ConfigError, DataError
from robustseg_core.labels import NYU13, NYU40, NYU40_TO_NYU13

HEIGHT, WIDTH = 4, 6
# Of runs 0, 1 and 7 of thirty ids; runs 0 and 7 are held out.
IDS = ('0003', '0029', '0030', '0215')


def put(path: Path, values: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), values)


def write_frame(root: Path, name: str, label_folder: str, ids: np.ndarray) -> None:
    put(root / f'rgb/{name}.jpg', np.full((HEIGHT, WIDTH, 3), (10, 90, 200), np.uint8))
    put(root / f'depth/{name}.png', np.full((HEIGHT, WIDTH), 51, np.uint8))
    put(root / f'{label_folder}/{name}.png', ids)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    ids = np.full((HEIGHT, WIDTH), 12, np.uint8)
    ids[0, 0] = 255
    for name in IDS:
        write_frame(tmp_path, name, 'label13', ids)
    return tmp_path


def test_frames_are_held_out_by_runs_of_ids(root: Path) -> None:
    assert [frame.id for frame in Nyuv2(root, 'val').frames] == ['0003', '0029', '0215']
    assert [frame.id for frame in Nyuv2(root, 'train').frames] == ['0030']
    assert [frame.id for frame in Nyuv2(root, 'all').frames] == list(IDS)


def test_one_frame_in_seven_is_held_out() -> None:
    assert sum(held_out(str(number)) for number in range(2100)) == 300


def test_images_come_in_the_units_of_their_encodings(root: Path) -> None:
    frame = Nyuv2(root, 'train')[0]
    assert frame['id'] == '0030'
    rgb = frame['images']['rgb']
    assert rgb.dtype == np.uint8
    # JPEG keeps a flat colour to a few levels; OpenCV wrote blue first.
    np.testing.assert_allclose(rgb[1, 1].astype(int), (200, 90, 10), atol=4)
    # 51 / 25.5 = 2 m.
    expected = (1 / 2, np.log(2) / np.log(256), 1)
    np.testing.assert_allclose(frame['images']['depth'][2, 3], expected, rtol=1e-5)
    assert frame['labels'][0, 0] == 255
    assert frame['labels'][1, 1] == 12


def test_the_13_classes_are_made_of_the_40_where_only_those_are_there(tmp_path: Path) -> None:
    # wall, floor, desk, person and otherprop of NYU40; ignored.
    write_frame(tmp_path, '0030', 'label40', np.array([[0, 1, 13, 30, 39, 255]] * 4, np.uint8))
    labels = Nyuv2(tmp_path, 'all')
    names = [labels.labels.classes[each] for each in labels[0]['labels'][0, :5]]
    assert names == ['wall', 'floor', 'table', 'objects', 'objects']
    assert labels[0]['labels'][0, 5] == 255
    assert Nyuv2(tmp_path, 'all', 'nyu40')[0]['labels'][0].tolist() == [0, 1, 13, 30, 39, 255]


def test_a_sensor_not_asked_for_is_not_read(root: Path) -> None:
    (root / 'depth' / '0030.png').write_bytes(b'broken')
    assert set(Nyuv2(root, 'train', modalities=['rgb'])[0]['images']) == {'rgb'}
    with pytest.raises(DataError, match='not a picture'):
        Nyuv2(root, 'train')[0]


def test_a_missing_depth_image_is_an_absent_key_and_counted(root: Path) -> None:
    (root / 'depth' / '0030.png').unlink()
    frames = Nyuv2(root, 'train')
    assert set(frames[0]['images']) == {'rgb'}
    assert frames.missing.counts == {'depth': 1}


def test_a_label_that_is_no_class_is_named_with_its_file(root: Path) -> None:
    put(root / 'label13/0030.png', np.full((HEIGHT, WIDTH), 13, np.uint8))
    with pytest.raises(DataError, match=r'label13/0030\.png.*13'):
        Nyuv2(root, 'train')[0]


def test_depth_of_another_type_is_refused(root: Path) -> None:
    put(root / 'depth/0030.png', np.full((HEIGHT, WIDTH), 2000, np.uint16))
    with pytest.raises(DataError, match=r"0030\.png' is uint16 \(4, 6\); wanted uint8"):
        Nyuv2(root, 'train')[0]


@pytest.mark.parametrize('folders', [('rgb', 'depth'), ('label13',)])
def test_a_root_without_a_folder_names_what_is_expected(
    root: Path, folders: tuple[str, ...]
) -> None:
    for folder in folders:
        (root / folder).rename(root / f'no_{folder}')
    with pytest.raises(DataError, match='expected the folders rgb, depth and label13 or label40'):
        Nyuv2(root, 'train')


def test_unknown_splits_and_labels_are_named(root: Path) -> None:
    with pytest.raises(ConfigError, match="no split 'test'"):
        Nyuv2(root, 'test')
    with pytest.raises(ConfigError, match="no labels 'nyu37'"):
        Nyuv2(root, 'train', 'nyu37')


def test_a_split_without_a_frame_is_told(root: Path) -> None:
    for path in root.glob('*/0030.*'):
        path.unlink()
    with pytest.raises(DataError, match="no frame of split 'train' in rgb, depth or label13"):
        Nyuv2(root, 'train')


def test_a_missing_camera_picture_is_told_like_a_missing_depth_image(root: Path) -> None:
    gone = [root / 'rgb/0003.jpg', root / 'rgb/0030.jpg', root / 'rgb/0215.jpg']
    for path in gone:
        path.unlink()
    val = Nyuv2(root, 'val')
    assert [frame.id for frame in val.frames] == ['0003', '0029', '0215']
    assert val.missing.lines() == [f'rgb: 2 of 3 files are missing, e.g. {gone[0]}, {gone[2]}']
    val.check()
    assert [list(frame['images']) for frame in val] == [['depth'], ['rgb', 'depth'], ['depth']]
    with pytest.raises(DataError, match='rgb: 1 of 1 files are missing'):
        Nyuv2(root, 'train').check()


def test_a_label_alone_is_a_frame_that_lacks_its_sensors(root: Path) -> None:
    put(root / 'label13/0001.png', np.zeros((HEIGHT, WIDTH), np.uint8))
    val = Nyuv2(root, 'val')
    assert val.missing.counts == {'rgb': 1, 'depth': 1}
    assert [frame.id for frame in val.frames] == ['0003', '0029', '0215']


def test_the_real_frames_split_as_documented(real_data: Path) -> None:
    root = real_data / 'nyuv2'
    train, val = Nyuv2(root, 'train'), Nyuv2(root, 'val')
    assert (len(train), len(val)) == (673, 122)
    assert train.missing.counts == val.missing.counts == {}
    frame = val[5]
    assert frame['labels'].shape == (480, 640)
    assert set(np.unique(frame['labels'])) <= {*range(13), 255}
    assert frame['images']['depth'][..., 2].mean() > 0.99  # holes were filled


def test_classes_are_those_of_the_published_list(real_data: Path) -> None:
    published = json.loads((real_data / 'nyuv2/classes.json').read_text())
    assert list(NYU13.classes) == published['classes13']
    assert list(NYU40_TO_NYU13[:39]) == published['map40to13']
    spelled = [name.replace(' ', '_') for name in published['classes40']]
    spelled[spelled.index('refridgerator')] = 'refrigerator'
    assert list(NYU40.classes[:39]) == spelled
