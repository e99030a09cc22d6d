"""What a bag says of its topics, believed only where ROS could have recorded it."""

from __future__ import annotations

from pathlib import Path
import re
from typing import Any, NamedTuple

from rosbags.interfaces import (
    Qos,
    QosDurability,
    QosHistory,
    QosLiveliness,
    QosReliability,
    QosTime,
)

from robustseg_core.errors import DataError
from robustseg_core.quoting import quoted

# https://design.ros2.org/articles/topic_and_service_names.html
_TOPIC = re.compile(r'(/[A-Za-z_][A-Za-z0-9_]*)+')
MOST_TOPIC_CHARACTERS = 247
# https://docs.ros.org/en/kilted/Concepts/Basic/About-Interfaces.html; services and actions add
# names such as AddTwoInts_Event.
_TYPE = re.compile(r'([a-z][a-z0-9_]*)/(msg|srv|action)/([A-Z][A-Za-z0-9_]*)')
MOST_TYPE_CHARACTERS = 255
MOST_DEPTH = 100_000  # messages that a publisher keeps
_KINDS = {
    'history': QosHistory,
    'reliability': QosReliability,
    'durability': QosDurability,
    'liveliness': QosLiveliness,
}
_TIMES = ('deadline', 'lifespan', 'liveliness_lease_duration')


class RecordedTopic(NamedTuple):
    """A topic of a bag, and the quality of service its publishers offered, as far as recorded."""

    name: str
    msgtype: str
    messages: int
    qos: tuple[Qos, ...]


class MessageType(NamedTuple):
    """The parts of a type such as ``sensor_msgs/msg/Image``."""

    package: str
    kind: str
    name: str


def recorded_topic(path: Path, name: Any, msgtype: Any, messages: Any, qos: Any) -> RecordedTopic:
    """Return a topic as the bag ``path`` describes it.

    Raises:
        DataError: Name or type are no texts, or the quality of service is none.
    """
    for value in (name, msgtype):
        if not isinstance(value, str):
            msg = f'Bag {str(path)!r} has {quoted(value)} for a name or type; wanted text.'
            raise DataError(msg)
    try:
        profiles = tuple(_profile(each) for each in qos)
        count = int(messages)
    except (KeyError, TypeError, ValueError) as error:
        msg = (
            f'Bag {str(path)!r}: what it says of topic {quoted(name)} is no quality of service '
            f'and count: {quoted(error)}.'
        )
        raise DataError(msg) from error
    return RecordedTopic(name, msgtype, count, profiles)


def check_topic(path: Path, topic: RecordedTopic) -> None:
    """Refuse a topic of the bag ``path`` that no publisher can have had.

    Raises:
        DataError: Its name or type are not of ROS's grammar, or its depth is absurd.
    """
    is_short = len(topic.name) <= MOST_TOPIC_CHARACTERS
    if not is_short or not _TOPIC.fullmatch(topic.name) or '__' in topic.name:
        msg = (
            f'Bag {str(path)!r} has a topic {quoted(topic.name)}; wanted a name such as '
            f'/camera/image_raw.'
        )
        raise DataError(msg)
    if message_type(topic.msgtype) is None:
        msg = (
            f'Bag {str(path)!r} has topic {topic.name!r} of type {quoted(topic.msgtype)}; wanted '
            f'one such as sensor_msgs/msg/Image.'
        )
        raise DataError(msg)
    for qos in topic.qos:
        if not 0 <= qos.depth <= MOST_DEPTH and qos.history != QosHistory.KEEP_ALL:
            msg = (
                f'Bag {str(path)!r} has topic {topic.name!r} with a queue of {quoted(qos.depth)} '
                f'messages; wanted 0 to {MOST_DEPTH}.'
            )
            raise DataError(msg)


def message_type(text: str) -> MessageType | None:
    """Return the parts of a type, or None where ``text`` is none."""
    if len(text) > MOST_TYPE_CHARACTERS or not (found := _TYPE.fullmatch(text)):
        return None
    return MessageType(*found.groups())


def _profile(values: Any) -> Qos:
    """Build the quality of service from ``rosbags``'s fields as JSON has them."""
    fields = dict(values)
    if type(fields['depth']) is not int:
        msg = f'depth is {quoted(fields["depth"])}; wanted a whole number'
        raise TypeError(msg)
    for name, kind in _KINDS.items():
        fields[name] = kind(fields[name])
    for name in _TIMES:
        fields[name] = QosTime(*fields[name])
    return Qos(**fields)
