"""Why the numbers of a sensor are far from those of training: the usual causes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
import math

from robustseg_core.sensors.encodings import Measurement


@dataclass(frozen=True)
class Cause:
    """One usual mistake.

    Attributes:
        factor: How many times too large it makes the numbers.
        words: What it is, e.g. ``millimetres for metres``.
        most: Largest number that it can give.
    """

    factor: float
    words: str
    most: float = math.inf


_BYTES_FOR_UNIT = Cause(255, '0..255 for 0..1', 255)
_WORDS_FOR_UNIT = Cause(65535, '0..65535 for 0..1', 65535)
_UNIT_FOR_BYTES = Cause(1 / 255, '0..1 for 0..255', 1)
_UNIT_FOR_WORDS = Cause(1 / 65535, '0..1 for 0..65535', 1)
_LOW_BITS = Cause(1 / 16, '12 bits in the lower part of 16', 4095)
_HIGH_BITS = Cause(16, '12 bits in the upper part of 16')
_LENGTHS = (
    Cause(1000, 'millimetres for metres'),
    Cause(100, 'centimetres for metres'),
    Cause(1 / 100, 'metres for centimetres'),
    Cause(1 / 1000, 'metres for millimetres'),
)
_NUMBERS = (
    _BYTES_FOR_UNIT,
    _WORDS_FOR_UNIT,
    _UNIT_FOR_BYTES,
    _UNIT_FOR_WORDS,
    _LOW_BITS,
    _HIGH_BITS,
    Cause(257, '16 bits for 8', 65535),
    Cause(1 / 257, '8 bits for 16', 255),
)
_INTENSITIES = (
    Cause(255, '0..255 for 0..1, as of Velodyne and Livox', 255),
    Cause(100, 'percent for 0..1', 100),
    Cause(65535, '0..65535 for 0..1, as of Ouster', 65535),
    Cause(1 / 255, '0..1 for 0..255', 1),
)
_GREYS = (
    *_NUMBERS,
    Cause(100, 'hundredths for whole units, as of cameras that send kelvin x 100'),
    Cause(10, 'tenths for whole units'),
    Cause(1 / 10, 'whole units for tenths'),
    Cause(1 / 100, 'whole units for hundredths, as of kelvin for kelvin x 100'),
)
# The numbers of a picture of colours end where the type ends: its own largest number tells.
COLOURS = (
    Cause(1 / 255, '0..1 for 0..255', 1),
    Cause(1 / 64, '10 bits in the lower part of 16', 3),
    Cause(1 / 16, '12 bits in the lower part of 16', 15),
)
# Channel names; those of one channel hold it three times.
CHANNELS: Mapping[Measurement, tuple[str, ...]] = {
    Measurement.IMAGE: ('channel 1', 'channel 2', 'channel 3'),
    Measurement.GREY: ('value',),
    Measurement.DEPTH: ('distance',),
    Measurement.EVENTS: ('ON events', 'OFF events', 'channel 3'),
    Measurement.POINTS: ('range', 'intensity', 'height'),
}
_CAUSES: Mapping[Measurement, tuple[Cause, ...]] = {
    Measurement.IMAGE: _NUMBERS,
    Measurement.GREY: _GREYS,
    Measurement.DEPTH: _LENGTHS,
    Measurement.EVENTS: (Cause(255, 'a picture with 255 for an event, where counts are wanted'),),
    Measurement.POINTS: _LENGTHS,
}


def causes_of(kind: Measurement, channel: str) -> tuple[Cause, ...]:
    """Return what may have gone wrong with a channel of such a measurement."""
    return _INTENSITIES if channel == 'intensity' else _CAUSES[kind]
