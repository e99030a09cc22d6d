"""DELIVER as a bag: a slide-show of samples, every sensor a ready-made picture."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from robustseg_core.data.deliver import (
    CONDITIONS,
    LABELS,
    RAW_DEPTH,
    Deliver,
    DeliverFrame,
    decode_labels,
    decode_raw_depth,
)
from robustseg_core.errors import DataError
from robustseg_core.sensors import CameraModel
from robustseg_ros.bags import channels, messages
from robustseg_ros.bags.channels import Record
from robustseg_ros.bags.sources import EPOCH_NS, SourceOptions

SLIDES_HZ = 2.0
PICTURES = {
    'rgb': channels.CAMERA,
    'depth': channels.HHA,
    'event': channels.EVENT_IMAGE,
    'lidar': channels.LIDAR_IMAGE,
}
# The rotation from a body frame (x forward, z up) to an optical one (z forward, y down); REP-103.
BASE_FROM_OPTICAL = np.array(
    [[0.0, 0.0, 1.0, 0.0], [-1.0, 0.0, 0.0, 0.0], [0.0, -1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]]
)


class DeliverSource:
    """The frames of a DELIVER split; see ``Source``.

    Raises:
        DataError: ``root`` is not a DELIVER tree, or holds no such frame.
    """

    def __init__(self, root: Path, options: SourceOptions) -> None:
        self._data = Deliver(root, options.split, options.conditions or CONDITIONS)
        frames = [frame for frame in self._data.frames if options.scene in frame.scene]
        if not frames:
            scenes = sorted({frame.scene for frame in self._data.frames})
            msg = f'No scene has {options.scene!r} in its name; there are {scenes}.'
            raise DataError(msg)
        self._frames = frames[: options.limit]
        self._rate_hz = options.rate_hz or SLIDES_HZ
        self._fov_deg = options.fov_deg
        scenes_count = len({frame[:3] for frame in self._frames})
        self.summary = (
            f'DELIVER {options.split}: {len(self)} frames of {scenes_count} scenes '
            f'as slides at {self._rate_hz:g} Hz'
        )
        self.notes = [
            *self._data.missing.lines(),
            f'the camera is not published: camera_info assumes {self._fov_deg:g} degrees of view',
        ]

    def __len__(self) -> int:
        return len(self._frames)

    def records(self, index: int) -> Iterator[Record]:
        frame = self._frames[index]
        stamp_ns = EPOCH_NS + round(index * 10**9 / self._rate_hz)
        frame_id = channels.CAMERA_FRAME
        images = self._data.images(frame)
        height, width = next(iter(images.values())).shape[:2]
        if index == 0:
            frames = {frame_id: BASE_FROM_OPTICAL}
            transforms = messages.static_transforms(channels.BASE_FRAME, frames, stamp_ns)
            yield Record(channels.TF_STATIC, stamp_ns, transforms)
            names = messages.label_info(self._data.labels, stamp_ns, frame_id)
            yield Record(channels.LABEL_INFO, stamp_ns, names)
        yield Record(channels.CONDITION, stamp_ns, messages.text(frame.description))
        camera = CameraModel.pinhole(width, height, self._fov_deg)
        info = messages.camera_info(camera, stamp_ns, frame_id)
        yield Record(channels.CAMERA_INFO, stamp_ns, info)
        for name, image in images.items():
            yield Record(PICTURES[name], stamp_ns, messages.image(image, stamp_ns, frame_id))
        yield from self._depth_and_labels(frame, stamp_ns)

    def _depth_and_labels(self, frame: DeliverFrame, stamp_ns: int) -> Iterator[Record]:
        path = self._data.path(frame, RAW_DEPTH)
        if path.is_file() and (depth := decode_raw_depth(path)) is not None:
            message = messages.image(depth, stamp_ns, channels.CAMERA_FRAME)
            yield Record(channels.DEPTH, stamp_ns, message)
        path = self._data.path(frame, LABELS)
        if path.is_file():
            message = messages.image(decode_labels(path), stamp_ns, channels.CAMERA_FRAME)
            yield Record(channels.SEMANTIC, stamp_ns, message)
