"""Frames of many drives, as a data set."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Dataset

from robustseg_core.data.frames import FrameArrays, wanted_of
from robustseg_core.data.reading import MissingFiles
from robustseg_core.data.streets.drive import StreetDrive, StreetFrame
from robustseg_core.data.streets.randomness import Stream, stream
from robustseg_core.data.streets.weather import CONDITIONS, FAULTS
from robustseg_core.errors import ConfigError
from robustseg_core.labels import DELIVER
from robustseg_core.modalities import IMAGENET, Modality, ModalitySet, Normalisation
from robustseg_core.sensors.depth import encode_depth
from robustseg_core.sensors.events import event_image
from robustseg_core.sensors.lidar import lidar_image

STREET_MODALITIES = ModalitySet(
    (
        Modality('rgb', 'R', 'rgb', IMAGENET),
        Modality(
            'depth',
            'D',
            'inverse_log_depth',
            Normalisation((0.14, 0.22, 0.65), (0.16, 0.21, 0.48)),
        ),
        Modality('event', 'E', 'event_counts', Normalisation((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))),
        Modality(
            'lidar',
            'L',
            'range_intensity_height',
            Normalisation((5.0, 0.08, -0.2), (11.0, 0.16, 1.4)),
        ),
    )
)

_CONDITION_SHARE = (0.3, 0.15, 0.15, 0.15, 0.25)  # in the order of CONDITIONS
_FAULT_SHARE = 0.3
_FRAMES = 600  # a frame of the first minute of its drive


def street_images(frame: StreetFrame, drive: StreetDrive) -> dict[str, NDArray[np.generic]]:
    """Return the network's image (H, W, 3) of each of ``STREET_MODALITIES``."""
    camera = drive.camera
    return {
        'rgb': frame.rgb,
        'depth': encode_depth(frame.depth_m, 'inverse_log_depth'),
        'event': event_image(frame.events, camera.width, camera.height),
        'lidar': lidar_image(frame.points, frame.intensity, drive.camera_from_lidar, camera),
    }


class SyntheticStreets(Dataset[FrameArrays]):
    """``count`` frames, each of a drive of its own in weather of its own; drawn when asked for.

    Args:
        count: Number of frames.
        seed: Of all of them.
        width: In pixels.
        height: In pixels.
        modalities: Names of the sensors wanted, empty = all.

    Raises:
        ConfigError: ``count`` is negative, or there is no such modality.
    """

    labels = DELIVER

    def __init__(
        self,
        count: int,
        seed: int,
        width: int = 256,
        height: int = 256,
        modalities: Collection[str] = (),
    ) -> None:
        if count < 0:
            msg = f'count must be >= 0, got {count!r}.'
            raise ConfigError(msg)
        self._count = count
        self._seed = seed
        self._size = (width, height)
        self.modalities = wanted_of(STREET_MODALITIES, modalities)
        self.missing = MissingFiles()

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> FrameArrays:
        if not 0 <= index < self._count:
            msg = f'Index {index} is not in 0..{self._count - 1}.'
            raise IndexError(msg)
        rng = stream(self._seed, Stream.SAMPLE, index)
        condition = str(rng.choice(CONDITIONS, p=_CONDITION_SHARE))
        faults = (
            frozenset({str(rng.choice(FAULTS))}) if rng.random() < _FAULT_SHARE else frozenset()
        )
        drive = StreetDrive(int(rng.integers(1 << 62)), *self._size, condition, faults)
        frame = drive.frame(int(rng.integers(_FRAMES)))
        images = street_images(frame, drive)
        return FrameArrays(
            images={name: images[name] for name in self.modalities.names},
            labels=frame.labels,
            id=f'streets_{self._seed}_{index:06d}',
            condition=frame.condition,
        )
