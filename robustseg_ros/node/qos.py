"""The quality of service of every topic, named."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from typing import Any

from rcl_interfaces.msg import SetParametersResult
from rclpy.qos import (
    DurabilityPolicy,
    HistoryPolicy,
    QoSPolicyKind,
    QoSProfile,
    ReliabilityPolicy,
)
from rclpy.qos_overriding_options import QoSOverridingOptions

from robustseg_core.errors import ConfigError
from robustseg_core.quoting import quoted

RELIABILITIES = {
    'best_effort': ReliabilityPolicy.BEST_EFFORT,
    'reliable': ReliabilityPolicy.RELIABLE,
}

DEPTHS = (1, 10_000)

# Reliable and volatile: a publisher that both kinds of subscriber can connect to.
STREAM = QoSProfile(
    history=HistoryPolicy.KEEP_LAST,
    depth=5,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.VOLATILE,
)
# Kept for subscribers that come late.
LATCHED = QoSProfile(
    history=HistoryPolicy.KEEP_LAST,
    depth=1,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)


def input_qos(reliability: str, depth: int) -> QoSProfile:
    """Return the profile of a subscription; ``reliability`` is one of ``RELIABILITIES``."""
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=depth,
        reliability=RELIABILITIES[reliability],
        durability=DurabilityPolicy.VOLATILE,
    )


def qos_text(profile: QoSProfile) -> str:
    """Describe ``profile`` in words, for the tables of topics."""
    words = [profile.reliability.name, profile.durability.name]
    return ', '.join([*(word.lower() for word in words), f'depth {profile.depth}'])


def overridable(create: Callable[..., Any], kind: Any, topic: str, *rest: Any) -> Any:
    """Create a publisher or subscription whose profile ``qos_overrides`` may change.

    The parameters are ROS's own: ``qos_overrides.<full topic>.publisher.depth`` and the like.

    Args:
        create: ``create_publisher``, ``create_subscription``, ... of the node.
        kind: Type of the messages.
        topic: Where.
        rest: What else ``create`` takes, the profile last.

    Raises:
        ConfigError: The parameters ask for what is no profile.
    """
    *others, profile = rest
    options = QoSOverridingOptions(_KINDS, callback=_check)
    try:
        # A copy: rclpy writes into it.
        return create(kind, topic, *others, copy(profile), qos_overriding_options=options)
    except Exception as error:  # a boundary: rclpy raises whatever the values lead to
        msg = f'qos_overrides of {topic}: {type(error).__name__}: {quoted(error, _MOST)}'
        raise ConfigError(msg) from error


# Of rclpy's complaint, whose reason comes last.
_MOST = 400
_KINDS = (
    QoSPolicyKind.HISTORY,
    QoSPolicyKind.DEPTH,
    QoSPolicyKind.RELIABILITY,
    QoSPolicyKind.DURABILITY,
)


def _check(profile: QoSProfile) -> SetParametersResult:
    low, high = DEPTHS
    good = low <= profile.depth <= high
    reason = f'depth is {profile.depth}; wanted {low} to {high}'
    return SetParametersResult(successful=good, reason='' if good else reason)
