"""DELIVER's layout and decodings."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from robustseg_core.data.deliver import (
    RAW_DEPTH,
    Deliver,
    DeliverFrame,
    decode_labels,
    decode_raw_depth,
)
from robustseg_core.errors import ConfigError, DataError
from robustseg_core.models.importers.protocols import published_modalities

RGB = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)


def write(path: Path, rgb: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), rgb[..., ::-1])


def semantic(ids: list[int]) -> np.ndarray:
    """A semantic picture of one column for each raw value; the other channels are instances."""
    picture = np.full((4, len(ids), 3), 77, np.uint8)
    picture[..., 0] = ids
    return picture


def write_frame(root: Path, scene: str, frame: str = '000001') -> None:
    """Write one frame in the layout of the published archive; ``scene`` is condition/split/map."""
    write(root / f'img/{scene}/{frame}_rgb_front.png', RGB)
    write(root / f'hha/{scene}/{frame}_depth_front.png', RGB + 1)
    write(root / f'event/{scene}/{frame}_event_front.png', RGB + 2)
    write(root / f'lidar/{scene}/{frame}_lidar_front.png', RGB + 3)
    write(root / f'semantic/{scene}/{frame}_semantic_front.png', semantic([0, 1, 2, 24, 25, 255]))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    # The names of folders and modalities in the root itself must not confuse anything.
    root = tmp_path / 'sun' / 'img_rgb' / 'night_val'
    write_frame(root, 'fog/val/MAP_1_point2')
    return root


def test_sample_has_every_modality_from_its_folder(root: Path) -> None:
    sample = Deliver(root, 'val')[0]
    assert list(sample['images']) == ['rgb', 'depth', 'event', 'lidar']
    for index, name in enumerate(sample['images']):
        np.testing.assert_array_equal(sample['images'][name], RGB + index)
        assert sample['images'][name].dtype == np.uint8
    assert sample['id'] == 'fog/val/MAP_1_point2/000001'
    assert sample['condition'] == 'fog'


def test_labels_are_one_less_than_the_red_channel_and_nothing_is_ignored(root: Path) -> None:
    labels = Deliver(root, 'val')[0]['labels']
    assert labels.dtype == np.uint8
    assert labels.shape == (4, 6)
    assert labels[0].tolist() == [255, 0, 1, 23, 24, 255]


def test_value_that_is_no_class_is_refused(tmp_path: Path) -> None:
    write(tmp_path / 'labels.png', semantic([1, 26, 254]))
    with pytest.raises(DataError, match=r'\[26, 254\] in 8 of 12 pixels; wanted 0..25 or 255'):
        decode_labels(tmp_path / 'labels.png')


def test_frames_come_in_the_order_of_their_paths_from_the_split_asked_for(root: Path) -> None:
    write_frame(root, 'sun/val/MAP_1_point1')
    write_frame(root, 'cloud/train/MAP_1_point1')
    write_frame(root, 'fog/val/MAP_1_point2', '000000')
    assert Deliver(root, 'val').frames == [
        DeliverFrame('fog', 'val', 'MAP_1_point2', '000000'),
        DeliverFrame('fog', 'val', 'MAP_1_point2', '000001'),
        DeliverFrame('sun', 'val', 'MAP_1_point1', '000001'),
    ]
    assert [frame.condition for frame in Deliver(root, 'val', ['sun']).frames] == ['sun']


@pytest.mark.parametrize(
    'case', ['motionblur', 'overexposure', 'underexposure', 'lidarjitter', 'eventlowres']
)
def test_corner_case_is_read_from_the_scene(tmp_path: Path, case: str) -> None:
    write_frame(tmp_path, f'night/test/MAP_3_point9_{case}')
    assert Deliver(tmp_path, 'test')[0]['condition'] == f'night+{case}'


def test_event_picture_of_low_resolution_is_enlarged_without_mixing(root: Path) -> None:
    small = np.zeros((2, 3, 3), np.uint8)
    small[0, 0] = 200
    write(root / 'event/fog/val/MAP_1_point2/000001_event_front.png', small)
    image = Deliver(root, 'val')[0]['images']['event']
    assert image.shape == (4, 6, 3)
    assert set(np.unique(image)) == {0, 200}
    assert (image[:2, :2] == 200).all()


def test_other_picture_of_another_size_is_refused(root: Path) -> None:
    write(root / 'lidar/fog/val/MAP_1_point2/000001_lidar_front.png', RGB[:2])
    with pytest.raises(DataError, match=r'lidar image .* is 6x2; wanted 6x4'):
        Deliver(root, 'val')[0]


def test_missing_siblings_are_absent_keys_and_counted(root: Path) -> None:
    write_frame(root, 'sun/val/MAP_1_point1')
    gone = root / 'hha/fog/val/MAP_1_point2/000001_depth_front.png'
    gone.unlink()
    data = Deliver(root, 'val')
    assert list(data[0]['images']) == ['rgb', 'event', 'lidar']
    assert data.missing.lines() == [f'depth: 1 of 2 files are missing, e.g. {gone}']


def test_missing_labels_are_an_error_that_names_the_file(root: Path) -> None:
    path = root / 'semantic/fog/val/MAP_1_point2/000001_semantic_front.png'
    path.unlink()
    with pytest.raises(DataError, match=r'000001_semantic_front.png.*No such file'):
        Deliver(root, 'val')[0]


def test_sensors_not_asked_for_are_neither_read_nor_missed(root: Path) -> None:
    for folder in ('img', 'hha', 'lidar'):
        for path in (root / folder).rglob('*.png'):
            path.write_bytes(path.read_bytes()[:40])
    (root / 'lidar/fog/val/MAP_1_point2/000001_lidar_front.png').unlink()
    data = Deliver(root, 'val', modalities=['event'])
    assert data.modalities.letters == 'E'
    assert list(data[0]['images']) == ['event']
    assert data.missing.lines() == []


def test_sensors_keep_their_order_whatever_was_named_first(root: Path) -> None:
    data = Deliver(root, 'val', modalities=['lidar', 'rgb'])
    assert data.modalities.names == ('rgb', 'lidar')
    assert list(data[0]['images']) == ['rgb', 'lidar']


def test_unknown_sensor_is_answered_with_the_known(root: Path) -> None:
    with pytest.raises(ConfigError, match=r"'hha'; known are \['rgb', 'depth', 'event', 'lidar'"):
        Deliver(root, 'val', modalities=['hha'])


def test_event_picture_is_brought_to_the_cameras_size_without_the_camera(root: Path) -> None:
    write(root / 'event/fog/val/MAP_1_point2/000001_event_front.png', RGB[::2, ::2])
    assert Deliver(root, 'val', modalities=['event'])[0]['images']['event'].shape == (4, 6, 3)


def test_truncated_picture_is_an_error_that_names_the_file(root: Path) -> None:
    path = root / 'lidar/fog/val/MAP_1_point2/000001_lidar_front.png'
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(DataError, match=r'000001_lidar_front.png.* not a picture'):
        Deliver(root, 'val')[0]


def test_half_downloaded_set_is_told_in_one_message(root: Path) -> None:
    write_frame(root, 'sun/val/MAP_1_point1')
    for path in (root / 'hha').rglob('*.png'):
        path.unlink()
    empty = root / 'semantic/sun/val/MAP_1_point1/000001_semantic_front.png'
    empty.write_bytes(b'')
    strange = root / 'semantic/fog/val/MAP_1_point2/000001_semantic_front.png'
    write(strange, semantic([1, 26, 254]))
    with pytest.raises(DataError) as raised:
        Deliver(root, 'val').check()
    assert str(raised.value) == (
        f"DELIVER '{root}' (val) is incomplete or damaged. "
        f'depth: 2 of 2 files are missing, e.g. '
        f'{root}/hha/fog/val/MAP_1_point2/000001_depth_front.png, '
        f'{root}/hha/sun/val/MAP_1_point1/000001_depth_front.png; '
        f'labels: 1 of 2 files are missing, e.g. {empty}; '
        f"labels: 1 of 1 looked at are unusable: Labels '{strange}' hold the values [26, 254] in "
        '8 of 12 pixels; wanted 0..25 or 255. '
        "To do without, leave ['depth'] out of the modalities asked for."
    )
    with pytest.raises(DataError, match='labels: 1 of 2'):
        Deliver(root, 'val', modalities=['rgb']).check()


def test_folder_without_img_is_no_deliver_root(tmp_path: Path) -> None:
    with pytest.raises(DataError, match='has none of its folders: expected img, hha, event, lid'):
        Deliver(tmp_path, 'val')


def test_missing_camera_pictures_are_told_like_those_of_any_sensor(root: Path) -> None:
    for number in range(2, 7):
        write_frame(root, 'fog/val/MAP_1_point2', f'{number:06}')
    gone = [
        root / f'img/fog/val/MAP_1_point2/{number:06}_rgb_front.png' for number in (1, 3, 4, 6)
    ]
    for path in gone:
        path.unlink()
    data = Deliver(root, 'val')
    assert [frame.number for frame in data.frames] == [f'{number:06}' for number in range(1, 7)]
    examples = ', '.join(map(str, gone[:3]))
    assert data.missing.lines() == [f'rgb: 4 of 6 files are missing, e.g. {examples}']
    data.check()
    assert list(data[0]['images']) == ['depth', 'event', 'lidar']
    assert list(data[1]['images']) == ['rgb', 'depth', 'event', 'lidar']
    # Where nothing else is wanted, those frames have nothing to show.
    alone = Deliver(root, 'val', modalities=['rgb'])
    assert [frame.number for frame in alone.frames] == ['000002', '000005']
    assert alone.missing.lines() == data.missing.lines()


def test_frame_known_by_one_sensor_alone_is_missed_everywhere_else(root: Path) -> None:
    write(root / 'lidar/sun/val/MAP_9_point9/000007_lidar_front.png', RGB)
    data = Deliver(root, 'val')
    assert data.missing.counts == {'labels': 1, 'rgb': 1, 'depth': 1, 'event': 1}
    with pytest.raises(
        DataError, match=r'labels: 1 of 2 files are missing, e\.g\. .*MAP_9_point9'
    ):
        data.check()


def test_set_without_the_camera_is_refused_unless_it_is_not_wanted(root: Path) -> None:
    (root / 'img').rename(root / 'elsewhere')
    with pytest.raises(DataError, match=r"rgb: 1 of 1 .*leave \['rgb'\] out of the modalities"):
        Deliver(root, 'val').check()
    small = root / 'event/fog/val/MAP_1_point2/000001_event_front.png'
    write(small, RGB[::2, ::2])
    for folder in ('hha', 'lidar'):
        (root / folder).rename(root / f'no_{folder}')
    data = Deliver(root, 'val', modalities=['event'])
    data.check()
    # Nothing but the labels says how large the camera's picture was.
    assert data[0]['images']['event'].shape == (4, 6, 3)


def test_scenes_of_like_names_come_in_the_order_of_their_paths(root: Path) -> None:
    for scene in ('MAP_1_point21', 'MAP_1_point2-b'):
        write_frame(root, f'fog/val/{scene}')
    found = sorted((root / 'img').rglob('*.png'))
    frames = Deliver(root, 'val').frames
    assert [frame.scene for frame in frames] == [path.parent.name for path in found]


def test_published_inputs_are_those_of_the_published_networks(root: Path) -> None:
    data = Deliver(root, 'val', published=True)
    assert data.modalities == published_modalities('deliver')
    assert Deliver(root, 'val').modalities != data.modalities
    for name, image in data[0]['images'].items():
        np.testing.assert_array_equal(image, Deliver(root, 'val')[0]['images'][name])


def test_unknown_split_is_answered_with_those_found(root: Path) -> None:
    with pytest.raises(DataError, match=r"no frame of split 'test'.*splits found: \['val'\]"):
        Deliver(root, 'test')


def test_raw_depth_spreads_24_bits_over_the_channels(root: Path) -> None:
    picture = np.zeros((1, 3, 3), np.uint8)
    picture[0, 0] = (1, 0, 0)
    picture[0, 1] = (0, 1, 0)
    picture[0, 2] = (255, 255, 254)
    frame = DeliverFrame('fog', 'val', 'MAP_1_point2', '000001')
    path = Deliver(root, 'val').path(frame, RAW_DEPTH)
    assert path == root / 'depth/fog/val/MAP_1_point2/000001_depth_front.png'
    write(path, picture)
    depth = decode_raw_depth(path)
    assert depth is not None
    unit = 1000 / 16777215
    np.testing.assert_allclose(depth[0], [unit, 256 * unit, 16711679 * unit], rtol=1e-6)


def test_depth_drawn_for_the_eye_is_not_taken_for_metres(tmp_path: Path) -> None:
    write(tmp_path / 'grey.png', np.full((2, 2, 3), 90, np.uint8))
    assert decode_raw_depth(tmp_path / 'grey.png') is None
