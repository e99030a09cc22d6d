"""Scanning radar: from echoes by direction and range to an image of the camera's view."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from robustseg_core.errors import SensorError
from robustseg_core.sensors.camera import CameraModel
from robustseg_core.sensors.lidar import MINIMUM_RANGE_M, painted, transformed

# As the development kit of MUSES (Broedermann et al., ECCV 2024) draws its radar.
MAXIMUM_RANGE_M = 150.0
DILATION = 9


class RadarPoints(NamedTuple):
    """Echoes in the radar's frame: x forward, y left, z up.

    Attributes:
        points: (N, 3) metres.
        intensity: (N,), in the units of the echoes.
    """

    points: NDArray[np.float32]
    intensity: NDArray[np.float32]


def radar_points(
    echoes: NDArray[np.floating[Any]],
    azimuths: NDArray[np.floating[Any]],
    metres_per_bin: float,
    *,
    ground_m: float,
    threshold: float = 0.0,
) -> RadarPoints:
    """Return the echoes as points on the ground: a scanning radar does not measure height.

    Args:
        echoes: (B, A) strength by range and direction; NaN where there is no measurement.
        azimuths: (A,) radians from straight ahead, to the left.
        metres_per_bin: Depth of a range bin; the first one is at this distance.
        ground_m: Height of the ground in the radar's frame, below zero.
        threshold: Echoes of this strength or less are left out, as are those nearer than 1 m and
            those farther than 150 m.

    Raises:
        SensorError: The shapes do not fit each other.
    """
    if echoes.ndim != 2 or azimuths.shape != (echoes.shape[1],):
        msg = (
            f'Radar echoes have shape {echoes.shape} for azimuths {azimuths.shape}; '
            'wanted (B, A) and (A,).'
        )
        raise SensorError(msg)
    distance = np.arange(1, len(echoes) + 1) * metres_per_bin  # on the ground
    slant = np.hypot(distance, ground_m)
    near = (slant >= MINIMUM_RANGE_M) & (slant <= MAXIMUM_RANGE_M)
    echoes, distance = echoes[near], distance[near].astype(np.float32)
    heard = echoes > threshold  # false for NaN
    intensity = echoes[heard].astype(np.float32, copy=False)
    points = np.empty((len(intensity), 3), np.float32)
    points[:, 0] = np.outer(distance, np.cos(azimuths, dtype=np.float32))[heard]
    points[:, 1] = np.outer(distance, np.sin(azimuths, dtype=np.float32))[heard]
    points[:, 2] = ground_m
    return RadarPoints(points, intensity)


def radar_image(
    points: NDArray[np.floating[Any]],
    intensity: NDArray[np.floating[Any]],
    camera_from_radar: NDArray[np.floating[Any]],
    camera: CameraModel,
    *,
    dilation: int = DILATION,
) -> NDArray[np.float32]:
    """Draw echoes into the camera's image: encoding ``range_intensity``.

    Args:
        points: (N, 3) metres in the radar's frame.
        intensity: (N,) in [0, 1].
        camera_from_radar: (4, 4) transform of radar into camera coordinates.
        camera: The camera, at the size of the image wanted.
        dilation: Side of the square painted for an echo, in pixels, odd.

    Returns:
        (H, W, 3) float32: range from the radar in metres, intensity, 0; all 0 where no echo is.
        Where squares overlap the strongest echo is seen: a radar has one for every range, and most
        of them are noise.

    Raises:
        SensorError: A shape or ``dilation`` is not what is described here.
    """
    shapes = (points.shape, intensity.shape, camera_from_radar.shape)
    if shapes != ((len(intensity), 3), (len(intensity),), (4, 4)):
        msg = f'Radar points, intensity and camera_from_radar have shapes {shapes}; '
        raise SensorError(msg + 'wanted (N, 3), (N,), (4, 4).')
    if dilation < 1 or dilation % 2 == 0:
        msg = f'dilation is {dilation!r}; wanted an odd number of pixels, at least 1.'
        raise SensorError(msg)
    points = np.ascontiguousarray(points, np.float32)
    with np.errstate(invalid='ignore', over='ignore'):  # what overflows is not seen
        seen = camera.see(transformed(points, camera_from_radar))
        distance = np.linalg.norm(points.take(seen.number, axis=0), axis=1)
    values = np.zeros((len(seen.number), 4), np.float32)
    values[:, 0] = distance
    values[:, 1] = intensity.take(seen.number)
    kept = np.flatnonzero(np.isfinite(distance))
    # The last one painted is seen.
    order = kept.take(np.argsort(values[:, 1].take(kept), kind='stable'))
    return painted(seen.pixels(camera.width), values, order, camera, dilation)
