"""Surface materials: tileable textures, and how strongly a surface returns the laser.

A texture is a square of texels that repeats; each has three colour multipliers (128 = 1) and a
mask of the panes of windows. All are kept blurred to several levels, so that a distant surface can
be read at about one texel per pixel, without aliasing.
"""

from __future__ import annotations

from enum import IntEnum
from functools import cache
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

SIZE = 128
LEVELS = 6
PANE = SIZE // 4  # texels of a window's bay: a texture shows 4 x 4 bays

Float = NDArray[np.float32]


class Material(IntEnum):
    """What a face is made of."""

    PLAIN = 0
    ASPHALT = 1
    PAVING = 2
    GRASS = 3
    LEAVES = 4
    FACADE = 5
    BRICK_FACADE = 6
    OFFICE = 7
    BRICKS = 8
    PLANKS = 9
    BALLAST = 10
    WATER = 11
    CONCRETE = 12
    SOIL = 13
    METAL = 14
    PAINT = 15
    GLASS = 16
    CLOTH = 17
    RETRO = 18
    ROOF = 19
    BARK = 20


class Surface(NamedTuple):
    """Attributes of a material.

    Attributes:
        period_m: Width and height of one repetition of the texture, in metres.
        reflectivity: Fraction of the laser's light that returns at perpendicular incidence.
        miss: Chance that the laser gets nothing back: mirrors and windows send it elsewhere.
    """

    period_m: tuple[float, float]
    reflectivity: float
    miss: float = 0.0


# Ground materials repeat after a divisor of the 8 m in which the ground is laid.
SURFACES: dict[Material, Surface] = {
    Material.PLAIN: Surface((4.0, 4.0), 0.35),
    Material.ASPHALT: Surface((8.0, 8.0), 0.11),
    Material.PAVING: Surface((4.0, 4.0), 0.27),
    Material.GRASS: Surface((8.0, 8.0), 0.5),
    Material.LEAVES: Surface((3.0, 3.0), 0.58, 0.12),
    Material.FACADE: Surface((11.0, 12.4), 0.42, 0.04),
    Material.BRICK_FACADE: Surface((12.0, 12.4), 0.36, 0.04),
    Material.OFFICE: Surface((8.0, 14.0), 0.16, 0.35),
    Material.BRICKS: Surface((2.0, 2.0), 0.33),
    Material.PLANKS: Surface((2.0, 2.0), 0.4),
    Material.BALLAST: Surface((4.0, 4.0), 0.2),
    Material.WATER: Surface((8.0, 8.0), 0.05, 0.75),
    Material.CONCRETE: Surface((4.0, 4.0), 0.38),
    Material.SOIL: Surface((8.0, 8.0), 0.22),
    Material.METAL: Surface((1.5, 1.5), 0.5, 0.03),
    Material.PAINT: Surface((4.0, 4.0), 0.45, 0.05),
    Material.GLASS: Surface((4.0, 4.0), 0.08, 0.5),
    Material.CLOTH: Surface((1.0, 1.0), 0.3),
    Material.RETRO: Surface((2.0, 2.0), 0.92),
    Material.ROOF: Surface((3.0, 3.0), 0.25),
    Material.BARK: Surface((1.0, 2.0), 0.3),
}


@cache
def texture_atlas() -> NDArray[np.uint32]:
    """Return all textures, flat: material, level, row, column; 4 bytes red, green, blue, pane."""
    rng = np.random.Generator(np.random.PCG64(20))
    atlas = np.empty((len(Material), LEVELS, SIZE, SIZE, 4), np.uint8)
    for material in Material:
        texture = _texture(material, rng)
        for level in range(LEVELS):
            blurred = texture if level == 0 else _blur(texture, 0.5 * 2.0**level)
            atlas[material, level] = np.clip(blurred * 128, 0, 255).astype(np.uint8)
    return atlas.view(np.uint32).ravel()


def _texture(material: Material, rng: np.random.Generator) -> Float:
    """Return (SIZE, SIZE, 4) multipliers; the last channel is 1 where there is a window pane."""
    texture = np.ones((SIZE, SIZE, 4), np.float32)
    texture[..., 3] = 0
    grain, spread, tint = _NOISE.get(material, (0.04, 2.0, 0.0))
    texture[..., :3] += grain * _noise(rng, spread)[..., None]
    texture[..., :3] += 0.5 * grain * _noise(rng, 12.0)[..., None]
    if tint:
        texture[..., :3] += (
            tint * _noise(rng, 6.0)[..., None] * np.array([1.0, -0.2, -0.8], np.float32)
        )
    pattern = _PATTERNS.get(material)
    if pattern is not None:
        pattern(texture, rng)
    return texture


# Amplitude, correlation length in texels, amplitude of the change of hue.
_NOISE: dict[Material, tuple[float, float, float]] = {
    Material.ASPHALT: (0.055, 1.3, 0.0),
    Material.PAVING: (0.06, 0.8, 0.02),
    Material.GRASS: (0.17, 1.2, 0.1),
    Material.LEAVES: (0.38, 2.2, 0.12),
    Material.WATER: (0.14, 3.0, 0.0),
    Material.CONCRETE: (0.06, 1.5, 0.0),
    Material.SOIL: (0.12, 1.4, 0.05),
    Material.BALLAST: (0.3, 0.8, 0.03),
    Material.BARK: (0.2, 1.5, 0.0),
    Material.CLOTH: (0.1, 3.0, 0.0),
}


