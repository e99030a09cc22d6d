"""The replay: sensors on one side of the node, an attentive listener on the other."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Thread
import time
from types import TracebackType
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
import numpy as np
import rclpy
from rclpy.context import Context
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import Image

from robustseg_core.errors import RobustSegError
from robustseg_ros.bags.play_options import PlayOptions
from robustseg_ros.bags.player import BagPlayer
from robustseg_ros.bags.reading import read_info
from robustseg_ros.demo.drive import CAMERA_INFO, TOPICS, first_stamp_ns
from robustseg_ros.demo.records import MaskSeen, Recording, Said, Sent
from robustseg_ros.demo.schedule import Schedule
from robustseg_ros.inputs.conversions import image_to_array, stamp_to_ns

# A cold start loads torch from disk.
READY_S = 120.0
MATCH_S = 20.0
# After the last message: what is still in work.
LAST_MASKS_S = 2.0
# One tick of /clock is the finest time that the node knows.
CLOCK_HZ = 100.0
_POLL_S = 0.05
_SENSORS = {topic: name for name, topic in TOPICS.items()}
MASK = '/segment/mask'
_WHOLE = 'segmentation'


class Listener:
    """Records what the node publishes, in a thread of its own.

    Args:
        domain: ROS_DOMAIN_ID.
        keep_pixels: Whether the masks are kept, or only when they came.

    Attributes:
        node: For the publishers of the replay.
        recording: What was seen so far.
    """

    def __init__(self, domain: int, *, keep_pixels: bool = True) -> None:
        self.recording = Recording()
        self._keep_pixels = keep_pixels
        self._context = Context()
        rclpy.init(
            args=[],
            context=self._context,
            domain_id=domain,
            signal_handler_options=SignalHandlerOptions.NO,
        )
        self.node: Node = Node('demo', context=self._context, start_parameter_services=False)
        self._masks = self.node.create_subscription(
            Image, MASK, self._on_mask, QoSProfile(depth=100)
        )
        self.node.create_subscription(
            DiagnosticArray, '/diagnostics', self._on_diagnostics, QoSProfile(depth=100)
        )
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)
        self._thread = Thread(target=self._spin, name='listener', daemon=True)

    def __enter__(self) -> Listener:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._executor.shutdown()
        self._thread.join()
        self.node.destroy_node()
        rclpy.shutdown(context=self._context)

    def is_ready(self) -> bool:
        """Tell whether the node is active and its masks will arrive.

        Raises:
            RobustSegError: The node says that it cannot become ready.
        """
        if not self.recording.said:
            return False
        last = self.recording.said[-1]
        if last.failed:
            msg = f'The node cannot be activated: {last.message}'
            raise RobustSegError(msg)
        is_matched = self.node.count_publishers(MASK) > 0
        return is_matched and last.values.get('state') == 'active'

    def _spin(self) -> None:
        with suppress(ExternalShutdownException):
            self._executor.spin()

    def _on_mask(self, message: Any) -> None:
        wall_s = time.monotonic()
        class_ids = image_to_array(message) if self._keep_pixels else np.empty((0, 0), np.uint8)
        stamp_ns = stamp_to_ns(message.header.stamp)
        self.recording.masks.append(MaskSeen(stamp_ns, wall_s, class_ids))

    def _on_diagnostics(self, message: Any) -> None:
        wall_s = time.monotonic()
        statuses = {status.name.partition(': ')[2]: status for status in message.status}
        if _WHOLE not in statuses:
            return
        whole = statuses.pop(_WHOLE)
        states = {name: _values(status).get('state', '') for name, status in statuses.items()}
        found = _values(whole)
        failed = whole.level == DiagnosticStatus.ERROR and found.get('state') == 'unconfigured'
        self.recording.said.append(Said(wall_s, states, found, whole.message, failed))


class Gate:
    """Holds back what dead sensors would have sent, and records every message.

    Args:
        schedule: Who is dead when.
        first_ns: Stamp of the first frame.
        start_ns: Of the bag's first message.
        recording: Gets the messages.
        on_progress: Told the frame's number when its first message is due.
    """

    def __init__(
        self,
        schedule: Schedule,
        first_ns: int,
        start_ns: int,
        recording: Recording,
        on_progress: Callable[[int], None],
    ) -> None:
        self._schedule = schedule
        self._first_ns = first_ns
        self._start_ns = start_ns
        self._recording = recording
        self._on_progress = on_progress
        self._last_ns = -1

    def __call__(self, topic: str, since_start_ns: int) -> bool:
        """Tell whether the message is published."""
        name = _SENSORS.get(topic)
        if name is None:
            return True
        # Sensors record on the stamp here; a bag's time of recording is the stamp.
        stamp_ns = self._start_ns + since_start_ns
        if stamp_ns != self._last_ns:
            self._last_ns = stamp_ns
            self._on_progress((stamp_ns - self._first_ns) // self._schedule.period_ns)
        shown = self._schedule.sends(name, stamp_ns - self._first_ns)
        self._recording.sent.append(Sent(name, stamp_ns, time.monotonic(), shown))
        return shown


def wait_until_ready(
    listener: Listener, check: Callable[[], None], limit_s: float = READY_S
) -> None:
    """Wait for the node to be active and heard.

    Args:
        listener: Hears what the node says.
        check: Raises if the node has ended.
        limit_s: How long to wait.

    Raises:
        RobustSegError: The node has ended, or is not ready in time.
    """
    deadline = time.monotonic() + limit_s
    while not listener.is_ready():
        check()
        if time.monotonic() > deadline:
            said = listener.recording.said
            word = f'it says {said[-1].message!r}' if said else 'it says nothing on /diagnostics'
            msg = f'The node is not ready after {limit_s:g} s: {word}.'
            raise RobustSegError(msg)
        time.sleep(_POLL_S)


def play(
    bag: Path,
    schedule: Schedule,
    listener: Listener,
    *,
    rate: float,
    check: Callable[[], None],
    on_progress: Callable[[int], None],
) -> None:
    """Replay the bag, and wait for the last masks.

    Args:
        bag: The drive.
        schedule: Who is dead when.
        listener: Records; the node must be active.
        rate: Seconds of the bag per second.
        check: Raises if the node has ended; asked once per frame.
        on_progress: Told the number of each frame.

    Raises:
        RobustSegError: The node has ended, or the bag cannot be read.
    """

    def progress(index: int) -> None:
        check()
        on_progress(index)

    gate = Gate(
        schedule, first_stamp_ns(bag), read_info(bag).start_ns, listener.recording, progress
    )
    options = PlayOptions(
        rate=rate,
        topics=(*TOPICS.values(), CAMERA_INFO),
        clock_hz=CLOCK_HZ,
        wait_for_subscribers_s=MATCH_S,
        gate=gate,
    )
    player = BagPlayer(bag, listener.node, options)
    try:
        player.play()
        _wait_for_last_masks(listener.recording)
    finally:
        player.close()
    check()


def _wait_for_last_masks(recording: Recording) -> None:
    last_ns = recording.sent[-1].stamp_ns
    deadline = time.monotonic() + LAST_MASKS_S
    while time.monotonic() < deadline:
        if recording.masks and recording.masks[-1].stamp_ns >= last_ns:
            return
        time.sleep(_POLL_S)


def _values(status: Any) -> dict[str, str]:
    return {item.key: item.value for item in status.values}
