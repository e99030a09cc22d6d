"""The recorded quality of service as rclpy's."""

from __future__ import annotations

from collections.abc import Sequence

from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from rosbags.interfaces import Qos, QosDurability, QosHistory, QosReliability

DEFAULT_DEPTH = 10


def is_latched(recorded: Sequence[Qos]) -> bool:
    """Return whether late subscribers got the last messages of the recorded publishers."""
    durabilities = {qos.durability for qos in recorded}
    return durabilities == {QosDurability.TRANSIENT_LOCAL}


def replay_qos(recorded: Sequence[Qos]) -> QoSProfile:
    """Return the profile of the publisher that stands for the recorded ones.

    Where they differ it is reliable and not latched; that is also what a topic without a recorded
    profile gets.

    Args:
        recorded: What each publisher of the topic offered.
    """
    efforts = {qos.reliability for qos in recorded}
    keep_all = {qos.history for qos in recorded} == {QosHistory.KEEP_ALL}
    return QoSProfile(
        history=HistoryPolicy.KEEP_ALL if keep_all else HistoryPolicy.KEEP_LAST,
        # Some recorders write a depth of 0 for "unknown".
        depth=max((qos.depth for qos in recorded), default=0) or DEFAULT_DEPTH,
        reliability=ReliabilityPolicy.BEST_EFFORT
        if efforts == {QosReliability.BEST_EFFORT}
        else ReliabilityPolicy.RELIABLE,
        durability=DurabilityPolicy.TRANSIENT_LOCAL
        if is_latched(recorded)
        else DurabilityPolicy.VOLATILE,
    )
