"""The files of MUSES: calibration, labels, LiDAR scans, events and the SDK's projections."""

from __future__ import annotations

from contextlib import suppress
from importlib.util import find_spec
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from robustseg_core.data.reading import read_picture, read_points, read_raw_picture
from robustseg_core.errors import DataError
from robustseg_core.labels import IGNORE_ID, MUSES
from robustseg_core.sensors import CameraModel, Events

REFERENCE_SIZE = (1920, 1080)  # width, height that the intrinsics in calib.json are for
INTENSITY_FULL_SCALE = 255.0
WINDOW_NS = 30_000_000


class Calibration(NamedTuple):
    """What ``calib.json`` says, 4x4 transforms and cameras of undistorted images.

    Attributes:
        camera: The frame camera.
        event_matrix: (3, 3) intrinsics of the event camera.
        camera_from_lidar: (4, 4).
        camera_from_event: (4, 4).
    """

    camera: CameraModel
    event_matrix: NDArray[np.float64]
    camera_from_lidar: NDArray[np.float64]
    camera_from_event: NDArray[np.float64]


class LidarScan(NamedTuple):
    """A scan: points (N, 3) m, intensity (N,) in 0..1, ring (N,) uint16, time (N,) s."""

    points: NDArray[np.float32]
    intensity: NDArray[np.float32]
    ring: NDArray[np.uint16]
    time_s: NDArray[np.float64]


def decode_labels(path: Path) -> NDArray[np.uint8]:
    """Read Cityscapes' train ids: 0..18 as (H, W) uint8, 255 where nothing is labelled.

    Raises:
        DataError: It cannot be read, or holds another value.
    """
    ids = read_picture(path)[..., 0]
    strange = np.unique(ids[(ids >= len(MUSES)) & (ids != IGNORE_ID)])
    if strange.size:
        msg = (
            f'Labels {str(path)!r} hold the values {strange.tolist()}; '
            f'wanted 0..{len(MUSES) - 1} or {IGNORE_ID}.'
        )
        raise DataError(msg)
    return ids


def decode_projected(path: Path, name: str) -> NDArray[Any]:
    """Read an image that the SDK's ``project_sensors_to_rgb`` wrote.

    As PNG, LiDAR is uint16 = (value + 100) * 150, written through OpenCV and thus read through it:
    any other reader finds the channels in reverse. Intensities come as 0..255.

    Returns:
        (H, W, 3): counts of ON and OFF events and 0, uint8; or range in m, intensity in 0..1 and
        height in m, float32.

    Raises:
        DataError: It cannot be read, or has another type.
    """
    if path.suffix == '.png':
        image = read_raw_picture(path)
        if name != 'event':
            if image.dtype != np.uint16:
                msg = f'Projected {name} {str(path)!r} is {image.dtype}; wanted uint16.'
                raise DataError(msg)
            image = image.astype(np.float32) / 150 - 100
    else:
        image = _load_array(path)
    if image.ndim != 3 or image.shape[2] != 3:
        msg = f'Projected {name} {str(path)!r} has shape {image.shape}; wanted (H, W, 3).'
        raise DataError(msg)
    if name == 'event':
        return image.astype(np.uint8, copy=False)
    image = image.astype(np.float32)
    image[..., 1] /= INTENSITY_FULL_SCALE
    return image


def read_calibration(path: Path) -> Calibration:
    """Read ``calib.json``: intrinsics.{rgb,event}.K, extrinsics.{lidar2rgb,event2rgb}.

    Raises:
        DataError: It is missing, or lacks one of these.
    """
    try:
        values = json.loads(path.read_text())
        intrinsics, extrinsics = values['intrinsics'], values['extrinsics']
        return Calibration(
            CameraModel(*REFERENCE_SIZE, np.array(intrinsics['rgb']['K'], np.float64)),
            np.array(intrinsics['event']['K'], np.float64).reshape(3, 3),
            np.array(extrinsics['lidar2rgb'], np.float64).reshape(4, 4),
            np.array(extrinsics['event2rgb'], np.float64).reshape(4, 4),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        msg = (
            f'MUSES calibration {str(path)!r} is not intrinsics.(rgb, event).K and '
            f'extrinsics.(lidar2rgb, event2rgb): {error!r}.'
        )
        raise DataError(msg) from error


def read_scan(path: Path) -> LidarScan:
    """Read a scan: float64 rows of x, y, z, intensity 0..255, ring, time in seconds.

    Raises:
        DataError: It cannot be read, or does not end with a whole row.
    """
    rows = read_points(path, np.float64, 6)
    return LidarScan(
        rows[:, :3].astype(np.float32),
        (rows[:, 3] / INTENSITY_FULL_SCALE).astype(np.float32),
        rows[:, 4].astype(np.uint16),
        rows[:, 5],
    )


def can_read_events() -> bool:
    """Return whether h5py is installed, which raw event files need."""
    return find_spec('h5py') is not None


def read_events(path: Path) -> Events | None:
    """Read the last 30 ms of an HDF5 file ``events/{x,y,t,p}``, t in microseconds.

    Returns:
        The events, or None where h5py is not installed.

    Raises:
        DataError: It cannot be read, or lacks one of these.
    """
    if not can_read_events():
        return None
    import h5py

    with suppress(ImportError):
        import hdf5plugin  # noqa: F401  -- registers the compressors the files were written with
    try:
        with h5py.File(path) as file:
            x, y, t_us, on = (file[f'events/{name}'][:] for name in 'xytp')
    except (OSError, KeyError) as error:
        msg = f'{str(path)!r} is not an HDF5 file of events/x, y, t, p: {error}.'
        raise DataError(msg) from error
    t_ns = t_us.astype(np.int64) * 1000
    recent = t_ns >= t_ns.max(initial=0) - WINDOW_NS
    return Events(
        x[recent].astype(np.uint16), y[recent].astype(np.uint16), t_ns[recent], on[recent] == 1
    )


def seen_by_camera(events: Events, calibration: Calibration, width: int, height: int) -> Events:
    """Turn events into the view of the frame camera at ``width`` x ``height``, as from afar.

    Only the cameras' rotation counts then; the SDK does the same.
    """
    camera = calibration.camera.resized(width, height)
    rotation = calibration.camera_from_event[:3, :3]
    homography = camera.matrix @ rotation @ np.linalg.inv(calibration.event_matrix)
    column, row, scale = homography @ np.stack([events.x, events.y, np.ones_like(events.x)])
    x, y = np.rint(column / scale), np.rint(row / scale)
    inside = (scale > 0) & (x >= 0) & (x < width) & (y >= 0) & (y < height)
    return Events(
        x[inside].astype(np.uint16),
        y[inside].astype(np.uint16),
        events.t_ns[inside],
        events.on[inside],
    )


def _load_array(path: Path) -> NDArray[Any]:
    try:
        loaded = np.load(path, allow_pickle=False)
        if path.suffix == '.npz':
            with loaded:
                return np.asarray(loaded[loaded.files[0]])
        return np.asarray(loaded)
    except (OSError, ValueError, IndexError) as error:
        msg = f'Cannot read the array {str(path)!r}: {error}.'
        raise DataError(msg) from error
