"""Reading what data sets are made of: pictures, arrays, and files that may be missing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
import lzma
import math
from pathlib import Path
from stat import S_ISREG
import struct
import tokenize
from typing import IO, Any
from zipfile import BadZipFile, ZipFile
import zlib

import cv2
import numpy as np
from numpy.typing import NDArray

from robustseg_core.errors import DataError, SensorError
from robustseg_core.files import open_regular, read_regular
from robustseg_core.labels import IGNORE_ID
from robustseg_core.quoting import shown
from robustseg_core.sensors.picture_headers import JPEG, PNG, picture_header

EXAMPLES = 3
MOST_BYTES = 1 << 30  # of a file with one image or scan
MOST_PIXELS = 1 << 27  # of one image; in three colours of 16 bits that fills 0.8 GB


def read_picture(path: Path) -> NDArray[np.uint8]:
    """Read a picture as RGB (H, W, 3) uint8, whatever channels and depth the file has.

    Raises:
        DataError: The file cannot be read, or is no picture.
    """
    bgr = _decode(path, cv2.IMREAD_COLOR)
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)


def read_raw_picture(path: Path) -> NDArray[Any]:
    """Read a picture as it was written, (H, W) or (H, W, C) in OpenCV's order of channels.

    Raises:
        DataError: The file cannot be read, or is no picture.
    """
    return _decode(path, cv2.IMREAD_UNCHANGED)


def read_points(path: Path, dtype: type[np.floating[Any]], columns: int) -> NDArray[Any]:
    """Read a headerless table (N, columns) of little-endian floats.

    Raises:
        DataError: The file cannot be read, or does not end with a whole row.
    """
    data = _read(path)
    row_size = columns * np.dtype(dtype).itemsize
    if len(data) % row_size:
        msg = (
            f'Point cloud {str(path)!r} has {len(data)} bytes; wanted a multiple of {row_size} '
            f'({columns} x {np.dtype(dtype).name}).'
        )
        raise DataError(msg)
    return np.frombuffer(data, dtype).reshape(-1, columns)


def read_array(path: Path) -> NDArray[Any]:
    """Read an array that NumPy wrote: ``.npy``, or the first of an ``.npz``.

    Raises:
        DataError: The file cannot be read, is truncated, or would have to be unpickled.
    """
    try:
        with open_regular(path) as file:
            if path.suffix != '.npz':
                return _array(file)
            with ZipFile(file) as archive, archive.open(archive.namelist()[0]) as member:
                return _array(member)
    except _NO_ARRAY as error:
        msg = f'Cannot read the array {str(path)!r}: {shown(str(error))}.'
        raise DataError(msg) from error


def read_class_ids(path: Path, classes: int) -> NDArray[np.uint8]:
    """Read a grey picture whose values are class ids, as (H, W); 255 = ignore.

    Raises:
        DataError: The file cannot be read, is no such picture, or holds an id that is no class.
    """
    ids = read_raw_picture(path)
    if ids.ndim != 2 or ids.dtype != np.uint8:
        msg = f'Labels {str(path)!r} are {ids.dtype} {ids.shape}; wanted uint8 (H, W).'
        raise DataError(msg)
    check_class_ids(path, ids, classes - 1)
    return ids


def check_class_ids(path: Path, ids: NDArray[np.uint8], highest: int) -> None:
    """Refuse values that are neither 0..``highest`` nor 255.

    Raises:
        DataError: There are some.
    """
    strange = ids[(ids > highest) & (ids != IGNORE_ID)]
    if strange.size:
        msg = (
            f'Labels {str(path)!r} hold the values {np.unique(strange).tolist()} in '
            f'{strange.size} of {ids.size} pixels; wanted 0..{highest} or {IGNORE_ID}.'
        )
        raise DataError(msg)


def picture_size(path: Path) -> tuple[int, int]:
    """Return height and width of a picture, of a PNG without decoding it.

    Raises:
        DataError: The file cannot be read, or is no picture.
    """
    try:
        with path.open('rb') as file:
            head = file.read(24)
    except OSError:
        head = b''
    if head.startswith(PNG) and len(head) == 24:
        return int.from_bytes(head[20:], 'big'), int.from_bytes(head[16:20], 'big')
    height, width = read_picture(path).shape[:2]
    return height, width


def check_same_size(
    name: str, place: Path | str, image: NDArray[Any], size: tuple[int, int]
) -> None:
    """Refuse an ``image`` that is not of ``size`` (height, width).

    Args:
        name: Of the modality.
        place: The file or the frame that the image is of.
        image: (H, W, ...).
        size: Height and width wanted.

    Raises:
        DataError: It is not.
    """
    if image.shape[:2] != size:
        height, width = image.shape[:2]
        msg = f'{name} image {str(place)!r} is {width}x{height}; wanted {size[1]}x{size[0]}.'
        raise DataError(msg)


def is_there(path: Path) -> bool:
    """Return whether ``path`` is a file with something in it; a broken download leaves others."""
    try:
        status = path.stat()
    except OSError:
        return False
    return S_ISREG(status.st_mode) and status.st_size > 0


@dataclass
class MissingFiles:
    """Counts the sibling files a data set lacks; a gap is normal, but must not go unnoticed.

    Attributes:
        frames: Number of frames looked at.
        counts: Kind of file -> how many frames lack it.
        examples: Kind of file -> the first few paths.
        reasons: Kind of file -> why a file that is there counts as missing.
    """

    frames: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    examples: dict[str, list[Path]] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)

    def look(self, siblings: Iterable[tuple[str, Path | None, Path]]) -> None:
        """Look at one frame.

        Args:
            siblings: For each kind of file its name, the path found or None, the path wanted.
        """
        self.frames += 1
        for kind, found, wanted in siblings:
            if found is None:
                self.counts[kind] = self.counts.get(kind, 0) + 1
                examples = self.examples.setdefault(kind, [])
                if len(examples) < EXAMPLES:
                    examples.append(wanted)

    def lines(self) -> list[str]:
        """Describe the gaps, one line for each kind of file."""
        return [
            f'{kind}: {count} of {self.frames} files are missing, e.g. '
            + ', '.join(str(path) for path in self.examples[kind])
            + (f' ({self.reasons[kind]})' if kind in self.reasons else '')
            for kind, count in self.counts.items()
        ]


# What NumPy and zipfile let through: they trust the numbers in a file.
_NO_ARRAY = (
    DataError,
    OSError,
    ValueError,
    LookupError,
    EOFError,
    TypeError,
    SyntaxError,
    OverflowError,
    RuntimeError,
    MemoryError,
    BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    tokenize.TokenError,
)


def _array(file: IO[bytes]) -> NDArray[Any]:
    """Read an array whose header does not claim more than there may be."""
    version = np.lib.format.read_magic(file)
    read_header = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }.get(version)
    if read_header is None:
        msg = f'format {version} found, (1, 0) or (2, 0) wanted'
        raise ValueError(msg)
    shape, _, dtype = read_header(file)
    if dtype.hasobject:
        msg = 'it holds objects, which would have to be unpickled'
        raise ValueError(msg)
    size = math.prod(shape) * dtype.itemsize
    if min(shape, default=0) < 0 or size > MOST_BYTES:
        msg = f'its header claims {shape} {dtype}; at most {MOST_BYTES} bytes are read'
        raise ValueError(msg)
    file.seek(0)
    return np.asarray(np.lib.format.read_array(file, allow_pickle=False))


def _decode(path: Path, flags: int) -> NDArray[Any]:
    data = _read(path)
    _check_header(path, data)
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    # Of sizes that OpenCV refuses, or that there is no memory for.
    except (cv2.error, MemoryError) as error:
        msg = f'{str(path)!r} is not a picture that can be read: {shown(str(error))}.'
        raise DataError(msg) from error
    if image is None:
        msg = f'{str(path)!r} is not a picture, or is truncated.'
        raise DataError(msg)
    return np.asarray(image)


def _check_header(path: Path, data: bytes) -> None:
    """Refuse a PNG or JPEG that claims what there is no memory, or no data, for."""
    if not data.startswith((PNG, JPEG)):
        return  # another kind, of which OpenCV checks the number of pixels itself
    try:
        header = picture_header(memoryview(data))
    except SensorError as error:
        msg = f'{str(path)!r} is not a picture that can be read: it {error}'
        raise DataError(msg) from error
    if header.width * header.height > MOST_PIXELS:
        msg = (
            f'{str(path)!r} claims {header.width}x{header.height} pixels; at most {MOST_PIXELS} '
            f'are read.'
        )
        raise DataError(msg)


def _read(path: Path) -> bytes:
    data = read_regular(path, MOST_BYTES)
    if not data:
        msg = f'{str(path)!r} is empty.'
        raise DataError(msg)
    return data
