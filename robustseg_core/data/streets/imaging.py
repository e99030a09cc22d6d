"""The colour camera and the depth camera: from what is there to what they deliver."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from robustseg_core.data.streets.weather import Weather

Float = NDArray[np.float32]

DEPTH_LIMIT_M = 120.0


def photograph(
    radiance: Float, weather: Weather, faults: frozenset[str], rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Return the picture (H, W, 3) uint8 that the camera takes."""
    height, width = radiance.shape[:2]
    light = radiance * np.float32(weather.exposure * rng.uniform(0.9, 1.1))
    grain = weather.grain
    if 'overexposure' in faults:
        light *= np.float32(rng.uniform(4.5, 8))
    if 'underexposure' in faults:
        light *= np.float32(rng.uniform(0.025, 0.07))
        grain *= 2.0
    if weather.wet:
        _mirror(light, weather.wet)
    if weather.night or weather.wet:
        _bloom(light)
    if weather.drops:
        _streak(light, weather, rng)
    light = _blur(light, faults, rng, width)
    # Reinhard et al., "Photographic Tone Reproduction", 2002, eq. 4, with white at 2.
    light = light * (1 + light * np.float32(0.25)) / (1 + light)
    levels = np.sqrt(np.minimum(light, 1))
    levels *= 255
    levels += _noise(height, width, rng) * np.float32(grain)
    np.clip(levels, 0, 255, out=levels)
    return levels.astype(np.uint8)


def measure_depth(
    depth_m: Float, weather: Weather, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Return the depth camera's image (H, W): some noise, and nothing too far or behind fog."""
    limit = min(DEPTH_LIMIT_M, 4.0 / weather.haze)
    noise = _noise(len(depth_m), depth_m.shape[1], rng)[..., 0]
    # Stereo: the error of the disparity is constant, that of the depth grows with its square.
    measured = depth_m + noise * (0.002 * depth_m + 0.00025 * depth_m * depth_m)
    out: Float = np.where(depth_m < limit, np.maximum(measured, 0), 0).astype(np.float32)
    return out


def _mirror(light: Float, wet: float) -> None:
    """Let the wet lower half reflect the upper half, smeared, most at grazing angles."""
    height = len(light)
    middle = height // 2
    upper = cv2.blur(light[:middle][::-1], (3, 15))
    glance = np.linspace(1, 0.15, middle, dtype=np.float32)[:, None, None]
    light[height - middle :] *= 1 - 0.35 * wet * glance
    light[height - middle :] += upper * (np.float32(0.4 * wet) * glance)


def _bloom(light: Float) -> None:
    """Spread the light of lamps that outshine the picture."""
    height, width = light.shape[:2]
    bright = np.maximum(light - 2, 0)
    small = cv2.resize(bright, (width // 4, height // 4), interpolation=cv2.INTER_AREA)
    light += 0.6 * cv2.resize(cv2.GaussianBlur(small, (0, 0), 2.5), (width, height))


def _streak(light: Float, weather: Weather, rng: np.random.Generator) -> None:
    height, width = light.shape[:2]
    count = int(weather.drops * height * width / 1e6)
    drops = np.zeros((height, width), np.uint8)
    size = height / 256
    starts = rng.uniform(0, (width, height), (count, 2))
    lengths = rng.uniform(4, 13, count) * size
    tilt = rng.uniform(-0.25, 0.25)
    ends = starts + np.column_stack([tilt * lengths, lengths])
    for start, end in zip(starts.astype(int).tolist(), ends.astype(int).tolist(), strict=True):
        cv2.line(drops, start, end, 255)
    veil = drops.astype(np.float32)[..., None] * np.float32(0.3 / 255)
    light += veil * (weather.horizon * np.float32(weather.exposure) * 1.3 - light)


def _blur(light: Float, faults: frozenset[str], rng: np.random.Generator, width: int) -> Float:
    if 'motionblur' not in faults:
        out: Float = cv2.GaussianBlur(light, (3, 3), 0.45)
        return out
    length = rng.uniform(9, 19) * width / 256
    angle = rng.uniform(0, np.pi)
    size = 2 * int(length / 2) + 1
    kernel = np.zeros((size, size), np.float32)
    middle = size // 2
    reach = np.array([np.cos(angle), np.sin(angle)]) * length / 2
    ends = (np.rint(middle - reach).astype(int), np.rint(middle + reach).astype(int))
    cv2.line(kernel, ends[0].tolist(), ends[1].tolist(), 1.0)
    smeared: Float = cv2.filter2D(light, -1, kernel / kernel.sum())
    return smeared


def _noise(height: int, width: int, rng: np.random.Generator) -> Float:
    """Return noise (H, W, 3) of unit deviation: a window, at random, of a large sheet of it."""
    sheet = _noise_sheet(max(1024, 2 * height, 2 * width))
    y, x = rng.integers(0, len(sheet) - height), rng.integers(0, len(sheet) - width)
    return sheet[y : y + height, x : x + width]


@cache
def _noise_sheet(size: int) -> Float:
    # Drawing new noise for each picture would take as long as drawing the picture.
    rng = np.random.Generator(np.random.PCG64(11))
    return rng.standard_normal((size, size, 3), dtype=np.float32)
