"""Headers of compressed pictures, without decoding."""

import struct
from time import monotonic

import cv2
from hostile_pictures import PNG, PNG_OF_2_GB, chunk, header, png_that_claims, slow_jpeg
import numpy as np
import pytest

from robustseg_core.errors import SensorError
from robustseg_core.sensors.picture_headers import MOST_PARTS, picture_header


def encoded(suffix: str, dtype=np.uint8, channels: int = 3, *options: int) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 250, (6, 8, channels)).astype(dtype)
    if suffix == '.jp2':  # which cannot be so small
        pixels = np.tile(pixels, (16, 16, 1))
    return cv2.imencode(suffix, pixels, options)[1].tobytes()


@pytest.mark.parametrize(
    ('data', 'container', 'bits'),
    [
        (encoded('.png'), 'PNG', 8),
        (encoded('.png', np.uint16, 1), 'PNG', 16),
        (encoded('.png', np.uint8, 1, cv2.IMWRITE_PNG_BILEVEL, 1), 'PNG', 8),
        (encoded('.jpg'), 'JPEG', 8),
        (encoded('.jpg', np.uint8, 1), 'JPEG', 8),
        (encoded('.jpg', np.uint8, 3, cv2.IMWRITE_JPEG_PROGRESSIVE, 1), 'JPEG', 8),
        (encoded('.jpg', np.uint8, 3, cv2.IMWRITE_JPEG_RST_INTERVAL, 1), 'JPEG', 8),
    ],
)
def test_what_encoders_write_is_read(data, container, bits):
    found = picture_header(memoryview(data))
    assert (found.container, found.width, found.height, found.bits) == (container, 8, 6, bits)


def test_what_a_small_picture_claims_is_seen():
    assert picture_header(memoryview(png_that_claims(60_000, 60_000))).width == 60_000
    assert picture_header(memoryview(slow_jpeg(6000, 5000, 2))).height == 5000


@pytest.mark.parametrize('suffix', ['.tiff', '.bmp', '.webp', '.jp2', '.ppm', '.gif', '.ras'])
def test_other_formats_are_refused_by_name(suffix):
    names = {
        '.tiff': 'TIFF', '.bmp': 'BMP', '.webp': 'WebP', '.jp2': 'JPEG 2000', '.ppm': 'PNM',
        '.gif': 'GIF', '.ras': 'Sun raster',
    }  # fmt: skip
    with pytest.raises(SensorError, match=f'is {names[suffix]}.*; wanted JPEG or PNG'):
        picture_header(memoryview(encoded(suffix)))


@pytest.mark.parametrize(
    ('data', 'name'),
    [
        (b'\0\0\0\x20ftypavif', 'AVIF'),
        (b'v/1\x01rest', 'OpenEXR'),
        (b'#?RADIANCE\n', 'Radiance'),
        (b'\0\0\0\x0cJXL ', 'JPEG XL'),
        (b'no picture', 'neither JPEG nor PNG'),
        (b'', 'of 0 bytes'),
        (PNG_OF_2_GB, 'ends in the middle'),
        (PNG_OF_2_GB + bytes(30), r"part b'IDAT' claims 2147483647 bytes; the message has 71"),
        (PNG, 'without a header'),
        (header(4, 4) + chunk(b'IDAT', b''), 'ends in the middle'),
        (header(4, 4, bits=7) + chunk(b'IEND', b''), '7 bits a sample'),
        (header(4, 4) + chunk(b'tEXt', b'') * MOST_PARTS, 'more than 20000 parts'),
        (encoded('.png')[:60], 'claims'),
        (encoded('.jpg')[:30], 'does not fit into its 30 bytes'),
        (b'\xff\xd8\xff' + b'\xff' * 2_000_000, 'does not fit'),
        (b'\xff\xd8\xff\xe0\0\0' * 300_000, 'does not fit'),
        (b'\xff\xd8\xff\xc0' + struct.pack('>HBHH', 11, 12, 6, 8) + bytes(6), '12 bits a sample'),
        (b'\xff\xd8\xff\xc3' + struct.pack('>HBHH', 11, 8, 6, 8) + bytes(6), 'a rare kind'),
    ],
)
def test_what_is_no_whole_picture_is_refused_at_once(data, name):
    start_s = monotonic()
    with pytest.raises(SensorError, match=name):
        picture_header(memoryview(data))
    assert monotonic() - start_s < 0.5


def test_whatever_is_mutated_only_our_errors_come_out():
    rng = np.random.default_rng(0)
    wholes = [encoded('.png'), encoded('.jpg'), encoded('.png', np.uint16, 1)]
    refused = 0
    for turn in range(6000):
        data = bytearray(wholes[turn % len(wholes)])
        for _ in range(rng.integers(1, 6)):
            data[rng.integers(8 if turn % 2 else 0, min(len(data), 60))] = rng.integers(256)
        try:
            picture_header(memoryview(data[: rng.integers(len(data)) if turn % 3 else None]))
        except SensorError:
            refused += 1
    assert 3000 < refused < 6000
