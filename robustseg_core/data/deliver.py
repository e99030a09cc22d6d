"""DELIVER: simulated street scenes in RGB, depth, events, LiDAR (Zhang et al., CVPR 2023)."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from robustseg_core.data.frames import TRUTH, FrameFiles, wanted_of
from robustseg_core.data.reading import check_class_ids, is_there, picture_size, read_picture
from robustseg_core.data.siblings import find_ids, names_below
from robustseg_core.errors import DataError
from robustseg_core.labels import DELIVER, IGNORE_ID
from robustseg_core.modalities import IMAGENET, Modality, ModalitySet, Normalisation
from robustseg_core.models.importers.protocols import published_modalities

CONDITIONS = ('cloud', 'fog', 'night', 'rain', 'sun')
SPLITS = ('train', 'val', 'test')
# Corner cases are marked in the name of the scene's folder.
CASES = ('motionblur', 'overexposure', 'underexposure', 'lidarjitter', 'eventlowres')

_LIDAR = (1.797,) * 3, (7.786,) * 3
# Every sensor is a ready-made picture here; statistics of the training split from CAFuser
# (Broedermann et al., RA-L 2025), in units of 0..255.
DELIVER_MODALITIES = ModalitySet(
    (
        Modality('rgb', 'R', 'rgb', IMAGENET),
        Modality(
            'depth', 'D', 'image', Normalisation((110.35, 66.51, 117.08), (44.37, 77.21, 105.55))
        ),
        Modality('event', 'E', 'image', Normalisation((17.67, 0.0, 16.79), (64.75, 1.0, 63.24))),
        Modality('lidar', 'L', 'image', Normalisation(*_LIDAR)),
    )
)


class Place(NamedTuple):
    """Where the files of one kind lie: ``<root>/<folder>/.../<frame>_<token>_front.png``."""

    folder: str
    token: str

    @property
    def ending(self) -> str:
        """How the names of its files end."""
        return f'_{self.token}_front.png'


# The "depth" of the published models is the HHA encoding, whose files keep the token of depth.
PLACES = {
    'rgb': Place('img', 'rgb'),
    'depth': Place('hha', 'depth'),
    'event': Place('event', 'event'),
    'lidar': Place('lidar', 'lidar'),
}
RAW_DEPTH = Place('depth', 'depth')
LABELS = Place('semantic', 'semantic')


class DeliverFrame(NamedTuple):
    """One moment: ``<condition>/<split>/<scene>/<number>``."""

    condition: str
    split: str
    scene: str
    number: str

    @property
    def id(self) -> str:
        """The four parts of the frame's path."""
        return '/'.join(self)

    @property
    def case(self) -> str | None:
        """The corner case of the scene, if it is one."""
        return next((case for case in CASES if case in self.scene.lower()), None)

    @property
    def description(self) -> str:
        """Weather and corner case, e.g. ``night+motionblur``."""
        return '+'.join(filter(None, (self.condition, self.case)))


class Deliver(FrameFiles[DeliverFrame]):
    """The frames of one split in the order of their paths, as a map-style data set.

    Args:
        root: Folder that holds ``img``, ``hha``, ``event``, ``lidar`` and ``semantic``.
        split: ``train``, ``val`` or ``test``.
        conditions: The weather wanted; all by default.
        modalities: Names of the sensors wanted, empty = all; others are not read.
        published: Whether they are normalised as for the published RobustSeg: all but RGB only
            divided by 255.

    Raises:
        ConfigError: No such modality.
        DataError: ``root`` is not a DELIVER tree, or holds no such frame.
    """

    labels = DELIVER

    def __init__(
        self,
        root: Path,
        split: str,
        conditions: Collection[str] = CONDITIONS,
        modalities: Collection[str] = (),
        *,
        published: bool = False,
    ) -> None:
        self.root = root
        frames = _find_frames(root, split, sorted(conditions))
        known = published_modalities('deliver') if published else DELIVER_MODALITIES
        title = f'DELIVER {str(root)!r} ({split})'
        super().__init__(frames, wanted_of(known, modalities), title)

    def path(self, frame: DeliverFrame, place: Place) -> Path:
        """Return where the file of ``frame`` at ``place`` lies, whether it is there or not."""
        folder = self.root / place.folder / frame.condition / frame.split / frame.scene
        return folder / f'{frame.number}{place.ending}'

    def gap(self, frame: DeliverFrame, kind: str) -> Path | None:
        path = self.path(frame, LABELS if kind == TRUTH else PLACES[kind])
        return None if is_there(path) else path

    def image(self, frame: DeliverFrame, name: str) -> NDArray[Any]:
        image = read_picture(self.path(frame, PLACES[name]))
        if name == 'event':
            height, width = self._size(frame) or image.shape[:2]
            if image.shape[:2] != (height, width):
                # The case eventlowres; nearest, because averaging would invent half events.
                mode = cv2.INTER_NEAREST
                image = np.asarray(cv2.resize(image, (width, height), interpolation=mode))
        return image

    def _size(self, frame: DeliverFrame) -> tuple[int, int] | None:
        """Return height and width of the camera's picture, or of what is as large."""
        like = (PLACES['rgb'], LABELS, PLACES['depth'], PLACES['lidar'])
        paths = (self.path(frame, place) for place in like)
        return next((picture_size(path) for path in paths if is_there(path)), None)

    def class_ids(self, frame: DeliverFrame) -> NDArray[np.uint8]:
        return decode_labels(self.path(frame, LABELS))


def decode_labels(path: Path) -> NDArray[np.uint8]:
    """Read a semantic picture: ids 0..24 as (H, W) uint8, 255 where nothing is labelled.

    The file holds id + 1 in its red channel, and 0 or 255 for nothing.

    Raises:
        DataError: It cannot be read, or holds another value.
    """
    raw = read_picture(path)[..., 0]
    check_class_ids(path, raw, len(DELIVER))
    return np.asarray(np.where(raw == IGNORE_ID, 0, raw) - np.uint8(1), np.uint8)  # 0 wraps to 255


def decode_raw_depth(path: Path) -> NDArray[np.float32] | None:
    """Read CARLA's raw depth as metres (H, W), or None where the file holds something else.

    A raw depth picture spreads 24 bits over its channels, lowest in red:
    metres = 1000 * (R + 256 G + 65536 B) / (2**24 - 1).
    A picture made for the eye has three equal channels.

    Raises:
        DataError: It cannot be read.
    """
    red, green, blue = np.moveaxis(read_picture(path).astype(np.float64), -1, 0)
    if (red == blue).all():
        return None
    metres = 1000.0 * (red + 256 * green + 65536 * blue) / (2**24 - 1)
    return np.asarray(metres, np.float32)


def _find_frames(root: Path, split: str, conditions: list[str]) -> list[DeliverFrame]:
    places = [(root / place.folder, place.ending) for place in (*PLACES.values(), LABELS)]
    folders = [folder for folder, _ in places]
    wanted = ', '.join(folder.name for folder in folders)
    if not any(folder.is_dir() for folder in folders):
        msg = f'DELIVER root {str(root)!r} has none of its folders: expected {wanted}.'
        raise DataError(msg)
    frames = [
        DeliverFrame(*each.split('/'))
        for condition in conditions
        for each in find_ids(places, f'{condition}/{split}/*/*')
    ]
    if not frames:
        msg = (
            f'DELIVER root {str(root)!r} has no frame of split {split!r} in the conditions '
            f'{conditions}: nothing matches <condition>/{split}/*/* in any of {wanted}; '
            f'splits found: {names_below(folders, "*/*")}.'
        )
        raise DataError(msg)
    return frames
