"""Prophesee's EVT 3.0. Its state lives in plain arrays: no loop runs over events."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from robustseg_core.sensors.events import Events
from robustseg_core.sensors.packet_words import Buffer, check_count, words_of
from robustseg_core.sensors.sensor_clock import SensorClock, unwrapped

Words = NDArray[np.uint16]
Counts = NDArray[np.uint64]
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
# What a word adds to the counts of rows, times and words of vectors, which share 64 bits.
_COUNTED: NDArray[np.uint64] = np.zeros(16, '<u8')
_COUNTED[[_ADDR_Y, _TIME_LOW]] = 1, 1 << 16
_COUNTED[[_VECT_BASE_X, _VECT_12, _VECT_8]] = 1 << 32
# A word below its type; of that a coordinate's bits, and the polarity in bit 11.
_VALUE, _COORDINATE, _ON = 0xFFF, 0x7FF, 0x800
_TIME_PERIOD = 1 << 12  # of TIME_HIGH: 16.8 s
_WORD = np.dtype('<u2')
# So many that their arrays stay in the processor's cache, and each count in 16 bits.
_BLOCK = 1 << 14


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
        if len(events.t_ns):
            times_ns = events.t_ns
            times_ns += self._clock.offset(int(times_ns[0]), stamp_ns)
        return events

    def decode_sensor_time(self, data: Buffer) -> Events:
        """Decode one packet; times are the sensor's own, since an unknown start, without wrap.

        Raises:
            SensorError: ``data`` is not made of 16-bit words, or of too many events.
        """
        words = words_of(data, _WORD, 'evt3')
        if len(words) <= _BLOCK:
            return self._decode_block(words)
        blocks, count = [], 0
        for start in range(0, len(words), _BLOCK):
            blocks.append(self._decode_block(words[start : start + _BLOCK]))
            count += len(blocks[-1].x)
            check_count(count, 'evt3')
        x, y, t_ns, on = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
        return Events(x, y, t_ns, on)

    def _decode_block(self, words: Words) -> Events:
        kind: Words = np.right_shift(words, 12)
        # One pass counts them all; the row that holds at a word is then the one so numbered.
        counts = _COUNTED.take(kind).cumsum(dtype='<u8')
        has_vectors = len(words) > 0 and int(counts[-1]) >> 32 > 0
        reports = kind == _ADDR_X
        if has_vectors:
            reports |= (kind == _VECT_12) | (kind == _VECT_8)
        at = reports.nonzero()[0]
        numbers = counts.take(at).view('<u2')
        in_sync = self._y < _NOWHERE and self._time_us > _NEVER
        y = self._rows(kind, words).take(numbers[::4])
        t_ns = self._times_ns(kind, words, counts).take(numbers[1::4])
        if not in_sync:
            known = (y < _NOWHERE) & (t_ns > _NEVER * NS_PER_US)
            at, y, t_ns = at[known], y[known], t_ns[known]
        value = words.take(at)
        if not has_vectors:
            return Events(value & _COORDINATE, y, t_ns, value >= (_ADDR_X << 12 | _ON))

        kind_at = kind.take(at)
        single = kind_at == _ADDR_X
        start, start_on = self._vector_starts(kind, words, at)
        x = np.where(single, value & _COORDINATE, start)
        on = np.where(single, value & _ON != 0, start_on)
        # A single event is a vector of one bit; in an unknown column there is none.
        bits = (value & _VECTOR_MASK.take(kind_at) | single) * (x < _NOWHERE)
        # Each word has 16 places for events; those of the set bits are its events, in order.
        places = np.unpackbits(bits.astype(_WORD).view(np.uint8), bitorder='little')
        place = places.view(np.bool_).nonzero()[0]
        word = place >> 4
        x = (x.take(word) + (place & 15)).astype(np.uint16)
        return Events(x, y.take(word), t_ns.take(word), on.take(word))

    def _rows(self, kind: Words, words: Words) -> NDArray[np.uint16]:
        """Return the row that held before the block, then those it sets."""
        found = words.compress(kind == _ADDR_Y)
        rows = np.empty(len(found) + 1, np.uint16)
        rows[0] = self._y
        np.bitwise_and(found, _COORDINATE, out=rows[1:])  # bit 11 names the camera
        self._y = int(rows[-1])
        return rows

    def _times_ns(self, kind: Words, words: Words, counts: Counts) -> NDArray[np.int64]:
        """Return the time that held before the block, then those it sets.

        Time steps at TIME_LOW only: TIME_HIGH is repeated, and arrives a few words before the
        TIME_LOW that completes it.
        """
        low = words.compress(kind == _TIME_LOW)
        times = np.empty(len(low) + 1, np.int64)
        times[0] = self._time_us
        times[1:] = low & _VALUE
        start = 1
        for high, count in self._high_changes(kind, words, counts):
            end = (count >> 16 & 0xFFFF) + 1
            times[start:end] += self._high << 12
            self._high = high
            start = end
        times[start:] += self._high << 12
        self._time_us = int(times[-1])
        times *= NS_PER_US
        return times

    def _high_changes(
        self, kind: Words, words: Words, counts: Counts
    ) -> Iterator[tuple[int, int]]:
        """Return the time of each TIME_HIGH that changes it, and what was counted before.

        There is one in 4 ms, few enough for a loop.
        """
        at = (kind == _TIME_HIGH).nonzero()[0]
        high = np.empty(len(at) + 1, np.uint16)
        # A word that is no TIME_HIGH differs from all.
        high[0] = 0 if self._high == _NEVER else _TIME_HIGH << 12 | self._high & _VALUE
        words.take(at, out=high[1:], mode='clip')  # the other modes go through a buffer
        changed = (high[1:] != high[:-1]).nonzero()[0]
        sent = high[1:].take(changed).astype(np.int64) & _VALUE
        highs = unwrapped(sent, None if self._high == _NEVER else self._high, _TIME_PERIOD)
        return zip(highs.tolist(), counts.take(at.take(changed)).tolist(), strict=True)

    def _vector_starts(
        self, kind: Words, words: Words, at: Indices
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return first column and polarity a vector would have at the words ``at``."""
        is_base = kind == _VECT_BASE_X
        steps = _VECTOR_LENGTH.take(kind)
        # Each vector moves the start of the next one on by its own length.
        moved = steps.cumsum()
        bases = words.compress(is_base)
        columns = np.concatenate(([self._base_x], (bases & _COORDINATE) - moved.compress(is_base)))
        ons = np.concatenate(([self._base_on], bases & _ON != 0))
        latest = is_base.cumsum().take(at)
        starts: NDArray[np.int64] = columns.take(latest) + moved.take(at) - steps.take(at)
        # An unknown column stays unknown: it only grows.
        self._base_x = int(columns[-1] + moved[-1])
        self._base_on = bool(ons[-1])
        return starts, ons.take(latest)
