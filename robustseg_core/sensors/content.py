"""Whether an image has any content: black, saturated, empty, frozen."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from robustseg_core.modalities import Modality
from robustseg_core.sensors.encodings import Measurement, encoding_of
from robustseg_core.sensors.values import not_empty, sampled

# Of 0..255; a lens cap leaves a little noise.
BLACK = 4
# Share of the pixels that makes it the whole image.
NEARLY_ALL = 0.98
FROZEN_AFTER = 10  # images in a row without any difference
LASTING_AFTER = 3  # images in a row
_NOTHING = {
    Measurement.EVENTS: 'no events',
    Measurement.POINTS: 'no point in the view of the camera',
}


def content_problem(pixels: NDArray[Any], encoding: str) -> str:
    """Return why an image says nothing, or an empty string.

    Args:
        pixels: (N, 3) of it, with N > 0; see ``sampled``.
        encoding: One of ``ENCODINGS``.
    """
    kind = encoding_of(encoding).measurement
    if kind in _NOTHING:
        return '' if pixels.any() else _NOTHING[kind]
    if kind is Measurement.DEPTH:
        unknown = 1 - np.count_nonzero(not_empty(pixels)) / len(pixels)
        return 'no distance in nearly every pixel' if unknown >= NEARLY_ALL else ''
    return _picture_problem(pixels, encoding)


def _picture_problem(pixels: NDArray[Any], encoding: str) -> str:
    low, high = pixels.min(), pixels.max()
    if low == high:
        return 'all black' if low == 0 else 'the same value everywhere'
    if encoding == 'rgb' and _nearly_all(pixels <= BLACK):
        return 'all black'
    if pixels.dtype.kind == 'u' and _nearly_all(pixels == np.iinfo(pixels.dtype).max):
        return 'saturated: nearly every pixel has the largest value'
    return ''


def _nearly_all(pixels: NDArray[np.bool_]) -> bool:
    return bool(np.count_nonzero(pixels) >= NEARLY_ALL * pixels.size)


class ContentWatch:
    """Looks at the images of one input, one after the other.

    Two images are compared on a grid, on another one each time, so that in a row of them nearly
    every pixel is. A static scene of a simulator without noise looks frozen, too.
    """

    def __init__(self, modality: Modality) -> None:
        self._encoding = modality.encoding
        self._last: NDArray[Any] | None = None
        self._alike = 0
        self._bad = 0

    def look(self, image: NDArray[Any], pixels: NDArray[Any]) -> str:
        """Return what is wrong with an image as far as is known now, or an empty string.

        Args:
            image: (H, W, 3), newer than the last one; kept until the next comes.
            pixels: ``sampled(image)``.
        """
        reason = content_problem(pixels, self._encoding)
        self._alike = self._alike + 1 if self._is_as_last(image) else 0
        self._last = image
        if not reason and self._alike >= FROZEN_AFTER:
            reason = 'frozen: the same image again and again'
        self._bad = self._bad + 1 if reason else 0
        return reason

    @property
    def lasts(self) -> bool:
        """Whether the last few images were all without content, which one alone may well be."""
        return self._bad >= LASTING_AFTER

    def _is_as_last(self, image: NDArray[Any]) -> bool:
        last = self._last
        if last is None or last.shape != image.shape or last.dtype != image.dtype:
            return False
        if last is image:
            return True
        middle = len(image) // 2  # of most images a row is enough to tell
        if not np.array_equal(last[middle], image[middle]):
            return False
        return bool(np.array_equal(sampled(last, self._alike), sampled(image, self._alike)))
