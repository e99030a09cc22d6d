"""MUSES's layout and decodings."""

import importlib.util
import json
from pathlib import Path
import sys
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from robustseg_core.data import muses, muses_files
from robustseg_core.data.muses import Muses
from robustseg_core.data.muses_files import (
    decode_projected,
    read_events,
    read_radar,
    seen_by_camera,
)
from robustseg_core.errors import DataError
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


def test_projected_lidar_in_bytes_is_refused(tmp_path: Path) -> None:
    put(tmp_path / 'lidar.png', np.zeros((2, 2, 3), np.uint8))
    with pytest.raises(DataError, match=r'lidar .* is uint8; wanted uint16'):
        decode_projected(tmp_path / 'lidar.png', 'lidar')


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


def test_raw_events_without_a_reader_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(muses_files, 'can_read_events', lambda: False)
    with pytest.raises(DataError, match=r'events.h5. needs h5py and hdf5plugin'):
        read_events(tmp_path / 'events.h5')


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


def radar_scan(strengths: dict[tuple[int, int], int], invalid: tuple[int, ...] = ()) -> np.ndarray:
    """A scan of 4000 ranges: 11 rows of header, then strength by (range bin, direction)."""
    scan = np.zeros((11 + 4000, 400), np.uint8)
    scan[:10] = 77  # the time
    scan[10] = 255
    scan[10, list(invalid)] = 0
    for (bin_, direction), strength in strengths.items():
        scan[11 + bin_, direction] = strength
    return scan


def test_radar_echoes_lie_on_the_ground_clockwise_from_behind(tmp_path: Path) -> None:
    ahead, right, left = 199, 299, 99
    echoes = {(227, ahead): 51, (227, right): 102, (456, left): 255, (3999, ahead): 9}
    put(tmp_path / 'radar.png', radar_scan({**echoes, (300, 7): 200}, invalid=(7,)))
    points, intensity = read_radar(tmp_path / 'radar.png')
    order = np.argsort(intensity)
    # The fourth is beyond 150 m; the first range bin is one bin away.
    near, far = 228 * 0.0438, 457 * 0.0438
    wanted = [(near, 0, -1.62), (0, -near, -1.62), (0, far, -1.62)]
    np.testing.assert_allclose(points[order], wanted, atol=1e-5)
    np.testing.assert_allclose(intensity[order], np.array([51, 102, 255]) / 255, rtol=1e-6)


def test_only_radar_echoes_above_the_threshold_are_drawn(tmp_path: Path) -> None:
    put(tmp_path / 'radar.png', radar_scan({(300, 199): 51, (400, 199): 52}))
    _, intensity = read_radar(tmp_path / 'radar.png', threshold=0.2)
    np.testing.assert_allclose(intensity, [52 / 255])


@pytest.mark.parametrize(
    ('scan', 'message'),
    [
        (np.zeros((4011, 399), np.uint8), r'is uint8 \(4011, 399\); wanted uint8 \(ranges, 400'),
        (np.zeros((4011, 400), np.uint16), r'is uint16 \(4011, 400\); wanted uint8'),
        (np.zeros((11, 400), np.uint8), 'has 11 rows; wanted over 11'),
    ],
)
def test_picture_that_is_no_radar_scan_is_refused(
    tmp_path: Path, scan: np.ndarray, message: str
) -> None:
    put(tmp_path / 'radar.png', scan)
    with pytest.raises(DataError, match=message):
        read_radar(tmp_path / 'radar.png')


def test_raw_radar_is_drawn_into_the_camera(root: Path) -> None:
    put(root / f'radar/{SCENE}_radar.png', radar_scan({(455, 199): 255}))
    radar = Muses(root, 'val')[0]['images']['radar']
    # 19.97 m ahead, 1.62 m below a radar that sits where the LiDAR does, so 0.62 m below the axis.
    row, column = HEIGHT / 2 + 0.62 / 19.97 * 50, WIDTH / 2
    hits = np.argwhere(radar[..., 0] > 0)
    assert len(hits) == 81
    np.testing.assert_allclose(hits.mean(axis=0), [row, column], atol=1)
    distance = np.hypot(456 * 0.0438, 1.62)
    np.testing.assert_allclose(radar[tuple(hits[0])], [distance, 1, 0], rtol=1e-6)


def test_raw_radar_without_its_place_on_the_car_is_refused(root: Path) -> None:
    put(root / f'radar/{SCENE}_radar.png', radar_scan({}))
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
    with pytest.raises(
        DataError, match=r"no folder 'frame_camera': expected frame_camera, gt_sem"
    ):
        Muses(tmp_path, 'val')


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


class FakeHdf5(dict):  # type: ignore[type-arg]
    """Stands in for an open file where h5py is not installed."""

    def __enter__(self) -> 'FakeHdf5':
        return self

    def __exit__(self, *error: object) -> None:
        pass


def test_last_30_ms_of_the_raw_events_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns: dict[str, Any] = {
        'events/x': np.array([1, 2, 3]),
        'events/y': np.array([4, 5, 6]),
        'events/t': np.array([1_000, 31_000, 61_000], np.uint32),  # microseconds
        'events/p': np.array([1, 0, 1]),
    }
    path = tmp_path / 'events.h5'
    if importlib.util.find_spec('h5py'):
        import h5py

        with h5py.File(path, 'w') as file:
            for name, values in columns.items():
                file[name] = values
    else:
        monkeypatch.setattr(muses_files, 'can_read_events', lambda: True)
        fake = SimpleNamespace(File=lambda _path: FakeHdf5(columns))
        monkeypatch.setitem(sys.modules, 'h5py', fake)
    events = read_events(path)
    assert events.x.tolist() == [2, 3]
    assert events.y.tolist() == [5, 6]
    assert events.t_ns.tolist() == [31_000_000, 61_000_000]
    assert events.on.tolist() == [False, True]
