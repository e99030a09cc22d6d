"""MUSES: street scenes with LiDAR, event camera and radar (Broedermann et al., ECCV 2024).

A sensor is read from the SDK's ``projected_to_rgb`` folder where that exists, else it is projected
here from the raw file: LiDAR and radar by ``robustseg_core.sensors``, events by turning the event
camera's view into the frame camera's, as for things far away.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from robustseg_core.data.frames import TRUTH, FrameFiles, wanted_of
from robustseg_core.data.muses_files import (
    INTENSITY_FULL_SCALE,
    REFERENCE_SIZE,
    Calibration,
    LidarScan,
    can_read_events,
    decode_labels,
    decode_projected,
    read_calibration,
    read_events,
    read_radar,
    read_scan,
    seen_by_camera,
)
from robustseg_core.data.reading import is_there, picture_size, read_picture
from robustseg_core.data.siblings import find_ids, names_below
from robustseg_core.errors import DataError
from robustseg_core.labels import MUSES
from robustseg_core.modalities import IMAGENET, Modality, ModalitySet, Normalisation
from robustseg_core.models.importers.protocols import published_modalities
from robustseg_core.sensors import Events, event_image, lidar_image, radar_image

SPLITS = ('train', 'val', 'test')
WEATHERS = ('clear', 'fog', 'rain', 'snow')
TIMES = ('day', 'night')

# Statistics of the training split from CAFuser (Broedermann et al., RA-L 2025), intensities
# divided by 255 here, because the encoding has them in 0..1. The published any-modal tables are of
# the first three, in this order: FEL.
MUSES_MODALITIES = ModalitySet(
    (
        Modality('rgb', 'F', 'rgb', IMAGENET),
        Modality(
            'event', 'E', 'event_counts', Normalisation((0.1258, 0.1273, 0), (0.5442, 0.4763, 1))
        ),
        Modality(
            'lidar',
            'L',
            'range_intensity_height',
            Normalisation(
                (4.917, 6.149 / INTENSITY_FULL_SCALE, 0.270),
                (13.347, 17.638 / INTENSITY_FULL_SCALE, 1.232),
            ),
        ),
        Modality(
            'radar',
            'R',
            'range_intensity',
            Normalisation(
                (4.004, 9.343 / INTENSITY_FULL_SCALE, 0),
                (14.607, 19.294 / INTENSITY_FULL_SCALE, 1),
            ),
        ),
    )
)


class Place(NamedTuple):
    """Where the files of one kind lie: ``<root>/<folder>/.../<scene>_<token>``."""

    folder: str
    token: str


PICTURE = Place('frame_camera', 'frame_camera.png')
LABELS = Place('gt_semantic', 'gt_labelTrainIds.png')
RAW = {
    'event': Place('event_camera', 'event_camera.h5'),
    'lidar': Place('lidar', 'lidar.bin'),
    'radar': Place('radar', 'radar.png'),
}
PROJECTED = 'projected_to_rgb'
PROJECTED_SUFFIXES = ('.npz', '.npy', '.png')


class MusesFrame(NamedTuple):
    """One scene: ``<split>/<weather>/<time>/<scene>``, e.g. ``REC0006_frame_043790``."""

    split: str
    weather: str
    time: str
    scene: str

    @property
    def id(self) -> str:
        """The four parts of the scene's path."""
        return '/'.join(self)

    @property
    def description(self) -> str:
        """Weather and time of day, e.g. ``fog+night``."""
        return f'{self.weather}+{self.time}'


