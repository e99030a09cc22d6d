"""sensor_msgs/Image to numpy and back, without a copy where there can be."""

from __future__ import annotations

from array import array
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import Image

from robustseg_core.errors import SensorError
from robustseg_core.quoting import quoted
from robustseg_ros.inputs.image_encodings import NATIVE, PLANAR, unreadable
from robustseg_ros.inputs.picture_limits import PictureLimits
from robustseg_ros.node.optional import OptionalPackage, load, why_missing

CV_BRIDGE = OptionalPackage('cv_bridge', 'image encodings that are not read natively are refused')
# What a message can claim at most, for those whom no parameter limits.
_ANY = PictureLimits(max_pixels=1 << 62, max_side=1 << 31, max_aspect=1 << 31)


def image_to_array(msg: Any, limits: PictureLimits = _ANY) -> NDArray[Any]:
    """Return a sensor_msgs/Image as (H, W) or (H, W, channels), in the machine's byte order.

    Planar encodings are (H * 3 / 2, W). Native encodings share the message's memory (16 and 32
    bits that lie in the other byte order or between their places are copied). Any other encoding
    is converted to RGB by cv_bridge, where that is installed.

    Args:
        msg: The message.
        limits: On its size; checked before anything else.

    Raises:
        SensorError: The size is beyond the limits, size, step and data do not fit together, or
            the encoding cannot be read.
    """
    limits.check(msg.width, msg.height)
    if msg.encoding in PLANAR:
        return _planar(msg)
    if msg.encoding not in NATIVE:
        return _by_cv_bridge(msg)
    dtype, channels = NATIVE[msg.encoding]
    if channels == 2 and msg.width % 2:
        error = f'Image {msg.encoding!r} is {msg.width} pixels wide; wanted an even number.'
        raise SensorError(error)
    row = msg.width * channels * dtype.itemsize
    _check_data(msg, row, msg.step, msg.height)
    pixels: NDArray[Any] = np.ndarray(
        (msg.height, msg.width, channels),
        dtype.newbyteorder('>' if msg.is_bigendian else '<'),
        msg.data,
        strides=(msg.step, channels * dtype.itemsize, dtype.itemsize),
    )
    # OpenCV wants rows that begin where a number can.
    pixels = pixels.astype(dtype, copy=msg.step % dtype.itemsize != 0)
    return pixels[..., 0] if channels == 1 else pixels


def array_to_image(pixels: NDArray[Any], encoding: str, header: Any) -> Image:
    """Return ``pixels``, (H, W) or (H, W, channels), as a message under ``header``.

    Raises:
        SensorError: ``pixels`` is not of a native ``encoding``.
    """
    dtype, channels = NATIVE.get(encoding, (None, 0))
    shape = pixels.shape if pixels.ndim == 3 else (*pixels.shape, 1)
    if pixels.dtype != dtype or len(shape) != 3 or shape[2] != channels:
        error = (
            f'Array is {pixels.dtype} {pixels.shape} for encoding {quoted(encoding)}; '
            f'wanted {dtype} with {channels} channels of one of {sorted(NATIVE)}.'
        )
        raise SensorError(error)
    pixels = np.ascontiguousarray(pixels, dtype.newbyteorder('<'))
    data = array('B')
    data.frombytes(pixels.data.cast('B'))
    height, width, _ = shape
    step = width * channels * pixels.itemsize
    image = Image(header=header, height=height, width=width, encoding=encoding, step=step)
    # Set, not given to the constructor, and an array: anything else is copied or checked element
    # by element, which costs milliseconds to seconds for what is a memcpy.
    image.data = data
    return image


def _planar(msg: Any) -> NDArray[np.uint8]:
    if msg.width % 2 or msg.height % 2:
        error = f'Image {msg.encoding!r} is {msg.width}x{msg.height}; wanted even numbers.'
        raise SensorError(error)
    rows = msg.height * 3 // 2
    # Some drivers count the bytes of all planes in the step.
    is_whole = 2 * msg.step == 3 * msg.width and len(msg.data) == msg.step * msg.height
    step = msg.width if is_whole else msg.step
    _check_data(msg, msg.width, step, rows)
    return np.ndarray((rows, msg.width), np.uint8, msg.data, strides=(step, 1))


def _check_data(msg: Any, row: int, step: int, rows: int) -> None:
    """Check that ``rows`` of at least ``row`` bytes, ``step`` apart, are there."""
    if step < row:
        error = (
            f'Image step is {step} bytes; wanted at least {row} '
            f'for {msg.width} pixels of {msg.encoding!r}.'
        )
        raise SensorError(error)
    size = len(msg.data)
    # The padding of the last row may be missing.
    if size < (wanted := step * (rows - 1) + row):
        error = (
            f'Image data is truncated: {size} bytes; wanted at least {wanted} '
            f'for {msg.width}x{msg.height} {msg.encoding!r} with step {step}.'
        )
        raise SensorError(error)


@cache
def _cv_bridge() -> Any | None:
    return load(CV_BRIDGE)


def _by_cv_bridge(msg: Any) -> NDArray[np.uint8]:
    bridge = _cv_bridge()
    if bridge is None:
        reason = f'and cv_bridge, which would convert others, {why_missing(CV_BRIDGE)}.'
        raise unreadable(msg.encoding, reason)
    try:
        rgb: NDArray[np.uint8] = bridge.CvBridge().imgmsg_to_cv2(msg, 'rgb8')
    except Exception as cause:  # a boundary: it lets through what OpenCV and numpy raise
        reason = f'and cv_bridge cannot convert it: {quoted(cause)}'
        raise unreadable(msg.encoding, reason) from cause
    if rgb.shape != (msg.height, msg.width, 3) or rgb.dtype != np.uint8:
        reason = f'and cv_bridge makes {rgb.dtype} {rgb.shape} of it.'
        raise unreadable(msg.encoding, reason)
    return rgb
