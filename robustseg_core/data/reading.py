"""Reading what data sets are made of: pictures, point clouds, and files that may be missing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from robustseg_core.errors import DataError

EXAMPLES = 3


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


def check_same_size(name: str, path: Path, image: NDArray[Any], size: tuple[int, int]) -> None:
    """Refuse an ``image`` that is not of ``size`` (height, width).

    Raises:
        DataError: It is not.
    """
    if image.shape[:2] != size:
        height, width = image.shape[:2]
        msg = f'{name} image {str(path)!r} is {width}x{height}; wanted {size[1]}x{size[0]}.'
        raise DataError(msg)


@dataclass
class MissingFiles:
    """Counts the sibling files a data set lacks; a gap is normal, but must not go unnoticed.

    Attributes:
        frames: Number of frames looked at.
        counts: Kind of file -> how many frames lack it.
        examples: Kind of file -> the first few paths.
    """

    frames: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    examples: dict[str, list[Path]] = field(default_factory=dict)

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
            for kind, count in self.counts.items()
        ]


def _decode(path: Path, flags: int) -> NDArray[Any]:
    image = cv2.imdecode(np.frombuffer(_read(path), np.uint8), flags)
    if image is None:
        msg = f'{str(path)!r} is not a picture, or is truncated.'
        raise DataError(msg)
    return np.asarray(image)


def _read(path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        msg = f'Cannot read {str(path)!r}: {error.strerror}.'
        raise DataError(msg) from error
    if not data:
        msg = f'{str(path)!r} is empty.'
        raise DataError(msg)
    return data
