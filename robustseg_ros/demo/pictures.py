"""Network images as people like to look at them."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from robustseg_ros.segment.overlay import viewable

Pixels = NDArray[np.uint8]
# What is farther looks alike.
FAR_M = 80.0


def shown(name: str, image: NDArray[Any]) -> Pixels:
    """Return a sensor's network image as people like to look at it, (H, W, 3) uint8."""
    if name == 'rgb':
        return viewable(image)
    if name == 'event':
        # Brighter in one colour, darker in another, as event cameras are usually shown.
        on, off = (np.clip(image[..., channel] / 3.0, 0, 1)[..., None] for channel in (0, 1))
        colours = on * (255, 90, 70) + off * (70, 140, 255)
        return np.clip(colours, 0, 255).astype(np.uint8)
    near = _nearness(name, image)
    painted = cv2.applyColorMap((40 + 215 * near).astype(np.uint8), cv2.COLORMAP_TURBO)
    return np.where((near > 0)[..., None], painted[..., ::-1], 0).astype(np.uint8)


def backdrop(name: str, image: NDArray[Any]) -> Pixels:
    """Return what the classes are painted over: colours only from a camera, else grey."""
    if name == 'rgb':
        return viewable(image)
    if name == 'event':
        grey = np.clip(image[..., :2].sum(axis=2) / 3.0, 0, 1)
    else:
        grey = _nearness(name, image)
    return np.repeat((255 * grey).astype(np.uint8)[..., None], 3, axis=-1)


def _nearness(name: str, image: NDArray[Any]) -> NDArray[np.float32]:
    """Return 1 at the sensor, near 0 far away, 0 where nothing was seen; (H, W).

    Logarithmic, since most of a street is near.
    """
    if name == 'depth':  # inverse_log_depth: the second channel is log256 of metres
        seen, metres = image[..., 2] > 0, 256.0 ** image[..., 1]
    else:  # range_intensity_height
        seen, metres = image[..., 0] > 0, image[..., 0]
    near = 1 - np.log1p(metres) / np.log1p(FAR_M)
    return np.where(seen, np.clip(near, 0.02, 1), 0).astype(np.float32)
