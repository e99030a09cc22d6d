"""The LiDAR: a rotating scanner with a ring of beams per elevation."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from robustseg_core.data.streets.appearance import inverse_depth, planes_of
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
_FOCAL = 160.0


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
        self._ring = np.repeat(np.arange(RINGS, dtype=np.uint16), count)
        steep = np.tan(np.radians([HIGHEST_DEG, LOWEST_DEG])) * np.sqrt(2) * _FOCAL
        top, bottom = int(np.ceil(steep[0])) + 1, int(np.ceil(-steep[1])) + 1
        self._centre = (_FOCAL, float(top))
        self._size = (int(2 * _FOCAL) + 1, top + bottom + 1)
        column = np.rint(self._rays[0] * _FOCAL + self._centre[0]).astype(np.int32)
        row = np.rint(self._rays[1] * _FOCAL + self._centre[1]).astype(np.int32)
        self._pixel = row * self._size[0] + column

    def scan(self, scene: Scene, sight: Sight, axes: Float, rng: np.random.Generator) -> Scan:
        """Return one turn.

        Args:
            axes: (3, 3), rows are forward, left and up of the scanner in world coordinates.
        """
        turns = [self._side(scene, sight, axes, side) for side in range(SIDES)]
        direction, distance, brightness, miss = (np.concatenate(part) for part in zip(*turns, strict=True))
        ring = np.tile(self._ring, SIDES)
        keep = self._returns(distance, brightness, miss, rng)
        direction, distance, ring = direction[keep], distance[keep], ring[keep]
        distance = distance + rng.normal(0, RANGE_NOISE_M, len(distance)).astype(np.float32)
        fade = np.exp(-self._weather.laser_haze * distance)
        intensity = brightness[keep] * fade * rng.normal(1, 0.06, len(distance))
        points = direction * distance[:, None]
        if self._weather.laser_haze:
            points, intensity = self._scatter(points, intensity, direction, rng)
        return Scan(
            points.astype(np.float32),
            np.clip(intensity, 0, 1).astype(np.float32),
            ring,
        )

    def _side(self, scene: Scene, sight: Sight, axes: Float, side: int) -> tuple[Float, Float, Float, Float]:
        """Return direction (N, 3), distance, brightness and chance of a miss of one side's beams."""
        quarter = side * np.pi / 2
        c, s = np.float32(np.cos(quarter)), np.float32(np.sin(quarter))
        forward, left = c * axes[0] + s * axes[1], -s * axes[0] + c * axes[1]
        view = View(np.stack([-left, -axes[2], forward]), (_FOCAL, _FOCAL), self._centre, self._size)
        painting = paint(sight, view)
        face = sight.index[painting.seen]
        material = scene.mesh.material[face]
        planes = planes_of(painting.corners, np.ones((len(face), 2), np.float32), _FOCAL)
        number = painting.number.ravel().take(self._pixel)
        inverse = inverse_depth(planes, number, self._rays)
        length = np.sqrt(np.einsum('ij,ij->j', self._rays, self._rays))
        distance = np.divide(length, inverse, out=np.zeros_like(inverse), where=inverse > 0)
        x, y, _ = self._rays
        unit = np.stack([c + s * x, s - c * x, -y], axis=1) / length[:, None]

        bright = self._reflectivity[material] * (0.55 + 0.45 * scene.mesh.colour[face].mean(axis=1) / 0.35)
        retro = material == Material.RETRO
        bright = np.where(retro, self._reflectivity[material], np.minimum(bright, 0.85)).astype(np.float32)
        table = np.zeros((3, len(face) + 1), np.float32)
        table[0, 1:], table[1, 1:] = bright, self._miss[material]
        # How squarely the beam meets the face; a reflector does not care.
        normal = np.zeros((3, len(face) + 1), np.float32)
        normal[:, 1:] = (sight.normal[painting.seen] @ view.axes.T).T
        square = np.abs(np.einsum('ij,ij->j', normal.take(number, axis=1), self._rays)) / length
        table[2, 1:] = retro
        plain = table[2].take(number)
        brightness = table[0].take(number) * np.maximum(plain, 0.35 + 0.65 * np.sqrt(square))
        return unit.astype(np.float32), distance, brightness, table[1].take(number)

    def _returns(self, distance: Float, brightness: Float, miss: Float, rng: np.random.Generator) -> NDArray[np.bool_]:
        """Draw which beams come back: dark, far and mirroring surfaces return less often."""
        signal = brightness * np.exp(-self._weather.laser_haze * distance) * np.square(RANGE_LIMIT_M / np.maximum(distance, 1))
        chance = (1 - miss) * np.clip(signal / 0.35, 0, 1) * (0.985 - 0.1 * (self._weather.wet > 0))
        keep: NDArray[np.bool_] = (distance > 1) & (distance < RANGE_LIMIT_M) & (rng.random(len(distance)) < chance)
        return keep

    def _scatter(
        self, points: Float, intensity: Float, direction: Float, rng: np.random.Generator
    ) -> tuple[Float, Float]:
        """Replace some returns by those of drops and fog near the scanner."""
        hit = rng.random(len(points)) < min(0.2, 2.0 * self._weather.laser_haze)
        near = 1.2 + rng.exponential(4.0, len(points))
        hit &= near < np.sqrt(np.einsum('ij,ij->i', points, points))
        points[hit] = direction[hit] * near[hit, None].astype(np.float32)
        intensity[hit] = rng.uniform(0.01, 0.1, int(hit.sum()))
        return points, intensity
