"""Pictures, from raw or compressed images: checked at once, drawn when they are used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from robustseg_core.errors import SensorError
from robustseg_core.quoting import quoted
from robustseg_core.sensors import Measurement as Kind
from robustseg_core.sensors import encode_grey, encoding_of
from robustseg_ros.inputs.depth_pictures import depth_image
from robustseg_ros.inputs.image_encodings import (
    PLANAR,
    SIXTEEN,
    is_depth_encoding,
    to_grey,
    to_rgb,
)

Size = tuple[int, int]  # height, width
# What OpenCV and numpy raise at pictures that they cannot work on.
_FOREIGN = (cv2.error, MemoryError, ValueError, TypeError, ArithmeticError, BufferError)


@dataclass(frozen=True, kw_only=True, eq=False)
class Picture:
    """An image: colour, grey, raw depth, or a network image that somebody else has made.

    Attributes:
        header: As in ``Measurement``.
        pixels: (H, W) or (H, W, channels); (H * 3 / 2, W) of a planar encoding.
        ros_encoding: Theirs.
        encoding: What the network wants.
        scale: Factor on the numbers of a grey image, or on the metres of depth.
        bits: Significant ones of 16, in colours and grey.
    """

    header: Any
    pixels: NDArray[Any]
    ros_encoding: str
    encoding: str
    scale: float = 1.0
    bits: int = SIXTEEN
    is_final: ClassVar = True

    def at(self, stamp_ns: int) -> Picture:  # noqa: ARG002 a picture does not change
        return self

    def size(self) -> Size:
        height, width = self.pixels.shape[:2]
        return (height * 2 // 3 if self.ros_encoding in PLANAR else height), width

    def network_image(self, size: Size) -> NDArray[Any]:  # noqa: ARG002 the engine resizes it
        check_picture(self.ros_encoding, self.encoding)
        try:
            return self._drawn()
        except _FOREIGN as error:
            height, width = self.size()
            msg = (
                f'Image of {width}x{height} pixels of {quoted(self.ros_encoding)} cannot be '
                f'worked on: {type(error).__name__}: {quoted(error)}'
            )
            raise SensorError(msg) from error

    def _drawn(self) -> NDArray[Any]:
        kind = encoding_of(self.encoding).measurement
        if kind is Kind.DEPTH:
            return depth_image(self.pixels, self.ros_encoding, self.encoding, self.scale)
        if kind is Kind.GREY:
            return encode_grey(to_grey(self.pixels, self.ros_encoding, self.bits), self.scale)
        if self.ros_encoding == '32FC3':
            if np.isfinite(self.pixels).all():  # as a rule, and then there is nothing to copy
                return self.pixels
            # Not finite means "nothing seen", as zero does.
            drawn: NDArray[np.float32] = np.nan_to_num(
                self.pixels, nan=0.0, posinf=0.0, neginf=0.0
            )
            return drawn
        return to_rgb(self.pixels, self.ros_encoding, self.bits)


def check_picture(ros_encoding: str, encoding: str) -> None:
    """Check that an image of ``ros_encoding`` can become the network's ``encoding``.

    Raises:
        SensorError: It cannot; says what was wanted.
    """
    kind = encoding_of(encoding).measurement
    is_drawn = ros_encoding == '32FC3'
    colours = not is_drawn and ros_encoding != '32FC1'
    if kind is Kind.DEPTH:
        fits, wanted = is_depth_encoding(ros_encoding), 'raw depth, 16UC1 (mm) or 32FC1 (m)'
    elif kind is Kind.POINTS:
        fits = is_drawn or (colours and not is_depth_encoding(ros_encoding))
        wanted = 'a drawn cloud, 32FC3 or rgb8'
    elif kind is Kind.EVENTS:
        fits = colours and not is_depth_encoding(ros_encoding)
        wanted = 'event counts, rgb8'
    elif kind is Kind.GREY:
        fits, wanted = not is_drawn, 'one channel, e.g. mono8, mono16 or 32FC1'
    elif encoding == 'image':
        fits, wanted = colours or is_drawn, 'a ready network image, rgb8 or 32FC3'
    else:
        fits, wanted = colours, 'colours, e.g. rgb8'
    if not fits:
        msg = f'Image has encoding {quoted(ros_encoding)}; {encoding!r} wants {wanted}.'
        raise SensorError(msg)
