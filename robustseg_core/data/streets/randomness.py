"""Random numbers that depend on what they are for and where, never on the order of calls."""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray


class Stream(IntEnum):
    """What random numbers decide."""

    STREET = 0
    BLOCK = 1
    AGENT = 2
    LIGHT = 3
    CAMERA = 4
    EVENTS = 5
    LIDAR = 6
    DEPTH = 7
    RIDE = 8
    SAMPLE = 9
    SIDE = 10
    JUNCTION = 11
    BRIDGE = 12
    LIBRARY = 13


def stream(seed: int, purpose: Stream, *place: int) -> np.random.Generator:
    """Return the generator of ``purpose`` at ``place`` (block, frame, ...; may be negative)."""
    # Spawn keys are unsigned: fold the sign into the lowest bit.
    key = tuple(2 * number if number >= 0 else -2 * number - 1 for number in place)
    sequence = np.random.SeedSequence(seed, spawn_key=(int(purpose), *key))
    return np.random.Generator(np.random.PCG64(sequence))


def dice(
    seed: int, purpose: Stream, number: NDArray[np.int64] | int, *place: int
) -> NDArray[np.float64]:
    """Return one uniform number in [0, 1) for each ``number`` at ``place``.

    Making a generator takes a dozen microseconds; for the thousand small decisions of a street,
    a hash does: SplitMix64 (Steele et al., "Fast Splittable Pseudorandom Number Generators",
    OOPSLA 2014, figure 17).
    """
    state = np.asarray(seed & 0xFFFF_FFFF_FFFF_FFFF, np.uint64)
    with np.errstate(over='ignore'):
        for part in (int(purpose), *place):
            state = _mixed(state + np.uint64(part & 0xFFFF_FFFF_FFFF_FFFF))
        mixed = _mixed(_mixed(np.asarray(number, np.int64).astype(np.uint64) + state))
    return (mixed >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _mixed(state: NDArray[np.uint64] | np.uint64) -> NDArray[np.uint64]:
    z = np.asarray(state + np.uint64(0x9E37_79B9_7F4A_7C15))
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58_476D_1CE4_E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D0_49BB_1331_11EB)
    return np.asarray(z ^ (z >> np.uint64(31)))
