"""The message types of our bags: the common ones of ROS 2, and those that ROS does not bring."""

from __future__ import annotations

from functools import cache
from typing import Any

from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

# Field names and types as published by their packages; a type's hash depends on nothing else.
FOREIGN = {
    'event_camera_msgs/msg/EventPacket': """
std_msgs/Header header
uint32 height
uint32 width
uint64 seq
uint64 time_base
string encoding
bool is_bigendian
uint8[] events
""",
    'vision_msgs/msg/VisionClass': """
uint16 class_id
string class_name
""",
    'vision_msgs/msg/LabelInfo': """
std_msgs/Header header
vision_msgs/VisionClass[] class_map
float32 threshold
""",
}


@cache
def typestore() -> Typestore:
    """Return the types of ROS 2 and the foreign ones; the same object each time."""
    store = get_typestore(Stores.ROS2_JAZZY)
    for name, definition in FOREIGN.items():
        store.register(get_types_from_msg(definition, name))
    return store


def make(msgtype: str, **fields: Any) -> Any:
    """Return a message of type ``msgtype``, e.g. ``sensor_msgs/msg/Image``."""
    return typestore().types[msgtype](**fields)
