"""LiDAR points as an image of the camera's view."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from robustseg_core.errors import SensorError
from robustseg_core.sensors.camera import CameraModel

# The vehicle itself and the scanner's own housing; as MUSES does.
MINIMUM_RANGE_M = 1.0


def lidar_image(
    points: NDArray[np.floating[Any]],
    intensity: NDArray[np.floating[Any]] | None,
    camera_from_lidar: NDArray[np.floating[Any]],
    camera: CameraModel,
    *,
    dilation: int = 3,
) -> NDArray[np.float32]:
    """Draw a point cloud into the camera's image: encoding ``range_intensity_height``.

    Give the camera the network's size (``CameraModel.resized``): a sparse image that is drawn
    large and shrunk afterwards loses most of its points.

    Args:
        points: (N, 3) metres in the LiDAR's frame (x forward, z up); NaN and infinite ones, and
            those nearer than one metre, are left out.
        intensity: (N,) in [0, 1], or None where the sensor has none (drawn as 0).
        camera_from_lidar: (4, 4) transform of LiDAR into camera coordinates.
        camera: The camera, at the size of the image wanted.
        dilation: Side of the square painted for a point, in pixels, odd: a single pixel in sixteen
            or so would hardly survive the stride of the network's first layer.

    Returns:
        (H, W, 3) float32: range from the LiDAR's origin in metres, intensity, height z in the
        LiDAR's frame in metres; all 0 where no point is. Where squares overlap, the point nearest
        to the camera is seen.

    Raises:
        SensorError: A shape or ``dilation`` is not what is described here.
    """
    _check(points, intensity, camera_from_lidar, dilation)
    points = np.ascontiguousarray(points, np.float32)
    with np.errstate(invalid='ignore', over='ignore'):  # NaN and infinity are sorted out below
        pixels, depth, visible = camera.project(transformed(points, camera_from_lidar))
    index = np.flatnonzero(visible)
    seen = points[index]
    distance = np.sqrt(np.einsum('ij,ij->i', seen, seen))
    far_enough = (distance >= MINIMUM_RANGE_M) & (distance < np.inf)
    if not far_enough.all():
        index, seen, distance = index[far_enough], seen[far_enough], distance[far_enough]
    # Far to near: the nearest point has the highest rank and the last word.
    order = np.argsort(depth[index])[::-1]
    index = index[order]
    values = np.zeros((len(index) + 1, 3), np.float32)  # row 0 is the empty pixel
    values[1:, 0] = distance[order]
    values[1:, 2] = seen[order, 2]
    if intensity is not None:
        values[1:, 1] = np.nan_to_num(intensity[index], nan=0.0)
    # take() is four times as fast here as indexing by an array.
    return values.take(ranks(pixels[index], camera, dilation), axis=0)


def transformed(
    points: NDArray[np.float32], transform: NDArray[np.floating[Any]]
) -> NDArray[np.float32]:
    """Return the points (N, 3) through the transform (4, 4).

    Not by matmul: BLAS starts its threads for it, which on a busy machine takes tens of
    milliseconds for what is a fraction of one.
    """
    if not len(points):
        return points
    matrix = transform[:3].astype(np.float64)
    moved: NDArray[np.float32] = cv2.transform(points[:, None], matrix)[:, 0]
    return moved


def ranks(pixels: NDArray[np.float32], camera: CameraModel, dilation: int) -> NDArray[np.int32]:
    """Return for each pixel of the image 1 + the last of ``pixels`` that covers it, 0 for none."""
    column, row = np.rint(pixels).astype(np.int32).T
    # float32, because OpenCV cannot dilate int32; exact up to 2**24 points.
    painted = np.zeros((camera.height, camera.width), np.float32)
    painted[row, column] = np.arange(1, len(pixels) + 1, dtype=np.float32)
    if dilation > 1:
        # The maximum of the ranks in the square around a pixel is the nearest point painting it.
        painted = cv2.dilate(painted, np.ones((dilation, dilation), np.uint8))
    return painted.astype(np.int32)


def _check(
    points: NDArray[np.floating[Any]],
    intensity: NDArray[np.floating[Any]] | None,
    camera_from_lidar: NDArray[np.floating[Any]],
    dilation: int,
) -> None:
    if points.ndim != 2 or points.shape[1] != 3:
        msg = f'Points have shape {points.shape}; wanted (N, 3).'
        raise SensorError(msg)
    if intensity is not None and intensity.shape != (len(points),):
        msg = f'Intensity has shape {intensity.shape}; wanted ({len(points)},), one per point.'
        raise SensorError(msg)
    if camera_from_lidar.shape != (4, 4):
        msg = f'camera_from_lidar has shape {camera_from_lidar.shape}; wanted (4, 4).'
        raise SensorError(msg)
    if dilation < 1 or dilation % 2 == 0:
        msg = f'dilation is {dilation!r}; wanted an odd number of pixels, at least 1.'
        raise SensorError(msg)
