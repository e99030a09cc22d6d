"""Decoders of the wire formats of event cameras (event_camera_msgs/EventPacket).

Their states live in plain arrays: no loop runs over events.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from robustseg_core.errors import SensorError
from robustseg_core.sensors.events import Events

Buffer = bytes | bytearray | memoryview | NDArray[np.uint8]
Kinds = NDArray[np.uint8]
Words = NDArray[np.uint16]
Indices = NDArray[np.intp]

NS_PER_US = 1000
# The state before the words that set it: beyond the 11 bits of a coordinate, before any time.
_NOWHERE = 1 << 11
_NEVER = -(1 << 40)

# EVT 3.0 word types that matter here, and by type what a vector of events is like.
_ADDR_Y, _ADDR_X, _VECT_BASE_X, _VECT_12, _VECT_8, _TIME_LOW, _TIME_HIGH = 0, 2, 3, 4, 5, 6, 8
_VECTOR_LENGTH: NDArray[np.int64] = np.zeros(16, np.int64)
_VECTOR_LENGTH[[_VECT_12, _VECT_8]] = 12, 8
_VECTOR_MASK: NDArray[np.uint16] = np.zeros(16, np.uint16)
_VECTOR_MASK[[_VECT_12, _VECT_8]] = 0xFFF, 0xFF
_REPORTS_EVENTS: NDArray[np.bool_] = np.zeros(16, np.bool_)
_REPORTS_EVENTS[[_ADDR_X, _VECT_12, _VECT_8]] = True
_ON = 0x800  # polarity, bit 11 of a column
_BLOCK = 1 << 15


class EventDecoder(Protocol):
    """Turns packets into events; a stream needs its own, and every packet in order."""

    def decode(self, data: Buffer, stamp_ns: int) -> Events:
        """Decode one packet; the events' times are in the clock of the stamps.

        Args:
            data: The packet's bytes.
            stamp_ns: When the host received the packet's first event.

        Raises:
            SensorError: ``data`` is not made of whole words.
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
        msg = f'Unknown event encoding {encoding!r}; known are {sorted(_DECODERS)}.'
        raise SensorError(msg)
    return _DECODERS[encoding]()


def decode_mono(data: Buffer, time_base_ns: int) -> Events:
    """Decode ``mono``: 64-bit words, from the top 1 bit ON, 15 bits y, 16 bits x, 32 bits ns.

    Raises:
        SensorError: ``data`` is not made of whole words.
    """
    words = _words(data, np.dtype('<u8'), 'mono')
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


class SensorClock:
    """Offset between a camera's free-running clock and the host's stamps.

    A packet can be stamped late, never early: the smallest offset seen is the truest. It may rise
    by 0.2 ms in a second, faster than quartz drifts, so that no old minimum holds for ever.
    """

    RISE = 2e-4
    # More than any transport delays: the camera restarted, or its 24 bits wrapped unseen.
    JUMP_NS = 1_000_000_000

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._offset_ns: int | None = None
        self._last_ns = 0

    def offset(self, sensor_ns: int, stamp_ns: int) -> int:
        """Return what to add to sensor times, having seen ``sensor_ns`` stamped ``stamp_ns``."""
        measured = stamp_ns - sensor_ns
        if self._offset_ns is None or abs(measured - self._offset_ns) > self.JUMP_NS:
            self._offset_ns = measured
        else:
            elapsed = max(0, sensor_ns - self._last_ns)
            self._offset_ns = min(measured, self._offset_ns + int(elapsed * self.RISE))
        self._last_ns = sensor_ns
        return self._offset_ns


