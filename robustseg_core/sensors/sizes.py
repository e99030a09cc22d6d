"""Sizes of images: at which one the network sees them, and which are none of a sensor's."""

from __future__ import annotations

import math

from robustseg_core.errors import SensorError

STRIDE = 32  # of the network's coarsest feature map
# Long side by short side. The longest there are, a LiDAR's rings by its columns, have 64.
MOST_ASPECT = 64


def network_size(height: int, width: int, pixels: int | tuple[int, int]) -> tuple[int, int]:
    """Return the size at which to show the network an image of ``height`` x ``width``.

    The image's aspect, about the number of pixels the network was trained with, and whole strides
    of the network. A side is a stride at least: an image longer than ``MOST_ASPECT`` would become
    one of any number of pixels.

    Args:
        height: Of the image.
        width: Of the image.
        pixels: Number of pixels wanted, or the (height, width) whose product it is.

    Raises:
        SensorError: A size is not positive, or the image is longer than ``MOST_ASPECT``.
    """
    count = pixels if isinstance(pixels, int) else pixels[0] * pixels[1]
    if min(height, width, count) < 1:
        msg = f'Image size is {height}x{width} for {pixels!r} pixels; wanted positive numbers.'
        raise SensorError(msg)
    check_aspect(height, width)
    scale = math.sqrt(count / (height * width))

    def whole(length: int) -> int:
        return max(1, round(length * scale / STRIDE)) * STRIDE

    return whole(height), whole(width)


def check_aspect(height: int, width: int) -> None:
    """Check that an image of these positive sides is not longer than ``MOST_ASPECT``.

    Raises:
        SensorError: It is.
    """
    short, long = sorted((height, width))
    if long > MOST_ASPECT * short:
        msg = (
            f'Image size is {height}x{width}, an aspect of {long / short:.0f}; '
            f'wanted at most {MOST_ASPECT}.'
        )
        raise SensorError(msg)
