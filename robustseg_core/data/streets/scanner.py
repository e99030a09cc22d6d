"""The LiDAR: a rotating scanner with a ring of beams per elevation."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from robustseg_core.data.streets.appearance import inverse_depth, planes_of, with_nothing
from robustseg_core.data.streets.raster import Sight, View, paint
from robustseg_core.data.streets.scene import Scene
from robustseg_core.data.streets.textures import SURFACES, Material
from robustseg_core.data.streets.weather import Weather

Float = NDArray[np.float32]

RINGS = 32
AZIMUTHS = 1024
LOWEST_DEG, HIGHEST_DEG = -25.0, 13.0
RANGE_LIMIT_M = 100.0
RANGE_NOISE_M = 0.02
SIDES = 4  # the turn is painted as the sides of a cube
_FOCAL = 140.0
_QUARTERS = ((1, 0), (0, 1), (-1, 0), (0, -1))  # cosine and sine of each side's turn


class Scan(NamedTuple):
    """One turn; positions in the scanner's frame: x forward, y left, z up.

    Attributes:
        points: (N, 3) float32 metres.
        intensity: (N,) float32 in [0, 1].
        ring: (N,) uint16, 0 = lowest.
    """

    points: Float
    intensity: Float
    ring: NDArray[np.uint16]


class Scanner:
    """Casts the beams of one turn; all of it at one moment."""

    def __init__(self, weather: Weather) -> None:
        self._weather = weather
        self._reflectivity = np.array([SURFACES[m].reflectivity for m in Material], np.float32)
        self._miss = np.array([SURFACES[m].miss for m in Material], np.float32)
        elevation = np.radians(np.linspace(LOWEST_DEG, HIGHEST_DEG, RINGS))
        count = AZIMUTHS // SIDES
        azimuth = (np.arange(count) + 0.5) / count * np.pi / 2 - np.pi / 4
        azimuth, tilt = (grid.ravel() for grid in np.meshgrid(azimuth, elevation))
        # Beams of the side that looks along +x, in camera axes: right, down, forward = 1.
        self._rays = np.stack(
            [-np.tan(azimuth), -np.tan(tilt) / np.cos(azimuth), np.ones_like(tilt)]
        ).astype(np.float32)
        self._length = np.sqrt((self._rays * self._rays).sum(axis=0))
        self._ring = np.tile(np.repeat(np.arange(RINGS, dtype=np.uint16), count), SIDES)
        # All beams of the turn, in the scanner's frame.
        right, down, _ = self._rays / self._length
        ahead = 1 / self._length
        self._direction = np.concatenate(
            [
                np.stack([c * ahead + s * right, s * ahead - c * right, -down], axis=1)
                for c, s in _QUARTERS
            ]
        ).astype(np.float32)
        steep = np.tan(np.radians([HIGHEST_DEG, LOWEST_DEG])) * np.sqrt(2) * _FOCAL
        top, bottom = int(np.ceil(steep[0])) + 1, int(np.ceil(-steep[1])) + 1
        self._centre = (_FOCAL, float(top))
        self._size = (int(2 * _FOCAL) + 1, top + bottom + 1)
        column = np.rint(self._rays[0] * _FOCAL + self._centre[0]).astype(np.int32)
        row = np.rint(self._rays[1] * _FOCAL + self._centre[1]).astype(np.int32)
        self._pixel = row * self._size[0] + column

    def scan(self, scene: Scene, sight: Sight, axes: Float, rng: np.random.Generator) -> Scan:
        """Return one turn.

        ``axes`` (3, 3) has forward, left and up of the scanner in world coordinates as rows.
        """
        turns = [self._side(scene, sight, axes, side) for side in range(SIDES)]
        distance, brightness, miss = (np.concatenate(part) for part in zip(*turns, strict=True))
        keep = self._returns(distance, brightness, miss, rng)
        direction, distance, ring = self._direction[keep], distance[keep], self._ring[keep]
        distance += np.float32(RANGE_NOISE_M) * rng.standard_normal(len(distance), np.float32)
        fade = np.exp(-self._weather.laser_haze * distance)
        intensity = (
            brightness[keep]
            * fade
            * (1 + np.float32(0.06) * rng.standard_normal(len(distance), np.float32))
        )
        points = direction * distance[:, None]
        if self._weather.laser_haze:
            points, intensity = self._scatter(points, intensity, direction, rng)
        return Scan(
            points.astype(np.float32),
            np.clip(intensity, 0, 1).astype(np.float32),
            ring,
        )

    def _side(
        self, scene: Scene, sight: Sight, axes: Float, side: int
    ) -> tuple[Float, Float, Float]:
        """Return distance (N,), brightness and chance of a miss of one side's beams."""
        c, s = _QUARTERS[side]
        forward, left = c * axes[0] + s * axes[1], -s * axes[0] + c * axes[1]
        view = View(
            np.stack([-left, -axes[2], forward]), (_FOCAL, _FOCAL), self._centre, self._size
        )
        painting = paint(sight, view)
        face = sight.face[painting.seen]
        material = scene.mesh.material[face]
        planes = planes_of(painting.corners, np.ones((2, len(face)), np.float32), _FOCAL)
        number = painting.number.ravel().take(self._pixel)
        inverse = inverse_depth(planes, number, self._rays)
        distance = np.divide(self._length, inverse, out=np.zeros_like(inverse), where=inverse > 0)

        shine = scene.mesh.colour[face].mean(axis=1) / 0.35
        retro = material == Material.RETRO
        bright = np.minimum(self._reflectivity[material] * (0.55 + 0.45 * shine), 0.95)
        # How squarely a beam meets the face; a reflector does not care.
        normal = with_nothing((sight.normal[painting.seen] @ view.axes.T).T)
        square = sum(normal[k].take(number) * self._rays[k] for k in range(3)) / self._length
        plain = with_nothing(retro.astype(np.float32)).take(number)
        brightness = with_nothing(bright.astype(np.float32)).take(number)
        brightness = brightness * np.maximum(plain, 0.35 + 0.65 * np.sqrt(np.abs(square)))
        return distance, brightness, with_nothing(self._miss[material]).take(number)

    def _returns(
        self, distance: Float, brightness: Float, miss: Float, rng: np.random.Generator
    ) -> NDArray[np.bool_]:
        """Draw which beams come back: dark, far and mirroring surfaces return less often."""
        signal = (
            brightness
            * np.exp(-self._weather.laser_haze * distance)
            * np.square(RANGE_LIMIT_M / np.maximum(distance, 1))
        )
        chance = (
            (1 - miss) * np.clip(signal / 0.35, 0, 1) * (0.985 - 0.1 * (self._weather.wet > 0))
        )
        keep: NDArray[np.bool_] = (
            (distance > 1)
            & (distance < RANGE_LIMIT_M)
            & (rng.random(len(distance), np.float32) < chance)
        )
        return keep

    def _scatter(
        self, points: Float, intensity: Float, direction: Float, rng: np.random.Generator
    ) -> tuple[Float, Float]:
        """Replace some returns by those of drops and fog near the scanner."""
        hit = rng.random(len(points)) < min(0.2, 0.8 * self._weather.laser_haze)
        near = 1.2 + rng.exponential(4.0, len(points))
        hit &= near < np.sqrt(np.einsum('ij,ij->i', points, points))
        points[hit] = direction[hit] * near[hit, None].astype(np.float32)
        intensity[hit] = rng.uniform(0.01, 0.1, int(hit.sum()))
        return points, intensity
