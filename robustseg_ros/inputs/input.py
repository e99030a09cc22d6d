"""A topic -> a modality's measurements, and why there are none."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from time import monotonic
from typing import Any, Protocol

from sensor_msgs.msg import CompressedImage, Image, PointCloud2

from robustseg_ros.inputs import complaints
from robustseg_ros.inputs.arrivals import ArrivalStatistics
from robustseg_ros.inputs.connections import connection_problem
from robustseg_ros.inputs.faces import Faces, check_frame, face_of
from robustseg_ros.inputs.measurements import Measurement
from robustseg_ros.inputs.reader import Pending, Reader, Reading
from robustseg_ros.inputs.refusals import refusal
from robustseg_ros.inputs.shared_memory import foreign_users
from robustseg_ros.inputs.subscribing import subscribe
from robustseg_ros.node import optional
from robustseg_ros.node.config import InputConfig
from robustseg_ros.node.qos import input_qos

# What a transport says where it does not number its messages.
_UNNUMBERED = (1 << 64) - 1


class Sink(Protocol):
    """Takes what an input has received."""

    def received(
        self, name: str, stamp_ns: int, measurement: Measurement | None, received_s: float
    ) -> None:
        """Take a good message; None where it only adds to a measurement still to come.

        ``received_s`` is when it was received, on the monotonic clock.
        """
        ...

    def refused(self, name: str, reason: str) -> None:
        """Take the reason why a message is of no use."""
        ...


class Input:
    """One subscription and what is known about it.

    Args:
        node: Owns the subscription.
        config: Of this input.
        reader: Of its message type.
        sink: Takes what arrives.
    """

    def __init__(self, node: Any, config: InputConfig, reader: Reader, sink: Sink) -> None:
        self.config = config
        self.statistics = ArrivalStatistics()
        self.faces = Faces()
        self._publishers: list[str] = []
        # Since when a publisher is matched of which nothing has come; None where that is not so.
        self._matched_s: float | None = None
        self._has_heard = False
        self._node = node
        self._reader = reader
        self._sink = sink
        self._subscription: Any | None = None

    @property
    def connected(self) -> bool:
        """Whether there is a subscription."""
        return self._subscription is not None

    @property
    def topic(self) -> str:
        """Its topic in full, after namespace and remapping; empty where it has none."""
        return self._node.resolve_topic_name(self.config.topic) if self.config.topic else ''

    def connect(self) -> None:
        """Subscribe; does nothing where the message type is not installed."""
        message = message_class(self.config.type)
        if self._subscription is not None or message is None:
            return
        qos = input_qos(self.config.reliability, self.config.depth)
        self._subscription = subscribe(self._node, message, self.config.topic, self._receive, qos)

    def disconnect(self) -> None:
        """End the subscription."""
        if self._subscription is not None:
            self._node.destroy_subscription(self._subscription)
            self._subscription = None
        self._has_heard = False
        self.reset()

    def close(self) -> None:
        """End the subscription for good."""
        self.disconnect()
        self._reader.close()

    def reset(self) -> None:
        """Forget the stream: time has begun again."""
        self._reader.reset()
        self.statistics.reset()
        self.faces.reset()

    def problem(self) -> str:
        """Return why nothing can arrive, or an empty string if it can."""
        message = message_class(self.config.type)
        if message is None:
            why = optional.why_missing(optional.EVENTS)
            return f'type {self.config.type!r} needs event_camera_msgs, which {why}'
        topic = self.topic
        publishers = self._node.get_publishers_info_by_topic(topic)
        qos = (
            input_qos(self.config.reliability, self.config.depth)
            if self._subscription is None
            else self._subscription.qos_profile
        )
        problem = connection_problem(topic, message_type(message), qos, publishers)
        self._publishers = [f'{p.node_namespace.rstrip("/")}/{p.node_name}' for p in publishers]
        return problem or self._silence(is_matched=self.connected)

    def complaint(self) -> str:
        """Return what is odd about its messages although they come, or an empty string."""
        found = [self.faces.complaint(), complaints.publishers(self.topic, self._publishers)]
        return '; '.join(filter(None, found))

    def _silence(self, *, is_matched: bool) -> str:
        """Return why nothing may come of a publisher that is matched, once that is odd."""
        if not is_matched or self._has_heard:
            self._matched_s = None
            return ''
        if self._matched_s is None:
            self._matched_s = monotonic()
        silent_s = monotonic() - self._matched_s
        if silent_s < complaints.SILENT_MATCHED_S:
            return ''
        return complaints.silent_although_matched(silent_s, foreign_users())

    def _receive(self, msg: Any, info: dict[str, Any]) -> None:
        received_s = monotonic()
        sequence = info.get('publication_sequence_number', _UNNUMBERED)
        data = msg.events if hasattr(msg, 'events') else msg.data
        self._has_heard = True
        if self.config.stamp == 'arrival':
            msg.header.stamp = self._node.get_clock().now().to_msg()
        self.statistics.add(None if sequence == _UNNUMBERED else sequence, len(data))
        self._use(partial(self._read, msg), received_s)

    def _read(self, msg: Any) -> Reading | Pending:
        check_frame(msg.header.frame_id)
        self.faces.add(face_of(msg))
        return self._reader.read(msg)

    def _use(self, read: Callable[[], Reading | Pending], received_s: float) -> None:
        """Hand on what a message gives: now, or once it has been worked on."""
        name = self.config.name
        try:
            reading = read()
            if isinstance(reading, Pending):
                reading.then = partial(self._use, received_s=received_s)
            else:
                self._sink.received(name, *reading, received_s)
        except Exception as error:  # a boundary: one message must not end the node
            self._sink.refused(name, refusal(error))


def message_class(input_type: str) -> Any | None:
    """Return the message class behind a value of ``<name>.type``, None if not installed."""
    if input_type == 'events':
        module = optional.load(optional.EVENTS)
        return None if module is None else module.EventPacket
    return {'image': Image, 'compressed_image': CompressedImage, 'points': PointCloud2}[input_type]


def message_type(message: Any) -> str:
    """Return the name of a message class as the graph has it: ``sensor_msgs/msg/Image``."""
    package, folder, _ = message.__module__.split('.', 2)
    return f'{package}/{folder}/{message.__name__}'
