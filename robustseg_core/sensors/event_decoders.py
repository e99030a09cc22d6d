"""Decoders of the wire formats of event cameras (event_camera_msgs/EventPacket), by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from robustseg_core.errors import SensorError
from robustseg_core.quoting import quoted
from robustseg_core.sensors.events import Events
from robustseg_core.sensors.evt2 import Evt2Decoder, Evt21Decoder
from robustseg_core.sensors.evt3 import Evt3Decoder
from robustseg_core.sensors.packet_words import Buffer, check_count, words_of


class EventDecoder(Protocol):
    """Turns packets into events; a stream needs its own, and every packet in order."""

    def decode(self, data: Buffer, stamp_ns: int) -> Events:
        """Decode one packet; the events' times are in the clock of the stamps.

        Args:
            data: The packet's bytes.
            stamp_ns: When the host received the packet's first event.

        Raises:
            SensorError: ``data`` is not made of whole words, or of too many events.
        """
        ...

    def reset(self) -> None:
        """Forget the stream, e.g. when time jumps or the camera restarts."""
        ...


def event_decoder(encoding: str) -> EventDecoder:
    """Return a new decoder for ``encoding``.

    Raises:
        SensorError: It is not known.
    """
    if encoding not in _DECODERS:
        msg = f'Unknown event encoding {quoted(encoding)}; known are {sorted(_DECODERS)}.'
        raise SensorError(msg)
    return _DECODERS[encoding]()


def decode_mono(data: Buffer, time_base_ns: int) -> Events:
    """Decode ``mono``: 64-bit words, from the top 1 bit ON, 15 bits y, 16 bits x, 32 bits ns.

    Raises:
        SensorError: ``data`` is not made of whole words, or of too many events.
    """
    words = words_of(data, np.dtype('<u8'), 'mono')
    check_count(len(words), 'mono')
    return Events(
        x=(words >> np.uint64(32)).astype(np.uint16),  # the cast cuts off y and polarity
        y=(words >> np.uint64(48)).astype(np.uint16) & np.uint16(0x7FFF),
        t_ns=words.astype(np.uint32) + np.int64(time_base_ns),
        on=words >> np.uint64(63) != 0,
    )


class MonoDecoder:
    """``mono``, whose times count from the packet's stamp: nothing to remember."""

    def decode(self, data: Buffer, stamp_ns: int) -> Events:
        return decode_mono(data, stamp_ns)

    def reset(self) -> None:
        """Nothing is remembered."""


_DECODERS: dict[str, Callable[[], EventDecoder]] = {
    'mono': MonoDecoder,
    'evt2': Evt2Decoder,
    'evt21': Evt21Decoder,
    'evt3': Evt3Decoder,
}
