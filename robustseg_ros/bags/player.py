"""Replaying a bag through rclpy, with its timing and its quality of service."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain
import math
from pathlib import Path
from threading import Event
import time
from typing import Any

from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.publisher import Publisher
from rosgraph_msgs.msg import Clock

from robustseg_core.errors import DataError
from robustseg_ros.bags.message_packages import message_class
from robustseg_ros.bags.play_options import (
    CLOCK_TOPIC,
    PlayOptions,
    choose_topics,
    not_installed_line,
)
from robustseg_ros.bags.reading import ReadAhead, Serialized, read_info, read_messages
from robustseg_ros.bags.recorded import RecordedTopic
from robustseg_ros.bags.replay_qos import is_latched, replay_qos

# How long reliable subscribers get to ask for the last messages again.
FAREWELL_S = 2.0
# Others confirm nothing. What was published last is still on its way to them, in fragments where
# it is large, and is lost where its publisher goes first.
LINGER_S = 0.5
SMALLEST_MESSAGE = 4  # bytes: the header of every serialised one
LONGEST_SLEEP_S = 3600.0  # at once: what a clock of the operating system takes
SHORTEST_PASS_S = 0.1
# Subscribers of one node are discovered one after the other.
SETTLE_S = 0.3


@dataclass
class PlayReport:
    """What a replay did.

    Attributes:
        published: Topic -> messages published.
        withheld: Topic -> messages that the gate held back.
        passes: Completed passes through the bag.
        latest_s: The most that a message was published after its time.
    """

    published: dict[str, int] = field(default_factory=dict)
    withheld: dict[str, int] = field(default_factory=dict)
    passes: int = 0
    latest_s: float = 0.0


class BagPlayer:
    """Publishes the messages of a bag from the thread that calls ``play``.

    Serialised messages are passed on as they are. Deadline, lifespan and liveliness are not
    replayed: they are promises of a live sensor, which a replay at another rate would break.

    Args:
        path: The bag.
        node: Gets the publishers; it need not be spun.
        options: How to play.

    Attributes:
        info: What the bag holds.
        topics: Those that are played.
        not_installed: Those left out because their message packages are not installed.
        report: What was done so far.

    Raises:
        DataError: The bag is missing or damaged, has no topic of a given name, none of whose type
            is installed, or ends before the start asked for.
    """

    def __init__(self, path: Path, node: Node, options: PlayOptions | None = None) -> None:
        self._node = node
        self._options = options = options or PlayOptions()
        self._stop = Event()
        self._last_published = -math.inf
        self.info = read_info(path)
        self.report = PlayReport()
        self._start_ns = self.info.start_ns + round(options.start_offset_s * 1e9)
        if self._start_ns > self.info.end_ns:
            seconds = (self.info.end_ns - self.info.start_ns) / 1e9
            msg = f'start_offset_s is {options.start_offset_s:g}; the bag lasts {seconds:g} s.'
            raise DataError(msg)
        self.topics: list[RecordedTopic] = []
        self.not_installed: list[RecordedTopic] = []
        self._publishers: dict[str, Publisher[Any]] = {}
        for topic in choose_topics(self.info, options):
            if (msgtype := message_class(topic.msgtype)) is None:
                self.not_installed.append(topic)
                continue
            publisher = node.create_publisher(msgtype, topic.name, replay_qos(topic.qos))
            self._publishers[topic.name] = publisher
            self.topics.append(topic)
        if not self.topics:
            raise DataError(not_installed_line(self.not_installed))
        self._clock = (
            node.create_publisher(Clock, CLOCK_TOPIC, 1) if options.clock_hz is not None else None
        )

    def play(self) -> PlayReport:
        """Play to the end, or until ``stop``; loop if that was asked for.

        Raises:
            DataError: The bag turns out to be damaged.
        """
        options = self._options
        self._wait_for_subscribers()
        self._stop.wait(options.delay_s)
        while not self._stop.is_set():
            self._play_once()
            self.report.passes += not self._stop.is_set()
            if not options.loop:
                break
        return self.report

    def stop(self) -> None:
        """End ``play`` soon; may be called from any thread."""
        self._stop.set()

    def close(self) -> None:
        """Let subscribers get the last messages, then remove the publishers."""
        now = time.monotonic()
        for publisher in self._publishers.values():
            left_s = max(0.0, now + FAREWELL_S - time.monotonic())
            publisher.wait_for_all_acked(Duration(seconds=left_s))
        if any(pub.get_subscription_count() for pub in self._publishers.values()):
            time.sleep(max(0.0, self._last_published + LINGER_S - time.monotonic()))
        for publisher in self._publishers.values():
            self._node.destroy_publisher(publisher)
        self._publishers.clear()
        if self._clock is not None:
            self._node.destroy_publisher(self._clock)
            self._clock = None

    def _play_once(self) -> None:
        self._tick(self._start_ns)  # before any message, so that none seems to be from the future
        if self._start_ns > self.info.start_ns:
            latched = {topic.name for topic in self.topics if is_latched(topic.qos)}
            for message in read_messages(self.info.path, latched, stop_ns=self._start_ns):
                self._publish(message)
        names = [topic.name for topic in self.topics]
        with ReadAhead(self.info.path, names, self._start_ns) as ahead:
            messages = iter(ahead)
            first = next(messages, None)  # the time runs from when the disk is there
            pace = _Pace(self._start_ns, self._options)
            for message in () if first is None else chain([first], messages):
                if not self._start_ns <= message.time_ns <= self.info.end_ns:
                    msg = (
                        f'Bag {str(self.info.path)!r} has a message of {message.time_ns} ns on '
                        f'{message.topic!r}, which is not between its first and last.'
                    )
                    raise DataError(msg)
                due = pace.wall(message.time_ns)
                self._wait_until(due, pace)
                if self._stop.is_set():
                    return
                self.report.latest_s = max(self.report.latest_s, time.monotonic() - due)
                self._publish(message)
        # Excluded topics shorten no pass, and a bag of one message does not loop at full speed.
        end = max(pace.wall(self.info.end_ns), pace.begin + SHORTEST_PASS_S)
        self._wait_until(end, pace)

    def _publish(self, message: Serialized) -> None:
        gate = self._options.gate
        shown = gate is None or gate(message.topic, message.time_ns - self.info.start_ns)
        if shown:
            if len(message.data) < SMALLEST_MESSAGE:
                msg = (
                    f'Bag {str(self.info.path)!r} has a message of {len(message.data)} bytes on '
                    f'{message.topic!r}; every message has at least {SMALLEST_MESSAGE}.'
                )
                raise DataError(msg)
            self._publishers[message.topic].publish(message.data)
            self._last_published = time.monotonic()
        counts = self.report.published if shown else self.report.withheld
        counts[message.topic] = counts.get(message.topic, 0) + 1

    def _tick(self, now_ns: int) -> None:
        if self._clock is not None:
            clock = Clock()
            clock.clock.sec, clock.clock.nanosec = divmod(now_ns, 10**9)
            self._clock.publish(clock)

    def _wait_for_subscribers(self) -> None:
        """Wait until subscribers are there and no more have come for a moment."""
        begin = changed = time.monotonic()
        limit_s = self._options.wait_for_subscribers_s
        count = 0
        while (now := time.monotonic()) < begin + limit_s and not self._stop.is_set():
            before = count
            count = sum(pub.get_subscription_count() for pub in self._publishers.values())
            if count != before:
                changed = now
            elif count and now > changed + SETTLE_S:
                return
            self._stop.wait(0.02)

    def _wait_until(self, due: float, pace: _Pace) -> None:
        while pace.next_tick <= due and not self._stop.is_set():
            self._sleep_until(pace.next_tick)
            self._tick(pace.ticked())
        self._sleep_until(due)

    def _sleep_until(self, wall: float) -> None:
        while (left_s := wall - time.monotonic()) > 0 and not self._stop.is_set():
            self._stop.wait(min(left_s, LONGEST_SLEEP_S))


class _Pace:
    """Maps the bag's time to the steady clock's, from the moment it is made.

    Attributes:
        begin: That moment.
        next_tick: When /clock is due.
    """

    def __init__(self, start_ns: int, options: PlayOptions) -> None:
        self._start_ns = start_ns
        self._rate = options.rate
        self._period_s = 1 / options.clock_hz if options.clock_hz else math.inf
        self.begin = time.monotonic()
        self.next_tick = self.begin + self._period_s

    def wall(self, time_ns: int) -> float:
        """Return when the bag's ``time_ns`` is due."""
        return self.begin + (time_ns - self._start_ns) / 1e9 / self._rate

    def ticked(self) -> int:
        """Return the bag's time now, for /clock, and let a period pass until the next tick."""
        now = time.monotonic()
        self.next_tick = max(self.next_tick + self._period_s, now)
        return self._start_ns + round((now - self.begin) * self._rate * 1e9)
