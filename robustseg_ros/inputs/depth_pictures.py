"""Raw depth pictures -> the network's image, a part at a time that stays in a core's cache."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robustseg_core.sensors import depth_from_raw, encode_depth

ROWS = 64  # at a time: a quarter of a megabyte of a picture 1024 wide


def depth_image(
    pixels: NDArray[Any], ros_encoding: str, encoding: str, scale: float
) -> NDArray[np.float32]:
    """Return the network's image (H, W, 3) of raw depth.

    Args:
        pixels: (H, W) of the ROS encoding's type.
        ros_encoding: ``16UC1``, ``mono16`` or ``32FC1``.
        encoding: What the network wants.
        scale: Factor on the metres.

    Raises:
        SensorError: It is no depth, or the network's encoding is not one of depth.
    """
    image = np.empty((*pixels.shape, 3), np.float32)
    # There are fewer depths than pixels: each is worked out once, and then looked up.
    is_looked_up = pixels.dtype == np.uint16 and pixels.size > 1 << 16
    for start in range(0, len(pixels), ROWS):
        rows = slice(start, start + ROWS)
        if is_looked_up:
            table = _table(ros_encoding, encoding, scale)
            np.take(table, pixels[rows], axis=0, out=image[rows], mode='clip')
        else:
            image[rows] = _drawn(pixels[rows], ros_encoding, encoding, scale)
    return image


@lru_cache(maxsize=8)
def _table(ros_encoding: str, encoding: str, scale: float) -> NDArray[np.float32]:
    """Return the network's three numbers of every 16-bit depth, (65536, 3)."""
    raw = np.arange(1 << 16, dtype=np.uint16)[None]
    return _drawn(raw, ros_encoding, encoding, scale).reshape(-1, 3)


def _drawn(
    pixels: NDArray[Any], ros_encoding: str, encoding: str, scale: float
) -> NDArray[np.float32]:
    # What is in metres already is checked by ``encode_depth`` alone.
    metres = pixels if ros_encoding == '32FC1' else depth_from_raw(pixels, ros_encoding)
    return encode_depth(metres if scale == 1 else metres * np.float32(scale), encoding)
