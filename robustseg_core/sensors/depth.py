"""Depth images: from what cameras send to metres, and from metres to the network's image."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from robustseg_core.errors import SensorError

# Metres per unit of each raw encoding (REP 118: 32FC1 is metres, 16UC1 millimetres). The Image
# conversions of ROS call a 16-bit single channel mono16 as well.
RAW_ENCODINGS: dict[str, tuple[np.dtype[Any], float]] = {
    '16UC1': (np.dtype(np.uint16), 0.001),
    'mono16': (np.dtype(np.uint16), 0.001),
    '32FC1': (np.dtype(np.float32), 1.0),
}
LOG_DEPTH_LIMIT_M = 256.0


def depth_from_raw(raw: NDArray[Any], encoding: str) -> NDArray[np.float32]:
    """Return metres (H, W) float32; 0 where the sensor saw nothing (0, NaN, infinite, negative).

    Args:
        raw: (H, W) of the encoding's type.
        encoding: ``16UC1`` or ``mono16`` (millimetres), ``32FC1`` (metres).

    Raises:
        SensorError: The encoding is none of these, or ``raw`` is not of it.
    """
    if encoding not in RAW_ENCODINGS:
        msg = f'Depth has encoding {encoding!r}; wanted one of {sorted(RAW_ENCODINGS)}.'
        raise SensorError(msg)
    dtype, metres_per_unit = RAW_ENCODINGS[encoding]
    if raw.ndim != 2 or raw.dtype.newbyteorder('=') != dtype:
        msg = f'Depth {encoding!r} is {raw.dtype} {raw.shape}; wanted {dtype} (height, width).'
        raise SensorError(msg)
    return valid_depth(raw.astype(np.float32) * np.float32(metres_per_unit))


def valid_depth(depth_m: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """Return ``depth_m`` with 0 for everything that is not a positive, finite distance."""
    return np.where(_is_distance(depth_m), depth_m, 0).astype(np.float32, copy=False)


def encode_depth(depth_m: NDArray[np.floating[Any]], encoding: str) -> NDArray[np.float32]:
    """Return the network's image (H, W, 3) of a depth image.

    ``inverse_log_depth``: channel 0 = min(1, 1/z), fine near by; channel 1 = log z / log 256 in
    [0, 1], even over the whole range; channel 2 = 1 where depth is known. ``linear_depth``:
    metres, three times. Unknown depth is 0 in every channel.

    Args:
        depth_m: (H, W) metres.
        encoding: ``inverse_log_depth`` or ``linear_depth``.

    Raises:
        SensorError: The encoding is not one of depth, or ``depth_m`` is not (H, W).
    """
    if depth_m.ndim != 2:
        msg = f'Depth has shape {depth_m.shape}; wanted (height, width).'
        raise SensorError(msg)
    if encoding == 'linear_depth':
        return np.repeat(valid_depth(depth_m)[..., None], 3, axis=-1)
    if encoding != 'inverse_log_depth':
        msg = (
            f"Unknown depth encoding {encoding!r}; known are 'inverse_log_depth', 'linear_depth'."
        )
        raise SensorError(msg)
    image = np.empty((*depth_m.shape, 3), np.float32)
    known = _is_distance(depth_m)
    # Everything nearer than a metre is 1 and 0 here: depth cameras are blind or noisy there.
    beyond = np.where(known, depth_m, 1).astype(np.float32, copy=False)
    np.maximum(beyond, np.float32(1), out=beyond)
    np.divide(known, beyond, out=image[..., 0])
    np.log(beyond, out=beyond)
    beyond /= np.float32(np.log(LOG_DEPTH_LIMIT_M))
    np.minimum(beyond, 1, out=image[..., 1])
    image[..., 2] = known
    return image


def _is_distance(depth_m: NDArray[np.floating[Any]]) -> NDArray[np.bool_]:
    # A comparison with NaN is false, so one expression catches NaN, infinities and negatives.
    return (depth_m > 0) & (depth_m < np.inf)
