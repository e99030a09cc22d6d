"""MUSES as a bag: a slide-show of scenes, with raw LiDAR and, where h5py is, raw events."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robustseg_core.data.muses import LABELS, Muses, MusesFrame
from robustseg_core.data.muses_files import LidarScan, can_read_events, decode_labels
from robustseg_core.errors import DataError
from robustseg_core.sensors import CameraModel, Events
from robustseg_ros.bags import channels, messages
from robustseg_ros.bags.channels import Record
from robustseg_ros.bags.sources import EPOCH_NS, SourceOptions
from robustseg_ros.bags.sources.deliver import SLIDES_HZ

# Radar has no topic of its own.
SENSORS = ('rgb', 'event', 'lidar')
EVENT_CAMERA_SIZE = (1280, 720)  # width, height


class MusesSource:
    """The scenes of a MUSES split; see ``Source``.

    Raises:
        DataError: ``root`` is not a MUSES tree, holds no such scene, or has no calibration.
    """

    def __init__(self, root: Path, options: SourceOptions) -> None:
        self._data = Muses(root, options.split, SENSORS)
        self._calibration = self._data.calibration
        frames = [frame for frame in self._data.frames if options.scene in frame.scene]
        if not frames:
            scenes = sorted({frame.scene for frame in self._data.frames})
            msg = f'No scene has {options.scene!r} in its name; there are {scenes}.'
            raise DataError(msg)
        self._frames = frames[: options.limit]
        self._rate_hz = options.rate_hz or SLIDES_HZ
        self.summary = (
            f'MUSES {options.split}: {len(self)} scenes as slides at {self._rate_hz:g} Hz'
        )
        self.notes = self._data.missing.lines()
        if not can_read_events():
            self.notes.append('h5py is not installed: raw events are left out')

    def __len__(self) -> int:
        return len(self._frames)

    def records(self, index: int) -> Iterator[Record]:
        frame = self._frames[index]
        stamp_ns = EPOCH_NS + round(index * 10**9 / self._rate_hz)
        frame_id = channels.CAMERA_FRAME
        if index == 0:
            yield self._transforms(stamp_ns)
            names = messages.label_info(self._data.labels, stamp_ns, frame_id)
            yield Record(channels.LABEL_INFO, stamp_ns, names)
        yield Record(channels.CONDITION, stamp_ns, messages.text(frame.description))
        images = self._data.images(frame)
        height, width = next(iter(images.values())).shape[:2]
        yield from self._events(frame, index, stamp_ns)
        info = messages.camera_info(
            self._calibration.camera.resized(width, height), stamp_ns, frame_id
        )
        yield Record(channels.CAMERA_INFO, stamp_ns, info)
        if 'rgb' in images:
            picture = messages.image(images['rgb'], stamp_ns, frame_id)
            yield Record(channels.CAMERA, stamp_ns, picture)
        if 'event' in images:
            drawn = messages.image(images['event'], stamp_ns, frame_id)
            yield Record(channels.EVENT_IMAGE, stamp_ns, drawn)
        if (scan := self._data.scan(frame)) is not None:
            cloud = messages.points(_fields(scan), stamp_ns, channels.LIDAR_FRAME)
            yield Record(channels.POINTS, stamp_ns, cloud)
        elif 'lidar' in images:
            drawn = messages.image(images['lidar'], stamp_ns, frame_id)
            yield Record(channels.LIDAR_IMAGE, stamp_ns, drawn)
        labels = self._data.path(frame, LABELS)
        if labels.is_file():
            ids = messages.image(decode_labels(labels), stamp_ns, frame_id)
            yield Record(channels.SEMANTIC, stamp_ns, ids)

    def _events(self, frame: MusesFrame, index: int, stamp_ns: int) -> Iterator[Record]:
        events = self._data.events(frame)
        if events is None or not len(events.t_ns):
            return
        # The last event happens at the picture's stamp.
        shifted = Events(
            events.x, events.y, events.t_ns + (stamp_ns - int(events.t_ns[-1])), events.on
        )
        width, height = EVENT_CAMERA_SIZE
        packet = messages.event_packet(shifted, width, height, index, channels.EVENT_FRAME)
        yield Record(channels.EVENTS, stamp_ns, packet)
        camera = CameraModel(width, height, self._calibration.event_matrix)
        info = messages.camera_info(camera, stamp_ns, channels.EVENT_FRAME)
        yield Record(channels.EVENT_CAMERA_INFO, stamp_ns, info)

    def _transforms(self, stamp_ns: int) -> Record:
        # The LiDAR's frame (x forward, z up) is taken as the vehicle's.
        base_from_camera = np.linalg.inv(self._calibration.camera_from_lidar)
        frames = {
            channels.LIDAR_FRAME: np.eye(4),
            channels.CAMERA_FRAME: base_from_camera,
            channels.EVENT_FRAME: base_from_camera @ self._calibration.camera_from_event,
        }
        message = messages.static_transforms(channels.BASE_FRAME, frames, stamp_ns)
        return Record(channels.TF_STATIC, stamp_ns, message)


def _fields(scan: LidarScan) -> dict[str, NDArray[Any]]:
    x, y, z = scan.points.T
    # Seconds since the epoch do not fit float32: relative to the scan's first point.
    time_s = (scan.time_s - scan.time_s.min(initial=np.inf)).astype(np.float32)
    fields: dict[str, NDArray[Any]] = {'x': x, 'y': y, 'z': z, 'intensity': scan.intensity}
    return fields | {'ring': scan.ring, 'time': time_s}
