"""What the data sets that are read from files share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, Generic, Protocol, TypedDict, TypeVar

import numpy as np
from numpy.typing import NDArray

from robustseg_core.data.reading import EXAMPLES, MissingFiles, check_same_size
from robustseg_core.errors import DataError
from robustseg_core.labels import LabelSet
from robustseg_core.modalities import ModalitySet
from robustseg_core.quoting import quoted

TRUTH = 'labels'  # the kind of file that is no modality
LOOKS = 8


class FrameArrays(TypedDict):
    """One labelled moment, as read.

    Attributes:
        images: Modality name to (H, W, 3) in the units of its encoding; a missing modality is an
            absent key.
        labels: Class ids (H, W) uint8, 255 = ignore.
        id: What the data set calls this moment.
        condition: Weather, light and faults, e.g. ``night+motionblur``.
    """

    images: dict[str, NDArray[Any]]
    labels: NDArray[np.uint8]
    id: str
    condition: str


class Frames(Protocol):
    """A map-style data set.

    Attributes:
        labels: What the ids mean.
        modalities: The sensors there are, of which a frame may lack some.
        missing: Which files are not there.
    """

    labels: LabelSet
    modalities: ModalitySet
    missing: MissingFiles

    def __len__(self) -> int:
        """Return the number of frames."""
        ...

    def __getitem__(self, index: int) -> FrameArrays:
        """Read a frame.

        Raises:
            DataError: The labels are missing, or a file cannot be used.
        """
        ...


class Moment(Protocol):
    """Names a frame's files."""

    @property
    def id(self) -> str:
        """What the data set calls the frame."""
        ...

    @property
    def description(self) -> str:
        """Weather, light and faults."""
        ...


M = TypeVar('M', bound=Moment)


class FrameFiles(ABC, Generic[M]):
    """Frames whose sensors lie in sibling files; see ``Frames``.

    A frame that has none of the wanted sensors is left out (and counted in ``missing``).

    Args:
        frames: What there is.
        modalities: The sensors wanted; others are not looked at.
        title: What messages call the data set, its root included.

    Attributes:
        frames: Those that have one of the sensors at least.
        missing: Counts gaps by the name of the modality, or ``labels``.
    """

    labels: LabelSet

    def __init__(self, frames: Sequence[M], modalities: ModalitySet, title: str) -> None:
        self.frames: list[M] = []
        self.modalities = modalities
        self.missing = MissingFiles()
        self._title = title
        for frame in frames:
            paths = ((kind, self.gap(frame, kind)) for kind in (TRUTH, *modalities.names))
            gaps = {kind: path for kind, path in paths if path is not None}
            self.missing.look((kind, None, path) for kind, path in gaps.items())
            if any(name not in gaps for name in modalities.names):
                self.frames.append(frame)

    @abstractmethod
    def gap(self, frame: M, kind: str) -> Path | None:
        """Return the path that ``frame`` lacks of a modality or of ``labels``, or None."""

    @abstractmethod
    def image(self, frame: M, name: str) -> NDArray[Any]:
        """Return the image (H, W, 3) of a modality that ``frame`` has.

        Raises:
            DataError: It cannot be read.
        """

    @abstractmethod
    def class_ids(self, frame: M) -> NDArray[np.uint8]:
        """Return the labels (H, W) of ``frame``, 255 = ignore.

        Raises:
            DataError: They cannot be read, or hold an id that is no class.
        """

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, index: int) -> FrameArrays:
        """Read a frame.

        Raises:
            DataError: The labels are missing, or a file cannot be used; names frame and file.
        """
        frame = self.frames[index]
        try:
            return self.arrays(frame)
        except DataError as error:
            msg = f'Frame {quoted(frame.id)}: {error}'
            raise DataError(msg) from error

    def arrays(self, frame: M) -> FrameArrays:
        """Return ``frame`` as read; images and labels have one size.

        Raises:
            DataError: The labels are missing, or a file cannot be used.
        """
        labels = self.class_ids(frame)
        images = self.images(frame)
        for name, image in images.items():
            check_same_size(name, frame.id, image, (labels.shape[0], labels.shape[1]))
        return FrameArrays(images=images, labels=labels, id=frame.id, condition=frame.description)

    def images(self, frame: M) -> dict[str, NDArray[Any]]:
        """Return the images (H, W, 3) of the wanted modalities that ``frame`` has.

        Raises:
            DataError: One cannot be read, or they differ in size.
        """
        images: dict[str, NDArray[Any]] = {}
        for name in self.modalities.names:
            if self.gap(frame, name) is None:
                images[name] = self.image(frame, name)
                first = next(iter(images.values()))
                check_same_size(name, frame.id, images[name], (first.shape[0], first.shape[1]))
        return images

    def check(self, looks: int = LOOKS) -> None:
        """Refuse, before anything is computed, a set that is half there.

        A frame that lacks a sensor is fine; a frame without labels, a wanted sensor without a
        single file, and labels that cannot be used are not.

        Args:
            looks: How many frames' labels are read, spread over the set.

        Raises:
            DataError: So it is: all that was found, with counts and the first examples.
        """
        counts = self.missing.counts
        total = self.missing.frames
        gone = [name for name in self.modalities.names if counts.get(name) == total]
        problems = self.missing.lines() if TRUTH in counts or gone else []
        problems += self._unusable_labels(looks)
        if problems:
            msg = f'{self._title} is incomplete or damaged. ' + '; '.join(problems) + '.'
            if gone:
                msg += f' To do without, leave {gone} out of the modalities asked for.'
            raise DataError(msg)

    def _unusable_labels(self, looks: int) -> list[str]:
        there = [frame for frame in self.frames if self.gap(frame, TRUTH) is None]
        chosen = np.linspace(0, len(there) - 1, min(looks, len(there))).round().astype(int)
        errors = [error for index in chosen if (error := self._label_error(there[index]))]
        if not errors:
            return []
        examples = ', '.join(errors[:EXAMPLES])
        return [f'{TRUTH}: {len(errors)} of {len(chosen)} looked at are unusable: {examples}']

    def _label_error(self, frame: M) -> str:
        try:
            self.class_ids(frame)
        except DataError as error:
            return str(error).rstrip('.')
        return ''


def wanted_of(known: ModalitySet, names: Collection[str]) -> ModalitySet:
    """Return those of ``known`` that are called ``names``, in its order; all where none is named.

    Raises:
        ConfigError: A name is not known.
    """
    return ModalitySet(tuple(known[name] for name in known.ordered(names or known.names)))
