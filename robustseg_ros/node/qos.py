"""The quality of service of every topic, named."""

from __future__ import annotations

from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy

RELIABILITIES = {
    'best_effort': ReliabilityPolicy.BEST_EFFORT,
    'reliable': ReliabilityPolicy.RELIABLE,
}

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
