"""The camera: intrinsics, lens distortion and projection."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from robustseg_core.errors import SensorError
from robustseg_core.sensors.distortion import (
    Float,
    checked_coefficients,
    distorted,
    radial_gain,
    radius_shown,
)


class Projection(NamedTuple):
    """Points in the image.

    Attributes:
        pixels: (N, 2) float32 column and row; integers are pixel centres; NaN where not visible.
        depth: (N,) float32 metres along the optical axis, for every point.
        visible: (N,) bool, in front of the camera and inside the image.
    """

    pixels: NDArray[np.float32]
    depth: NDArray[np.float32]
    visible: NDArray[np.bool_]


class Seen(NamedTuple):
    """The K of N points that are in front of the camera and inside the image.

    Attributes:
        number: (K,) which of the points.
        column: (K,) float32; integers are pixel centres.
        row: (K,) float32.
        depth: (K,) float32 metres along the optical axis, > 0.
    """

    number: NDArray[np.intp]
    column: NDArray[np.float32]
    row: NDArray[np.float32]
    depth: NDArray[np.float32]

    def pixels(self, width: int) -> NDArray[np.intp]:
        """Return the (K,) nearest pixels, in the flattened image of ``width``."""
        pixels = np.rint(self.row).astype(np.intp)
        pixels *= width
        pixels += np.rint(self.column).astype(np.intp)
        return pixels


@dataclass(frozen=True, eq=False)
class CameraModel:
    """A calibrated camera; axes are those of an optical frame: x right, y down, z forward.

    Attributes:
        width: Image width in pixels.
        height: Image height in pixels.
        matrix: (3, 3) float64, ``[[fx, 0, cx], [0, fy, cy], [0, 0, 1]]`` in pixels.
        distortion_model: ``none``, ``plumb_bob``, ``rational_polynomial`` or ``equidistant``.
        distortion: Its coefficients: ``plumb_bob`` k1 k2 p1 p2 [k3]; ``rational_polynomial`` k1 k2
            p1 p2 k3 k4 k5 k6 [s1 s2 s3 s4 [tau_x tau_y]]; ``equidistant`` k1 k2 k3 k4. More than
            these must be zero, and are left out.

    Raises:
        SensorError: The camera is uncalibrated, or a value is not what is described here.
    """

    width: int
    height: int
    matrix: NDArray[np.float64]
    distortion_model: str = 'none'
    distortion: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        matrix = np.array(self.matrix, dtype=np.float64)
        matrix.setflags(write=False)
        object.__setattr__(self, 'matrix', matrix)
        coefficients = checked_coefficients(self.distortion_model, self.distortion)
        object.__setattr__(self, 'distortion', coefficients)
        if self.width < 1 or self.height < 1:
            msg = f'Camera size is {self.width}x{self.height}; wanted at least 1x1.'
            raise SensorError(msg)
        if matrix.shape != (3, 3):
            msg = f'Camera matrix has shape {matrix.shape}; wanted (3, 3).'
            raise SensorError(msg)
        if matrix[0, 0] == 0 or matrix[1, 1] == 0:
            focal = f'K[0]={matrix[0, 0]:g}, K[4]={matrix[1, 1]:g}'
            msg = f'The camera is uncalibrated: {focal}; wanted focal lengths > 0.'
            raise SensorError(msg)
        focal_only = [[matrix[0, 0], 0, matrix[0, 2]], [0, matrix[1, 1], matrix[1, 2]], [0, 0, 1]]
        if (
            not np.isfinite(matrix).all()
            or min(np.diag(matrix)) < 0
            or (matrix != focal_only).any()
        ):
            msg = f'Camera matrix is {matrix.tolist()}; wanted fx 0 cx, 0 fy cy, 0 0 1.'
            raise SensorError(msg)

    def _key(self) -> tuple[object, ...]:
        size = (self.width, self.height)
        return (*size, self.matrix.tobytes(), self.distortion_model, self.distortion)

    # By value, so that a repeated CameraInfo is recognised as the same camera.
    def __eq__(self, other: object) -> bool:
        return isinstance(other, CameraModel) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    @classmethod
    def pinhole(cls, width: int, height: int, horizontal_fov_deg: float) -> CameraModel:
        """Return an undistorted camera with square pixels that looks through the image's middle.

        Raises:
            SensorError: The field of view is not between 0 and 180 degrees.
        """
        if not 0 < horizontal_fov_deg < 180:
            msg = f'Horizontal field of view is {horizontal_fov_deg!r}; wanted 0 to 180 degrees.'
            raise SensorError(msg)
        focal = width / 2 / math.tan(math.radians(horizontal_fov_deg) / 2)
        centre = ((width - 1) / 2, (height - 1) / 2)
        return cls(
            width, height, np.array([[focal, 0, centre[0]], [0, focal, centre[1]], [0, 0, 1]])
        )

    def resized(self, width: int, height: int) -> CameraModel:
        """Return the same camera with its image resized to ``width`` x ``height``.

        Integer coordinates are pixel centres, so the image's left edge is at -0.5 and it is the
        distance from that edge which scales: cx' = (cx + 0.5) * s - 0.5. Scaling cx alone would
        shift the projection by up to half a pixel of the larger image against the resized image.
        """
        scale_x, scale_y = width / self.width, height / self.height
        fx, fy, cx, cy = self._intrinsics
        matrix = np.array(
            [
                [fx * scale_x, 0, (cx + 0.5) * scale_x - 0.5],
                [0, fy * scale_y, (cy + 0.5) * scale_y - 0.5],
                [0, 0, 1],
            ]
        )
        return CameraModel(width, height, matrix, self.distortion_model, self.distortion)

    def project(self, points: Float) -> Projection:
        """Project points (N, 3), metres in the camera's optical frame, in float32.

        Raises:
            SensorError: ``points`` is not (N, 3).
        """
        seen = self.see(points)
        pixels = np.full((len(points), 2), np.nan, np.float32)
        visible = np.zeros(len(points), np.bool_)
        pixels[seen.number, 0] = seen.column
        pixels[seen.number, 1] = seen.row
        visible[seen.number] = True
        return Projection(pixels, points[:, 2].astype(np.float32), visible)

    def see(self, points: Float) -> Seen:
        """Return those of the points that are visible, as ``project`` does but nothing of others.

        Raises:
            SensorError: ``points`` is not (N, 3).
        """
        if points.ndim != 2 or points.shape[1] != 3:
            msg = f'Points have shape {points.shape}; wanted (N, 3).'
            raise SensorError(msg)
        x, y, depth = np.ascontiguousarray(points.T, np.float32)
        # A NaN compares as false: such points are never visible.
        number = np.flatnonzero(depth > 0)
        # take() is several times as fast as indexing by an array.
        x, y, depth = x.take(number), y.take(number), depth.take(number)
        x /= depth
        y /= depth
        if self.distortion_model != 'none':
            # Beyond the field of view the polynomials bend back, and would draw what the camera
            # cannot see into the middle of the image: cull before they are applied.
            near_axis = np.flatnonzero(x * x + y * y <= self._radius_limit**2)
            number, depth = number.take(near_axis), depth.take(near_axis)
            x, y = distorted(
                self.distortion_model, self.distortion, x.take(near_axis), y.take(near_axis)
            )
        fx, fy, cx, cy = (np.float32(value) for value in self._intrinsics)
        column, row = fx * x + cx, fy * y + cy
        inside = np.flatnonzero(
            (column >= -0.5)
            & (column < self.width - 0.5)
            & (row >= -0.5)
            & (row < self.height - 0.5)
        )
        return Seen(number.take(inside), column.take(inside), row.take(inside), depth.take(inside))

    @property
    def _intrinsics(self) -> tuple[float, float, float, float]:
        matrix = self.matrix
        return matrix[0, 0].item(), matrix[1, 1].item(), matrix[0, 2].item(), matrix[1, 2].item()

    @cached_property
    def _radius_limit(self) -> float:
        """Largest undistorted radius hypot(x, y) / z that the image's farthest corner can show.

        Where the polynomials stop growing before they reach that corner, the radius at which they
        do: beyond it they are not a lens any more.
        """
        fx, fy, cx, cy = self._intrinsics
        edges_x = np.array([-0.5 - cx, self.width - 0.5 - cx]) / fx
        edges_y = np.array([-0.5 - cy, self.height - 0.5 - cy]) / fy
        corners_x, corners_y = (corners.ravel() for corners in np.meshgrid(edges_x, edges_y))
        shown = radius_shown(self.distortion, corners_x, corners_y)
        radius = np.tan(np.linspace(0, math.radians(89.9), 4096))
        with np.errstate(divide='ignore', invalid='ignore', over='ignore'):
            bent = radius * radial_gain(self.distortion_model, self.distortion, radius * radius)
        growing = np.diff(bent) > 0  # false for NaN
        fold = len(growing) if growing.all() else int(np.argmin(growing))
        reached = int(np.searchsorted(bent[: fold + 1], shown))
        return float(radius[min(reached, fold)])
