"""sensor_msgs/CameraInfo to the camera that lies behind an image."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from robustseg_core.errors import SensorError
from robustseg_core.sensors.camera import CameraModel


def camera_info_to_model(msg: Any, *, rectified: bool) -> CameraModel:
    """Return the camera of the image that ``msg`` goes with, at that image's size.

    K, D and P are those of the sensor's full resolution; the region of interest and the binning
    that made the image are applied here (REP 104).

    Args:
        msg: The sensor_msgs/CameraInfo.
        rectified: The image is rectified: P describes it, without distortion, in a frame that
            ``rectification`` gives; otherwise K and D do.

    Raises:
        SensorError: The camera is uncalibrated, or its values make no camera.
    """
    name, matrix = ('P', _projection(msg)[:, :3]) if rectified else ('K', _square(msg.k))
    if matrix[0, 0] == 0:
        error = (
            f'The camera {msg.header.frame_id!r} is uncalibrated: {name}[0]=0; wanted a focal '
            f'length > 0.'
        )
        raise SensorError(error)
    # All zero is no distortion, under whatever name; drivers leave D empty or the name out.
    straight = rectified or not any(msg.d)
    roi = msg.roi
    whole = roi.width == 0 or roi.height == 0
    width, height = (msg.width, msg.height) if whole else (roi.width, roi.height)
    if not whole:
        matrix[0, 2] -= roi.x_offset
        matrix[1, 2] -= roi.y_offset
    camera = CameraModel(
        width,
        height,
        matrix,
        'none' if straight else msg.distortion_model,
        () if straight else tuple(msg.d),
    )
    binning = (max(1, msg.binning_x), max(1, msg.binning_y))  # 0 means 1
    if binning == (1, 1):
        return camera
    return camera.resized(width // binning[0], height // binning[1])


def rectification(msg: Any) -> NDArray[np.float64]:
    """Return the (4, 4) transform of the camera's frame into that of its rectified image.

    The rotation R, and for the second camera of a stereo pair the baseline in P's last column:
    a rectified image is projected with this before the camera of ``camera_info_to_model``.

    Raises:
        SensorError: P has no focal length.
    """
    projection = _projection(msg)
    if projection[0, 0] == 0 or projection[1, 1] == 0:
        error = f'The camera {msg.header.frame_id!r} is uncalibrated: P has no focal length.'
        raise SensorError(error)
    transform = np.eye(4)
    rotation = _square(msg.r)
    if rotation.any():  # left out by monocular drivers
        transform[:3, :3] = rotation
    transform[:3, 3] = np.linalg.solve(projection[:, :3], projection[:, 3])
    return transform


def _square(values: Any) -> NDArray[np.float64]:
    return np.array(values, np.float64).reshape(3, 3)


def _projection(msg: Any) -> NDArray[np.float64]:
    return np.array(msg.p, np.float64).reshape(3, 4)
