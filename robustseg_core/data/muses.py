"""MUSES: street scenes with LiDAR, event camera and radar (Broedermann et al., ECCV 2024).

A sensor is read from the SDK's ``projected_to_rgb`` folder where that exists, else LiDAR and
events are projected here from the raw files: LiDAR by ``robustseg_core.sensors``, events by
turning the event camera's view into the frame camera's, as for things far away.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from numpy.typing import NDArray

from robustseg_core.data.muses_files import (
    INTENSITY_FULL_SCALE,
    Calibration,
    LidarScan,
    can_read_events,
    decode_labels,
    decode_projected,
    read_calibration,
    read_events,
    read_scan,
    seen_by_camera,
)
from robustseg_core.data.reading import MissingFiles, check_same_size, read_picture
from robustseg_core.errors import DataError
from robustseg_core.labels import MUSES
from robustseg_core.modalities import IMAGENET, Modality, ModalitySet, Normalisation
from robustseg_core.sensors import Events, event_image, lidar_image

SPLITS = ('train', 'val', 'test')
WEATHERS = ('clear', 'fog', 'rain', 'snow')
TIMES = ('day', 'night')

# Statistics of the training split from CAFuser (Broedermann et al., RA-L 2025), intensities
# divided by 255 here, because the encoding has them in 0..1.
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
    )
)


class Place(NamedTuple):
    """Where the files of one kind lie: ``<root>/<folder>/.../<scene>_<token>``."""

    folder: str
    token: str


PICTURE = Place('frame_camera', 'frame_camera.png')
LABELS = Place('gt_semantic', 'gt_labelTrainIds.png')
RAW = {'event': Place('event_camera', 'event_camera.h5'), 'lidar': Place('lidar', 'lidar.bin')}
PROJECTED = 'projected_to_rgb'
PROJECTED_SUFFIXES = ('.npz', '.npy', '.png')


class MusesFrame(NamedTuple):
    """One scene: ``<split>/<weather>/<time>/<scene>``, e.g. ``REC0006_frame_043790``."""

    split: str
    weather: str
    time: str
    scene: str

    @property
    def description(self) -> str:
        """Weather and time of day, e.g. ``fog+night``."""
        return f'{self.weather}+{self.time}'


class Muses:
    """The scenes of one split in the order of their paths, as a map-style data set.

    Args:
        root: Folder that holds ``frame_camera``, ``gt_semantic``, ``lidar``, ``calib.json``, ...
        split: ``train``, ``val`` or ``test``.

    Attributes:
        frames: What there is.
        missing: Which sibling files are not there; such a modality is absent from its sample.

    Raises:
        DataError: ``root`` is not a MUSES tree, or holds no such scene.
    """

    labels = MUSES
    modalities = MUSES_MODALITIES

    def __init__(self, root: Path, split: str) -> None:
        self.root = root
        pictures = root / PICTURE.folder
        if not pictures.is_dir():
            wanted = ', '.join([PICTURE.folder, LABELS.folder, *(p.folder for p in RAW.values())])
            msg = f'MUSES root {str(root)!r} has no folder {pictures.name!r}: expected {wanted}.'
            raise DataError(msg)
        suffix = f'_{PICTURE.token}'
        self.frames = [
            MusesFrame(split, weather, time, path.name[: -len(suffix)])
            for weather in WEATHERS
            for time in TIMES
            for path in sorted(pictures.glob(f'{split}/{weather}/{time}/*{suffix}'))
        ]
        if not self.frames:
            present = sorted(path.name for path in pictures.iterdir() if path.is_dir())
            msg = (
                f'MUSES root {str(root)!r} has no scene of split {split!r}: nothing matches '
                f'{PICTURE.folder}/{split}/<weather>/<time>/*{suffix}; splits found: {present}.'
            )
            raise DataError(msg)
        self.missing = MissingFiles()
        for frame in self.frames:
            self.missing.look(self._siblings(frame))

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """Return images (H, W, 3) by modality, labels (H, W) uint8, id and condition.

        Raises:
            DataError: The labels are missing, or a file cannot be read.
        """
        frame = self.frames[index]
        return {
            'images': self.images(frame),
            'labels': decode_labels(self.path(frame, LABELS)),
            'id': '/'.join(frame),
            'condition': frame.description,
        }

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
        raw = self.path(frame, RAW[name]).relative_to(self.root)
        paths = [self.root / PROJECTED / raw.with_suffix(suffix) for suffix in PROJECTED_SUFFIXES]
        return next((path for path in paths if path.is_file()), None)

    def images(self, frame: MusesFrame) -> dict[str, NDArray[Any]]:
        """Return the network's images (H, W, 3) of the modalities that ``frame`` has.

        Raises:
            DataError: One cannot be read, or is not of the camera's size.
        """
        images: dict[str, NDArray[Any]] = {'rgb': read_picture(self.path(frame, PICTURE))}
        height, width = images['rgb'].shape[:2]
        for name in RAW:
            if (path := self.projected(frame, name)) is not None:
                images[name] = decode_projected(path, name)
                check_same_size(name, path, images[name], (height, width))
        if 'lidar' not in images and (scan := self.scan(frame)) is not None:
            calibration = self.calibration
            camera = calibration.camera.resized(width, height)
            images['lidar'] = lidar_image(
                scan.points, scan.intensity, calibration.camera_from_lidar, camera
            )
        if 'event' not in images and (events := self.events(frame)) is not None:
            seen = seen_by_camera(events, self.calibration, width, height)
            images['event'] = event_image(seen, width, height)
        return images

    def scan(self, frame: MusesFrame) -> LidarScan | None:
        """Return the raw LiDAR scan, or None where there is none."""
        path = self.path(frame, RAW['lidar'])
        return read_scan(path) if path.is_file() else None

    def events(self, frame: MusesFrame) -> Events | None:
        """Return the event camera's last 30 ms, or None where they are not, or h5py is not."""
        path = self.path(frame, RAW['event'])
        return read_events(path) if path.is_file() else None

    def _siblings(self, frame: MusesFrame) -> Iterator[tuple[str, Path | None, Path]]:
        for name, place in RAW.items():
            raw = self.path(frame, place)
            readable = raw.is_file() and (name != 'event' or can_read_events())
            yield name, self.projected(frame, name) or (raw if readable else None), raw
        labels = self.path(frame, LABELS)
        yield LABELS.folder, (labels if labels.is_file() else None), labels
