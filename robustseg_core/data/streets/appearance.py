"""From faces to light: depth, labels and radiance of every pixel of a painting."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from robustseg_core.data.streets.classes import Class
from robustseg_core.data.streets.light import (
    Pose,
    lamp_light,
    lit_windows,
    shadow_mask,
    sky_radiance,
)
from robustseg_core.data.streets.plan import StreetPlan
from robustseg_core.data.streets.raster import NEAR_M, Painting, Sight, View
from robustseg_core.data.streets.scene import Scene, normals_of
from robustseg_core.data.streets.textures import LEVELS, SIZE, SURFACES, Material, texture_atlas
from robustseg_core.data.streets.weather import Weather

Float = NDArray[np.float32]


class Picture(NamedTuple):
    """What a perfect camera measures.

    Attributes:
        radiance: (H, W, 3) float32.
        depth_m: (H, W) float32 along the optical axis, 0 where the sky is.
        labels: (H, W) uint8.
    """

    radiance: Float
    depth_m: Float
    labels: NDArray[np.uint8]


class Planes(NamedTuple):
    """The planes of V seen faces, with a first row of zeros for "nothing": each (V + 1,).

    At the ray r = (x, y, 1) in camera axes, the inverse depth is ``inverse . r`` and the texel
    ``z * (axis . r) - offset``.
    """

    inverse: Float  # (3, V + 1)
    least: Float
    most: Float
    column: Float  # (3, V + 1)
    column_offset: Float
    row: Float  # (3, V + 1)
    row_offset: Float
    footprint: Float  # squared texels per pixel and per cubic metre of depth


def planes_of(corners: Float, texels_per_m: Float, focal: float) -> Planes:
    """Return the planes of faces (V, 4, 3) in camera axes; ``texels_per_m`` is (V, 2)."""
    normal = normals_of(corners)
    first = corners[:, 0]
    offset = np.minimum(np.einsum('ij,ij->i', normal, first), np.float32(-1e-4))
    inverse = normal / offset[:, None]
    depth = np.maximum(corners[..., 2], NEAR_M)
    along = corners[:, 1] - first
    along /= np.maximum(np.sqrt(np.einsum('ij,ij->i', along, along)), np.float32(1e-9))[:, None]
    up = np.cross(normal, along)
    column, row = along * texels_per_m[:, :1], up * texels_per_m[:, 1:]
    footprint = texels_per_m.prod(axis=1) / (focal**2 * -offset)
    values = (
        inverse,
        1 / depth.max(axis=1),
        1 / depth.min(axis=1),
        column,
        np.einsum('ij,ij->i', column, first),
        row,
        np.einsum('ij,ij->i', row, first),
        footprint,
    )
    return Planes(*(_with_nothing(value) for value in values))


def inverse_depth(planes: Planes, number: NDArray[np.int32], rays: Float) -> Float:
    """Return 1 / z (N,) of the faces ``number`` (N,) at rays (3, N); 0 where nothing is.

    A painted edge pixel may lie just outside of its face, where the plane can run off to infinity:
    the result is held between the depths of the face's corners.
    """
    inverse = planes.inverse[0].take(number) * rays[0]
    inverse += planes.inverse[1].take(number) * rays[1]
    inverse += planes.inverse[2].take(number) * rays[2]
    np.maximum(inverse, planes.least.take(number), out=inverse)
    np.minimum(inverse, planes.most.take(number), out=inverse)
    return inverse


class Illustrator:
    """Draws pictures of a street in one kind of weather.

    Args:
        rays: (3, H * W) directions of the pixels in camera axes, forward = 1.
    """

    def __init__(self, plan: StreetPlan, weather: Weather, rays: Float) -> None:
        self._plan = plan
        self._weather = weather
        self._rays = rays
        self._atlas = texture_atlas()
        texels = np.array([[SIZE / p for p in SURFACES[m].period_m] for m in Material])
        self._texels = texels.astype(np.float32)

    def draw(
        self, scene: Scene, sight: Sight, painting: Painting, view: View, pose: Pose
    ) -> Picture:
        """Return what the camera sees."""
        shape = painting.number.shape
        number = painting.number.ravel()
        face = sight.index[painting.seen]
        mesh = scene.mesh
        material = mesh.material[face]
        planes = planes_of(painting.corners, self._texels[material], view.focal[0])
        inverse = inverse_depth(planes, number, self._rays)
        depth = np.divide(1, inverse, out=np.zeros_like(inverse), where=number > 0)
        texture, bay = self._texture(number, planes, depth, material)

        albedo = mesh.colour[face]
        radiance = _per_pixel(
            albedo * (self._light(sight.normal[painting.seen]) + mesh.glow[face, None]), number
        )
        if self._weather.night:
            # Signs and road lines throw the headlights' light straight back.
            mirror = np.where(material == Material.RETRO, np.float32(2.5), np.float32(1))
            lamps = lamp_light(self._plan, depth, self._rays, view, pose)
            radiance += _per_pixel(albedo * mirror[:, None], number) * lamps[:, None]
        radiance *= texture[:, :3]
        radiance *= np.float32(1 / 128)
        if self._weather.night:
            radiance += lit_windows(mesh.corners[face, 0], number, bay, texture[:, 3])
        else:
            ground = _with_nothing(mesh.owner[face] == 0).take(number)
            radiance *= shadow_mask(self._plan, self._weather, scene, view, pose, ground)
        self._veil(radiance, depth)
        sky = np.flatnonzero(number == 0)
        radiance[sky] = sky_radiance(self._weather, self._rays[:, sky].T @ view.axes)
        labels = np.concatenate([[np.uint8(Class.SKY)], mesh.label[face]]).take(number)
        return Picture(
            radiance.reshape(*shape, 3), depth.reshape(shape), labels.reshape(shape)
        )

    def _texture(
        self, number: NDArray[np.int32], planes: Planes, depth: Float, material: NDArray[np.uint8]
    ) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
        """Look the texture up: (N, 4) bytes, and the number (N,) of the window bay on the face."""
        texel = []
        for axis, offset in (
            (planes.column, planes.column_offset),
            (planes.row, planes.row_offset),
        ):
            place = axis[0].take(number) * self._rays[0]
            place += axis[1].take(number) * self._rays[1]
            place += axis[2].take(number) * self._rays[2]
            place *= depth
            place -= offset.take(number)
            place += np.float32(1 << 16)  # positive, so that the cast rounds down
            texel.append(place.astype(np.int32))
        squared = planes.footprint.take(number) * depth
        squared *= depth
        squared *= depth
        # The exponent of a float is the logarithm to base 2, rounded down; half of it is the
        # logarithm of the root.
        level = ((squared.view(np.int32) >> 23) - 126) >> 1
        np.clip(level, 0, LEVELS - 1, out=level)
        base = _with_nothing(material.astype(np.int32) * LEVELS).take(number)
        index = (base + level) * (SIZE * SIZE)
        index += (texel[1] & (SIZE - 1)) * SIZE
        index += texel[0] & (SIZE - 1)
        bay = (texel[0] >> 5) * 211 + (texel[1] >> 5)
        return self._atlas.take(index).view(np.uint8).reshape(-1, 4), bay

    def _light(self, normals: Float) -> Float:
        """Return the light (V, 3) that falls on faces of given normals (V, 3)."""
        weather = self._weather
        sky = (0.72 + 0.28 * normals[:, 2:]) * weather.ambient
        direct = np.maximum(normals @ weather.to_sun, 0)[:, None] * weather.sun
        light: Float = (sky + direct).astype(np.float32)
        return light

    def _veil(self, radiance: Float, depth: Float) -> None:
        """Mix what is far with the colour of the haze."""
        clear = np.exp(depth * np.float32(-self._weather.haze))[:, None]
        radiance *= clear
        radiance += (1 - clear) * self._weather.horizon


def _with_nothing(values: NDArray[np.generic]) -> NDArray[np.generic]:  # type: ignore[type-var]
    """Transpose (V, ...) to (..., V + 1), with zeros for number 0."""
    padded = np.zeros((*values.shape[1:], len(values) + 1), values.dtype)
    padded[..., 1:] = values.T
    return padded


def _per_pixel(colours: Float, number: NDArray[np.int32]) -> Float:
    table = np.zeros((len(colours) + 1, 3), np.float32)
    table[1:] = colours
    return table.take(number, axis=0)
