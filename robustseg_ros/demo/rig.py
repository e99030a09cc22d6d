"""Four cameras that take pictures at a steady rate: what the node's benchmark feeds it with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
import time
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from rclpy.node import Node
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from robustseg_core.data.streets import StreetDrive, street_images
from robustseg_ros.inputs.conversions import array_to_image, ns_to_stamp
from robustseg_ros.node.qos import STREAM

# Sensor -> its topic; in the order of their arrival, and of importance.
INPUTS = {
    'rgb': '/rig/rgb',
    'depth': '/rig/depth',
    'event': '/rig/event',
    'lidar': '/rig/lidar',
}
FRAME_ID = 'camera_optical_frame'
# So many different pictures of each sensor, shown in turn.
PICTURES = 6


class Shot(NamedTuple):
    """One moment of all sensors.

    Attributes:
        stamp_ns: Of every message.
        published_s: Sensor -> steady time just before its message was handed to ROS.
    """

    stamp_ns: int
    published_s: Mapping[str, float]


class Rig:
    """Publishers of pictures drawn beforehand, so that publishing them is all that it costs.

    Args:
        node: Owns the publishers.
        size: Height and width of every picture.
        names: The sensors, of ``INPUTS``.
    """

    def __init__(self, node: Node, size: int, names: Sequence[str]) -> None:
        self._node = node
        self._messages = _messages(size, names)
        self._publishers = {
            name: node.create_publisher(Image, INPUTS[name], STREAM) for name in names
        }

    def close(self) -> None:
        """End publishing."""
        for publisher in self._publishers.values():
            self._node.destroy_publisher(publisher)

    def is_matched(self) -> bool:
        """Tell whether every sensor has a listener."""
        return all(p.get_subscription_count() > 0 for p in self._publishers.values())

    def shoot(
        self,
        hz: float,
        count: int,
        spread_s: float,
        is_silent: Callable[[str, int], bool] = lambda name, index: False,  # noqa: ARG005
    ) -> Iterator[Shot]:
        """Publish ``count`` moments, and yield each once all of its messages are out.

        Args:
            hz: Moments a second.
            count: How many.
            spread_s: Between the messages of the first sensor and the last, evenly; the stamps
                are equal, as those of sensors that take their pictures at the same time and need
                different times to read them out.
            is_silent: Tells of a sensor and the number of a moment whether it says nothing then.
        """
        names = list(self._messages)
        gap_s = spread_s / max(1, len(names) - 1)
        start_s = time.monotonic()
        for index in range(count):
            begin_s = start_s + index / hz
            _sleep_until(begin_s)
            stamp_ns = self._node.get_clock().now().nanoseconds
            published_s = {}
            for place, name in enumerate(names):
                message = self._messages[name][index % PICTURES]
                message.header.stamp = ns_to_stamp(stamp_ns)
                if is_silent(name, index):
                    continue
                _sleep_until(begin_s + place * gap_s)
                published_s[name] = time.monotonic()
                self._publishers[name].publish(message)
            yield Shot(stamp_ns, published_s)


@contextmanager
def rig(node: Node, size: int, names: Sequence[str]) -> Iterator[Rig]:
    """Give a rig, and end it."""
    made = Rig(node, size, names)
    try:
        yield made
    finally:
        made.close()


def _messages(size: int, names: Sequence[str]) -> dict[str, list[Image]]:
    drive = StreetDrive(0, size, size)
    found: dict[str, list[Image]] = {name: [] for name in names}
    for index in range(PICTURES):
        frame = drive.frame(index)
        # Depth as a camera sends it (REP 118: metres, NaN where unknown), the rest as images.
        depth = np.where(frame.depth_m > 0, frame.depth_m, np.float32(np.nan))
        pictures: dict[str, NDArray[Any]] = {**street_images(frame, drive), 'depth': depth}
        for name in names:
            picture = pictures[name]
            encoding = {'uint8': 'rgb8', 'float32': '32FC3'}[picture.dtype.name]
            encoding = '32FC1' if picture.ndim == 2 else encoding
            found[name].append(array_to_image(picture, encoding, Header(frame_id=FRAME_ID)))
    return found


def _sleep_until(when_s: float) -> None:
    time.sleep(max(0.0, when_s - time.monotonic()))
