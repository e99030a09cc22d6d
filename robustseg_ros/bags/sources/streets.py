"""The synthetic streets as a bag: every sensor raw, and the truth beside them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from robustseg_core.data.streets import StreetDrive, StreetFrame
from robustseg_core.data.streets.weather import CONDITIONS
from robustseg_core.errors import ConfigError, DataError
from robustseg_core.labels import DELIVER
from robustseg_core.sensors import Events, event_image
from robustseg_core.sensors.events import DEFAULT_WINDOW_NS
from robustseg_ros.bags import channels, messages
from robustseg_ros.bags.channels import Record
from robustseg_ros.bags.sources import EPOCH_NS, SourceOptions

RATE_HZ = 10.0
PACKET_NS = 10_000_000  # an event camera's driver sends every few milliseconds


class StreetSource:
    """Drives through synthetic streets, one for each condition in turn; see ``Source``.

    Raises:
        DataError: A condition is unknown.
    """

    def __init__(self, options: SourceOptions) -> None:
        conditions = options.conditions or CONDITIONS
        rate_hz = options.rate_hz or RATE_HZ
        self._period_ns = round(10**9 / rate_hz)
        frames = round(options.seconds * rate_hz)
        self._frames = min(frames, options.limit or frames)
        # Frame i belongs to the drive in whose stretch of time it lies.
        self._stretch = max(1, -(-self._frames // len(conditions)))
        try:
            self._drives = [
                _drive(options.seed + index, text, options.size, rate_hz)
                for index, text in enumerate(conditions)
            ]
        except ConfigError as error:
            raise DataError(str(error)) from error
        self._seq = 0
        self.summary = (
            f'Synthetic streets: {self._frames} frames of {options.size}x{options.size} at '
            f'{rate_hz:g} Hz, seed {options.seed}: {", ".join(conditions)}'
        )
        self.notes: list[str] = []

    def __len__(self) -> int:
        return self._frames

    def records(self, index: int) -> Iterator[Record]:
        stamp_ns = EPOCH_NS + index * self._period_ns
        drive = self._drives[index // self._stretch]
        frame = drive.frame(index % self._stretch)
        if index == 0:
            yield from self._static(drive, stamp_ns)
        yield from self._packets(frame, drive, stamp_ns)
        camera_frame = channels.CAMERA_FRAME
        yield Record(channels.CONDITION, stamp_ns, messages.text(frame.condition))
        info = messages.camera_info(drive.camera, stamp_ns, camera_frame)
        yield Record(channels.CAMERA_INFO, stamp_ns, info)
        recent = frame.events.t_ns > frame.stamp_ns - DEFAULT_WINDOW_NS
        pictures = (
            (channels.CAMERA, frame.rgb),
            # REP-118: what was not measured is NaN.
            (channels.DEPTH, np.where(frame.depth_m > 0, frame.depth_m, np.float32(np.nan))),
            (
                channels.EVENT_IMAGE,
                event_image(
                    _select(frame.events, recent), drive.camera.width, drive.camera.height
                ),
            ),
            (channels.SEMANTIC, frame.labels),
        )
        for channel, picture in pictures:
            yield Record(channel, stamp_ns, messages.image(picture, stamp_ns, camera_frame))
        yield Record(channels.POINTS, stamp_ns, _cloud(frame, stamp_ns))

    def _static(self, drive: StreetDrive, stamp_ns: int) -> Iterator[Record]:
        # The vehicle's frame is the LiDAR's (x forward, z up).
        frames = {
            channels.LIDAR_FRAME: np.eye(4),
            channels.CAMERA_FRAME: np.linalg.inv(drive.camera_from_lidar),
        }
        transforms = messages.static_transforms(channels.BASE_FRAME, frames, stamp_ns)
        yield Record(channels.TF_STATIC, stamp_ns, transforms)
        names = messages.label_info(DELIVER, stamp_ns, channels.CAMERA_FRAME)
        yield Record(channels.LABEL_INFO, stamp_ns, names)

    def _packets(self, frame: StreetFrame, drive: StreetDrive, stamp_ns: int) -> Iterator[Record]:
        """Yield the events since the last frame, recorded when each packet is complete."""
        events = frame.events
        shifted = events._replace(t_ns=events.t_ns + (stamp_ns - frame.stamp_ns))
        start_ns = stamp_ns - self._period_ns
        for end_ns in range(stamp_ns - self._period_ns + PACKET_NS, stamp_ns + 1, PACKET_NS):
            chosen = (shifted.t_ns > start_ns) & (shifted.t_ns <= end_ns)
            start_ns = end_ns
            if not chosen.any():
                continue
            packet = messages.event_packet(
                _select(shifted, chosen),
                drive.camera.width,
                drive.camera.height,
                self._seq,
                channels.CAMERA_FRAME,
            )
            self._seq += 1
            yield Record(channels.EVENTS, end_ns, packet)


def _drive(seed: int, text: str, size: int, rate_hz: float) -> StreetDrive:
    """Return a drive in the weather of ``text``, e.g. ``fog`` or ``night+motionblur``."""
    condition, *faults = text.split('+')
    return StreetDrive(seed, size, size, condition, frozenset(faults), rate_hz)


def _select(events: Events, chosen: NDArray[np.bool_]) -> Events:
    x, y, t_ns, on = events
    return Events(x[chosen], y[chosen], t_ns[chosen], on[chosen])


def _cloud(frame: StreetFrame, stamp_ns: int) -> object:
    x, y, z = frame.points.T
    fields = {
        'x': x,
        'y': y,
        'z': z,
        'intensity': frame.intensity,
        'ring': frame.ring,
        'time': np.zeros(len(x), np.float32),  # the scene stands still while it is scanned
    }
    return messages.points(fields, stamp_ns, channels.LIDAR_FRAME)
