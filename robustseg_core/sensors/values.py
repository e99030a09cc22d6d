"""The values that a modality's image holds, and their statistics: cheap enough for every frame."""

from __future__ import annotations

from dataclasses import dataclass
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

SAMPLE = 2048  # pixels that are looked at, at least (of a large image)
LOW, HIGH = 0.01, 0.99


@dataclass(frozen=True)
class ValueStatistics:
    """What the pixels of an image that are not empty hold; arrays (3,), one number per channel.

    Attributes:
        low: 1st percentile.
        high: 99th percentile.
        minimum: Smallest value.
        maximum: Largest value.
        mean: Mean.
        empty: Share of the empty pixels, in [0, 1].
    """

    low: NDArray[np.float32]
    high: NDArray[np.float32]
    minimum: NDArray[np.float32]
    maximum: NDArray[np.float32]
    mean: NDArray[np.float32]
    empty: float

    @property
    def magnitude(self) -> NDArray[np.float32]:
        """The larger one of the two percentiles, without its sign."""
        return np.maximum(np.abs(self.low), np.abs(self.high))

    @property
    def tint(self) -> float:
        """Mean red minus mean blue (the first channel minus the third)."""
        return float(self.mean[0] - self.mean[2])


def sampled(image: NDArray[Any], shift: int = 0, pixels: int = SAMPLE) -> NDArray[Any]:
    """Return pixels (N, 3) of an even grid over ``image`` (H, W, 3); all of a small image.

    Args:
        image: Of any type.
        shift: Another number is another grid.
        pixels: How many there are at least, in a large image.
    """
    height, width = image.shape[:2]
    stride = max(1, math.isqrt(height * width // pixels))
    # By rows first, then by columns: each grid of stride x stride has its turn.
    down, right = shift % stride % height, shift // stride % stride % width
    return image[down::stride, right::stride].reshape(-1, 3)


def not_empty(pixels: NDArray[Any]) -> NDArray[np.bool_]:
    """Tell which of the pixels (N, 3) hold anything: (N,)."""
    # Several times as fast as any(axis=1) over three numbers.
    filled: NDArray[np.bool_] = (pixels[:, 0] != 0) | (pixels[:, 1] != 0) | (pixels[:, 2] != 0)
    return filled


def values_of(pixels: NDArray[Any], encoding: str) -> NDArray[np.float32]:
    """Return the values (3, N) of those pixels that are not empty.

    They are the image's own numbers, but for ``inverse_log_depth``: metres in all channels, of
    which there are none below 1.

    Args:
        pixels: (N, 3) of an image in ``encoding``.
        encoding: One of ``ENCODINGS``.
    """
    known = pixels[not_empty(pixels)]
    planes: NDArray[np.float32] = np.ascontiguousarray(known.T, np.float32)
    if encoding == 'inverse_log_depth':
        # Never zero where depth is known, unless somebody has drawn it in another way.
        metres = 1 / np.maximum(planes[0], np.float32(1e-30))
        planes = np.stack([metres] * 3)
    return planes


def statistics_of(pixels: NDArray[Any], encoding: str) -> ValueStatistics | None:
    """Return the statistics of pixels (N, 3) in ``encoding``; None where all are empty."""
    planes = values_of(pixels, encoding)
    count = planes.shape[1]
    if not count:
        return None
    mean = planes.mean(axis=1)
    planes.sort(axis=1)
    return ValueStatistics(
        low=planes[:, round(LOW * (count - 1))],
        high=planes[:, round(HIGH * (count - 1))],
        minimum=planes[:, 0],
        maximum=planes[:, -1],
        mean=mean,
        empty=1 - count / len(pixels),
    )
