"""The event camera: where and when the logarithm of the light changes by a threshold.

Model: Gallego et al., "Event-based Vision: A Survey", TPAMI 2020, section 2.4 (eq. 2).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from robustseg_core.sensors.events import Events

Float = NDArray[np.float32]

THRESHOLD = 0.18
THRESHOLD_SPREAD = 0.03
DARK_LIGHT = 0.004  # what the pixels see in the dark: below it, changes drown
NOISE_HZ = 0.25  # per pixel
MOST_EVENTS = 6  # of a pixel between two moments: its refractory time
_STEP_NS = 1000


def make_events(
    luminances: Sequence[Float],
    times_ns: Sequence[int],
    rng: np.random.Generator,
    noise: float = 1.0,
) -> Events:
    """Return the events between moments, sorted by time.

    Between two moments, the logarithm of the light is taken to change at a constant rate.

    Args:
        luminances: (H, W) each, in linear units.
        times_ns: Times of the moments, increasing.
        rng: Draws the noise.
        noise: Factor on the rate of events without cause.
    """
    # The lens blurs a little.
    soft = [cv2.GaussianBlur(luminance, (3, 3), 0.5) for luminance in luminances]
    logs = [np.log(luminance + np.float32(DARK_LIGHT)) for luminance in soft]
    height, width = logs[0].shape
    threshold = _thresholds(height * width)
    # What was left over from before; without it, every pixel would start at the same point.
    level = rng.random(height * width, dtype=np.float32) - np.float32(0.5)
    pixels, times, signs = [], [], []
    for k in range(len(logs) - 1):
        steps = (logs[k + 1] - logs[k]).ravel() / threshold
        before = np.rint(level).astype(np.int32)
        level += steps
        count = np.rint(level).astype(np.int32) - before
        pixel = np.flatnonzero(count)
        some = np.minimum(np.abs(count[pixel]), MOST_EVENTS)
        which = np.repeat(pixel, some)
        nth = np.arange(len(which)) - np.repeat(np.cumsum(some) - some, some) + 1
        share = (nth - 0.5) / np.repeat(some, some)
        share += rng.uniform(-0.08, 0.08, len(which))
        span = times_ns[k + 1] - times_ns[k]
        pixels.append(which)
        times.append(
            (np.clip(share, 0.001, 1) * span).astype(np.int64) + (times_ns[k] - times_ns[0])
        )
        signs.append(np.repeat(count[pixel] > 0, some))
    total = times_ns[-1] - times_ns[0]
    stray = rng.poisson(noise * NOISE_HZ * total * 1e-9 * height * width)
    pixels.append(rng.integers(0, height * width, stray))
    times.append(rng.integers(_STEP_NS, total + 1, stray))
    signs.append(rng.random(stray) < 0.5)
    return _sorted(
        np.concatenate(pixels), np.concatenate(times), np.concatenate(signs), width, times_ns[0]
    )


@cache
def _thresholds(count: int) -> Float:
    """Return the pixels' thresholds: no two are alike, but they stay as they are."""
    rng = np.random.Generator(np.random.PCG64(3))
    drawn = rng.normal(THRESHOLD, THRESHOLD_SPREAD, count).astype(np.float32)
    return np.maximum(drawn, np.float32(THRESHOLD / 2))


def _sorted(
    pixel: NDArray[np.int64],
    time: NDArray[np.int64],
    on: NDArray[np.bool_],
    width: int,
    start_ns: int,
) -> Events:
    # Microseconds as 16 bits: numpy sorts those by radix, many times faster than 64 bits.
    micro = (time // _STEP_NS).astype(np.uint16)
    order = np.argsort(micro, kind='stable')
    pixel, t_ns = pixel[order], start_ns + micro[order].astype(np.int64) * _STEP_NS
    return Events(
        x=(pixel % width).astype(np.uint16),
        y=(pixel // width).astype(np.uint16),
        t_ns=t_ns,
        on=on[order],
    )
