"""The bytes of an event packet as the words they are made of."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from robustseg_core.errors import SensorError

Buffer = bytes | bytearray | memoryview | NDArray[np.uint8]


def words_of(data: Buffer, dtype: np.dtype[Any], encoding: str) -> NDArray[Any]:
    """Return the words of ``data``, which shares its memory.

    Raises:
        SensorError: It ends within a word.
    """
    octets = np.frombuffer(data, np.uint8)
    if len(octets) % dtype.itemsize:
        msg = (
            f'Event packet {encoding!r} has {len(octets)} bytes; '
            f'wanted a multiple of {dtype.itemsize}.'
        )
        raise SensorError(msg)
    return octets.view(dtype)
