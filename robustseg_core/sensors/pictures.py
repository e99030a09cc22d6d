"""Network images as people like to look at them."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from robustseg_core.sensors.encodings import Measurement, encoding_of

FAR_M = 80.0  # what is farther looks alike
MANY_EVENTS = 3  # what had more events looks alike
ON, OFF = (255, 90, 70), (70, 140, 255)


def picture(image: NDArray[Any], encoding: str) -> NDArray[np.uint8]:
    """Return a network image as a picture for people.

    Depth and LiDAR are coloured from near (red) to far (blue), ON events are red, OFF events are
    blue, bytes of a camera stay as they are; numbers of another kind are stretched to 0..255.
    What was not seen is black.

    Args:
        image: (H, W, 3) in the units of the encoding.
        encoding: One of ``ENCODINGS``.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        ConfigError: There is no such encoding.
    """
    measurement = encoding_of(encoding).measurement
    if measurement is Measurement.EVENTS:
        on, off = (np.clip(image[..., [channel]] / MANY_EVENTS, 0, 1) for channel in (0, 1))
        return np.minimum(on * ON + off * OFF, 255).astype(np.uint8)
    if measurement is Measurement.POINTS:
        return _by_distance(image[..., 0], image[..., 0] > 0)
    if encoding == 'inverse_log_depth':
        return _by_distance(256.0 ** image[..., 1], image[..., 2] > 0)
    if encoding == 'linear_depth':
        return _by_distance(image[..., 0], image[..., 0] > 0)
    return image if image.dtype == np.uint8 else _stretched(image)


def _by_distance(metres: NDArray[Any], seen: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Colour distances (H, W) by their logarithm, since most of a scene is near."""
    near = 1 - np.log1p(np.where(seen, metres, 0)) / np.log1p(FAR_M)
    shade = (40 + 215 * np.clip(near, 0, 1)).astype(np.uint8)
    painted = cv2.applyColorMap(shade, cv2.COLORMAP_TURBO)[..., ::-1]
    return np.where(seen[..., None], painted, 0).astype(np.uint8)


def _stretched(image: NDArray[Any]) -> NDArray[np.uint8]:
    low, high = float(image.min()), float(image.max())
    # Zero stays black, it often says 'nothing here'; but not where the rest is far from it, as
    # temperatures in kelvin are.
    if high < 2 * (high - low):
        low = min(low, 0.0)
    scaled = (image - low) * (255 / max(high - low, 1e-12))
    return np.asarray(scaled, np.uint8)
