"""RVL: depth as runs of zeros and differences (Wilson, "Fast lossless depth image compression",
ISS 2017), as compressed_depth_image_transport sends it.

Numbers are of 3 bits a nibble, the lowest first; the fourth bit says that more follow. Eight
nibbles make a little-endian word, the first in its highest bits. The numbers are, again and again:
how many zeros, how many others, and for each of the latter its difference to the one before,
where 0, -1, 1, -2, ... are 0, 1, 2, 3, ...
"""  # noqa: D205

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from robustseg_core.errors import SensorError

# Six nibbles hold any difference of 16 bits, and two the runs of a pixel that stands alone.
MOST_BYTES_PER_PIXEL = 4
_MOST_NIBBLES = 10  # of one number: 30 bits


def decode_rvl(data: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint16]:
    """Return the picture (height, width).

    Args:
        data: The words, without any header.
        width: In pixels.
        height: In pixels.

    Raises:
        SensorError: The numbers do not make exactly that many pixels.
    """
    count = width * height
    numbers = _numbers(data)
    at: list[int] = []  # where each run of others begins among the numbers, ...
    where: list[int] = []  # ... and among the pixels
    many: list[int] = []
    place = pixel = 0
    quick = numbers.data  # gives single numbers faster than the array
    while pixel < count and place + 1 < len(numbers):
        zeros, others = quick[place], quick[place + 1]
        place, pixel = place + 2, pixel + zeros
        if others:
            at.append(place)
            where.append(pixel)
            many.append(others)
        place, pixel = place + others, pixel + others
    if pixel != count or place > len(numbers):
        msg = f'RVL data of {len(data)} bytes does not make {width}x{height} pixels.'
        raise SensorError(msg)
    pixels = np.zeros(count, np.uint16)
    lengths = np.asarray(many, np.int64)
    steps = np.arange(int(lengths.sum())) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    coded = numbers[np.repeat(np.asarray(at, np.int64), lengths) + steps]
    differences = (coded >> 1) ^ -(coded & 1)
    values = np.cumsum(differences, dtype=np.int64).astype(np.uint16)  # modulo 2^16, as sent
    pixels[np.repeat(np.asarray(where, np.int64), lengths) + steps] = values
    return pixels.reshape(height, width)


def _numbers(data: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Return the numbers of whole words; what the last one is filled up with are zeros."""
    words = data[: len(data) // 4 * 4].reshape(-1, 4)[:, ::-1]  # the highest byte first
    nibbles = np.empty((*words.shape, 2), np.uint8)
    nibbles[..., 0], nibbles[..., 1] = words >> 4, words & 15
    flat = nibbles.reshape(-1)
    ends = np.flatnonzero(flat < 8)
    if len(ends) == 0:
        return np.zeros(0, np.int32)
    starts = np.concatenate([[0], ends[:-1] + 1])
    longest = int((ends - starts).max()) + 1
    if longest > _MOST_NIBBLES:
        msg = f'RVL data has a number of {longest} nibbles; wanted at most {_MOST_NIBBLES}.'
        raise SensorError(msg)
    numbers = np.zeros(len(ends), np.int32)
    for nibble in range(longest):
        has = np.flatnonzero(starts + nibble <= ends) if nibble else slice(None)
        part = flat[starts[has] + nibble] & 7
        numbers[has] |= part.astype(np.int32) << (3 * nibble)
    return numbers
