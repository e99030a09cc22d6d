"""Subscriptions of inputs: message_filters' own where that is installed, else rclpy's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.qos import QoSProfile

from robustseg_ros.node import optional
from robustseg_ros.node.qos import overridable

Receive = Callable[[Any, dict[str, Any]], None]


def subscribe(node: Any, message: Any, topic: str, receive: Receive, qos: QoSProfile) -> Any:
    """Return a subscription of ``node`` that calls ``receive(message, message_info)``.

    Raises:
        ConfigError: Parameters override the profile with what is none.
    """
    filters = optional.load(optional.FILTERS)
    if filters is None:
        return overridable(node.create_subscription, message, topic, receive, qos)

    class Subscriber(filters.Subscriber):  # type: ignore[name-defined]
        """Hands on the message info, too, which has the number that the sender gave."""

        # rclpy tells by the number of arguments that the second one is wanted.
        def callback(self, msg: Any, info: dict[str, Any]) -> None:
            self.signalMessage(msg, info)

    def create(message: Any, topic: str, profile: QoSProfile, **options: Any) -> Any:
        subscriber = Subscriber(node, message, topic, qos_profile=profile, **options)
        subscriber.registerCallback(receive)
        return subscriber.sub

    return overridable(create, message, topic, qos)
