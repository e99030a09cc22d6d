"""Pictures as sensor_msgs/CompressedImage, as image_transport's plugin would send them.

rclpy has no image_transport: a node in Python publishes them itself.
"""

from __future__ import annotations

from array import array
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import CompressedImage

# Masks are of few, large areas: run lengths are found several times as fast as by searching.
_PNG = (cv2.IMWRITE_PNG_COMPRESSION, 3, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE)


def png_message(class_ids: NDArray[np.uint8], header: Any) -> CompressedImage:
    """Return a mask (H, W) as PNG: a class is a number that must not be altered."""
    return _message('mono8; png compressed ', cv2.imencode('.png', class_ids, _PNG)[1], header)


def jpeg_message(picture: NDArray[np.uint8], quality: int, header: Any) -> CompressedImage:
    """Return a picture (H, W, 3) RGB as JPEG of ``quality``, 1 to 100."""
    turned = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    encoded = cv2.imencode('.jpg', turned, (cv2.IMWRITE_JPEG_QUALITY, quality))[1]
    return _message('rgb8; jpeg compressed bgr8', encoded, header)


def _message(words: str, encoded: NDArray[np.uint8], header: Any) -> CompressedImage:
    message = CompressedImage(header=header, format=words)
    message.data = array('B', encoded.tobytes())
    return message
