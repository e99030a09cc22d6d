"""The encodings of images that are read here, and how they become colours or grey."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from robustseg_core.errors import SensorError
from robustseg_core.quoting import quoted
from robustseg_core.sensors.depth import RAW_ENCODINGS

_UINT8, _UINT16, _FLOAT32 = (np.dtype(name) for name in ('uint8', 'uint16', 'float32'))
_PATTERNS = ('rggb', 'bggr', 'gbrg', 'grbg')
# Type and number of channels of the encodings read here; sensor_msgs/image_encodings.hpp.
NATIVE: dict[str, tuple[np.dtype[Any], int]] = {
    'rgb8': (_UINT8, 3),
    'bgr8': (_UINT8, 3),
    'rgba8': (_UINT8, 4),
    'bgra8': (_UINT8, 4),
    'rgb16': (_UINT16, 3),
    'bgr16': (_UINT16, 3),
    'rgba16': (_UINT16, 4),
    'bgra16': (_UINT16, 4),
    'mono8': (_UINT8, 1),
    'mono16': (_UINT16, 1),
    '8UC1': (_UINT8, 1),
    '8UC3': (_UINT8, 3),
    '8UC4': (_UINT8, 4),
    '16UC1': (_UINT16, 1),
    '16UC3': (_UINT16, 3),
    '16UC4': (_UINT16, 4),
    '32FC1': (_FLOAT32, 1),
    '32FC3': (_FLOAT32, 3),
    **{f'bayer_{pattern}8': (_UINT8, 1) for pattern in _PATTERNS},
    **{f'bayer_{pattern}16': (_UINT16, 1) for pattern in _PATTERNS},
    # Two pixels share their colour: luminance of each, and one of two differences of colour.
    'yuv422': (_UINT8, 2),
    'uyvy': (_UINT8, 2),
    'yuv422_yuy2': (_UINT8, 2),
    'yuyv': (_UINT8, 2),
}
# Luminance (H, W), below it (H/2, W) with the two differences of colour of each 2x2 pixels.
PLANAR = {'nv12': cv2.COLOR_YUV2RGB_NV12, 'nv21': cv2.COLOR_YUV2RGB_NV21}
KNOWN = (*NATIVE, *PLANAR)

# 8UC3 does not say its order; nearly all who publish it have an OpenCV image, which is BGR.
_TO_RGB = {
    'bgr8': cv2.COLOR_BGR2RGB,
    '8UC3': cv2.COLOR_BGR2RGB,
    'rgba8': cv2.COLOR_RGBA2RGB,
    'bgra8': cv2.COLOR_BGRA2RGB,
    '8UC4': cv2.COLOR_BGRA2RGB,
    'mono8': cv2.COLOR_GRAY2RGB,
    '8UC1': cv2.COLOR_GRAY2RGB,
    # OpenCV names a pattern by its second row and column, ROS by its first.
    'bayer_rggb8': cv2.COLOR_BayerBG2RGB,
    'bayer_bggr8': cv2.COLOR_BayerRG2RGB,
    'bayer_gbrg8': cv2.COLOR_BayerGR2RGB,
    'bayer_grbg8': cv2.COLOR_BayerGB2RGB,
    'yuv422': cv2.COLOR_YUV2RGB_UYVY,
    'uyvy': cv2.COLOR_YUV2RGB_UYVY,
    'yuv422_yuy2': cv2.COLOR_YUV2RGB_YUY2,
    'yuyv': cv2.COLOR_YUV2RGB_YUY2,
    **PLANAR,
}
# What is left of an encoding once its 16 bits have become 8.
_IN_8_BITS = {
    name: {'mono16': 'mono8'}.get(name, name.replace('16', '8'))
    for name, (dtype, _) in NATIVE.items()
    if dtype == _UINT16
}
SIXTEEN = 16


def is_depth_encoding(encoding: str) -> bool:
    """Say whether an image of this encoding can be depth."""
    return encoding in RAW_ENCODINGS


def to_rgb(pixels: NDArray[Any], encoding: str, bits: int = SIXTEEN) -> NDArray[np.uint8]:
    """Return an image as read from a message as (H, W, 3) uint8 RGB.

    Bayer patterns are interpolated.

    Args:
        pixels: (H, W) or (H, W, channels) of ``encoding``; (H * 3 / 2, W) of a planar one.
        encoding: Of ROS; what is not known here is RGB already, by cv_bridge.
        bits: Significant ones of 16; the upper 8 of them are taken.

    Raises:
        SensorError: It is depth in metres, which has no colour.
    """
    if encoding == 'rgb8' or encoding not in KNOWN:
        return pixels
    if encoding in _IN_8_BITS:
        pixels, encoding = _upper_byte(pixels, bits), _IN_8_BITS[encoding]
        if encoding == 'rgb8':
            return pixels
    if encoding not in _TO_RGB:
        error = f'Image has encoding {encoding!r}, which has no colour; wanted one that has.'
        raise SensorError(error)
    rgb: NDArray[np.uint8] = cv2.cvtColor(pixels, _TO_RGB[encoding])
    return rgb


def to_grey(pixels: NDArray[Any], encoding: str, bits: int = SIXTEEN) -> NDArray[Any]:
    """Return an image as read from a message as (H, W), one number each.

    One channel stays as it is, 8 or 16 bits or float32; of colours the luminance is taken, in 8
    bits.

    Args:
        pixels: As for ``to_rgb``.
        encoding: Of ROS.
        bits: Significant ones of 16; fewer are brought up to the whole range.

    Raises:
        SensorError: It has three channels that are no colours.
    """
    is_single = encoding in NATIVE and NATIVE[encoding][1] == 1
    if not is_single or encoding.startswith('bayer'):
        grey: NDArray[np.uint8] = cv2.cvtColor(to_rgb(pixels, encoding, bits), cv2.COLOR_RGB2GRAY)
        return grey
    if pixels.dtype != _UINT16 or bits == SIXTEEN:
        return pixels
    whole: NDArray[np.uint16] = np.minimum(pixels, (1 << bits) - 1) << (SIXTEEN - bits)
    return whole


def unreadable(encoding: str, reason: str) -> SensorError:
    """Return the error of an image whose encoding is not known here."""
    return SensorError(
        f'Image has encoding {quoted(encoding)}; read natively are {sorted(KNOWN)}, {reason}'
    )


def _upper_byte(pixels: NDArray[np.uint16], bits: int) -> NDArray[np.uint8]:
    shifted: NDArray[Any] = pixels >> (bits - 8)
    if bits < SIXTEEN:
        np.minimum(shifted, 255, out=shifted)
    return shifted.astype(np.uint8)
