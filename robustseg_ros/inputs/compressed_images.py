"""What a sensor_msgs/CompressedImage says it is: what to decode, and what comes of it."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

from robustseg_core.errors import SensorError
from robustseg_core.quoting import quoted
from robustseg_core.sensors.picture_headers import PictureHeader, picture_header
from robustseg_ros.decoding.job import Job
from robustseg_ros.decoding.rvl import MOST_BYTES_PER_PIXEL
from robustseg_ros.inputs.image_encodings import KNOWN, NATIVE, PLANAR
from robustseg_ros.inputs.picture_limits import PictureLimits

_QUANTISED = struct.Struct('<iff')  # of compressedDepth: an enum, and how 32FC1 was quantised
_RVL_SIZE = struct.Struct('<II')  # width, height
# What decoding may take besides its result and its input, in bytes per pixel: a progressive
# JPEG's coefficients, the numbers of an RVL.
_PICTURE_WORK, _RVL_WORK = 16, 160
# What OpenCV makes of a picture that does not say what it was.
_BY_PICTURE = {
    (np.dtype(np.uint8), 1): 'mono8',
    (np.dtype(np.uint8), 3): 'bgr8',
    (np.dtype(np.uint8), 4): 'bgra8',
    (np.dtype(np.uint16), 1): '16UC1',
    (np.dtype(np.uint16), 3): 'bgr16',
    (np.dtype(np.uint16), 4): 'bgra16',
}


def job_of(msg: Any, limits: PictureLimits) -> Job:
    """Return what is to be decoded of a message; looks at its header only.

    Raises:
        SensorError: It is no picture that is read here, or claims a size beyond ``limits``.
    """
    data = memoryview(msg.data).cast('B')
    try:
        if 'compressedDepth' in msg.format:
            return _depth_job(msg.format, data, limits)
        header = _judged(data, limits)
    except SensorError as error:
        text = f'Compressed image {quoted(msg.format)}: {error}'
        raise SensorError(text) from error
    pixels = header.width * header.height
    return Job(
        format=msg.format,
        data=data,
        codec='picture',
        width=header.width,
        height=header.height,
        result_bytes=pixels * 4 * header.bits // 8,
        work_bytes=pixels * _PICTURE_WORK,
    )


def encoding_of_result(name: str, dtype: np.dtype[Any], channels: int) -> str:
    """Return the ROS encoding of what a picture of format ``name`` was decoded to.

    The format is ``ORIGINAL; CODEC compressed STORED``: the encoding of the image, and, of
    colours, what was handed to the encoder; anything else is as the picture has it.

    Raises:
        SensorError: The picture cannot hold what the format says.
    """
    held = _BY_PICTURE.get((dtype, channels))
    if held is None:
        msg = f'Compressed image {quoted(name)} has {channels} channels of {dtype}.'
        raise SensorError(msg)
    original, semicolon, rest = name.partition(';')
    original = original.strip()
    stored = rest.partition('compressed')[2].strip()
    said = stored if stored in NATIVE else original
    if not semicolon or said not in KNOWN:
        return held
    if said in PLANAR or NATIVE[said][1] == 2:
        said = 'bgr8'  # what these become before they can be a picture
    said_type, said_channels = NATIVE[said]
    has_colours = said_channels > 1
    fits = dtype == said_type and has_colours == (channels > 1)
    # An image of colours in 16 bits may have become 8 on the way.
    if not fits and not (has_colours and channels > 1 and not stored):
        msg = (
            f'Compressed image {quoted(name)} says {said!r}; the picture holds {channels} '
            f'channels of {dtype}.'
        )
        raise SensorError(msg)
    if not has_colours:
        return said
    # OpenCV calls the first channel of a picture blue; who gave it RGB has swapped red and blue.
    return held.replace('bgr', 'rgb') if stored.startswith('rgb') else held


def _depth_job(name: str, data: memoryview, limits: PictureLimits) -> Job:
    encoding = name.partition(';')[0].strip()
    if encoding not in ('16UC1', '32FC1'):
        msg = f'has encoding {quoted(encoding)}; wanted depth, 16UC1 or 32FC1.'
        raise SensorError(msg)
    is_rvl = 'rvl' in name
    start = _QUANTISED.size + (_RVL_SIZE.size if is_rvl else 0)
    if len(data) <= start:
        msg = f'is truncated: {len(data)} bytes; wanted a header of {start} and a picture.'
        raise SensorError(msg)
    _, scale, shift = _QUANTISED.unpack_from(data)
    data = data[_QUANTISED.size :]
    if is_rvl:
        width, height = _RVL_SIZE.unpack_from(data)
        data = data[_RVL_SIZE.size :]
        limits.check(width, height)
        if len(data) > (most := width * height * MOST_BYTES_PER_PIXEL + 64):
            msg = f'has {len(data)} bytes of RVL for {width}x{height} pixels; at most {most} fit.'
            raise SensorError(msg)
    else:
        header = _judged(data, limits)
        width, height = header.width, header.height
        if (header.container, header.bits) != ('PNG', 16):
            msg = f'holds a {header.container} of {header.bits} bits; wanted a PNG of 16.'
            raise SensorError(msg)
    pixels = width * height
    return Job(
        format=name,
        data=data,
        codec='rvl' if is_rvl else 'picture',
        width=width,
        height=height,
        # A PNG may turn out to be one of colours, which is told once it is there.
        result_bytes=pixels * 8,
        work_bytes=pixels * (_RVL_WORK if is_rvl else _PICTURE_WORK),
        quantised=(scale, shift) if encoding == '32FC1' else None,
        depth=encoding,
    )


def _judged(data: memoryview, limits: PictureLimits) -> PictureHeader:
    header = picture_header(data)
    limits.check(header.width, header.height)
    return header
