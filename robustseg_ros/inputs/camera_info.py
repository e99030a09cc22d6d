"""sensor_msgs/CameraInfo to the camera that lies behind an image, and to that of a resized one."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import CameraInfo

from robustseg_core.errors import SensorError
from robustseg_core.quoting import MOST_CHARACTERS, quoted
from robustseg_core.sensors.camera import CameraModel
from robustseg_ros.inputs.faces import check_frame

Matrix = NDArray[np.float64]


_MOST_COEFFICIENTS = 32  # more than any model has
_NEARLY = 1e-2  # calibrations are written with few digits


class _Sent(NamedTuple):
    """The image that a CameraInfo goes with.

    Attributes:
        width: In pixels.
        height: In pixels.
        from_full: (3, 3) takes pixels of the sensor's full resolution to those of the image.
    """

    width: int
    height: int
    from_full: Matrix


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
    check_frame(msg.header.frame_id)
    # All are looked at, since all are published again.
    k, projection = _numbers('K', msg.k, 3, 3), _projection(msg)
    name, matrix = ('P', projection[:, :3]) if rectified else ('K', k)
    if matrix[0, 0] == 0:
        error = (
            f'The camera {quoted(msg.header.frame_id)} is uncalibrated: {name}[0]=0; wanted a '
            f'focal length > 0.'
        )
        raise SensorError(error)
    if len(msg.d) > _MOST_COEFFICIENTS or len(msg.distortion_model) > MOST_CHARACTERS:
        error = (
            f'D of the CameraInfo has {len(msg.d)} numbers for distortion model '
            f'{quoted(msg.distortion_model)}; wanted at most {_MOST_COEFFICIENTS} and a known one.'
        )
        raise SensorError(error)
    # All zero is no distortion, under whatever name; drivers leave D empty or the name out.
    straight = rectified or not any(msg.d)
    sent = _sent(msg)
    return CameraModel(
        sent.width,
        sent.height,
        sent.from_full @ matrix,
        'none' if straight else msg.distortion_model,
        () if straight else msg.d,
    )


def rectification(msg: Any) -> Matrix:
    """Return the (4, 4) transform of the camera's frame into that of its rectified image.

    The rotation R, and for the second camera of a stereo pair the baseline in P's last column:
    a rectified image is projected with this before the camera of ``camera_info_to_model``.

    Raises:
        SensorError: P has no focal length or is no projection, or R is no rotation.
    """
    projection = _projection(msg)
    if projection[0, 0] == 0 or projection[1, 1] == 0:
        error = f'The camera {quoted(msg.header.frame_id)} is uncalibrated: P has no focal length.'
        raise SensorError(error)
    if (projection[2, :3] != (0, 0, 1)).any():
        error = (
            f'P of the CameraInfo is {projection.tolist()}; wanted fx 0 cx Tx, 0 fy cy Ty, 0 0 1.'
        )
        raise SensorError(error)
    transform = np.eye(4)
    rotation = _numbers('R', msg.r, 3, 3)
    if rotation.any():  # left out by monocular drivers
        with np.errstate(all='ignore'):  # what overflows is no rotation
            turns = (np.abs(rotation @ rotation.T - np.eye(3)) < _NEARLY).all()
        if not turns:
            error = f'R of the CameraInfo is {rotation.tolist()}; wanted a rotation.'
            raise SensorError(error)
        transform[:3, :3] = rotation
    with np.errstate(all='ignore'):
        transform[:3, 3] = np.linalg.solve(projection[:, :3], projection[:, 3])
    if not np.isfinite(transform).all():
        error = f'P of the CameraInfo is {projection.tolist()}; wanted a baseline in metres.'
        raise SensorError(error)
    return transform


def resized_camera_info(info: Any, width: int, height: int, header: Any) -> CameraInfo:
    """Return ``info`` for its image resized to ``width`` x ``height``, with ``header``.

    What was a region of interest or binned is the whole image of the CameraInfo returned.

    Raises:
        SensorError: ``info`` has no image.
    """
    sent = _sent(info)
    x, y = width / sent.width, height / sent.height
    to_image = _scaling(x, y) @ sent.from_full
    return CameraInfo(
        header=header,
        width=width,
        height=height,
        distortion_model=info.distortion_model,
        d=info.d,
        k=(to_image @ _numbers('K', info.k, 3, 3)).ravel(),
        r=info.r,
        p=(to_image @ _projection(info)).ravel(),
    )


def _sent(msg: Any) -> _Sent:
    roi = msg.roi
    whole = roi.width == 0 or roi.height == 0
    full = (msg.width, msg.height) if whole else (roi.width, roi.height)
    binning = (max(1, msg.binning_x), max(1, msg.binning_y))  # 0 means 1
    width, height = full[0] // binning[0], full[1] // binning[1]
    if min(msg.width, msg.height, width, height) < 1:
        error = (
            f'Camera size is {msg.width}x{msg.height}, {full[0]}x{full[1]} of which are sent '
            f'with a binning of {binning[0]}x{binning[1]}; wanted at least 1x1.'
        )
        raise SensorError(error)
    offset = (0, 0) if whole else (roi.x_offset, roi.y_offset)
    shift = np.array([[1.0, 0, -offset[0]], [0, 1, -offset[1]], [0, 0, 1]])
    return _Sent(width, height, _scaling(1 / binning[0], 1 / binning[1]) @ shift)


def _scaling(x: float, y: float) -> Matrix:
    # Integer coordinates are pixel centres: it is the distance from the edge that scales.
    return np.array([[x, 0, (x - 1) / 2], [0, y, (y - 1) / 2], [0, 0, 1]])


def _projection(msg: Any) -> Matrix:
    return _numbers('P', msg.p, 3, 4)


def _numbers(name: str, values: Any, rows: int, columns: int) -> Matrix:
    matrix = np.array(values, np.float64)
    if not np.isfinite(matrix).all():
        error = f'{name} of the CameraInfo is {matrix.tolist()}; wanted finite numbers.'
        raise SensorError(error)
    return matrix.reshape(rows, columns)
