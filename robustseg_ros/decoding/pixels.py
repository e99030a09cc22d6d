"""What the decoder process does with a picture; knows nothing of messages."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from robustseg_core.errors import SensorError
from robustseg_ros.decoding.rvl import decode_rvl


def decoded(
    data: NDArray[np.uint8],
    codec: str,
    width: int,
    height: int,
    quantised: tuple[float, float] | None = None,
) -> NDArray[Any]:
    """Return the picture (height, width) or (height, width, channels).

    Args:
        data: Its bytes.
        codec: ``picture`` (PNG or JPEG) or ``rvl``.
        width: As its header claims.
        height: As its header claims.
        quantised: Scale and shift of inverse depth: metres are returned, 0 where unknown.

    Raises:
        SensorError: It is damaged, or is not what its header claims.
    """
    if codec == 'rvl':
        pixels: NDArray[Any] = decode_rvl(data, width, height)
    else:
        pixels = _picture(data)
    if pixels.shape[:2] != (height, width):
        msg = f'Picture is {pixels.shape[1]}x{pixels.shape[0]}; its header says {width}x{height}.'
        raise SensorError(msg)
    if quantised is None:
        return pixels
    if pixels.ndim != 2 or pixels.dtype != np.uint16:
        msg = f'Compressed depth holds {pixels.dtype} {pixels.shape}; wanted uint16.'
        raise SensorError(msg)
    return _metres(pixels, *quantised)


def _picture(data: NDArray[np.uint8]) -> NDArray[Any]:
    pixels: NDArray[Any] | None = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
    if pixels is None:
        msg = f'Picture of {len(data)} bytes is damaged.'
        raise SensorError(msg)
    return pixels


def _metres(pixels: NDArray[np.uint16], scale: float, shift: float) -> NDArray[np.float32]:
    # Inverse depth, quantised: v = scale / z + shift, and 0 where unknown.
    inverse = pixels.astype(np.float32) - np.float32(shift)
    known = (pixels > 0) & (inverse > 0)
    metres = np.zeros_like(inverse)
    np.divide(np.float32(scale), inverse, out=metres, where=known)
    return metres
