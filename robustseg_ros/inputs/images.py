"""sensor_msgs/Image and CompressedImage to numpy and back, without a copy where there can be."""

from __future__ import annotations

from array import array
from functools import cache
import struct
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import Image

from robustseg_core.errors import SensorError
from robustseg_core.sensors.depth import RAW_ENCODINGS
from robustseg_ros.node.optional import OptionalPackage, load, why_missing

CV_BRIDGE = OptionalPackage('cv_bridge', 'image encodings that are not read natively are refused')

_UINT8, _UINT16, _FLOAT32 = (np.dtype(name) for name in ('uint8', 'uint16', 'float32'))
# Type and number of channels of the encodings read here; sensor_msgs/image_encodings.hpp.
NATIVE: dict[str, tuple[np.dtype[Any], int]] = {
    'rgb8': (_UINT8, 3),
    'bgr8': (_UINT8, 3),
    'rgba8': (_UINT8, 4),
    'bgra8': (_UINT8, 4),
    'mono8': (_UINT8, 1),
    'mono16': (_UINT16, 1),
    '8UC1': (_UINT8, 1),
    '8UC3': (_UINT8, 3),
    '16UC1': (_UINT16, 1),
    '32FC1': (_FLOAT32, 1),
    '32FC3': (_FLOAT32, 3),
    'bayer_rggb8': (_UINT8, 1),
    'bayer_bggr8': (_UINT8, 1),
    'bayer_gbrg8': (_UINT8, 1),
    'bayer_grbg8': (_UINT8, 1),
}
# 8UC3 does not say its order; nearly all who publish it have an OpenCV image, which is BGR.
_TO_RGB = {
    'bgr8': cv2.COLOR_BGR2RGB,
    '8UC3': cv2.COLOR_BGR2RGB,
    'rgba8': cv2.COLOR_RGBA2RGB,
    'bgra8': cv2.COLOR_BGRA2RGB,
    'mono8': cv2.COLOR_GRAY2RGB,
    '8UC1': cv2.COLOR_GRAY2RGB,
    # OpenCV names a pattern by its second row and column, ROS by its first.
    'bayer_rggb8': cv2.COLOR_BayerBG2RGB,
    'bayer_bggr8': cv2.COLOR_BayerRG2RGB,
    'bayer_gbrg8': cv2.COLOR_BayerGR2RGB,
    'bayer_grbg8': cv2.COLOR_BayerGB2RGB,
}
_DEPTH_HEADER = struct.Struct('<iff')  # of compressedDepth: an enum, and how 32FC1 was quantised


def is_depth_encoding(encoding: str) -> bool:
    """Say whether an image of this encoding can be depth."""
    return encoding in RAW_ENCODINGS


def image_to_array(msg: Any) -> NDArray[Any]:
    """Return a sensor_msgs/Image as (H, W) or (H, W, channels), in the machine's byte order.

    Native encodings share the message's memory (16 and 32 bits in the other byte order are
    copied). Any other encoding is converted to RGB by cv_bridge, where that is installed.

    Raises:
        SensorError: Size, step and data do not fit together, or the encoding cannot be read.
    """
    if msg.height < 1 or msg.width < 1:
        error = f'Image is {msg.width}x{msg.height} pixels; wanted at least 1x1.'
        raise SensorError(error)
    if msg.encoding not in NATIVE:
        return _by_cv_bridge(msg)
    dtype, channels = NATIVE[msg.encoding]
    row = msg.width * channels * dtype.itemsize
    if msg.step < row:
        error = (
            f'Image step is {msg.step} bytes; wanted at least {row} '
            f'for {msg.width} pixels of {msg.encoding!r}.'
        )
        raise SensorError(error)
    size = len(msg.data)
    # The padding of the last row may be missing.
    if size < (wanted := msg.step * (msg.height - 1) + row):
        error = (
            f'Image data is truncated: {size} bytes; wanted at least {wanted} '
            f'for {msg.width}x{msg.height} {msg.encoding!r} with step {msg.step}.'
        )
        raise SensorError(error)
    pixels: NDArray[Any] = np.ndarray(
        (msg.height, msg.width, channels),
        dtype.newbyteorder('>' if msg.is_bigendian else '<'),
        msg.data,
        strides=(msg.step, channels * dtype.itemsize, dtype.itemsize),
    )
    pixels = pixels.astype(dtype, copy=False)
    return pixels[..., 0] if channels == 1 else pixels


def compressed_to_array(msg: Any) -> tuple[NDArray[Any], str]:
    """Decode a sensor_msgs/CompressedImage; return the array and its encoding.

    JPEG and PNG (image_transport's ``compressed``) become ``bgr8``, ``bgra8``, ``mono8`` or
    ``16UC1``; depth images of ``compressedDepth`` become ``16UC1`` or ``32FC1``.

    Raises:
        SensorError: The data is not such an image.
    """
    data = np.frombuffer(msg.data, np.uint8)
    if 'compressedDepth' in msg.format:
        return _compressed_depth(data, msg.format)
    pixels = _decoded(data, msg.format)
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    for encoding in ('mono8', 'bgr8', 'bgra8', '16UC1'):
        if NATIVE[encoding] == (pixels.dtype, channels):
            return pixels, encoding
    error = (
        f'Compressed image {msg.format!r} has {channels} channels of {pixels.dtype}; wanted 1, 3 '
        f'or 4 of uint8, or 1 of uint16.'
    )
    raise SensorError(error)


