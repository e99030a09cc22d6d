"""ROS messages to numpy and back: the one place to import conversions from."""

from __future__ import annotations

from typing import Any

from builtin_interfaces.msg import Time

from robustseg_core.errors import SensorError
from robustseg_core.sensors import EventDecoder, Events
from robustseg_ros.inputs.camera_info import camera_info_to_model, rectification
from robustseg_ros.inputs.clouds import cloud_to_points
from robustseg_ros.inputs.image_encodings import is_depth_encoding, to_grey, to_rgb
from robustseg_ros.inputs.images import array_to_image, image_to_array

__all__ = [
    'array_to_image',
    'camera_info_to_model',
    'cloud_to_points',
    'events_of',
    'image_to_array',
    'is_depth_encoding',
    'ns_to_stamp',
    'rectification',
    'stamp_to_ns',
    'to_grey',
    'to_rgb',
]

NS_PER_S = 1_000_000_000
_SECONDS = 1 << 31  # of a stamp, with a sign


def stamp_to_ns(stamp: Any) -> int:
    """Return a builtin_interfaces/Time in nanoseconds."""
    return int(stamp.sec) * NS_PER_S + int(stamp.nanosec)


def ns_to_stamp(stamp_ns: int) -> Time:
    """Return nanoseconds as a builtin_interfaces/Time.

    Raises:
        SensorError: It has no room for them.
    """
    seconds, nanoseconds = divmod(stamp_ns, NS_PER_S)
    if not -_SECONDS <= seconds < _SECONDS:
        msg = f'Stamp is {seconds} s; wanted one of 32 bits.'
        raise SensorError(msg)
    return Time(sec=seconds, nanosec=nanoseconds)


def events_of(msg: Any, decoder: EventDecoder) -> Events:
    """Decode an event_camera_msgs/EventPacket; the events' times are in the stamps' clock.

    Args:
        msg: The packet; its stamp is the time of its first event.
        decoder: The stream's own, made for ``msg.encoding``; wants every packet, in order.

    Raises:
        SensorError: The packet is big-endian, or ends within a word.
    """
    if msg.is_bigendian:
        error = f'Event packet {msg.encoding!r} is big-endian; wanted little-endian.'
        raise SensorError(error)
    return decoder.decode(msg.events, stamp_to_ns(msg.header.stamp))
