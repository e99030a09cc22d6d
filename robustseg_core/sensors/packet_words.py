"""The bytes of an event packet as the words they are made of."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from robustseg_core.errors import SensorError

# Of one packet: eight times what the fastest cameras make in the milliseconds of one. A few
# bytes of vectors can claim gigabytes.
MOST_EVENTS = 1 << 23

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


def check_count(count: int, encoding: str) -> None:
    """Check how many events a packet holds, as far as it is decoded.

    Raises:
        SensorError: They are too many for a packet.
    """
    if count > MOST_EVENTS:
        found = f'{count} events or more'
        msg = f'Event packet {encoding!r} holds {found}; wanted at most {MOST_EVENTS}.'
        raise SensorError(msg)
