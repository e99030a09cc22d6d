"""Large messages between two processes, on Fast DDS's default transports and on our profile.

For each transport and reliability, one process publishes images and another receives them.
"""

from __future__ import annotations

import argparse
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
import multiprocessing
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
import os
import sys
import time
from typing import TYPE_CHECKING

from robustseg_core.errors import RobustSegError
from robustseg_ros.node import transport

if TYPE_CHECKING:
    from rclpy.qos import QoSProfile

TOPIC = 'transport_benchmark'
RELIABILITIES = ('best_effort', 'reliable')
START_TIMEOUT_S = 20.0
# What is still on its way when the last message was sent.
SETTLE_S = 0.5


@dataclass(frozen=True, kw_only=True)
class Stream:
    """A stream of bgr8 images.

    Attributes:
        width: In pixels.
        height: In pixels.
        messages: How many are sent.
        rate_hz: How many a second.
        reliability: ``best_effort`` or ``reliable``, of both sides.
    """

    width: int = 1280
    height: int = 720
    messages: int = 60
    rate_hz: float = 30.0
    reliability: str = 'best_effort'


@dataclass(frozen=True)
class Arrivals:
    """What came of a stream.

    Attributes:
        sent: Number of messages published.
        latencies_ms: Publication to callback of each message that arrived.
    """

    sent: int
    latencies_ms: tuple[float, ...]

    @property
    def fraction(self) -> float:
        return len(self.latencies_ms) / self.sent

    @property
    def median_ms(self) -> float:
        """Median latency; NaN where nothing arrived."""
        ordered = sorted(self.latencies_ms)
        return ordered[len(ordered) // 2] if ordered else float('nan')


def measure(stream: Stream, variables: Mapping[str, str]) -> Arrivals:
    """Send ``stream`` from one new process to another.

    Args:
        stream: What is sent.
        variables: Transport variables of both processes; other transport variables are unset.

    Raises:
        RobustSegError: The two processes did not find each other.
    """
    context = multiprocessing.get_context('spawn')  # a fork would inherit DDS's threads half dead
    stop = context.Event()
    ours, theirs = context.Pipe()
    receiver = context.Process(target=_receive, args=(stream, variables, stop, theirs))
    sender = context.Process(target=_send, args=(stream, variables))
    receiver.start()
    sender.start()
    try:
        sender.join(START_TIMEOUT_S + 2 * stream.messages / stream.rate_hz)
        time.sleep(SETTLE_S)
        stop.set()
        if sender.exitcode != 0 or not ours.poll(START_TIMEOUT_S):
            msg = (
                f'Two processes did not find each other within {START_TIMEOUT_S:g} s '
                f'with {dict(variables)!r}.'
            )
            raise RobustSegError(msg)
        return Arrivals(stream.messages, tuple(ours.recv()))
    finally:
        for process in (sender, receiver):
            process.terminate()
            process.join()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; return the exit status."""
    defaults = Stream()
    parser = argparse.ArgumentParser(
        prog='python -m robustseg_ros.transport_benchmark', description=__doc__
    )
    parser.add_argument('--messages', type=int, default=defaults.messages)
    parser.add_argument('--rate', type=float, default=defaults.rate_hz, help='messages a second')
    parser.add_argument('--width', type=int, default=defaults.width)
    parser.add_argument('--height', type=int, default=defaults.height)
    args = parser.parse_args(argv)
    try:
        variable = transport.profile_variable(os.environ)
        profile = {variable: str(transport.profile_path())}
        size = f'{args.width}x{args.height} bgr8, {args.messages} messages at {args.rate:g} Hz'
        _say(f'{size}, two processes\n\n| transport | reliability | received | p50 latency |')
        _say('|---|---|---|---|')
        for name, variables in (('default', {}), ('config/fastdds.xml', profile)):
            for reliability in RELIABILITIES:
                stream = Stream(
                    width=args.width,
                    height=args.height,
                    messages=args.messages,
                    rate_hz=args.rate,
                    reliability=reliability,
                )
                arrivals = measure(stream, variables)
                latency = f'{arrivals.median_ms:.1f} ms' if arrivals.latencies_ms else '-'
                _say(f'| {name} | {reliability} | {arrivals.fraction:.0%} | {latency} |')
    except RobustSegError as error:
        sys.stderr.write(f'{parser.prog}: {error}\n')
        return 1
    return 0


def _say(line: str) -> None:
    sys.stdout.write(f'{line}\n')
    sys.stdout.flush()


def _choose_transport(variables: Mapping[str, str]) -> None:
    for name in transport.CHOICE_VARIABLES:
        os.environ.pop(name, None)
    os.environ.update(variables)


def _qos(stream: Stream) -> QoSProfile:
    from robustseg_ros.node.qos import input_qos

    return input_qos(stream.reliability, depth=5)


def _send(stream: Stream, variables: Mapping[str, str]) -> None:
    _choose_transport(variables)
    import rclpy
    from sensor_msgs.msg import Image

    from robustseg_ros.node.initialised import initialised

    size = 3 * stream.width * stream.height
    message = Image(height=stream.height, width=stream.width, encoding='bgr8')
    message.step = 3 * stream.width
    message.data = array('B', bytes(size))
    with initialised():
        node = rclpy.create_node(f'{TOPIC}_sender')
        publisher = node.create_publisher(Image, TOPIC, _qos(stream))
        deadline = time.monotonic() + START_TIMEOUT_S
        while publisher.get_subscription_count() == 0:
            if time.monotonic() > deadline:
                sys.exit(1)
            time.sleep(0.02)
        time.sleep(0.2)  # the subscriber may need a moment more to know the publisher
        start = time.monotonic()
        for index in range(stream.messages):
            time.sleep(max(0.0, start + index / stream.rate_hz - time.monotonic()))
            now_ns = time.monotonic_ns()
            message.header.stamp.sec, message.header.stamp.nanosec = divmod(now_ns, 10**9)
            publisher.publish(message)
        time.sleep(SETTLE_S)


def _receive(
    stream: Stream, variables: Mapping[str, str], stop: Event, results: Connection
) -> None:
    _choose_transport(variables)
    import rclpy
    from sensor_msgs.msg import Image

    from robustseg_ros.node.initialised import initialised

    latencies_ms: list[float] = []

    def arrived(message: Image) -> None:
        stamp = message.header.stamp
        sent_ns = stamp.sec * 10**9 + stamp.nanosec
        latencies_ms.append((time.monotonic_ns() - sent_ns) / 1e6)

    with initialised():
        node = rclpy.create_node(f'{TOPIC}_receiver')
        node.create_subscription(Image, TOPIC, arrived, _qos(stream))
        while not stop.is_set():
            rclpy.spin_once(node, timeout_sec=0.05)
    results.send(latencies_ms)


if __name__ == '__main__':
    sys.exit(main())