def to_rgb(pixels: NDArray[Any], encoding: str) -> NDArray[np.uint8]:
    """Return an image of ``image_to_array`` or ``compressed_to_array`` as (H, W, 3) uint8 RGB.

    Of 16-bit images (thermal cameras) the upper byte is taken; Bayer patterns are interpolated.

    Raises:
        SensorError: It is depth in metres, which has no colour.
    """
    if encoding == 'rgb8' or encoding not in NATIVE:  # the latter are RGB by cv_bridge
        return pixels
    if encoding in ('mono16', '16UC1'):
        pixels, encoding = (pixels >> 8).astype(np.uint8), 'mono8'
    if encoding not in _TO_RGB:
        error = f'Image has encoding {encoding!r}, which has no colour; wanted an 8-bit encoding.'
        raise SensorError(error)
    rgb: NDArray[np.uint8] = cv2.cvtColor(pixels, _TO_RGB[encoding])
    return rgb


def to_grey(pixels: NDArray[Any], encoding: str) -> NDArray[Any]:
    """Return an image of ``image_to_array`` or ``compressed_to_array`` as (H, W), one number each.

    One channel stays as it is, 8 or 16 bits or float32; of colours the luminance is taken.

    Raises:
        SensorError: It has three channels that are no colours.
    """
    is_single = encoding in NATIVE and NATIVE[encoding][1] == 1
    if is_single and not encoding.startswith('bayer'):
        return pixels
    grey: NDArray[np.uint8] = cv2.cvtColor(to_rgb(pixels, encoding), cv2.COLOR_RGB2GRAY)
    return grey


def array_to_image(pixels: NDArray[Any], encoding: str, header: Any) -> Image:
    """Return ``pixels``, (H, W) or (H, W, channels), as a message under ``header``.

    Raises:
        SensorError: ``pixels`` is not of a native ``encoding``.
    """
    dtype, channels = NATIVE.get(encoding, (None, 0))
    shape = pixels.shape if pixels.ndim == 3 else (*pixels.shape, 1)
    if pixels.dtype != dtype or len(shape) != 3 or shape[2] != channels:
        error = (
            f'Array is {pixels.dtype} {pixels.shape} for encoding {encoding!r}; '
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


def _compressed_depth(data: NDArray[np.uint8], name: str) -> tuple[NDArray[Any], str]:
    encoding = name.split(';')[0].strip()
    if 'rvl' in name or encoding not in ('16UC1', '32FC1'):
        error = f'Compressed depth is {name!r}; wanted 16UC1 or 32FC1 as png.'
        raise SensorError(error)
    if len(data) <= _DEPTH_HEADER.size:
        error = f'Compressed depth is truncated: {len(data)} bytes; wanted a header of 12 and PNG.'
        raise SensorError(error)
    _, scale, shift = _DEPTH_HEADER.unpack(data[: _DEPTH_HEADER.size].tobytes())
    pixels = _decoded(data[_DEPTH_HEADER.size :], name)
    if pixels.ndim != 2 or pixels.dtype != np.uint16:
        error = f'Compressed depth {name!r} holds {pixels.dtype} {pixels.shape}; wanted uint16.'
        raise SensorError(error)
    if encoding == '16UC1':
        return pixels, encoding
    # Inverse depth, quantised: v = scale / z + shift, and 0 where unknown.
    inverse = pixels.astype(np.float32) - np.float32(shift)
    known = (pixels > 0) & (inverse > 0)
    return np.divide(np.float32(scale), inverse, out=np.zeros_like(inverse), where=known), encoding


def _decoded(data: NDArray[np.uint8], name: str) -> NDArray[Any]:
    pixels = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if len(data) else None
    if pixels is None:
        error = f'Compressed image {name!r}, {len(data)} bytes, is unreadable; wanted JPEG or PNG.'
        raise SensorError(error)
    decoded: NDArray[Any] = pixels
    return decoded


@cache
def _cv_bridge() -> Any | None:
    return load(CV_BRIDGE)


def _by_cv_bridge(msg: Any) -> NDArray[np.uint8]:
    bridge = _cv_bridge()
    if bridge is None:
        error = (
            f'Image has encoding {msg.encoding!r}; read natively are {sorted(NATIVE)}, '
            f'and cv_bridge, which would convert others, {why_missing(CV_BRIDGE)}.'
        )
        raise SensorError(error)
    try:
        rgb: NDArray[np.uint8] = bridge.CvBridge().imgmsg_to_cv2(msg, 'rgb8')
    except bridge.CvBridgeError as cause:
        error = f'Image has encoding {msg.encoding!r}, which cv_bridge cannot convert: {cause}'
        raise SensorError(error) from cause
    return rgb
