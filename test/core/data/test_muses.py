"""MUSES's layout and decodings."""

import json
from pathlib import Path

import cv2
import numpy as np
import PIL.Image
import pytest

from robustseg_core.data import muses
from robustseg_core.data.muses import Muses
from robustseg_core.data.muses_files import seen_by_camera
from robustseg_core.errors import ConfigError, DataError
from robustseg_core.models.importers.protocols import published_modalities
from robustseg_core.sensors import Events

HEIGHT, WIDTH = 54, 96
SCENE = 'val/fog/night/REC0006_frame_043790'
# A LiDAR (x forward, y left, z up) one metre above the camera (x right, y down, z forward).
LIDAR_TO_CAMERA = [[0, -1, 0, 0], [0, 0, -1, -1], [1, 0, 0, 0], [0, 0, 0, 1]]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Write one scene in the layout of the published archive."""
    picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    picture[..., 0] = 200  # red
    put(tmp_path / f'frame_camera/{SCENE}_frame_camera.png', picture[..., ::-1])
    labels = np.full((HEIGHT, WIDTH), 255, np.uint8)
    labels[0, :2] = 0, 18
    put(tmp_path / f'gt_semantic/{SCENE}_gt_labelTrainIds.png', labels)
    rows = np.array([[10.0, 0, -1, 51, 7, 1e9 + 0.5], [0.5, 0, 0, 255, 1, 1e9]])
    scan = tmp_path / f'lidar/{SCENE}_lidar.bin'
    scan.parent.mkdir(parents=True)
    rows.astype('<f8').tofile(scan)
    calibration = {
        'intrinsics': {
            'rgb': {'K': [[1000, 0, 960], [0, 1000, 540], [0, 0, 1]]},
            'event': {'K': [[800, 0, 640], [0, 800, 360], [0, 0, 1]]},
        },
        'extrinsics': {
            'lidar2rgb': LIDAR_TO_CAMERA,
            'event2rgb': np.eye(4).tolist(),
            'radar2rgb': LIDAR_TO_CAMERA,
        },
    }
    (tmp_path / 'calib.json').write_text(json.dumps(calibration))
    return tmp_path


def put(path: Path, picture: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), picture)


def put_projection(path: Path, values: np.ndarray) -> None:
    """Write what ``project_sensors_to_rgb`` writes for LiDAR and radar."""
    path.parent.mkdir(parents=True)
    if path.suffix == '.npz':
        np.savez_compressed(path, values)
    elif path.suffix == '.npy':
        np.save(path, values)
    else:  # as the SDK does: shift, scale, and OpenCV with the channels as they are
        cv2.imwrite(str(path), ((values + 100) * 150).astype(np.uint16))


def test_sample_has_picture_labels_and_the_projected_raw_scan(root: Path) -> None:
    sample = Muses(root, 'val')[0]
    assert sample['images']['rgb'][0, 0].tolist() == [200, 0, 0]
    assert sample['labels'][0, :3].tolist() == [0, 18, 255]
    assert sample['id'] == SCENE
    assert sample['condition'] == 'fog+night'
    lidar = sample['images']['lidar']
    assert lidar.dtype == np.float32
    # 10 m ahead and 1 m below the LiDAR is on the camera's axis, at the middle of the picture.
    hits = np.argwhere(lidar[..., 0] > 0)
    np.testing.assert_allclose(hits.mean(axis=0), [HEIGHT / 2, WIDTH / 2], atol=1)
    at = tuple(hits[0])
    np.testing.assert_allclose(lidar[at], [np.sqrt(101), 51 / 255, -1], rtol=1e-6)


def test_scan_has_ring_and_time_beside_the_points(root: Path) -> None:
    data = Muses(root, 'val')
    scan = data.scan(data.frames[0])
    assert scan is not None
    np.testing.assert_array_equal(scan.points, np.float32([[10, 0, -1], [0.5, 0, 0]]))
    np.testing.assert_allclose(scan.intensity, [0.2, 1.0])
    assert scan.ring.tolist() == [7, 1]
    assert scan.time_s.tolist() == [1e9 + 0.5, 1e9]


def test_scan_that_ends_within_a_row_is_refused(root: Path) -> None:
    path = root / f'lidar/{SCENE}_lidar.bin'
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(DataError, match=r'lidar.bin.* has 93 bytes; wanted a multiple of 48'):
        Muses(root, 'val')[0]


@pytest.mark.parametrize('suffix', ['.npz', '.npy', '.png'])
def test_projection_of_the_sdk_is_preferred(root: Path, suffix: str) -> None:
    values = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    values[3, 4] = 12.5, 102.0, -1.5
    put_projection(root / f'projected_to_rgb/lidar/{SCENE}_lidar{suffix}', values)
    lidar = Muses(root, 'val')[0]['images']['lidar']
    np.testing.assert_allclose(lidar[3, 4], [12.5, 102 / 255, -1.5], atol=1 / 150)
    assert not lidar[10:].any()


def test_projected_events_are_counts_on_first(root: Path) -> None:
    counts = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    counts[1, 2] = 3, 5, 0
    put(root / f'projected_to_rgb/event_camera/{SCENE}_event_camera.png', counts)
    image = Muses(root, 'val')[0]['images']['event']
    assert image[1, 2].tolist() == [3, 5, 0]
    assert image.dtype == np.uint8


def test_sensors_that_are_not_there_are_absent_and_counted(root: Path) -> None:
    scan = root / f'lidar/{SCENE}_lidar.bin'
    scan.unlink()
    data = Muses(root, 'val')
    assert list(data[0]['images']) == ['rgb']
    events = root / f'event_camera/{SCENE}_event_camera.h5'
    radar = root / f'radar/{SCENE}_radar.png'
    assert [line.partition(' (')[0] for line in data.missing.lines()] == [
        f'event: 1 of 1 files are missing, e.g. {events}',
        f'lidar: 1 of 1 files are missing, e.g. {scan}',
        f'radar: 1 of 1 files are missing, e.g. {radar}',
    ]


def test_missing_event_reader_is_named_beside_the_files(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = root / f'event_camera/{SCENE}_event_camera.h5'
    raw.parent.mkdir(parents=True)
    raw.write_bytes(b'events')
    monkeypatch.setattr(muses, 'can_read_events', lambda: False)
    (line, _) = Muses(root, 'val').missing.lines()
    assert line.startswith('event: 1 of 1')
    assert line.endswith('(raw ones cannot be read: h5py is not installed)')
    # What the SDK projected needs no reader.
    counts = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    put(root / f'projected_to_rgb/event_camera/{SCENE}_event_camera.png', counts)
    assert 'event' in Muses(root, 'val')[0]['images']


def test_raw_events_are_counted_where_the_camera_sees_them(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = root / f'event_camera/{SCENE}_event_camera.h5'
    raw.parent.mkdir(parents=True)
    raw.write_bytes(b'events')
    # Three on the axis of both cameras, which is the middle of a picture of any size.
    x, y = np.full(3, 640, np.uint16), np.full(3, 360, np.uint16)
    events = Events(x, y, np.arange(3), np.array([True, False, True]))
    monkeypatch.setattr(muses, 'can_read_events', lambda: True)
    monkeypatch.setattr(muses, 'read_events', lambda path: events if path == raw else None)
    image = Muses(root, 'val')[0]['images']['event']
    ((row, column),) = np.argwhere(image.any(axis=2))
    assert image[row, column].tolist() == [2, 1, 0]
    np.testing.assert_allclose([row, column], [HEIGHT / 2, WIDTH / 2], atol=1)


def test_sensors_not_asked_for_are_not_read(root: Path) -> None:
    (root / f'lidar/{SCENE}_lidar.bin').write_bytes(b'no scan')
    (root / 'calib.json').unlink()
    data = Muses(root, 'val', modalities=['rgb'])
    assert list(data[0]['images']) == ['rgb']
    assert data.missing.lines() == []


def test_all_four_sensors_are_wanted_unless_told_otherwise(root: Path) -> None:
    assert Muses(root, 'val').modalities.letters == 'FELR'
    assert Muses(root, 'val', ['lidar', 'rgb', 'event']).modalities.letters == 'FEL'


def test_picture_that_was_not_downloaded_to_its_end_counts_as_missing(root: Path) -> None:
    scan = root / f'lidar/{SCENE}_lidar.bin'
    scan.write_bytes(b'')
    data = Muses(root, 'val', ['rgb', 'lidar'])
    assert data.missing.lines() == [f'lidar: 1 of 1 files are missing, e.g. {scan}']


def test_labels_painted_in_colours_are_refused(root: Path) -> None:
    put(root / f'gt_semantic/{SCENE}_gt_labelTrainIds.png', np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    with pytest.raises(DataError, match=r'are uint8 \(54, 96, 3\); wanted uint8 \(H, W\)'):
        Muses(root, 'val')[0]


def radar_scan(*echoes: tuple[int, int]) -> np.ndarray:
    """A valid scan of full strength at each range bin and direction."""
    scan = np.zeros((11 + 4000, 400), np.uint8)
    scan[10] = 255
    for bin_, direction in echoes:
        scan[11 + bin_, direction] = 255
    return scan


def test_raw_radar_is_drawn_into_the_camera(root: Path) -> None:
    put(root / f'radar/{SCENE}_radar.png', radar_scan((455, 199)))
    radar = Muses(root, 'val')[0]['images']['radar']
    # 19.97 m ahead, 1.62 m below a radar that sits where the LiDAR does, so 0.62 m below the axis.
    row, column = HEIGHT / 2 + 0.62 / 19.97 * 50, WIDTH / 2
    hits = np.argwhere(radar[..., 0] > 0)
    assert len(hits) == 81
    np.testing.assert_allclose(hits.mean(axis=0), [row, column], atol=1)
    distance = np.hypot(456 * 0.0438, 1.62)
    np.testing.assert_allclose(radar[tuple(hits[0])], [distance, 1, 0], rtol=1e-6)


def test_raw_radar_without_its_place_on_the_car_is_refused(root: Path) -> None:
    put(root / f'radar/{SCENE}_radar.png', radar_scan())
    calibration = json.loads((root / 'calib.json').read_text())
    del calibration['extrinsics']['radar2rgb']
    (root / 'calib.json').write_text(json.dumps(calibration))
    with pytest.raises(DataError, match=r"calib.json' lacks extrinsics.radar2rgb"):
        Muses(root, 'val')[0]


@pytest.mark.parametrize('suffix', ['.npz', '.npy', '.png'])
def test_projected_radar_is_range_and_intensity(root: Path, suffix: str) -> None:
    values = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    values[3, 4] = 12.5, 102.0, 0
    path = root / f'projected_to_rgb/radar/{SCENE}_radar{suffix}'
    put_projection(path, values)
    radar = Muses(root, 'val')[0]['images']['radar']
    np.testing.assert_allclose(radar[3, 4], [12.5, 102 / 255, 0], atol=1 / 150)
    assert not radar[10:].any()


def test_truncated_projection_is_an_error_that_names_the_file(root: Path) -> None:
    path = root / f'projected_to_rgb/lidar/{SCENE}_lidar.npz'
    put_projection(path, np.ones((HEIGHT, WIDTH, 3), np.float32))
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(DataError, match=r'Cannot read the array .*_lidar.npz'):
        Muses(root, 'val')[0]


def test_label_that_is_no_class_is_refused(root: Path) -> None:
    put(root / f'gt_semantic/{SCENE}_gt_labelTrainIds.png', np.full((HEIGHT, WIDTH), 19, np.uint8))
    with pytest.raises(DataError, match=r'values \[19\] in 5184 of 5184 pixels; wanted 0..18 or'):
        Muses(root, 'val')[0]


def test_incomplete_calibration_names_what_is_wanted(root: Path) -> None:
    (root / 'calib.json').write_text('{"intrinsics": {}}')
    with pytest.raises(DataError, match=r'extrinsics.*lidar2rgb, event2rgb.*KeyError'):
        Muses(root, 'val')[0]


def test_folder_without_frame_camera_is_no_muses_root(tmp_path: Path) -> None:
    with pytest.raises(DataError, match='none of its folders: expected frame_camera, gt_semantic'):
        Muses(tmp_path, 'val')


def test_missing_camera_picture_is_told_and_the_rest_is_drawn_at_the_labels_size(
    root: Path,
) -> None:
    gone = root / f'frame_camera/{SCENE}_frame_camera.png'
    gone.unlink()
    data = Muses(root, 'val', ['rgb', 'lidar'])
    assert data.missing.lines() == [f'rgb: 1 of 1 files are missing, e.g. {gone}']
    assert data[0]['id'] == SCENE
    assert {name: image.shape for name, image in data[0]['images'].items()} == {
        'lidar': (HEIGHT, WIDTH, 3)
    }
    with pytest.raises(DataError, match=r"leave \['rgb'\] out of the modalities"):
        data.check()


def test_sensors_are_drawn_as_large_as_calibrated_where_nothing_tells_the_size(
    root: Path,
) -> None:
    (root / f'frame_camera/{SCENE}_frame_camera.png').unlink()
    (root / f'gt_semantic/{SCENE}_gt_labelTrainIds.png').unlink()
    data = Muses(root, 'val', ['lidar'])
    assert data.images(data.frames[0])['lidar'].shape == (1080, 1920, 3)


@pytest.mark.parametrize('kind', ['radar/{}_radar.png', 'projected_to_rgb/lidar/{}_lidar.npz'])
def test_scene_known_by_one_file_alone_is_missed_elsewhere(root: Path, kind: str) -> None:
    path = root / kind.format('val/clear/day/REC0001_frame_000001')
    path.parent.mkdir(parents=True)
    path.write_bytes(b'something')
    data = Muses(root, 'val', ['rgb', 'lidar', 'radar'])
    scenes = ['REC0001_frame_000001', 'REC0006_frame_043790']
    assert [frame.scene for frame in data.frames] == scenes
    assert (data.missing.counts['labels'], data.missing.counts['rgb']) == (1, 1)


def test_published_inputs_are_the_sdks_pictures_as_pil_reads_them(root: Path) -> None:
    lidar = root / f'projected_to_rgb/lidar/{SCENE}_lidar.png'
    values = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    values[3, 4] = 60, 102, -1.5
    put_projection(lidar, values)
    events = root / f'projected_to_rgb/event_camera/{SCENE}_event_camera.png'
    counts = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    counts[1, 2] = 3, 5, 0
    put(events, counts)
    data = Muses(root, 'val', published=True)
    assert data.modalities == published_modalities('muses')
    data.check()
    images = data[0]['images']
    for name, path in (('lidar', lidar), ('event', events)):
        with PIL.Image.open(path) as picture:
            np.testing.assert_array_equal(images[name], np.asarray(picture.convert('RGB')))
    assert images['event'][1, 2].tolist() == [0, 5, 3]
    # (60 + 100) * 150 = 24000 = 93 * 256 + 192, and height comes first.
    assert images['lidar'][3, 4].tolist() == [57, 118, 93]
    assert images['rgb'][0, 0].tolist() == [200, 0, 0]


def test_published_inputs_are_not_made_of_raw_files(root: Path) -> None:
    path = root / f'projected_to_rgb/lidar/{SCENE}_lidar.png'
    put_projection(path.with_suffix('.npy'), np.zeros((HEIGHT, WIDTH, 3), np.float32))
    data = Muses(root, 'val', ['rgb', 'lidar'], published=True)
    assert data.missing.lines() == [f'lidar: 1 of 1 files are missing, e.g. {path}']
    with pytest.raises(ConfigError, match="'radar'; known are"):
        Muses(root, 'val', ['radar'], published=True)


def test_unknown_split_is_answered_with_those_found(root: Path) -> None:
    with pytest.raises(DataError, match=r"no scene of split 'test'.*splits found: \['val'\]"):
        Muses(root, 'test')


def test_events_from_afar_turn_with_the_camera(root: Path) -> None:
    """A direction 0.1 to the right of both axes is 0.1 f from both centres."""
    calibration = Muses(root, 'val').calibration
    events = Events(
        np.array([640 + 80, 0], np.uint16),
        np.array([360 - 40, 0], np.uint16),
        np.array([5, 6]),
        np.array([True, False]),
    )
    seen = seen_by_camera(events, calibration, 1920, 1080)
    # The second direction, 0.8 left and 0.45 up, is inside the wider picture too.
    assert seen.x.tolist() == [960 + 100, 960 - 800]
    assert seen.y.tolist() == [540 - 50, 540 - 450]
    assert seen.t_ns.tolist() == [5, 6]
    assert seen.on.tolist() == [True, False]
