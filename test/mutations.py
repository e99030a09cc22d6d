"""Messages damaged at random: fields, lengths, truncations, extremes; the same for a seed."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from copy import deepcopy
from typing import Any, NamedTuple

import numpy as np

_RANGES = {
    'uint8': (0, 2**8 - 1),
    'int32': (-(2**31), 2**31 - 1),
    'uint32': (0, 2**32 - 1),
    'uint64': (0, 2**64 - 1),
}
_NUMBERS = (0, 1, 2, 3, 7, 255, 4096, 32767, 32768, 40_000, 65_535, 2**24, 2**31 - 1, 2**31, 2**40)
_FLOATS = (
    0.0, -0.0, 1.0, -1.0, 1e-300, 5e-324, 1e30, 1e38, 1e200, 1.7e308, -1.7e308,
    float('nan'), float('inf'), -float('inf'),
)  # fmt: skip
_TEXTS = (
    '', ' ', ';', 'x', 'y', 'z', 'intensity', 'i', 'rgb8', 'bgr8', 'mono8', 'mono16', '16UC1',
    '32FC1', '32FC3', '8UC4', 'yuv422', 'nv12', 'bayer_rggb16', '64FC9', 'jpeg', 'png',
    '16UC1; compressedDepth rvl', 'compressedDepth', 'plumb_bob', 'rational_polynomial',
    'equidistant', 'none', 'mono', 'evt2', 'evt21', 'evt3', '\u0000', '\u2028\u202e', '%s%n{}',
    'x' * 100_000,
)  # fmt: skip


class Leaf(NamedTuple):
    """A value somewhere in a message."""

    owner: Any
    name: str
    type: str


def leaves(message: Any) -> Iterator[Leaf]:
    """Yield every value of a message and of the messages in it."""
    for name, type_name in message.get_fields_and_field_types().items():
        value = getattr(message, name)
        if hasattr(value, 'get_fields_and_field_types'):
            yield from leaves(value)
            continue
        yield Leaf(message, name, type_name)
        if isinstance(value, list):
            for item in value:
                if hasattr(item, 'get_fields_and_field_types'):
                    yield from leaves(item)


def mutated(message: Any, rng: np.random.Generator) -> Any:
    """Return a copy of ``message`` with one to three values damaged."""
    damaged = deepcopy(message)
    for _ in range(int(rng.integers(1, 4))):
        found = list(leaves(damaged))
        leaf = found[rng.integers(len(found))]
        # A few large arrays hold most of what can be wrong.
        arrays = [one for one in found if '<' in one.type or '[' in one.type]
        if arrays and rng.random() < 0.3:
            leaf = arrays[rng.integers(len(arrays))]
        setattr(leaf.owner, leaf.name, _damaged(getattr(leaf.owner, leaf.name), leaf.type, rng))
    return damaged


def _damaged(value: Any, type_name: str, rng: np.random.Generator) -> Any:
    if type_name in _RANGES:
        return _integer(value, *_RANGES[type_name], rng)
    if type_name == 'boolean':
        return not value
    if type_name == 'string':
        return _TEXTS[rng.integers(len(_TEXTS))]
    if type_name == 'sequence<uint8>':
        return _octets(value, rng)
    if type_name.startswith(('double', 'sequence<double>')):
        return _floats(value, rng, fixed='[' in type_name)
    return _items(value, rng)


def _integer(value: int, low: int, high: int, rng: np.random.Generator) -> int:
    choice = rng.integers(5)
    if choice == 0:
        new = int(rng.choice(_NUMBERS))
    elif choice == 1:
        new = high - int(rng.integers(3))
    elif choice == 2:
        new = value + int(rng.integers(-2, 3))
    elif choice == 3:
        new = value * int(rng.integers(2, 70_000))
    else:
        new = value ^ 1 << int(rng.integers(high.bit_length()))
    return min(max(new, low), high)


def _octets(value: Any, rng: np.random.Generator) -> array[int]:
    data = np.frombuffer(value, np.uint8).copy()
    choice = rng.integers(6)
    if choice == 0 or not len(data):
        data = data[: rng.integers(0, len(data) + 1)]
    elif choice == 1:
        data = np.concatenate([data, rng.integers(0, 256, rng.integers(1, 400), np.uint8)])
    elif choice == 2:
        data = np.tile(data, int(rng.integers(2, 40)))
    elif choice == 3:
        at = rng.integers(0, len(data), rng.integers(1, 20))
        data[at] ^= np.left_shift(1, rng.integers(0, 8, len(at))).astype(np.uint8)
    elif choice == 4:
        start = rng.integers(len(data))
        data[start : start + rng.integers(1, 200)] = rng.choice([0, 0xFF, 0x7F, 0x80])
    else:
        data = rng.integers(0, 256, len(data), np.uint8)
    return array('B', data.tobytes())


def _floats(value: Any, rng: np.random.Generator, *, fixed: bool) -> list[float]:
    numbers = [float(number) for number in value]
    choice = rng.integers(3)
    if choice == 0 and not fixed:
        return numbers[: rng.integers(len(numbers) + 1)] + [0.0] * int(rng.integers(12))
    if choice == 1 and not fixed:
        return numbers + [float(rng.choice(_FLOATS))] * int(rng.choice([1, 3, 9, 5000]))
    for _ in range(int(rng.integers(1, 4))):
        if numbers:
            numbers[rng.integers(len(numbers))] = float(rng.choice(_FLOATS))
    return numbers


def _items(value: list[Any], rng: np.random.Generator) -> list[Any]:
    choice = rng.integers(4)
    if choice == 0 or not value:
        return value[: rng.integers(len(value) + 1)]
    if choice == 1:
        return [*value, deepcopy(value[rng.integers(len(value))])]
    if choice == 2:
        return [value[number] for number in rng.permutation(len(value))]
    return value * int(rng.choice([2, 60]))
