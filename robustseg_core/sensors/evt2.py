"""Prophesee's EVT 2.0 and EVT 2.1: words that need nothing but the time that came before them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from robustseg_core.sensors.events import Events
from robustseg_core.sensors.packet_words import Buffer, check_count, words_of
from robustseg_core.sensors.sensor_clock import SensorClock, unwrapped

Words = NDArray[np.uint32]

NS_PER_US = 1000
# Types of words, in their top four bits; an event's type is its polarity.
_ON, _TIME_HIGH = 1, 8
_TYPE_SHIFT = 28
# A word of EVT 2.0, or the upper half of one of EVT 2.1, below its type.
_TIME_SHIFT, _X_SHIFT = 22, 11
_TIME_LOW, _COORDINATE, _TIME_HIGH_MASK = 0x3F, 0x7FF, 0xFFFFFFF
_TIME_PERIOD = 1 << 28  # of TIME_HIGH, which counts 64 us: 4.8 hours
_ENOUGH = 1 << 14  # words, to know their order by
_BLOCK = 1 << 14  # words, whose arrays stay in the processor's cache

_NO_EVENTS = Events(
    np.empty(0, np.uint16), np.empty(0, np.uint16), np.empty(0, np.int64), np.empty(0, np.bool_)
)


class _Found(NamedTuple):
    """The words that are events.

    Attributes:
        at: (N,) which of the words.
        heads: (N,) uint32 the words, or their upper halves.
        t_ns: (N,) int64 sensor time.
    """

    at: NDArray[np.intp]
    heads: Words
    t_ns: NDArray[np.int64]


class _Evt2Words(ABC):
    """What EVT 2.0 and 2.1 share: an event is of the newest TIME_HIGH and six bits of its own.

    Events before the first TIME_HIGH are dropped: their time is not known.
    """

    encoding: ClassVar[str]
    dtype: ClassVar[np.dtype[Any]]

    def __init__(self) -> None:
        self._clock = SensorClock()
        self.reset()

    def reset(self) -> None:
        """Forget the stream."""
        self._clock.reset()
        self._high: int | None = None  # in 64 us, without wrap

    def decode(self, data: Buffer, stamp_ns: int) -> Events:
        """Decode one packet; see ``EventDecoder``."""
        events = self.decode_sensor_time(data)
        if len(events.t_ns):
            times_ns = events.t_ns
            times_ns += self._clock.offset(int(times_ns[0]), stamp_ns)
        return events

    def decode_sensor_time(self, data: Buffer) -> Events:
        """Decode one packet; times are the sensor's own, since an unknown start, without wrap.

        Raises:
            SensorError: ``data`` is not made of whole words, or of too many events.
        """
        words = words_of(data, self.dtype, self.encoding)
        blocks, count = [], 0
        for start in range(0, max(1, len(words)), _BLOCK):
            blocks.append(self._decode_block(words[start : start + _BLOCK]))
            count += len(blocks[-1].x)
            check_count(count, self.encoding)
        if len(blocks) == 1:
            return blocks[0]
        x, y, t_ns, on = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
        return Events(x, y, t_ns, on)

    @abstractmethod
    def _decode_block(self, words: NDArray[Any]) -> Events:
        """Return the events of some of a packet's words."""

    def _find(self, heads: Words) -> _Found:
        """Return the events among words, and take note of the time."""
        kind = heads >> _TYPE_SHIFT
        is_high = kind == _TIME_HIGH
        number = is_high.cumsum()  # of the TIME_HIGH that holds; 0 = that of the packets before
        sent = (heads.compress(is_high) & _TIME_HIGH_MASK).astype(np.int64)
        highs = unwrapped(sent, self._high, _TIME_PERIOD)
        at = (kind <= _ON).nonzero()[0]
        if self._high is None:
            at = at[number.take(at) > 0]
        times = np.concatenate(([self._high or 0], highs))
        if len(highs):
            self._high = int(highs[-1])
        found = heads.take(at)
        t_us = times.take(number.take(at)) << 6
        t_us |= found >> _TIME_SHIFT & _TIME_LOW
        t_us *= NS_PER_US
        return _Found(at, found, t_us)


class Evt2Decoder(_Evt2Words):
    """Prophesee's ``evt2``: 32-bit words, each event by itself.

    From the top of a word: 4 bits type (0 OFF, 1 ON, 8 TIME_HIGH), then 28 bits of time, or 6 bits
    of time (us), 11 of x, 11 of y. Source: Metavision documentation, "EVT 2.0 format".
    """

    encoding = 'evt2'
    dtype = np.dtype('<u4')

    def _decode_block(self, words: Words) -> Events:
        found = self._find(words)
        return Events(
            x=(found.heads >> _X_SHIFT & _COORDINATE).astype(np.uint16),
            y=(found.heads & _COORDINATE).astype(np.uint16),
            t_ns=found.t_ns,
            on=found.heads >> _TYPE_SHIFT == _ON,
        )


class Evt21Decoder(_Evt2Words):
    """Prophesee's ``evt21``: 64-bit words, each up to 32 events side by side.

    The upper half of a word is one of EVT 2.0, whose x is that of the mask's lowest bit; the lower
    half is a mask of the pixels that have an event. GenX320 sends words in little-endian order;
    IMX636 and Gen 4.1 send the upper half first, and the name does not say so. It shows at
    TIME_HIGH, whose lower half is empty: until there was one, there are no events anyway. Source:
    Metavision documentation, "EVT 2.1 format".
    """

    encoding = 'evt21'
    dtype = np.dtype('<u8')

    def reset(self) -> None:
        super().reset()
        self._upper: int | None = None  # place of the upper half in a word; None = not known yet
        self._words = 0  # in which it was looked for
        # TIME_HIGH with an empty lower half, and all of them, if the upper one were at 0 and at 1.
        self._times = np.zeros((2, 2), np.int64)

    def _decode_block(self, words: NDArray[np.uint64]) -> Events:
        halves = words.view('<u4').reshape(-1, 2)
        if self._words < _ENOUGH:
            self._find_order(halves)
        upper = self._upper
        if upper is None:
            return _NO_EVENTS
        found = self._find(np.ascontiguousarray(halves[:, upper]))
        masks = halves[:, 1 - upper].take(found.at)
        # Each word has 32 places for events; those of the set bits are its events, in order.
        bits = np.unpackbits(masks.view(np.uint8), bitorder='little')
        place = bits.view(np.bool_).nonzero()[0]
        word = place >> 5
        heads = found.heads
        x = (heads >> _X_SHIFT & _COORDINATE).astype(np.uint16)
        x = x.take(word)
        x += (place & 31).astype(np.uint16)
        return Events(
            x=x,
            y=(heads & _COORDINATE).astype(np.uint16).take(word),
            t_ns=found.t_ns.take(word),
            on=(heads >> _TYPE_SHIFT == _ON).take(word),
        )

    def _find_order(self, halves: Words) -> None:
        self._words += len(halves)
        for place in (0, 1):
            is_time = halves[:, place] >> _TYPE_SHIFT == _TIME_HIGH
            is_empty = halves[:, 1 - place] == 0
            self._times[:, place] += (is_time & is_empty).sum(), is_time.sum()
        empty, all_times = self._times
        # If the empty half holds something after all, there are soon too many of all for chance.
        counts = empty if empty.any() or self._words < _ENOUGH else all_times
        upper = int(counts[1] >= counts[0])
        if counts.any() and upper != self._upper:
            self._upper, self._high = upper, None
