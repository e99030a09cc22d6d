"""What comes before the figures of the node's benchmark: nothing of it counts."""

from __future__ import annotations

from collections.abc import Mapping
import time

from std_srvs.srv import SetBool

from robustseg_core.errors import RobustSegError
from robustseg_ros.demo.node_process import NodeProcess
from robustseg_ros.demo.replay import MATCH_S, Listener
from robustseg_ros.demo.rig import INPUTS, Rig

ENABLE = '/segment/enable'
# Before frames count: the sensors come alive, and the network's first runs are slow.
WARM_S = 2.0
# Until masks come at all: some backends build for a new size of image.
BUILD_S = 900.0
# After the last frame that does not count: what is still in work.
SETTLE_S = 0.5


def warm_up(
    sensors: Rig, listener: Listener, node: NodeProcess, hz: float, spread_s: float
) -> None:
    """Show the node frames that do not count, until masks of them come in time.

    Args:
        sensors: Show them.
        listener: Hears of the masks.
        node: The node.
        hz: Frames a second.
        spread_s: From the first sensor of a frame to its last.

    Raises:
        RobustSegError: The node has ended, or there are no masks for long.
    """
    deadline = time.monotonic() + BUILD_S
    while True:
        shots = list(sensors.shoot(hz, max(1, round(WARM_S * hz)), spread_s))
        time.sleep(SETTLE_S)
        node.check()
        # The first ones may have waited for the network.
        late_ns = shots[len(shots) // 2].stamp_ns
        if any(mask.stamp_ns >= late_ns for mask in listener.recording.masks):
            return
        if time.monotonic() > deadline:
            msg = f'No mask after {BUILD_S:g} s; {node.last_words()}'
            raise RobustSegError(msg)


def begin_times(listener: Listener) -> Mapping[str, str]:
    """Let the node's times begin anew; return what it said of the whole just then.

    Raises:
        RobustSegError: It does not answer.
    """
    client = listener.node.create_client(SetBool, ENABLE)
    try:
        client.wait_for_service(MATCH_S)
        for enabled in (False, True):
            client.call(SetBool.Request(data=enabled), MATCH_S)
    except TimeoutError as error:
        msg = f'The node does not answer on {ENABLE} within {MATCH_S:g} s.'
        raise RobustSegError(msg) from error
    finally:
        listener.node.destroy_client(client)
    time.sleep(SETTLE_S)  # until it has said so
    return listener.recording.said[-1].values


def wait_for_match(sensors: Rig, node: NodeProcess) -> None:
    """Wait until the node listens to every sensor.

    Raises:
        RobustSegError: The node has ended, or does not.
    """
    deadline = time.monotonic() + MATCH_S
    while not sensors.is_matched():
        node.check()
        if time.monotonic() > deadline:
            msg = f'The node does not listen to {list(INPUTS.values())} after {MATCH_S:g} s.'
            raise RobustSegError(msg)
        time.sleep(0.05)
