"""Messages of each type -> measurements."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from std_msgs.msg import Header

from robustseg_core.sensors import EventDecoder, EventWindow, event_decoder
from robustseg_core.sensors.events import DEFAULT_WINDOW_NS
from robustseg_ros.inputs.camera_keeper import CameraKeeper
from robustseg_ros.inputs.conversions import (
    cloud_to_points,
    events_of,
    ns_to_stamp,
    stamp_to_ns,
)
from robustseg_ros.inputs.extrinsics import Extrinsics
from robustseg_ros.inputs.image_readers import CompressedReader, ImageReader
from robustseg_ros.inputs.measurements import Cloud, EventsSoFar, Measurement
from robustseg_ros.inputs.picture_limits import PictureLimits
from robustseg_ros.inputs.reader import Reader
from robustseg_ros.node.config import InputConfig


class PointsReader(Reader):
    """Point clouds, seen by a camera.

    Args:
        camera: The camera.
        extrinsics: Where the sensor sits.
        encoding: The network's.
        intensity_scale: Factor on the intensity.
    """

    def __init__(
        self,
        camera: CameraKeeper,
        extrinsics: Extrinsics,
        encoding: str,
        intensity_scale: float = 1.0,
    ) -> None:
        self._camera = camera
        self._encoding = encoding
        self._extrinsics = extrinsics
        self._intensity_scale = intensity_scale

    def read(self, msg: Any) -> tuple[int, Measurement]:
        model, rectification = self._camera.model()
        assert self._camera.info is not None
        frame = self._camera.info.header.frame_id
        transform = rectification @ self._extrinsics.camera_from(frame, msg.header)
        points, intensity = cloud_to_points(msg, self._intensity_scale)
        header = Header(stamp=msg.header.stamp, frame_id=frame)
        own = msg.header.frame_id
        cloud = Cloud(header, points, intensity, transform, model, self._encoding, own)
        return stamp_to_ns(msg.header.stamp), cloud

    def close(self) -> None:
        """End listening to tf."""
        self._extrinsics.close()


class EventsReader(Reader):
    """Event packets: every one is decoded, since each builds on the one before.

    Args:
        period_ns: Least time between two measurements.
        slack_ns: How far in the past an image may be asked for.
        limits: On the size of the image.
    """

    def __init__(self, period_ns: int, slack_ns: int, limits: PictureLimits) -> None:
        self._period_ns = period_ns
        self._slack_ns = slack_ns
        self._limits = limits
        self.reset()

    def reset(self) -> None:
        """Forget the stream: time has begun again."""
        self._stream: tuple[str, int, int] | None = None
        self._decoder: EventDecoder | None = None
        self._window: EventWindow | None = None
        self._last_ns: int | None = None

    def read(self, msg: Any) -> tuple[int, Measurement | None]:
        stream = (msg.encoding, msg.width, msg.height)
        if stream != self._stream:
            self.reset()
            self._limits.check(msg.width, msg.height)
            self._decoder = event_decoder(msg.encoding)
            self._window = EventWindow(
                msg.width, msg.height, window_ns=DEFAULT_WINDOW_NS, slack_ns=self._slack_ns
            )
            self._stream = stream
        assert self._decoder is not None
        assert self._window is not None
        start_ns = stamp_to_ns(msg.header.stamp)
        events = events_of(msg, self._decoder)
        self._window.add(events)
        stamp_ns = max(start_ns, int(events.t_ns[-1])) if len(events.t_ns) else start_ns
        if self._last_ns is not None and 0 <= stamp_ns - self._last_ns < self._period_ns:
            return stamp_ns, None
        self._last_ns = stamp_ns
        # The packet is stamped with its first event; the image stands for its last.
        header = Header(stamp=ns_to_stamp(stamp_ns), frame_id=msg.header.frame_id)
        shape = (msg.height, msg.width)
        return stamp_ns, EventsSoFar(header, self._window, shape)


def make_reader(
    node: Any, config: InputConfig, encoding: str, camera: CameraKeeper, slack_ns: int
) -> Reader:
    """Return the reader of ``config.type``; ``encoding`` is the network's."""
    makers: dict[str, Callable[[], Reader]] = {
        'image': lambda: ImageReader(config, encoding),
        'compressed_image': lambda: CompressedReader(node, config, encoding),
        'points': lambda: PointsReader(
            camera,
            Extrinsics(node, config.name, config.camera_from_sensor),
            encoding,
            config.intensity_scale,
        ),
        'events': lambda: EventsReader(config.event_period_ns, slack_ns, config.limits),
    }
    return makers[config.type]()
