"""MCubeS: street scenes by material, in RGB, polarisation and near infrared.

Liang et al., "Multimodal Material Segmentation", CVPR 2022.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from robustseg_core.data.frames import TRUTH, FrameFiles, wanted_of
from robustseg_core.data.reading import (
    check_same_size,
    is_there,
    read_array,
    read_class_ids,
    read_raw_picture,
)
from robustseg_core.errors import DataError
from robustseg_core.labels import IGNORE_ID, MCUBES
from robustseg_core.modalities import IMAGENET, UNIT, Modality, ModalitySet

# The models were published as I-A-D-N; only RGB is normalised.
MCUBES_MODALITIES = ModalitySet(
    (
        Modality('rgb', 'I', 'rgb', IMAGENET),
        Modality('aolp', 'A', 'image', UNIT),
        Modality('dolp', 'D', 'image', UNIT),
        Modality('nir', 'N', 'image', UNIT),
    )
)
SPLITS = ('train', 'val', 'test', 'all')
LISTS = 'list_folder'
# The files of each kind, as <folder>/<frame><suffix>.
FILES = {
    'rgb': (('polL_color', '.png'),),
    'aolp': (('polL_aolp_sin', '.npy'), ('polL_aolp_cos', '.npy')),
    'dolp': (('polL_dolp', '.npy'),),
    'nir': (('NIR_warped', '.png'),),
    TRUTH: (('GT', '.png'), ('NIR_warped_mask', '.png')),
}
# The cameras do not see the same there.
CUT_COLUMNS = 192


class McubesFrame(NamedTuple):
    """One image set, e.g. ``outscene1208_2_0000000150``."""

    id: str
    description: str = 'street'


class Mcubes(FrameFiles[McubesFrame]):
    """The image sets of one split in the order of its list, as a map-style data set.

    Args:
        root: Folder that holds ``polL_color``, ``GT``, ``list_folder``, ...
        split: ``train``, ``val``, ``test`` or ``all``. Many published models were chosen and
            reported on ``test`` while calling it ``val``; here ``val`` is ``val``.
        modalities: Names of the sensors wanted, empty = all; others are not read.

    Raises:
        ConfigError: No such modality.
        DataError: ``root`` is not an MCubeS tree, or has no such split.
    """

    labels = MCUBES

    def __init__(self, root: Path, split: str, modalities: Collection[str] = ()) -> None:
        self.root = root
        frames = [McubesFrame(name) for name in _read_list(root, split)]
        title = f'MCubeS {str(root)!r} ({split})'
        super().__init__(frames, wanted_of(MCUBES_MODALITIES, modalities), title)

    def paths(self, frame: McubesFrame, kind: str) -> list[Path]:
        """Return where the files of a modality or of ``labels`` lie, there or not."""
        return [self.root / folder / f'{frame.id}{suffix}' for folder, suffix in FILES[kind]]

    def gap(self, frame: McubesFrame, kind: str) -> Path | None:
        return next((path for path in self.paths(frame, kind) if not is_there(path)), None)

    def image(self, frame: McubesFrame, name: str) -> NDArray[Any]:
        """Return a sensor's image (H, W, 3).

        RGB is in 0..255; the angle of polarisation is its sine, its cosine and again its sine; the
        degree of polarisation and near infrared, in 0..1, are there three times.

        Raises:
            DataError: A file cannot be read, or is not of its kind.
        """
        paths = self.paths(frame, name)
        if name == 'rgb':
            picture = read_raw_picture(paths[0])
            if picture.ndim != 3:
                msg = f'Picture {str(paths[0])!r} has shape {picture.shape}; wanted colours.'
                raise DataError(msg)
            picture = _cut(paths[0], picture[..., 2::-1])
            # 65535 / 257 = 255: the units of bytes, without their steps.
            return picture if picture.dtype == np.uint8 else _fraction(picture) * np.float32(255)
        if name == 'nir':
            planes = [_fraction(_plane(paths[0], read_raw_picture(paths[0])))]
        else:
            planes = [_plane(path, read_array(path)).astype(np.float32) for path in paths]
        if name == 'aolp':
            check_same_size(name, paths[1], planes[1], planes[0].shape)
        return np.stack([planes[0], planes[-1], planes[0]], axis=-1)

    def class_ids(self, frame: McubesFrame) -> NDArray[np.uint8]:
        """Return the labels (H, W), 255 also where the near infrared camera saw nothing.

        Raises:
            DataError: They cannot be read, or hold an id that is no class.
        """
        truth, unseen = self.paths(frame, TRUTH)
        ids = _cut(truth, read_class_ids(truth, len(MCUBES)))
        mask = _plane(unseen, read_raw_picture(unseen))
        check_same_size('NIR mask', unseen, mask, ids.shape)
        return np.where(mask > 0, np.uint8(IGNORE_ID), ids)


def _read_list(root: Path, split: str) -> list[str]:
    path = root / LISTS / f'{split}.txt'
    try:
        names = [line.split()[0] for line in path.read_text().splitlines() if line.strip()]
    except OSError as error:
        if not path.parent.is_dir():
            wanted = ', '.join([LISTS, *(folder for each in FILES.values() for folder, _ in each)])
            msg = f'MCubeS root {str(root)!r} has no folder {LISTS!r}: expected {wanted}.'
        else:
            present = sorted(path.stem for path in path.parent.glob('*.txt'))
            msg = f'MCubeS root {str(root)!r} has no split {split!r}; splits found: {present}.'
        raise DataError(msg) from error
    if not names:
        msg = f'MCubeS list {str(path)!r} names no frame.'
        raise DataError(msg)
    return names


def _plane(path: Path, image: NDArray[Any]) -> NDArray[Any]:
    """Return the part of a one-channel image (H, W) that is used."""
    if image.ndim == 3:
        image = image[..., 0]  # grey, written as colours
    return _cut(path, image)


def _cut(path: Path, image: NDArray[Any]) -> NDArray[Any]:
    if image.ndim < 2 or image.shape[1] <= CUT_COLUMNS:
        msg = (
            f'{str(path)!r} has shape {image.shape}; wanted (H, W) of more than the '
            f'{CUT_COLUMNS} columns that are cut off.'
        )
        raise DataError(msg)
    return np.ascontiguousarray(image[:, CUT_COLUMNS:])


def _fraction(image: NDArray[Any]) -> NDArray[np.float32]:
    """Return what a picture of whole numbers, 8 or 16 bits, holds in 0..1."""
    return image.astype(np.float32) / np.float32(np.iinfo(image.dtype).max)