def _blur(texture: Float, sigma: float) -> Float:
    pad = min(SIZE, int(4 * sigma) + 1)
    wide = np.pad(texture, ((pad, pad), (pad, pad), (0, 0)), mode='wrap')
    out: Float = cv2.GaussianBlur(wide, (0, 0), sigma)[pad:-pad, pad:-pad]
    return out


def _noise(rng: np.random.Generator, sigma: float) -> Float:
    """Return tileable noise (SIZE, SIZE) of unit deviation."""
    raw = rng.standard_normal((SIZE, SIZE, 1)).astype(np.float32)
    soft = _blur(raw, sigma).reshape(SIZE, SIZE)
    out: Float = soft / soft.std()
    return out


def _paving(texture: Float, rng: np.random.Generator) -> None:
    slabs = 1 + 0.07 * rng.standard_normal((8, 8, 1)).astype(np.float32)
    texture[..., :3] *= np.repeat(np.repeat(slabs, 16, 0), 16, 1)
    texture[::16, :, :3] *= 0.72
    texture[:, ::16, :3] *= 0.72


def _bricks(texture: Float, rng: np.random.Generator) -> None:
    rows, length = 16, 16  # 8 texels high, 16 long
    tone = 1 + 0.12 * rng.standard_normal((rows, SIZE // length)).astype(np.float32)
    for row in range(rows):
        line = np.roll(np.repeat(tone[row], length), (row % 2) * length // 2)
        line[(row % 2) * length // 2 :: length] = 1.35
        texture[row * 8 : row * 8 + 8, :, :3] *= line[None, :, None]
        texture[row * 8, :, :3] = texture[row * 8, :, :3] * 0 + 1.3


def _planks(texture: Float, rng: np.random.Generator) -> None:
    tone = 1 + 0.15 * rng.standard_normal(16).astype(np.float32)
    texture[..., :3] *= np.repeat(tone, 8)[None, :, None]
    texture[:, ::8, :3] *= 0.4


def _ballast(texture: Float, _: np.random.Generator) -> None:
    # The track runs along a texture's rows; sleepers lie across it, every 0.66 m.
    for column in range(0, SIZE, 21):
        texture[:, column : column + 8, :3] *= 0.55


def _cracks(texture: Float, rng: np.random.Generator) -> None:
    for _ in range(3):
        x, y, w, h = rng.integers(8, 90, 4)
        patch = texture[y : y + h // 3, x : x + w // 3, :3]
        patch *= rng.uniform(0.86, 1.07)
    canvas = np.zeros((SIZE, SIZE), np.uint8)
    for _ in range(3):
        steps = rng.integers(-9, 10, (10, 2)).cumsum(axis=0) + rng.integers(20, 108, 2)
        cv2.polylines(canvas, [steps.astype(np.int32).reshape(-1, 1, 2)], False, 1, 1)  # noqa: FBT003
    texture[canvas > 0, :3] *= 0.72


def _facade(texture: Float, rng: np.random.Generator) -> None:
    """Paint a window with frame and sill in each bay of PANE x PANE texels; row 0 is the floor."""
    for bay_y in range(4):
        for bay_x in range(4):
            y, x = bay_y * PANE, bay_x * PANE
            left, right, low, high = x + 9, x + 23, y + 9, y + 26
            texture[low - 1 : high + 1, left - 1 : right + 1, :3] = 1.25
            texture[low - 2, left - 2 : right + 2, :3] = 0.7
            pane = np.array([0.30, 0.36, 0.42], np.float32) * rng.uniform(0.6, 1.4)
            texture[low:high, left:right, :3] = pane
            texture[low:high, left:right, 3] = 1
            if rng.random() < 0.35:
                texture[(low + high) // 2 : high, left:right, :3] = rng.uniform(0.7, 1.2)
            texture[low:high, (left + right) // 2, :3] = 1.1
        texture[bay_y * PANE, :, :3] *= 0.85


def _brick_facade(texture: Float, rng: np.random.Generator) -> None:
    texture[::4, :, :3] *= 1.12
    texture[1::4, ::8, :3] *= 1.12
    texture[3::4, 4::8, :3] *= 1.12
    _facade(texture, rng)


def _office(texture: Float, rng: np.random.Generator) -> None:
    for bay_y in range(4):
        for bay_x in range(4):
            y, x = bay_y * PANE, bay_x * PANE
            pane = np.array([0.42, 0.55, 0.66], np.float32) * rng.uniform(0.65, 1.25)
            texture[y + 8 : y + PANE - 1, x + 2 : x + PANE - 1, :3] = pane
            texture[y + 8 : y + PANE - 1, x + 2 : x + PANE - 1, 3] = 1


def _roof(texture: Float, rng: np.random.Generator) -> None:
    tone = 1 + 0.1 * rng.standard_normal((16, 16, 1)).astype(np.float32)
    texture[..., :3] *= np.repeat(np.repeat(tone, 8, 0), 8, 1)
    texture[::8, :, :3] *= 0.7


def _stripes(texture: Float, _: np.random.Generator) -> None:
    texture[:, ::16, :3] *= 0.8


def _worn(texture: Float, rng: np.random.Generator) -> None:
    texture[..., :3] *= np.where(_noise(rng, 2.0) > 1.5, 0.75, 1.0).astype(np.float32)[..., None]


_PATTERNS = {
    Material.ASPHALT: _cracks,
    Material.PAVING: _paving,
    Material.FACADE: _facade,
    Material.BRICK_FACADE: _brick_facade,
    Material.OFFICE: _office,
    Material.BRICKS: _bricks,
    Material.PLANKS: _planks,
    Material.BALLAST: _ballast,
    Material.METAL: _stripes,
    Material.RETRO: _worn,
    Material.ROOF: _roof,
}
