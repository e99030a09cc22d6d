"""Network images as people like to look at them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from robustseg_core.data.streets import STREET_MODALITIES
from robustseg_core.sensors.pictures import FAR_M, picture

Pixels = NDArray[np.uint8]


def shown(name: str, image: NDArray[Any]) -> Pixels:
    """Return a sensor's network image as people like to look at it, (H, W, 3) uint8."""
    return picture(image, STREET_MODALITIES[name].encoding)


def backdrop(name: str, image: NDArray[Any]) -> Pixels:
    """Return what the classes are painted over: colours only from a camera, else grey."""
    if name == 'rgb':
        return image
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
