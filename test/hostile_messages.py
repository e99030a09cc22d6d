"""Damaged messages through all that the node does with one before the network sees it.

``python test/hostile_messages.py --count 100000 --seed 1`` prints what became of them; with
``--node`` they are sent to a running node instead (see ``hostile_node``).
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
import re
import sys
from threading import Event
from time import monotonic
from typing import Any

from mutations import mutated
from node_scene import CAMERA_FROM_LIDAR, MODALITIES, tiny_model
import numpy as np
from valid_messages import (
    COMPRESSED_FORMATS,
    EVENT_ENCODINGS,
    IMAGE_ENCODINGS,
    camera_info,
    cloud,
    compressed,
    events,
    header,
    image,
)

from robustseg_core.errors import RobustSegError
from robustseg_core.modalities import UNIT, Modality, ModalitySet
from robustseg_core.runtime.engine import Engine
from robustseg_core.sensors.network_input import network_tensor
from robustseg_ros.inputs.camera_info import resized_camera_info
from robustseg_ros.inputs.camera_keeper import CameraKeeper
from robustseg_ros.inputs.input import Input
from robustseg_ros.inputs.readers import make_reader
from robustseg_ros.node.config import node_config
from robustseg_ros.node.parameters import parameter_table

THERMAL = Modality('thermal', 'T', 'grey', UNIT)
RADAR = Modality('radar', 'A', 'range_intensity', UNIT)
FOREIGN = 'cannot use:'  # what the boundaries say of exceptions that are not ours
PATIENCE_S = 10.0


class Woken:
    """A node's guard condition, whose callback the harness calls itself."""

    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback = callback
        self.event = Event()

    def trigger(self) -> None:
        self.event.set()


class HarnessNode:
    """The part of a node that readers need."""

    def __init__(self) -> None:
        self.woken: list[Woken] = []

    def create_guard_condition(self, callback: Callable[[], None]) -> Woken:
        self.woken.append(Woken(callback))
        return self.woken[-1]

    def destroy_guard_condition(self, woken: Woken) -> None:
        self.woken.remove(woken)


@dataclass
class Tally:
    """What became of the messages.

    Attributes:
        accepted: How many of each kind became a network's image.
        refused: How many of each kind did not.
        reasons: How often each was given; numbers and quoted texts are left out.
        foreign: Exceptions that are not ours, and whose they were.
        slowest_s: The longest that a message took.
        slowest: Which it was.
    """

    accepted: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    foreign: list[str] = field(default_factory=list)
    slowest_s: float = 0.0
    slowest: str = ''


class Victim:
    """One input of a kind of messages; the sink of its own outcome."""

    def __init__(self, engine: Engine, kind: str, modality: Modality, message_type: str) -> None:
        names = [modality.name]
        values = {name: p.default for name, p in parameter_table(names).items()}
        values |= {
            'modalities': names,
            f'{modality.name}.type': message_type,
            f'{modality.name}.camera_from_sensor': CAMERA_FROM_LIDAR.ravel().tolist(),
        }
        config = node_config(values)
        self.kind = kind
        self._engine = engine
        self._modality = modality
        self._node = HarnessNode()
        self._limits = config.limits
        self.camera = CameraKeeper('/camera_info', rectified=False, limits=config.limits)
        self.camera.receive(camera_info(np.random.default_rng(0), 'plumb_bob'))
        source = config.inputs[modality.name]
        slack_ns = 300_000_000
        reader = make_reader(self._node, source, modality.encoding, self.camera, slack_ns)
        self._input = Input(self._node, source, reader, self)
        self._outcome: Any = None

    def received(self, name: str, stamp_ns: int, measurement: Any, received_s: float) -> None:
        del name, received_s
        self._outcome = (stamp_ns, measurement)

    def refused(self, name: str, reason: str) -> None:
        del name
        self._outcome = reason

    def feed(self, message: Any) -> str:
        """Return why the message is of no use, or an empty string."""
        self._outcome = None
        self._input._receive(message, {})
        end = monotonic() + PATIENCE_S
        while self._outcome is None:
            woken = self._node.woken[0]
            if not woken.event.wait(end - monotonic()):
                return f'{FOREIGN} nothing came of it within {PATIENCE_S} s'
            woken.event.clear()
            woken.callback()
        if isinstance(self._outcome, str):
            return self._outcome
        stamp_ns, measurement = self._outcome
        return '' if measurement is None else self.drawn(measurement.at(stamp_ns))

    def drawn(self, measurement: Any) -> str:
        """Return why a measurement cannot lead a frame, or an empty string."""
        try:
            size = self._engine.network_size(*measurement.size())
            picture = measurement.network_image(size)
            self._engine.reset()
            self._engine.observe(self._modality.name, picture, 0)
            tensor = network_tensor(picture, self._modality, size)
        except RobustSegError as error:
            return f'cannot decode: {error}'
        return '' if tuple(tensor.shape[1:]) == size else f'{FOREIGN} {tensor.shape} for {size}'

    def close(self) -> None:
        self._input.close()


class CameraVictim(Victim):
    """What is told of the camera, and a scan seen by it."""

    def __init__(self, engine: Engine, *, rectified: bool) -> None:
        super().__init__(engine, 'CameraInfo', MODALITIES['lidar'], 'points')
        self._rectified = rectified
        self._scan = cloud(np.random.default_rng(0), 'float')

    def feed(self, message: Any) -> str:
        self.camera.__init__(  # type: ignore[misc] anew for each: a good one would be kept
            '/camera_info', rectified=self._rectified, limits=self._limits
        )
        self.camera.receive(message)
        if self.camera.problem:
            return self.camera.problem
        resized_camera_info(message, 64, 48, header())
        return super().feed(self._scan)


