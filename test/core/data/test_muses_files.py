"""The files of MUSES."""

import importlib.util
from pathlib import Path
import sys
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from robustseg_core.data import muses_files
from robustseg_core.data.muses_files import decode_projected, read_events, read_radar
from robustseg_core.errors import DataError


def put(path: Path, picture: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), picture)


def test_projected_lidar_in_bytes_is_refused(tmp_path: Path) -> None:
    put(tmp_path / 'lidar.png', np.zeros((2, 2, 3), np.uint8))
    with pytest.raises(DataError, match=r'lidar .* is uint8; wanted uint16'):
        decode_projected(tmp_path / 'lidar.png', 'lidar')


def test_raw_events_without_a_reader_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(muses_files, 'can_read_events', lambda: False)
    with pytest.raises(DataError, match=r'events.h5. needs h5py and hdf5plugin'):
        read_events(tmp_path / 'events.h5')


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


@pytest.mark.parametrize('suffix', ['.npy', '.png'])
def test_projected_counts_beyond_a_byte_stay_at_its_highest(tmp_path: Path, suffix: str) -> None:
    counts = np.full((2, 2, 3), 300, np.uint16)
    counts[0, 0] = 255, 256, 0
    path = tmp_path / f'events{suffix}'
    np.save(path, counts) if suffix == '.npy' else put(path, counts)
    image = decode_projected(path, 'event')
    assert image.dtype == np.uint8
    assert image[0, 0].tolist() == [255, 255, 0]
    assert (image[1] == 255).all()


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
