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
_BAND = 32


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
        seen = camera.see(transformed(points, camera_from_lidar))
        # take() is several times as fast as indexing by an array, and so it is throughout.
        x, y, z = np.ascontiguousarray(points.take(seen.number, axis=0).T)
        distance = np.sqrt(x * x + y * y + z * z)
    values = np.zeros((len(distance), 4), np.float32)
    values[:, 0] = distance
    if intensity is not None:
        values[:, 1] = np.nan_to_num(intensity.take(seen.number), nan=0.0)
    values[:, 2] = z
    kept = np.flatnonzero((distance >= MINIMUM_RANGE_M) & (distance < np.inf))
    order = kept.take(_far_to_near(seen.depth.take(kept)))
    return painted(seen.pixels(camera.width), values, order, camera, dilation)


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


def painted(
    pixels: NDArray[np.intp],
    values: NDArray[np.float32],
    order: NDArray[np.intp],
    camera: CameraModel,
    dilation: int,
) -> NDArray[np.float32]:
    """Paint a square around the pixel of each point.

    Args:
        pixels: (N,) in the flattened image.
        values: (N, 4) for its three channels; the fourth is not painted.
        order: (M,) the points to be painted, the last one on top.
        camera: Whose image it is.
        dilation: Side of the squares, odd.

    Returns:
        (H, W, 3) float32, 0 where no square is.
    """
    # Ranks in float32, because OpenCV cannot dilate int32; exact up to 2**24 points.
    ranks = np.zeros((camera.height, camera.width), np.float32)
    ranks.reshape(-1)[pixels.take(order)] = np.arange(1, len(order) + 1, dtype=np.float32)
    if dilation > 1:
        # The maximum of the ranks in the square around a pixel is the last that paints it.
        cv2.dilate(ranks, np.ones((dilation, dilation), np.uint8), dst=ranks)
    # take() moves numbers faster than rows, and a complex number is as long as four floats.
    colours = np.zeros(1 + len(order), np.complex128)  # the first one is the empty pixel's
    colours[1:] = values.view(np.complex128)[:, 0].take(order)
    image = np.zeros((*ranks.shape, 3), np.float32)
    # In bands, whose arrays stay in the processor's cache; there is nothing in the sky.
    for start in range(0, camera.height, _BAND):
        band = slice(start, start + _BAND)
        if ranks[band].any():
            found = colours.take(ranks[band].astype(np.intp)).view(np.float32)
            four = found.reshape(-1, camera.width, 4)
            cv2.cvtColor(four, cv2.COLOR_BGRA2BGR, dst=image[band])
    return image


def _far_to_near(depth: NDArray[np.float32]) -> NDArray[np.intp]:
    """Return the order of positive depths, as ``argsort`` does in twice the time."""
    # Positive floats are in the order of their bits; below these the number of the point.
    keys = np.subtract(1 << 31, depth.view(np.int32), dtype=np.int64)
    keys <<= 32
    keys |= np.arange(len(keys))
    keys.sort()
    keys &= 0xFFFFFFFF
    return keys


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
