"""Loose files of sensors: which belong together, and what the network sees of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from robustseg_core.data.reading import read_array, read_picture, read_raw_picture
from robustseg_core.errors import DataError
from robustseg_core.modalities import Modality, ModalitySet
from robustseg_core.sensors.depth import encode_depth
from robustseg_core.sensors.encodings import Measurement, encoding_of
from robustseg_core.sensors.grey import encode_grey

ARRAYS = ('.npy', '.npz')
SUFFIXES = ('.png', '.jpg', '.jpeg', '.bmp', '.tif', '.tiff', '.webp', *ARRAYS)
MILLIMETRE = 0.001
# Metres; 16 bits of it would reach 655 m, which no depth file does, and 8 bits less than 3 m.
COARSEST_OF_16_BITS = 0.01


class FileFrame(NamedTuple):
    """The files of one moment.

    Attributes:
        id: Their common stem.
        paths: Modality name to its file; a missing modality is an absent key.
    """

    id: str
    paths: Mapping[str, Path]


def find_frames(sources: Mapping[str, Path]) -> list[FileFrame]:
    """Join files into frames.

    The files of folders belong together by their stem (``rgb/0001.jpg``, ``depth/0001.png``); a
    frame has whatever is there of it. Where every source is one file, they are one frame.

    Args:
        sources: Modality name to a file, or to a folder of files with one of ``SUFFIXES``.

    Returns:
        The frames in the order of their ids.

    Raises:
        DataError: A source is not there or has no file, two files of a folder share a stem, or
            a modality has no stem in common with the others.
    """
    for name, path in sources.items():
        if not path.exists():
            msg = f'{name} source {str(path)!r} does not exist; wanted a file or a folder.'
            raise DataError(msg)
    if all(path.is_file() for path in sources.values()):
        first = next(iter(sources.values()))
        return [FileFrame(first.stem, dict(sources))]
    by_stem = {name: _files(name, path) for name, path in sources.items()}
    _check_common(by_stem)
    ids = sorted(set().union(*by_stem.values()))
    return [
        FileFrame(each, {name: files[each] for name, files in by_stem.items() if each in files})
        for each in ids
    ]


def read_images(
    frame: FileFrame, modalities: ModalitySet, scales: Mapping[str, float] | None = None
) -> dict[str, NDArray[Any]]:
    """Read the network's images (H, W, 3) of a frame, which all have one size.

    Args:
        frame: What to read.
        modalities: Say how each file is encoded.
        scales: Modality to its ``scale`` in ``read_image``.

    Raises:
        ConfigError: A modality is unknown.
        DataError: A file cannot be read, or their sizes differ.
    """
    images = {
        name: read_image(path, modalities[name], (scales or {}).get(name))
        for name, path in frame.paths.items()
    }
    if len({image.shape for image in images.values()}) > 1:
        sizes = ', '.join(
            f'{str(frame.paths[name])!r} {image.shape[1]}x{image.shape[0]}'
            for name, image in images.items()
        )
        msg = f'Frame {frame.id!r} has images of several sizes: {sizes}; wanted one size.'
        raise DataError(msg)
    return images


def read_image(path: Path, modality: Modality, scale: float | None = None) -> NDArray[Any]:
    """Read one file as the network's image (H, W, 3) in the units of the modality's encoding.

    A picture of a camera becomes RGB bytes; depth, which has one channel, becomes metres and then
    the encoding; of another kind with one channel (``grey``) colours become luminance, and the
    numbers stay. Anything else is a ready network image in RGB order, as is an array (H, W, 3)
    of any modality.

    Args:
        path: A picture, or an array of NumPy.
        modality: What it is of.
        scale: Factor from the numbers of a file of one channel to the unit of training (depth: to
            metres). None = of ``grey`` the factor of the files trained on, if it is known, else 1;
            of depth a metre for floats, and for integers the factor of the files trained on where
            it is one of such integers (above 0.01 it is one of 8 bits, else of 16), else a
            millimetre for 16 bits and more.

    Raises:
        DataError: The file cannot be read, or does not hold such an image.
    """
    measurement = encoding_of(modality.encoding).measurement
    is_array = path.suffix.lower() in ARRAYS
    if measurement is Measurement.IMAGE and not is_array:
        return read_picture(path)
    is_grey = measurement is Measurement.GREY
    raw = read_array(path) if is_array else _read_channels(path, luminance=is_grey)
    if raw.dtype.kind not in 'uif':
        msg = f'{modality.name} file {str(path)!r} holds {raw.dtype}; wanted numbers.'
        raise DataError(msg)
    if is_grey and raw.ndim == 2:
        return encode_grey(raw, scale or modality.scale or 1.0)
    is_depth = measurement is Measurement.DEPTH
    if is_depth and raw.ndim == 2:
        unit = scale or _depth_unit_m(path, raw.dtype, modality.scale)
        return encode_depth(raw.astype(np.float32) * np.float32(unit), modality.encoding)
    if raw.ndim != 3 or raw.shape[2] != 3 or (is_depth and not is_array):
        wanted = 'one channel' if is_depth else '(height, width, 3)'
        msg = f'{modality.name} file {str(path)!r} has shape {raw.shape}; wanted {wanted}.'
        raise DataError(msg)
    if raw.dtype.kind == 'f' and (count := int((~np.isfinite(raw)).sum())):
        msg = f'{modality.name} file {str(path)!r} has {count} values that are not finite.'
        raise DataError(msg)
    return raw


def _read_channels(path: Path, *, luminance: bool) -> NDArray[Any]:
    """Read a picture with its numbers as they are, (H, W) or RGB, without opacity."""
    raw = read_raw_picture(path)
    if raw.ndim == 2:
        return raw
    # Three channels or four; the fourth is opacity.
    code = cv2.COLOR_BGR2GRAY if luminance else cv2.COLOR_BGR2RGB
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(raw[..., :3]), code))


def _files(name: str, path: Path) -> dict[str, Path]:
    """Return the files of a source by their stem."""
    candidates = [path] if path.is_file() else sorted(path.iterdir())
    files: dict[str, Path] = {}
    for each in candidates:
        if not each.is_file() or each.suffix.lower() not in SUFFIXES:
            continue
        if each.stem in files:
            msg = (
                f'{name} folder {str(path)!r} has {files[each.stem].name!r} and {each.name!r}; '
                f'wanted one file for each stem.'
            )
            raise DataError(msg)
        files[each.stem] = each
    if not files:
        msg = f'{name} source {str(path)!r} has no file; wanted one of {", ".join(SUFFIXES)}.'
        raise DataError(msg)
    return files


def _check_common(by_stem: Mapping[str, Mapping[str, Path]]) -> None:
    """Refuse a modality that never meets another: the names of its files do not fit."""
    for name, files in by_stem.items():
        others = set().union(*(stems for other, stems in by_stem.items() if other != name))
        if others and not others & set(files):
            msg = (
                f'{name} has no file name in common with the other modalities: found '
                f'{_some(files)} and {_some(others)}; wanted equal names, apart from the suffix.'
            )
            raise DataError(msg)


def _some(stems: Iterable[str], count: int = 2) -> str:
    ordered = sorted(stems)
    return ', '.join(map(repr, ordered[:count])) + (', ...' if len(ordered) > count else '')


def _depth_unit_m(path: Path, dtype: np.dtype[Any], trained: float | None) -> float:
    if dtype.kind == 'f':
        return 1.0
    is_known = trained is not None and (trained > COARSEST_OF_16_BITS) == (dtype.itemsize == 1)
    if trained is not None and is_known:
        return trained
    if dtype.itemsize == 1:
        msg = (
            f'Depth {str(path)!r} has 8 bits, which cannot be millimetres; '
            f'their scale in metres must be given, e.g. --scale depth=1/25.5.'
        )
        raise DataError(msg)
    return MILLIMETRE
