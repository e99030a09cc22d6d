"""Anybody's own data: sensors and labels in loose folders, described by a YAML file."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from robustseg_core.data.folders_description import ModalityFiles, read_description
from robustseg_core.data.folders_index import FolderFrame, find_frames, patterns_of, root_of
from robustseg_core.data.frames import TRUTH, FrameArrays, FrameFiles, wanted_of
from robustseg_core.data.reading import check_same_size, read_array, read_raw_picture
from robustseg_core.data.sensor_files import read_image
from robustseg_core.errors import DataError
from robustseg_core.sensors import encode_grey
from robustseg_core.sensors.network_input import resized

# Sizes may differ between sensors that see the same; their aspects may not, beyond rounding.
ASPECT_TOLERANCE = 0.02


class Folders(FrameFiles[FolderFrame]):
    """The frames of one split of a described data set, in the order of their ids.

    A frame that has none of the wanted modalities is left out (and counted in ``missing``).

    Args:
        description: The YAML file; see ``read_description`` and config/data/thermal.yaml.
        split: One of those described.
        root: Folder of the data, instead of the one that the description names.
        modalities: Names of those wanted, empty = all; others are not looked for.

    Raises:
        ConfigError: The description is wrong, or has no such split or modality.
        DataError: The root is not there, a pattern matches nothing, two files are of one frame,
            or a split names frames that are not there.
    """

    def __init__(
        self,
        description: Path,
        split: str,
        root: Path | None = None,
        modalities: Collection[str] = (),
    ) -> None:
        self._description = read_description(description)
        self.labels = self._description.labels
        wanted = wanted_of(self._description.modalities, modalities)
        self.root = root_of(self._description, root)
        frames = find_frames(self._description, split, self.root, wanted)
        seen = [frame for frame in frames if frame.is_seen]
        title = f'{str(description)!r} ({split})'
        if not seen:
            msg = f'{title}: none of {len(frames)} frames has one of {list(wanted.names)}.'
            raise DataError(msg)
        super().__init__(seen, wanted, title)
        for frame in frames:
            if not frame.is_seen:
                path = self._wanted_path(frame, wanted.names[0])
                self.missing.look([('every modality', None, path)])

    def gap(self, frame: FolderFrame, kind: str) -> Path | None:
        return None if kind in frame.paths else self._wanted_path(frame, kind)

    def class_ids(self, frame: FolderFrame) -> NDArray[np.uint8]:
        if TRUTH not in frame.paths:
            path = self._wanted_path(frame, TRUTH)
            msg = f'Labels of frame {frame.id!r} are missing; wanted {str(path)!r}.'
            raise DataError(msg)
        return self._description.label_files.read(frame.paths[TRUTH][0])

    def image(self, frame: FolderFrame, name: str) -> NDArray[Any]:
        return read_modality(frame.paths[name], self._description.files[name])

    def images(
        self, frame: FolderFrame, size: tuple[int, int] | None = None
    ) -> dict[str, NDArray[Any]]:
        """Return the images of the wanted modalities that ``frame`` has, brought to one size.

        Args:
            frame: One of ``frames``.
            size: Height and width wanted; None = those of the first.

        Raises:
            DataError: One cannot be read, or has another aspect.
        """
        images: dict[str, NDArray[Any]] = {}
        for modality in self.modalities:
            if modality.name in frame.paths:
                image = self.image(frame, modality.name)
                size = size or (image.shape[0], image.shape[1])
                _check_aspect(frame.paths[modality.name][0], image, size)
                images[modality.name] = resized(image, modality, size)
        return images

    def arrays(self, frame: FolderFrame) -> FrameArrays:
        """Return ``frame`` as read; its images are brought to the size of its labels.

        Raises:
            DataError: The labels are missing, or a file cannot be used.
        """
        labels = self.class_ids(frame)
        images = self.images(frame, (labels.shape[0], labels.shape[1]))
        return FrameArrays(images=images, labels=labels, id=frame.id, condition=frame.description)

    def _wanted_path(self, frame: FolderFrame, kind: str) -> Path:
        return self.root / patterns_of(self._description, kind)[0].at(frame.id)


def read_modality(paths: Sequence[Path], files: ModalityFiles) -> NDArray[Any]:
    """Read the network's image (H, W, 3) of a modality from its file, or from its three.

    Raises:
        DataError: One cannot be read, or does not hold what the encoding is made from.
    """
    if len(paths) > 1:
        planes = [_single_channel(path) for path in paths]
        for path, plane in zip(paths, planes, strict=True):
            check_same_size(files.modality.name, path, plane, planes[0].shape[:2])
        return np.stack([encode_grey(plane)[..., 0] for plane in planes], axis=-1)
    return read_image(paths[0], files.modality, files.modality.scale)


def _single_channel(path: Path) -> NDArray[Any]:
    """Read numbers (H, W); of colours the luminance, as the node takes it."""
    is_array = path.suffix in {'.npy', '.npz'}
    raw = read_array(path) if is_array else read_raw_picture(path)
    if raw.ndim == 3 and not is_array:
        code = cv2.COLOR_BGRA2GRAY if raw.shape[2] == 4 else cv2.COLOR_BGR2GRAY
        raw = np.asarray(cv2.cvtColor(raw, code))
    if raw.ndim != 2 or raw.dtype.kind not in 'uif':
        msg = f'{str(path)!r} holds {raw.dtype} {raw.shape}; wanted numbers of (height, width).'
        raise DataError(msg)
    return raw


def _check_aspect(path: Path, image: NDArray[Any], size: tuple[int, int]) -> None:
    height, width = image.shape[:2]
    if abs(width * size[0] / (height * size[1]) - 1) > ASPECT_TOLERANCE:
        msg = (
            f'{str(path)!r} is {width}x{height}, which is not the aspect of {size[1]}x{size[0]}; '
            f'wanted images that show the same as the labels (or as the first sensor).'
        )
        raise DataError(msg)
