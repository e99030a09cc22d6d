"""The bond by which nav2_lifecycle_manager notices that a node has died; where bondpy is there."""

from __future__ import annotations

from typing import Any

from robustseg_ros.node import optional

# As nav2's own nodes have it, whose manager is at the other end.
TOPIC = 'bond'
HEARTBEAT_PERIOD_S = 0.1
HEARTBEAT_TIMEOUT_S = 4.0


class ManagerBond:
    """A bond of the node with who manages it, from ``form`` to ``end``.

    Args:
        node: The node.
    """

    def __init__(self, node: Any) -> None:
        self._node = node
        self._bond: Any | None = None

    def form(self) -> None:
        """Begin to send heartbeats; does nothing where bondpy is not there."""
        bondpy = optional.load(optional.BOND)
        if bondpy is None or self._bond is not None:
            return
        self._bond = bondpy.Bond(self._node, TOPIC, self._node.get_name())
        self._bond.set_heartbeat_period(HEARTBEAT_PERIOD_S)
        self._bond.set_heartbeat_timeout(HEARTBEAT_TIMEOUT_S)
        self._bond.start()

    def end(self) -> None:
        """Say good-bye to the manager, so that it does not take this for a death."""
        if self._bond is None:
            return
        bond, self._bond = self._bond, None
        bond.break_bond()
        bond.shutdown()
        # bondpy destroys its subscription and publisher behind the node's back.
        self._node.destroy_subscription(bond.sub)
        self._node.destroy_publisher(bond.pub)