class Evt3Decoder:
    """Prophesee's ``evt3``: 16-bit little-endian words, the top 4 bits their type.

    A word changes one part of the state (row, time, start of a vector) or reports events with it;
    the state carries over from packet to packet. Source: Metavision documentation, "EVT 3.0
    format". Events before the first complete time, row and vector start are dropped: their place
    is not known.
    """

    def __init__(self) -> None:
        self._clock = SensorClock()
        self.reset()

    def reset(self) -> None:
        self._clock.reset()
        self._y = _NOWHERE
        self._base_x = _NOWHERE
        self._base_on = False
        self._high = _NEVER  # upper part of the time, in 4096 us, without wrap
        self._time_us = _NEVER

    def decode(self, data: Buffer, stamp_ns: int) -> Events:
        events = self.decode_sensor_time(data)
        if not len(events.t_ns):
            return events
        offset_ns = self._clock.offset(int(events.t_ns[0]), stamp_ns)
        return events._replace(t_ns=events.t_ns + offset_ns)

    def decode_sensor_time(self, data: Buffer) -> Events:
        """Decode one packet; times are the sensor's own, since an unknown start, without wrap.

        Raises:
            SensorError: ``data`` is not made of 16-bit words.
        """
        words = _words(data, np.dtype('<u2'), 'evt3')
        # In blocks that stay in the processor's cache.
        blocks = [
            self._decode_block(words[start : start + _BLOCK])
            for start in range(0, max(len(words), 1), _BLOCK)
        ]
        if len(blocks) == 1:
            return blocks[0]
        x, y, t_ns, on = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
        return Events(x, y, t_ns, on)

    def _decode_block(self, words: Words) -> Events:
        kind = (words >> 12).astype(np.uint8)
        value = words & np.uint16(0x0FFF)
        at = np.flatnonzero(_REPORTS_EVENTS[kind])
        time_us = self._times(kind, value, at)
        y = self._rows(kind, value, at)
        base_x, base_on = self._vector_starts(kind, value, at)

        # A single event is a vector of one bit.
        kind, value = kind[at], value[at]
        single = kind == _ADDR_X
        x = np.where(single, value & 0x7FF, base_x)
        on = np.where(single, value >= _ON, base_on)
        bits = np.where(single, 1, value & _VECTOR_MASK[kind])
        known = (time_us > _NEVER) & (y < _NOWHERE) & (x < _NOWHERE)
        if not known.all():
            bits = bits * known
        if single.all() and known.all():
            return Events(x.astype(np.uint16), y, time_us * NS_PER_US, on)

        # Each word has 16 places for events; those of the set bits are its events, in order.
        place = np.flatnonzero(np.unpackbits(bits.astype('<u2').view(np.uint8), bitorder='little'))
        word = place >> 4
        x = (x[word] + (place & 15)).astype(np.uint16)
        return Events(x, y[word], time_us[word] * NS_PER_US, on[word])

    def _times(self, kind: Kinds, value: Words, at: Indices) -> NDArray[np.int64]:
        """Return the time in us at the words ``at``, ``_NEVER`` or less before the first one.

        Time steps at TIME_LOW only: TIME_HIGH is repeated, and arrives a few words before the
        TIME_LOW that completes it.
        """
        is_high, is_low = kind == _TIME_HIGH, kind == _TIME_LOW
        high = value[is_high].astype(np.int64)
        if len(high):
            previous = self._high if self._high != _NEVER else int(high[0])
            steps = np.diff(high, prepend=previous % 4096)
            # The 12 bits wrap every 16.8 s, which is a step back by nearly all of them. A wrong
            # bit makes a step of half of them at most, and the next word undoes it.
            steps += 4096 * ((steps < -3072).astype(np.int64) - (steps > 3072))
            high = previous + np.cumsum(steps)
        high = np.concatenate(([self._high], high))
        high_at_low = high[_count_before(is_high, np.flatnonzero(is_low))]
        times = np.concatenate(([self._time_us], high_at_low * 4096 + value[is_low]))
        self._high, self._time_us = int(high[-1]), int(times[-1])
        held: NDArray[np.int64] = times[_count_before(is_low, at)]
        return held

    def _rows(self, kind: Kinds, value: Words, at: Indices) -> NDArray[np.uint16]:
        is_row = kind == _ADDR_Y
        state = np.array([self._y], np.uint16)
        rows = np.concatenate((state, value[is_row] & 0x7FF))  # bit 11 names the camera
        self._y = int(rows[-1])
        held: NDArray[np.uint16] = rows[_count_before(is_row, at)]
        return held

    def _vector_starts(
        self, kind: Kinds, value: Words, at: Indices
    ) -> tuple[NDArray[np.int64] | int, NDArray[np.bool_] | bool]:
        """Return first column and polarity a vector would have at the words ``at``."""
        is_base = kind == _VECT_BASE_X
        steps = _VECTOR_LENGTH[kind]
        if not (is_base.any() or steps.any()):
            return self._base_x, self._base_on
        # Each vector moves the start of the next one on by its own length.
        moved = np.cumsum(steps)
        bases = value[is_base]
        columns = np.concatenate(([self._base_x], (bases & 0x7FF) - moved[is_base]))
        ons = np.concatenate(([self._base_on], bases >= _ON))
        latest = _count_before(is_base, at)
        starts: NDArray[np.int64] = columns[latest] + moved[at] - steps[at]
        # An unknown column stays unknown: it only grows.
        self._base_x = int(columns[-1] + moved[-1])
        self._base_on = bool(ons[-1])
        return starts, ons[latest]


def _count_before(is_kind: NDArray[np.bool_], at: Indices) -> Indices:
    """Return how many words of a kind precede each of the words ``at``, which are of another."""
    return np.cumsum(is_kind, dtype=np.intp)[at]


def _words(data: Buffer, dtype: np.dtype[Any], encoding: str) -> NDArray[Any]:
    size = data.nbytes if isinstance(data, np.ndarray | memoryview) else len(data)
    if size % dtype.itemsize:
        msg = f'Event packet {encoding!r} has {size} bytes; wanted a multiple of {dtype.itemsize}.'
        raise SensorError(msg)
    return np.frombuffer(data, dtype)


_DECODERS: dict[str, Callable[[], EventDecoder]] = {'mono': MonoDecoder, 'evt3': Evt3Decoder}
