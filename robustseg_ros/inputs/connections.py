"""Why nothing can arrive on a topic, read from the graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rclpy.qos import QoSCompatibility, QoSProfile, qos_check_compatible


def connection_problem(
    topic: str, wanted_type: str, qos: QoSProfile, publishers: Sequence[Any]
) -> str:
    """Return why a subscription can receive nothing, or an empty string if it can.

    Args:
        topic: Full name of the topic.
        wanted_type: Type of the subscription, e.g. ``sensor_msgs/msg/Image``.
        qos: Profile of the subscription.
        publishers: What ``get_publishers_info_by_topic`` gives for the topic.
    """
    if not publishers:
        return f'no publisher on {topic}'
    matching = [info for info in publishers if info.topic_type == wanted_type]
    if not matching:
        found = ', '.join(sorted({info.topic_type for info in publishers}))
        return f'topic {topic} carries {found}, wanted {wanted_type}'
    reasons = []
    for info in matching:
        compatibility, reason = qos_check_compatible(info.qos_profile, qos)
        if compatibility != QoSCompatibility.ERROR:
            return ''
        reasons.append(reason.strip().rstrip(';').removeprefix('ERROR: '))
    return f'incompatible QoS on {topic}: {"; ".join(sorted(set(reasons)))}'
