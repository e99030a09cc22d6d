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

from robustseg_core.data import muses_files
from robustseg_core.data.muses import Muses
from robustseg_core.data.muses_files import decode_projected, read_events, seen_by_camera
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
        'extrinsics': {'lidar2rgb': LIDAR_TO_CAMERA, 'event2rgb': np.eye(4).tolist()},
    }
    (tmp_path / 'calib.json').write_text(json.dumps(calibration))
    return tmp_path


def put(path: Path, picture: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), picture)


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
    path = root / f'projected_to_rgb/lidar/{SCENE}_lidar{suffix}'
    path.parent.mkdir(parents=True)
    if suffix == '.npz':
        np.savez_compressed(path, values)
    elif suffix == '.npy':
        np.save(path, values)
    else:  # as the SDK does: shift, scale, and OpenCV with the channels as they are
        cv2.imwrite(str(path), ((values + 100) * 150).astype(np.uint16))
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
    assert data.missing.lines() == [
        f'event: 1 of 1 files are missing, e.g. {events}',
        f'lidar: 1 of 1 files are missing, e.g. {scan}',
    ]


def test_label_that_is_no_class_is_refused(root: Path) -> None:
    put(root / f'gt_semantic/{SCENE}_gt_labelTrainIds.png', np.full((HEIGHT, WIDTH), 19, np.uint8))
    with pytest.raises(DataError, match=r'hold the values \[19\]; wanted 0..18 or 255'):
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
    assert events is not None
    assert events.x.tolist() == [2, 3]
    assert events.y.tolist() == [5, 6]
    assert events.t_ns.tolist() == [31_000_000, 61_000_000]
    assert events.on.tolist() == [False, True]
