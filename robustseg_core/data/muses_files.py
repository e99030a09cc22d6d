"""The files of MUSES: calibration, LiDAR and radar scans, events and the SDK's projections."""

from __future__ import annotations

from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from robustseg_core.data.reading import (
    read_array,
    read_class_ids,
    read_points,
    read_raw_picture,
)
from robustseg_core.documents import read_json
from robustseg_core.errors import DataError, RobustSegError
from robustseg_core.labels import MUSES
from robustseg_core.sensors import CameraModel, Events, RadarPoints, radar_points

REFERENCE_SIZE = (1920, 1080)  # width, height that the intrinsics in calib.json are for
INTENSITY_FULL_SCALE = 255.0
WINDOW_NS = 30_000_000
# A radar scan is a picture, one column a direction. Eleven rows say when it was taken and whether
# it is valid, the others are strengths, one row a range. As the published development kit reads it
# (processing/radar_processing.py of timbroed/MUSES).
RADAR_DIRECTIONS = 400
RADAR_HEADER_ROWS = 11
RADAR_VALID_ROW = 10
RADAR_METRES_PER_BIN = 0.0438
RADAR_GROUND_M = -1.62


class Calibration(NamedTuple):
    """What ``calib.json`` says, 4x4 transforms and cameras of undistorted images.

    Attributes:
        camera: The frame camera.
        event_matrix: (3, 3) intrinsics of the event camera.
        camera_from_lidar: (4, 4).
        camera_from_event: (4, 4).
        camera_from_radar: (4, 4), or None where it is not said.
    """

    camera: CameraModel
    event_matrix: NDArray[np.float64]
    camera_from_lidar: NDArray[np.float64]
    camera_from_event: NDArray[np.float64]
    camera_from_radar: NDArray[np.float64] | None


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
    return read_class_ids(path, len(MUSES))


def decode_projected(path: Path, name: str) -> NDArray[Any]:
    """Read an image that the SDK's ``project_sensors_to_rgb`` wrote.

    As PNG, LiDAR and radar are uint16 = (value + 100) * 150, written through OpenCV and thus read
    through it: any other reader finds the channels in reverse. Intensities come as 0..255.

    Returns:
        (H, W, 3): counts of ON and OFF events and 0, uint8; or range in m, intensity in 0..1 and
        height in m (of radar: 0), float32.

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
        image = read_array(path)
    if image.ndim != 3 or image.shape[2] != 3:
        msg = f'Projected {name} {str(path)!r} has shape {image.shape}; wanted (H, W, 3).'
        raise DataError(msg)
    if name == 'event':
        # A cast alone would make 44 of 300.
        counts: NDArray[np.uint8] = np.clip(image, 0, 255).astype(np.uint8)
        return counts
    image = image.astype(np.float32)
    image[..., 1] /= INTENSITY_FULL_SCALE
    return image


def read_calibration(path: Path) -> Calibration:
    """Read ``calib.json``: intrinsics.{rgb,event}.K, extrinsics.{lidar,event,radar}2rgb.

    Raises:
        DataError: It is missing, or lacks one of these.
    """
    try:
        values = read_json(path)
        intrinsics, extrinsics = values['intrinsics'], values['extrinsics']
        radar = extrinsics.get('radar2rgb')
        return Calibration(
            CameraModel(*REFERENCE_SIZE, np.array(intrinsics['rgb']['K'], np.float64)),
            np.array(intrinsics['event']['K'], np.float64).reshape(3, 3),
            np.array(extrinsics['lidar2rgb'], np.float64).reshape(4, 4),
            np.array(extrinsics['event2rgb'], np.float64).reshape(4, 4),
            None if radar is None else np.array(radar, np.float64).reshape(4, 4),
        )
    except (RobustSegError, AttributeError, ValueError, KeyError, TypeError) as error:
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


def read_radar(path: Path, threshold: float = 0.0) -> RadarPoints:
    """Read a radar scan as points on the ground, intensity in 0..1.

    Args:
        path: The picture.
        threshold: Strength, in 0..1, that an echo must exceed. The development kit draws all.

    Raises:
        DataError: It cannot be read, or is no such picture.
    """
    scan = read_raw_picture(path)
    if scan.ndim == 3:
        scan = scan[..., 0]
    if scan.dtype != np.uint8 or scan.shape[1] != RADAR_DIRECTIONS:
        msg = (
            f'Radar scan {str(path)!r} is {scan.dtype} {scan.shape}; '
            f'wanted uint8 (ranges, {RADAR_DIRECTIONS}).'
        )
        raise DataError(msg)
    if len(scan) <= RADAR_HEADER_ROWS:
        msg = f'Radar scan {str(path)!r} has {len(scan)} rows; wanted over {RADAR_HEADER_ROWS}.'
        raise DataError(msg)
    echoes = scan[RADAR_HEADER_ROWS:] / np.float32(INTENSITY_FULL_SCALE)
    echoes[:, scan[RADAR_VALID_ROW] == 0] = np.nan
    # Clockwise from behind; column 199 looks ahead.
    turns = np.arange(1, RADAR_DIRECTIONS + 1) / RADAR_DIRECTIONS
    azimuths = np.pi - 2 * np.pi * turns
    return radar_points(
        echoes, azimuths, RADAR_METRES_PER_BIN, ground_m=RADAR_GROUND_M, threshold=threshold
    )


def can_read_events() -> bool:
    """Return whether h5py is installed, which raw event files need."""
    return find_spec('h5py') is not None


def read_events(path: Path) -> Events:
    """Read the last 30 ms of an HDF5 file ``events/{x,y,t,p}``, t in microseconds.

    Raises:
        DataError: It cannot be read, or lacks one of these; h5py is not installed.
    """
    if not can_read_events():
        msg = f'Reading {str(path)!r} needs h5py and hdf5plugin, which are not installed.'
        raise DataError(msg)
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