def victims() -> dict[str, tuple[list[Victim], list[Callable[[np.random.Generator], Any]]]]:
    """Return by kind those who take its messages, and what makes good ones."""
    engine = Engine(tiny_model(ModalitySet((*MODALITIES, THERMAL, RADAR))))

    def takers(kind: str, message_type: str) -> list[Victim]:
        return [Victim(engine, kind, one, message_type) for one in (*MODALITIES, THERMAL)]

    def makers(make: Callable[..., Any], names: Any) -> list[Callable[[np.random.Generator], Any]]:
        return [lambda rng, name=name: make(rng, name) for name in names]

    layouts = ('float', 'double', 'ring', 'organised', 'bigendian')
    models = ('plumb_bob', 'rational_polynomial', 'equidistant')
    return {
        'Image': (
            takers('Image', 'image'),
            makers(image, IMAGE_ENCODINGS),
        ),
        'CompressedImage': (
            takers('CompressedImage', 'compressed_image'),
            makers(compressed, COMPRESSED_FORMATS),
        ),
        'PointCloud2': (
            [
                Victim(engine, 'PointCloud2', MODALITIES['lidar'], 'points'),
                Victim(engine, 'PointCloud2', RADAR, 'points'),
            ],
            makers(cloud, layouts),
        ),
        'CameraInfo': (
            [CameraVictim(engine, rectified=rectified) for rectified in (False, True)],
            makers(camera_info, models),
        ),
        'EventPacket': (
            [Victim(engine, 'EventPacket', MODALITIES['event'], 'events')],
            makers(events, EVENT_ENCODINGS),
        ),
    }


def run(
    count: int, seed: int, first: int = 0, tell: Callable[[str], object] = lambda _: None
) -> Tally:
    """Feed ``count`` damaged messages, of all kinds alike, from number ``first`` on."""
    tally = Tally()
    everyone = victims()
    try:
        for number in range(first, first + count):
            kind = list(everyone)[number % len(everyone)]
            rng = np.random.default_rng((seed, number))
            takers, makers = everyone[kind]
            message = mutated(makers[rng.integers(len(makers))](rng), rng)
            _feed(takers[rng.integers(len(takers))], message, f'{kind} {number}', tally)
            if number % 10_000 == 9_999:
                tell(f'{number + 1} messages, {len(tally.foreign)} foreign exceptions')
    finally:
        for takers, _ in everyone.values():
            for taker in takers:
                taker.close()
    return tally


def _feed(taker: Victim, message: Any, name: str, tally: Tally) -> None:
    start_s = monotonic()
    try:
        reason = taker.feed(message)
    except Exception as error:  # the harness is there to find them
        reason = f'{FOREIGN} {type(error).__name__}: {error}'
    took_s = monotonic() - start_s
    if took_s > tally.slowest_s:
        tally.slowest_s, tally.slowest = took_s, name
    if FOREIGN in reason:
        tally.foreign.append(f'{name}: {reason[:300]}')
    (tally.refused if reason else tally.accepted)[taker.kind] += 1
    if reason:
        words = re.sub(r"'[^']*'|\"[^\"]*\"|\[.*?\]|\{.*?\}|[-+.\de]*\d[-+.\de]*", '#', reason)
        tally.reasons[f'{taker.kind}: {words[:110]}'] += 1


def memory_mb() -> tuple[float, float]:
    """Return this process's memory now, and the most it ever had."""
    status = Path('/proc/self/status').read_text(encoding='ascii')
    now, most = (re.search(rf'{key}:\s+(\d+)', status) for key in ('VmRSS', 'VmHWM'))
    assert now is not None
    assert most is not None
    return int(now[1]) / 1024, int(most[1]) / 1024


def report(tally: Tally, before: tuple[float, float]) -> str:
    """Return what became of them, in words."""
    lines = ['| kind | became an image | refused |', '|---|---|---|']
    lines += [
        f'| {kind} | {tally.accepted[kind]} | {tally.refused[kind]} |'
        for kind in sorted({*tally.accepted, *tally.refused})
    ]
    now, most = memory_mb()
    lines += [
        f'{len(tally.foreign)} foreign exceptions; slowest {tally.slowest_s * 1000:.0f} ms '
        f'({tally.slowest}); memory {before[0]:.0f} MB before, {now:.0f} after, '
        f'{most:.0f} at most',
        f'{len(tally.reasons)} different reasons',
        *tally.foreign[:20],
    ]
    return '\n'.join(lines)


def main(argv: list[str] | None = None) -> int:
    """Run the command; return 1 if there was a foreign exception."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--count', type=int, default=2000, help='messages (default 2000)')
    parser.add_argument('--seed', type=int, default=1, help='default 1')
    parser.add_argument('--first', type=int, default=0, help='number of the first (default 0)')
    parser.add_argument('--reasons', action='store_true', help='list the reasons given')
    parser.add_argument('--node', action='store_true', help='send them to a running node')
    args = parser.parse_args(argv)
    if args.node:
        from hostile_node import run_node

        return run_node(args.count, args.seed)
    run(200, args.seed + 1)  # what is loaded and kept once is not what messages cost
    before = memory_mb()
    tell = lambda words: sys.stderr.write(f'{words}\n')  # noqa: E731
    tally = run(args.count, args.seed, args.first, tell)
    lines = [report(tally, before)]
    if args.reasons:
        lines += [f'{often:6d} {reason}' for reason, often in tally.reasons.most_common()]
    sys.stdout.write('\n'.join(lines) + '\n')
    return int(bool(tally.foreign))


if __name__ == '__main__':
    raise SystemExit(main())
