"""NYU Depth v2: indoor RGB and depth (Silberman et al., ECCV 2012)."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from robustseg_core.data.frames import TRUTH, FrameFiles, wanted_of
from robustseg_core.data.reading import is_there, read_class_ids, read_picture, read_raw_picture
from robustseg_core.data.siblings import find_ids
from robustseg_core.errors import ConfigError, DataError
from robustseg_core.labels import IGNORE_ID, NYU13, NYU40, NYU40_TO_NYU13
from robustseg_core.modalities import IMAGENET, Modality, ModalitySet, Normalisation
from robustseg_core.sensors import encode_depth

METRES_PER_UNIT = 1 / 25.5
# Statistics of the depth encoding over the training split; its holes were filled, so that the
# third channel (depth is known) has none of its own.
NYUV2_MODALITIES = ModalitySet(
    (
        Modality('rgb', 'R', 'rgb', IMAGENET),
        Modality(
            'depth',
            'D',
            'inverse_log_depth',
            Normalisation((0.44, 0.17, 0.5), (0.21, 0.085, 0.5)),
            scale=METRES_PER_UNIT,
        ),
    )
)
SPLITS = ('train', 'val', 'all')
# Neighbouring ids show the same room, so that frames are held out by the run of ids.
RUN = 30
RUNS_PER_FOLD = 7
HELD_OUT = 0  # the seventh whose mix of classes is nearest to the rest


def held_out(frame_id: str) -> bool:
    """Return whether a frame is one to validate on: a run of 30 ids in every 210."""
    return int(frame_id) // RUN % RUNS_PER_FOLD == HELD_OUT


class Nyuv2Frame(NamedTuple):
    """One frame, by its number in the data set."""

    id: str
    description: str = 'indoor'


class Nyuv2(FrameFiles[Nyuv2Frame]):
    """Frames ``rgb/ID.jpg``, ``depth/ID.png`` (uint8, 25.5 to the metre), ``label*/ID.png``.

    Args:
        root: Folder that holds ``rgb``, ``depth``, and ``label13`` or ``label40``.
        split: ``train`` and ``val`` part the frames by their ids; ``all`` takes every one.
        labels: ``nyu13`` or ``nyu40``; the 13 classes are made of the 40 where the folder has
            only those.
        modalities: Names of the sensors wanted, empty = both.

    Raises:
        ConfigError: No such split, label set or modality.
        DataError: ``root`` is not such a tree, or holds no such frame.
    """

    def __init__(
        self,
        root: Path,
        split: str,
        labels: str = NYU13.name,
        modalities: Collection[str] = (),
    ) -> None:
        if split not in SPLITS:
            msg = f'NYUv2 has no split {split!r}; known are {list(SPLITS)}.'
            raise ConfigError(msg)
        if labels not in {NYU13.name, NYU40.name}:
            msg = f"NYUv2 has no labels {labels!r}; known are 'nyu13', 'nyu40'."
            raise ConfigError(msg)
        self.root = root
        self.labels = NYU13 if labels == NYU13.name else NYU40
        self._label_folder = _label_folder(root, labels)
        places = [(root / 'rgb', '.jpg'), (root / 'depth', '.png'), (self._label_folder, '.png')]
        frames = [
            Nyuv2Frame(each)
            for each in find_ids(places, '*')
            if split == 'all' or held_out(each) == (split == 'val')
        ]
        if not frames:
            folders = f'rgb, depth or {self._label_folder.name}'
            msg = f'NYUv2 root {str(root)!r} has no frame of split {split!r} in {folders}.'
            raise DataError(msg)
        title = f'NYUv2 {str(root)!r} ({split})'
        super().__init__(frames, wanted_of(NYUV2_MODALITIES, modalities), title)

    def path(self, frame: Nyuv2Frame, kind: str) -> Path:
        """Return where the file of a modality or of ``labels`` lies, there or not."""
        if kind == 'rgb':
            return self.root / 'rgb' / f'{frame.id}.jpg'
        folder = self._label_folder if kind == TRUTH else self.root / kind
        return folder / f'{frame.id}.png'

    def gap(self, frame: Nyuv2Frame, kind: str) -> Path | None:
        path = self.path(frame, kind)
        return None if is_there(path) else path

    def image(self, frame: Nyuv2Frame, name: str) -> NDArray[Any]:
        path = self.path(frame, name)
        if name == 'rgb':
            return read_picture(path)
        depth = read_raw_picture(path)
        if depth.ndim != 2 or depth.dtype != np.uint8:
            msg = f'Depth {str(path)!r} is {depth.dtype} {depth.shape}; wanted uint8 (H, W).'
            raise DataError(msg)
        metres = depth.astype(np.float32) * np.float32(METRES_PER_UNIT)
        return encode_depth(metres, self.modalities[name].encoding)

    def class_ids(self, frame: Nyuv2Frame) -> NDArray[np.uint8]:
        path = self.path(frame, TRUTH)
        if self._label_folder.name == 'label13':
            return read_class_ids(path, len(NYU13))
        ids = read_class_ids(path, len(NYU40))
        if self.labels is NYU40:
            return ids
        table = np.full(256, IGNORE_ID, np.uint8)
        table[: len(NYU40)] = NYU40_TO_NYU13
        return table[ids]


def _label_folder(root: Path, labels: str) -> Path:
    wanted = ['label13', 'label40'] if labels == NYU13.name else ['label40']
    found = [root / name for name in wanted if (root / name).is_dir()]
    if not found or not any((root / name).is_dir() for name in NYUV2_MODALITIES.names):
        truth = ' or '.join(wanted)
        msg = f'NYUv2 root {str(root)!r} is not one: expected the folders rgb, depth and {truth}.'
        raise DataError(msg)
    return found[0]