class Muses(FrameFiles[MusesFrame]):
    """The scenes of one split in the order of their paths, as a map-style data set.

    Args:
        root: Folder that holds ``frame_camera``, ``gt_semantic``, ``lidar``, ``calib.json``, ...
        split: ``train``, ``val`` or ``test``.
        modalities: Names of the sensors wanted, empty = all; others are not read.
        radar_threshold: Strength, in 0..1, that an echo must exceed where raw radar is projected.
        published: Whether sensors come as to the published AnySeg: without radar, nothing
            normalised, and events and LiDAR as the bytes of the SDK's PNG projections, which
            must be there.

    Raises:
        ConfigError: No such modality.
        DataError: ``root`` is not a MUSES tree, or holds no such scene.
    """

    labels = MUSES

    def __init__(
        self,
        root: Path,
        split: str,
        modalities: Collection[str] = (),
        radar_threshold: float = 0.0,
        *,
        published: bool = False,
    ) -> None:
        self.root = root
        self._radar_threshold = radar_threshold
        self._published = published
        known = published_modalities('muses') if published else MUSES_MODALITIES
        title = f'MUSES {str(root)!r} ({split})'
        super().__init__(_find_scenes(root, split), wanted_of(known, modalities), title)
        if not published and not can_read_events():
            self.missing.reasons['event'] = 'raw ones cannot be read: h5py is not installed'

    @cached_property
    def calibration(self) -> Calibration:
        """The calibration of all scenes.

        Raises:
            DataError: ``calib.json`` is missing, or lacks something.
        """
        return read_calibration(self.root / 'calib.json')

    def path(self, frame: MusesFrame, place: Place) -> Path:
        """Return where the file of ``frame`` at ``place`` lies, whether it is there or not."""
        folder = self.root / place.folder / frame.split / frame.weather / frame.time
        return folder / f'{frame.scene}_{place.token}'

    def projected(self, frame: MusesFrame, name: str) -> Path | None:
        """Return the SDK's projection of modality ``name``, if it was made."""
        raw = self.path(frame, RAW[name])
        paths = [self._projection(raw, suffix) for suffix in PROJECTED_SUFFIXES]
        return next((path for path in paths if is_there(path)), None)

    def _projection(self, raw: Path, suffix: str) -> Path:
        return self.root / PROJECTED / raw.relative_to(self.root).with_suffix(suffix)

    def gap(self, frame: MusesFrame, kind: str) -> Path | None:
        if kind not in RAW:
            path = self.path(frame, LABELS if kind == TRUTH else PICTURE)
            return None if is_there(path) else path
        raw = self.path(frame, RAW[kind])
        if self._published:
            path = self._projection(raw, '.png')
            return None if is_there(path) else path
        readable = is_there(raw) and (kind != 'event' or can_read_events())
        return None if readable or self.projected(frame, kind) else raw

    def image(self, frame: MusesFrame, name: str) -> NDArray[Any]:
        if name not in RAW:
            return read_picture(self.path(frame, PICTURE))
        if self._published:
            # Of 16 bits the upper eight, and OpenCV's channels in reverse: as PIL reads them.
            return read_picture(self._projection(self.path(frame, RAW[name]), '.png'))
        if (path := self.projected(frame, name)) is not None:
            return decode_projected(path, name)
        return self._projected_here(frame, name)

    def class_ids(self, frame: MusesFrame) -> NDArray[np.uint8]:
        return decode_labels(self.path(frame, LABELS))

    def scan(self, frame: MusesFrame) -> LidarScan | None:
        """Return the raw LiDAR scan, or None where there is none."""
        path = self.path(frame, RAW['lidar'])
        return read_scan(path) if is_there(path) else None

    def events(self, frame: MusesFrame) -> Events | None:
        """Return the event camera's last 30 ms, or None where they are not, or h5py is not."""
        path = self.path(frame, RAW['event'])
        return read_events(path) if is_there(path) and can_read_events() else None

    def _projected_here(self, frame: MusesFrame, name: str) -> NDArray[Any]:
        height, width = self._size(frame)
        calibration = self.calibration
        camera = calibration.camera.resized(width, height)
        path = self.path(frame, RAW[name])
        if name == 'event':
            events = seen_by_camera(read_events(path), calibration, width, height)
            return event_image(events, width, height)
        if name == 'lidar':
            scan = read_scan(path)
            transform = calibration.camera_from_lidar
            return lidar_image(scan.points, scan.intensity, transform, camera)
        if calibration.camera_from_radar is None:
            msg = f'{str(self.root / "calib.json")!r} lacks extrinsics.radar2rgb, for raw radar.'
            raise DataError(msg)
        echoes = read_radar(path, self._radar_threshold)
        return radar_image(*echoes, calibration.camera_from_radar, camera)

    def _size(self, frame: MusesFrame) -> tuple[int, int]:
        """Return height and width of the frame camera's picture, or of what is as large."""
        paths = (self.path(frame, place) for place in (PICTURE, LABELS))
        found = next((picture_size(path) for path in paths if is_there(path)), None)
        return found or REFERENCE_SIZE[::-1]


def _find_scenes(root: Path, split: str) -> list[MusesFrame]:
    kinds = (PICTURE, LABELS, *RAW.values())
    folders = [root / place.folder for place in kinds]
    wanted = ', '.join(folder.name for folder in folders)
    if not any(folder.is_dir() for folder in folders):
        msg = f'MUSES root {str(root)!r} has none of its folders: expected {wanted}.'
        raise DataError(msg)
    places = [(root / place.folder, f'_{place.token}') for place in kinds]
    places += [
        (root / PROJECTED / place.folder, f'_{Path(place.token).with_suffix(suffix)}')
        for place in RAW.values()
        for suffix in PROJECTED_SUFFIXES
    ]
    frames = [
        MusesFrame(*each.split('/'))
        for weather in WEATHERS
        for time in TIMES
        for each in find_ids(places, f'{split}/{weather}/{time}/*')
    ]
    if not frames:
        msg = (
            f'MUSES root {str(root)!r} has no scene of split {split!r}: nothing matches '
            f'{split}/<weather>/<time>/* in any of {wanted}; '
            f'splits found: {names_below(folders, "*")}.'
        )
        raise DataError(msg)
    return frames
