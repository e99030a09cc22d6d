"""sensor_msgs/PointCloud2 to numpy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robustseg_core.errors import SensorError
from robustseg_core.quoting import quoted

# sensor_msgs/PointField datatype -> numpy.
_TYPES = {1: 'i1', 2: 'u1', 3: 'i2', 4: 'u2', 5: 'i4', 6: 'u4', 7: 'f4', 8: 'f8'}
INTENSITY_NAMES = ('intensity', 'reflectivity', 'i')
_READ = ('x', 'y', 'z', *INTENSITY_NAMES)


def cloud_to_points(
    msg: Any, intensity_scale: float = 1.0
) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
    """Return the finite points of a sensor_msgs/PointCloud2 and their intensity.

    ``is_dense`` is not believed (drivers claim it wrongly): NaN and infinite points, which mean
    "no return" (REP 117), are dropped in any case.

    Args:
        msg: The cloud.
        intensity_scale: Factor on the intensity.

    Returns:
        Points (N, 3) float32 in metres, and intensity (N,) float32 of the first of the fields
        ``intensity``, ``reflectivity``, ``i``, or None without one. Intensity of an integer type
        is divided by the type's largest value (uint8 by 255, uint16 by 65535), which gives 0 to 1;
        floating point is taken as it is. Where it is not finite it is 0, as without a return.

    Raises:
        SensorError: x, y or z is missing or not floating point, a field is there twice, or sizes
            do not fit together.
    """
    cloud = _structured(msg)
    points = np.empty((*cloud.shape, 3), np.float32)
    with np.errstate(invalid='ignore', over='ignore'):
        for axis, name in enumerate('xyz'):
            points[..., axis] = cloud[name]
        points = points.reshape(-1, 3)
        intensity = _intensity(cloud, intensity_scale)
        # The sum is finite only where all three are.
        finite = np.isfinite(points[:, 0] + points[:, 1] + points[:, 2])
    if not finite.all():
        points = points[finite]
        intensity = None if intensity is None else intensity[finite]
    return points, intensity


def _structured(msg: Any) -> NDArray[Any]:
    """Return the cloud as a structured (height, width) view of the message's memory."""
    kinds, offsets = _fields(msg)
    order = '>' if msg.is_bigendian else '<'
    formats = [np.dtype(order + kind) for kind in kinds.values()]
    end = max(offset + dtype.itemsize for offset, dtype in zip(offsets, formats, strict=True))
    if msg.point_step < end:
        error = f'Cloud point_step is {msg.point_step} bytes; wanted at least {end} for {kinds}.'
        raise SensorError(error)
    row = msg.width * msg.point_step
    # With a single row some drivers leave row_step unset, and it has no meaning.
    row_step = msg.row_step if msg.height > 1 else row
    if row_step < row:
        error = (
            f'Cloud row_step is {row_step} bytes; wanted at least {row} for {msg.width} points.'
        )
        raise SensorError(error)
    size = 0 if row == 0 or msg.height == 0 else row_step * (msg.height - 1) + row
    if len(msg.data) < size:
        error = (
            f'Cloud data is truncated: {len(msg.data)} bytes; wanted at least {size} '
            f'for {msg.width}x{msg.height} points.'
        )
        raise SensorError(error)
    if size == 0:  # and nothing that the offsets must fit into: numpy has none beyond 31 bits
        return np.empty((0, 0), list(zip(kinds, formats, strict=True)))
    dtype = np.dtype(
        {
            'names': list(kinds),
            'formats': formats,
            'offsets': offsets,
            'itemsize': msg.point_step,
        }
    )
    return np.ndarray((msg.height, msg.width), dtype, msg.data, strides=(row_step, msg.point_step))


def _fields(msg: Any) -> tuple[dict[str, str], list[int]]:
    """Return types by name, and offsets, of the fields that are read: x, y, z and intensity."""
    named = [field for field in msg.fields if field.name in _READ]
    field_of = {field.name: field for field in named}
    kinds = {name: _TYPES.get(field.datatype, '?') for name, field in field_of.items()}
    if not all(kinds.get(name) in ('f4', 'f8') for name in 'xyz'):
        error = f'Cloud has fields {_listed(msg.fields)}; wanted x, y, z of f4 or f8.'
        raise SensorError(error)
    if len(named) > len(field_of):
        error = f'Cloud has {len(named)} fields for {sorted(field_of)}; wanted one for each.'
        raise SensorError(error)
    known = [name for name in _READ if kinds.get(name, '?') != '?']
    return {name: kinds[name] for name in known}, [field_of[name].offset for name in known]


def _listed(fields: Sequence[Any]) -> str:
    """Return the first of the fields in words."""
    words = [f'{quoted(field.name)}: {_TYPES.get(field.datatype, "?")!r}' for field in fields[:20]]
    if len(fields) > len(words):
        words.append(f'... ({len(fields)} fields)')
    return '{' + ', '.join(words) + '}'


def _intensity(cloud: NDArray[Any], factor: float) -> NDArray[np.float32] | None:
    for name in INTENSITY_NAMES:
        if name in (cloud.dtype.names or ()):
            values = cloud[name].reshape(-1)
            largest = np.iinfo(values.dtype).max if values.dtype.kind in 'iu' else 1
            shares: NDArray[np.float32] = values.astype(np.float32)
            shares *= np.float32(factor / largest)
            np.nan_to_num(shares, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
            return shares
    return None
