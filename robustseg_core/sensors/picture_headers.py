"""What a PNG or JPEG says about itself, read without decoding or allocating anything."""

from __future__ import annotations

from dataclasses import dataclass
import struct

from robustseg_core.errors import SensorError

PNG = b'\x89PNG\r\n\x1a\n'
JPEG = b'\xff\xd8\xff'
# More parts than any encoder writes (libpng: one every 8 KiB); walking so many takes milliseconds.
MOST_PARTS = 20_000

# Formats that OpenCV would decode on the strength of their first bytes, whatever they claim.
_OTHERS: tuple[tuple[str, int, tuple[bytes, ...]], ...] = (
    ('TIFF', 0, (b'II*\0', b'MM\0*', b'II+\0', b'MM\0+')),
    ('OpenEXR', 0, (b'v/1\x01',)),
    ('WebP', 8, (b'WEBP',)),
    ('GIF', 0, (b'GIF8',)),
    ('BMP', 0, (b'BM',)),
    ('AVIF or HEIF', 4, (b'ftyp',)),
    ('JPEG 2000', 0, (b'\0\0\0\x0cjP  ', b'\xff\x4f\xff\x51')),
    ('JPEG XL', 0, (b'\xff\x0a', b'\0\0\0\x0cJXL ')),
    ('Sun raster', 0, (b'\x59\xa6\x6a\x95',)),
    ('Radiance HDR', 0, (b'#?RADIANCE', b'#?RGBE')),
    ('PNM or PFM', 0, (b'P1', b'P2', b'P3', b'P4', b'P5', b'P6', b'P7', b'Pf', b'PF')),
)
_CHUNK = struct.Struct('>I4s')  # length of the data, name; data and a checksum follow
_IHDR = struct.Struct('>IIBB')  # width, height, bits of a sample, kind of colour
_SEGMENT = struct.Struct('>H')  # length, itself included
_FRAME = struct.Struct('>BHH')  # bits of a sample, height, width
# Start of frame: baseline, extended and progressive Huffman, then arithmetic; the others
# (lossless, hierarchical) no camera sends.
_FRAMES = {0xC0, 0xC1, 0xC2, 0xC9, 0xCA}
_OTHER_FRAMES = {0xC3, 0xC5, 0xC6, 0xC7, 0xCB, 0xCD, 0xCE, 0xCF}
_ALONE = {0x01, *range(0xD0, 0xD8)}  # markers without a segment
_START_OF_SCAN, _END = 0xDA, 0xD9


@dataclass(frozen=True)
class PictureHeader:
    """What a picture claims to be.

    Attributes:
        container: ``PNG`` or ``JPEG``.
        width: In pixels.
        height: In pixels.
        bits: Of a sample once decoded: 8 or 16.
    """

    container: str
    width: int
    height: int
    bits: int


def picture_header(data: memoryview) -> PictureHeader:
    """Return what the picture in ``data`` claims to be.

    Args:
        data: Bytes.

    Raises:
        SensorError: It is no PNG or JPEG, or its parts do not fit into ``data``.
    """
    if data[: len(PNG)] == PNG:
        return _png(data)
    if data[: len(JPEG)] == JPEG:
        return _jpeg(data)
    for name, offset, starts in _OTHERS:
        if any(data[offset : offset + len(start)] == start for start in starts):
            msg = f'is {name}; wanted JPEG or PNG.'
            raise SensorError(msg)
    msg = f'of {len(data)} bytes is neither JPEG nor PNG.'
    raise SensorError(msg)


def _png(data: memoryview) -> PictureHeader:
    first = len(PNG) + _CHUNK.size
    if len(data) < first + 13 or data[len(PNG) : first] != _CHUNK.pack(13, b'IHDR'):
        msg = 'is a PNG without a header (IHDR).'
        raise SensorError(msg)
    width, height, bits, _ = _IHDR.unpack_from(data, first)
    if bits not in (1, 2, 4, 8, 16):
        msg = f'is a PNG of {bits} bits a sample; wanted 1 to 16.'
        raise SensorError(msg)
    position = len(PNG)
    for _ in range(MOST_PARTS):
        if position + _CHUNK.size + 4 > len(data):
            msg = f'is a PNG that ends in the middle, after {len(data)} bytes.'
            raise SensorError(msg)
        length, name = _CHUNK.unpack_from(data, position)
        position += _CHUNK.size + length + 4
        if position > len(data):
            msg = (
                f'is a PNG whose part {name!r} claims {length} bytes; the message has {len(data)}.'
            )
            raise SensorError(msg)
        if name == b'IEND':
            return PictureHeader('PNG', width, height, 16 if bits == 16 else 8)
    msg = f'is a PNG of more than {MOST_PARTS} parts.'
    raise SensorError(msg)


def _jpeg(data: memoryview) -> PictureHeader:
    position = 2
    for _ in range(MOST_PARTS):
        if position + 4 > len(data) or data[position] != 0xFF:
            break
        marker = data[position + 1]
        if marker == 0xFF:  # a fill byte
            position += 1
            continue
        position += 2
        if marker in _ALONE:
            continue
        if marker in (_START_OF_SCAN, _END):
            break
        (length,) = _SEGMENT.unpack_from(data, position)
        if marker in _OTHER_FRAMES:
            msg = f'is a JPEG of a rare kind (frame 0x{marker:X}); wanted baseline or progressive.'
            raise SensorError(msg)
        if marker in _FRAMES and position + _SEGMENT.size + _FRAME.size <= len(data):
            bits, height, width = _FRAME.unpack_from(data, position + _SEGMENT.size)
            if bits != 8:
                msg = f'is a JPEG of {bits} bits a sample; wanted 8.'
                raise SensorError(msg)
            return PictureHeader('JPEG', width, height, bits)
        position += length
    msg = f'is a JPEG whose header does not fit into its {len(data)} bytes.'
    raise SensorError(msg)
