"""What a bag records where: topics, their types, frames and quality of service."""

from __future__ import annotations

from typing import Any, NamedTuple

from rosbags.interfaces import (
    Qos,
    QosDurability,
    QosHistory,
    QosLiveliness,
    QosReliability,
    QosTime,
)

BASE_FRAME = 'base_link'
CAMERA_FRAME = 'camera_optical_frame'
EVENT_FRAME = 'event_optical_frame'
LIDAR_FRAME = 'lidar'

_FOREVER = QosTime(9223372036, 854775807)  # how rosbag2 writes an infinite duration


def _qos(depth: int, durability: QosDurability) -> Qos:
    return Qos(
        history=QosHistory.KEEP_LAST,
        depth=depth,
        reliability=QosReliability.RELIABLE,
        durability=durability,
        deadline=_FOREVER,
        lifespan=_FOREVER,
        liveliness=QosLiveliness.AUTOMATIC,
        liveliness_lease_duration=_FOREVER,
        avoid_ros_namespace_conventions=False,
    )


# Reliable publishers serve reliable and best-effort subscribers alike.
STREAM = _qos(10, QosDurability.VOLATILE)
# A lost packet of events is lost time: their decoders need every one.
PACKETS = _qos(1000, QosDurability.VOLATILE)
# What late subscribers must still get.
LATCHED = _qos(1, QosDurability.TRANSIENT_LOCAL)


class Channel(NamedTuple):
    """A topic of a bag."""

    topic: str
    msgtype: str
    qos: Qos = STREAM


class Record(NamedTuple):
    """A message to be recorded at a time (ns)."""

    channel: Channel
    time_ns: int
    message: Any


_IMAGE = 'sensor_msgs/msg/Image'
_CAMERA_INFO = 'sensor_msgs/msg/CameraInfo'

CAMERA = Channel('/camera/image_raw', _IMAGE)
CAMERA_INFO = Channel('/camera/camera_info', _CAMERA_INFO, LATCHED)
DEPTH = Channel('/depth/image_rect', _IMAGE)
HHA = Channel('/depth/hha', _IMAGE)
EVENTS = Channel('/event_camera/events', 'event_camera_msgs/msg/EventPacket', PACKETS)
EVENT_CAMERA_INFO = Channel('/event_camera/camera_info', _CAMERA_INFO, LATCHED)
EVENT_IMAGE = Channel('/event_camera/image', _IMAGE)
POINTS = Channel('/lidar/points', 'sensor_msgs/msg/PointCloud2')
LIDAR_IMAGE = Channel('/lidar/image_projected', _IMAGE)
TF_STATIC = Channel('/tf_static', 'tf2_msgs/msg/TFMessage', LATCHED)
SEMANTIC = Channel('/ground_truth/semantic', _IMAGE)
LABEL_INFO = Channel('/ground_truth/label_info', 'vision_msgs/msg/LabelInfo', LATCHED)
CONDITION = Channel('/ground_truth/condition', 'std_msgs/msg/String', LATCHED)
