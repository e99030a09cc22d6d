"""From faces to light: depth, labels and radiance of every pixel of a painting."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from robustseg_core.data.streets.classes import Class
from robustseg_core.data.streets.light import (
    Pose,
    lamp_light,
    lit_windows,
    shadow_depth,
    shadow_mask,
    sky_radiance,
)
from robustseg_core.data.streets.plan import StreetPlan
from robustseg_core.data.streets.raster import NEAR_M, Painting, Sight, View
from robustseg_core.data.streets.scene import Scene
from robustseg_core.data.streets.textures import LEVELS, SIZE, SURFACES, Material, texture_atlas
from robustseg_core.data.streets.weather import Weather

Float = NDArray[np.float32]

_COLOUR = np.eye(3, dtype=np.float32)
_GREY = np.array([[0.299, 0.587, 0.114]], np.float32)  # ITU-R BT.601
_WINDOW_COLOUR = np.array([1.0, 0.78, 0.45], np.float32)


class Picture(NamedTuple):
    """What a perfect camera measures.

    Attributes:
        radiance: (3, H, W) float32 red, green and blue; (1, H, W) if colour was not asked for.
        luminance: (H, W) float32.
        depth_m: (H, W) float32 along the optical axis, 0 where the sky is.
        labels: (H, W) uint8.
    """

    radiance: Float
    luminance: Float
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
    """Return the planes of faces (3, 4, V) in camera axes; ``texels_per_m`` is (2, V)."""
    first = corners[:, 0]
    along, side = corners[:, 1] - first, corners[:, 3] - first
    along = along / np.maximum(np.sqrt((along * along).sum(axis=0)), np.float32(1e-9))
    normal = _cross(along, side)
    normal /= np.maximum(np.sqrt((normal * normal).sum(axis=0)), np.float32(1e-9))
    offset = np.minimum((normal * first).sum(axis=0), np.float32(-1e-4))
    depth = np.maximum(corners[2], np.float32(NEAR_M))
    column, row = along * texels_per_m[0], _cross(normal, along) * texels_per_m[1]
    footprint = texels_per_m.prod(axis=0) / (-offset * np.float32(focal**2))
    values = (
        normal / offset,
        1 / depth.max(axis=0),
        1 / depth.min(axis=0),
        column,
        (column * first).sum(axis=0),
        row,
        (row * first).sum(axis=0),
        footprint,
    )
    return Planes(*(with_nothing(value) for value in values))


def _cross(a: Float, b: Float) -> Float:
    """Return the cross products (3, V)."""
    out = np.empty_like(a)
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        out[i] = a[j] * b[k] - a[k] * b[j]
    return out


def inverse_depth(planes: Planes, number: NDArray[np.int32], rays: Float) -> Float:
    """Return 1 / z (N,) of the faces ``number`` (N,) at rays (3, N); 0 where nothing is.

    A painted edge pixel may lie just outside of its face, where the plane can run off to infinity:
    the result is held between the depths of the face's corners.
    """
    inverse: Float = planes.inverse[0].take(number) * rays[0]
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
        self._texels = np.ascontiguousarray(texels.T, np.float32)

    def draw(
        self,
        scene: Scene,
        sight: Sight,
        painting: Painting,
        view: View,
        pose: Pose,
        *,
        colour: bool,
    ) -> Picture:
        """Return what the camera sees, in colour if asked for."""
        shape = painting.number.shape
        number = painting.number.ravel()
        face = sight.face[painting.seen]
        mesh = scene.mesh
        material = mesh.material[face]
        planes = planes_of(painting.corners, self._texels[:, material], view.focal[0])
        inverse = inverse_depth(planes, number, self._rays)
        depth = np.divide(1, inverse, out=np.zeros_like(inverse), where=number > 0)
        texture, bay = self._texture(number, planes, depth, material)
        weather = self._weather

        albedo = mesh.colour[face]
        own = albedo * (self._light(sight.normal[painting.seen]) + mesh.glow[face, None])
        if weather.night:
            # Signs and road lines throw the headlights' light straight back.
            mirror = np.where(material == Material.RETRO, np.float32(2.5), np.float32(1))[:, None]
            lamps = lamp_light(self._plan, depth, self._rays, view, pose)
            windows = lit_windows(mesh.corners[face, 0], number, bay, texture[3])
        else:
            ground = with_nothing(mesh.owner[face] == 0).take(number)
            shadow = shadow_mask(self._plan, weather, scene, view, pose, ground)
        clear = np.exp(depth * np.float32(-weather.haze))
        sky = np.flatnonzero(number == 0)
        sky_colour = sky_radiance(weather, view.axes.T @ self._rays[:, sky])

        def blend(mix: Float, patterns: NDArray[np.uint8]) -> Float:
            """Return channels (C, N): ``mix`` (C, 3) of the colours, ``patterns`` (C, N)."""
            light = _per_pixel(own @ mix.T, number)
            if weather.night:
                light += _per_pixel((albedo * mirror) @ mix.T, number) * lamps
            light *= patterns
            light *= np.float32(1 / 128)
            if weather.night:
                light += (mix @ _WINDOW_COLOUR)[:, None] * windows
            else:
                light *= 1 - (mix @ shadow_depth(weather))[:, None] * shadow
            light *= clear
            light += (mix @ weather.horizon)[:, None] * (1 - clear)
            light[:, sky] = mix @ sky_colour
            return light

        labels = np.concatenate([[np.uint8(Class.SKY)], mesh.label[face]]).take(number)
        grey = blend(_GREY, texture[1:2]).reshape(1, *shape)
        radiance = blend(_COLOUR, texture[:3]).reshape(3, *shape) if colour else grey
        return Picture(radiance, grey[0], depth.reshape(shape), labels.reshape(shape))

    def _texture(
        self, number: NDArray[np.int32], planes: Planes, depth: Float, material: NDArray[np.uint8]
    ) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
        """Look the texture up: (4, N) bytes, and the number (N,) of the window bay on the face."""
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
        base = with_nothing(material.astype(np.int32) * LEVELS).take(number)
        index = (base + level) * (SIZE * SIZE)
        index += (texel[1] & (SIZE - 1)) * SIZE
        index += texel[0] & (SIZE - 1)
        bay = (texel[0] >> 5) * 211 + (texel[1] >> 5)
        found = self._atlas.take(index).view(np.uint8).reshape(-1, 4)
        return np.ascontiguousarray(found.T), bay

    def _light(self, normals: Float) -> Float:
        """Return the light (V, 3) that falls on faces of given normals (V, 3)."""
        weather = self._weather
        sky = (0.72 + 0.28 * normals[:, 2:]) * weather.ambient
        direct = np.maximum(normals @ weather.to_sun, 0)[:, None] * weather.sun
        light: Float = (sky + direct).astype(np.float32)
        return light


def with_nothing(values: NDArray[Any]) -> NDArray[Any]:
    """Prefix (..., V) with zeros for number 0: (..., V + 1)."""
    padded = np.zeros((*values.shape[:-1], values.shape[-1] + 1), values.dtype)
    padded[..., 1:] = values
    return padded


def _per_pixel(colours: Float, number: NDArray[np.int32]) -> Float:
    """Return (C, N): the row of ``colours`` (V, C) of each pixel's face."""
    return np.stack([channel.take(number) for channel in with_nothing(colours.T)])
