"""Compressed pictures that claim, or cost, far more than their size."""

import struct
import zlib

import numpy as np

PNG = b'\x89PNG\r\n\x1a\n'


def chunk(name: bytes, data: bytes, length: int | None = None) -> bytes:
    """Return a chunk of a PNG, which may claim another ``length`` than it has."""
    claimed = len(data) if length is None else length
    return struct.pack('>I', claimed) + name + data + struct.pack('>I', zlib.crc32(name + data))


def header(width: int, height: int, bits: int = 8, colour: int = 2) -> bytes:
    return PNG + chunk(b'IHDR', struct.pack('>IIBBBBB', width, height, bits, colour, 0, 0, 0))


def png_that_claims(width: int, height: int) -> bytes:
    """A picture of that size in 66 bytes."""
    return header(width, height) + chunk(b'IDAT', zlib.compress(b'x')) + chunk(b'IEND', b'')


# 41 bytes for which OpenCV allocates 2 GB.
PNG_OF_2_GB = header(4, 4) + struct.pack('>I', 2**31 - 1) + b'IDAT'


def real_png(width: int, height: int) -> bytes:
    """A true, black picture; rows as small as zlib makes them."""
    rows = zlib.compressobj(9)
    row = bytes(1 + 3 * width)
    data = b''.join([*(rows.compress(row) for _ in range(height)), rows.flush()])
    return header(width, height) + chunk(b'IDAT', data) + chunk(b'IEND', b'')


def slow_jpeg(width: int, height: int, scans: int) -> bytes:
    """A progressive JPEG whose every scan, a few bytes, goes over the whole picture again."""

    def segment(marker: int, data: bytes) -> bytes:
        return struct.pack('>BBH', 0xFF, marker, len(data) + 2) + data

    one_component = struct.pack('>BHHBBBB', 8, height, width, 1, 1, 0x11, 0)
    # One code, of one bit, for 14 << 4 | 0: the next 2^14 blocks and more have nothing new.
    table = bytes([0x10, 1, *[0] * 15, 0xE0])
    blocks = -(-width // 8) * -(-height // 8)
    runs = -(-blocks // (1 << 14))
    # Each run: the code (0) and 14 bits of length, all zero.
    scan = bytes(-(-runs * 15 // 8))
    return b''.join(
        [
            b'\xff\xd8',
            segment(0xDB, bytes([0, *[1] * 64])),
            segment(0xC2, one_component),
            segment(0xC4, bytes([0x00, 1, *[0] * 15, 0x00])),
            segment(0xC4, table),
            segment(0xDA, bytes([1, 1, 0x00, 0, 0, 0])) + bytes(-(-blocks // 8)),
            *[segment(0xDA, bytes([1, 1, 0x00, 1, 63, 0])) + scan] * scans,
            b'\xff\xd9',
        ]
    )


def rvl_encoded(depth: np.ndarray) -> bytes:
    """Return (H, W) uint16 as RVL, number after number as Wilson (ISS 2017) describes it."""
    nibbles: list[int] = []

    def write(value: int) -> None:
        while True:
            value, nibble = value >> 3, value & 7
            nibbles.append(nibble | (8 if value else 0))
            if not value:
                return

    pixels = [int(pixel) for pixel in depth.reshape(-1)]
    place = previous = 0
    while place < len(pixels):
        start = place
        while place < len(pixels) and pixels[place] == 0:
            place += 1
        write(place - start)
        start = place
        while place < len(pixels) and pixels[place] != 0:
            place += 1
        write(place - start)
        for pixel in pixels[start:place]:
            difference, previous = pixel - previous, pixel
            write(2 * difference if difference >= 0 else -2 * difference - 1)
    nibbles += [0] * (-len(nibbles) % 8)
    words = [
        int(''.join(f'{nibble:x}' for nibble in nibbles[at : at + 8]), 16)
        for at in range(0, len(nibbles), 8)
    ]
    return struct.pack(f'<{len(words)}I', *words)
