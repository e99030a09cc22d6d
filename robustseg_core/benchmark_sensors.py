"""Time the sensors' arithmetic on this machine: ``python -m robustseg_core.benchmark_sensors``."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
import json
from pathlib import Path
import sys
from time import perf_counter, process_time
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
import torch

from robustseg_core.errors import ConfigError, RobustSegError
from robustseg_core.files import replace_file
from robustseg_core.runtime.measure import Stopwatch, Timing, machine
from robustseg_core.sensors import CameraModel, Events, event_decoder, event_image, lidar_image

EVENTS = 300_000
EVENT_SIZES = ((1280, 720), (640, 480))
POINTS = (60_000, 120_000, 240_000)
IMAGE_SIZES = ((576, 320), (1920, 1080))
# A recorded 640x480 camera sends this many words of 16 bits at a time, 3.3 of them per event.
RECORDED_PACKET, LARGE_PACKET = 2_176, 32_768
FASTEST_RATE, SLOWEST_RENDERING_MS, SLOWEST_PROJECTION_MS = 20e6, 10.0, 15.0
BUDGET_S = 10.0
LENS = (-0.1, 0.02, 0.001, -0.002, 0.003)
# LiDAR x forward, y left, z up; camera x right, y down, z forward, half a metre ahead.
CAMERA_FROM_LIDAR = np.array([[0.0, -1, 0, 0], [0, 0, -1, -0.3], [1, 0, 0, -0.5], [0, 0, 0, 1]])


class Case(NamedTuple):
    """One thing to time: what it is, how much of what it treats, how fast it should, the call."""

    part: str
    amount: int
    unit: str
    goal_ms: float | None
    run: Callable[[], Any]


@dataclass(frozen=True)
class Figure:
    """How long a case took; ``goal_ms`` is the longest that its median should be."""

    part: str
    amount: int
    unit: str
    timing: Timing
    goal_ms: float | None

    def as_row(self) -> str:
        rate = self.amount / self.timing.p50_ms / 1000
        goal = '-' if self.goal_ms is None else f'{self.goal_ms:.1f} ms'
        return (
            f'| {self.part} | {self.timing.p50_ms:.2f} | {self.timing.p99_ms:.2f} '
            f'| {rate:.1f} M {self.unit}/s | {goal} |'
        )


def draw_events(rng: np.random.Generator, count: int, width: int, height: int) -> Events:
    """Draw events all over the image, at the 166,000 in a second of the recorded camera."""
    return Events(
        x=rng.integers(0, width, count, np.uint16),
        y=rng.integers(0, height, count, np.uint16),
        t_ns=np.cumsum(rng.exponential(6.0, count)).astype(np.int64) * 1000,
        on=rng.random(count) < 0.4,
    )


def encode_evt3(events: Events) -> NDArray[np.uint16]:
    """Encode whole microseconds as cameras do: one event a word, its row before it.

    TIME_HIGH is repeated for two events in five, TIME_LOW is sent when the time changes.
    """
    x, y, t_ns, on = events
    t_us = t_ns // 1000
    high = t_us >> 12
    words = np.stack(
        [0x8000 | high & 0xFFF, 0x6000 | t_us & 0xFFF, y, 0x2000 | on * 0x800 | x], axis=1
    ).astype('<u2')
    sent = np.ones(words.shape, np.bool_)
    sent[:, 0] = (np.diff(high, prepend=-1) != 0) | (np.arange(len(x)) % 5 < 2)
    sent[:, 1] = np.diff(t_us, prepend=-1) != 0
    return words[sent]


def encode_vectors(rng: np.random.Generator, rows: int) -> tuple[NDArray[np.uint16], Events]:
    """Draw read-outs of five words of twelve columns, half of which have an event.

    Returns:
        The words, and the events in them.
    """
    t_us = np.arange(rows) * 2
    y = rng.integers(0, 720, rows)
    first = rng.integers(0, 1280 - 60, rows)
    on = rng.random(rows) < 0.5
    bits = rng.random((rows, 5, 12)) < 0.5
    words = np.empty((rows, 9), '<u2')
    words[:, 0] = 0x8000 | t_us >> 12 & 0xFFF
    words[:, 1] = 0x6000 | t_us & 0xFFF
    words[:, 2] = y
    words[:, 3] = 0x3000 | on * 0x800 | first
    words[:, 4:] = 0x4000 | (bits << np.arange(12)).sum(axis=-1)
    row, column = np.nonzero(bits.reshape(rows, 60))
    x = (first[row] + column).astype(np.uint16)
    return words.ravel(), Events(x, y[row].astype(np.uint16), t_us[row] * 1000, on[row])


def encode_evt2(events: Events) -> NDArray[np.uint32]:
    """Encode whole microseconds: one event a word, TIME_HIGH where it changes."""
    t_us = events.t_ns // 1000
    high = t_us >> 6
    head = (t_us & 63) << 22 | events.x.astype(np.int64) << 11 | events.y
    words = np.stack([8 << 28 | high, events.on.astype(np.int64) << 28 | head], axis=1)
    sent = np.ones(words.shape, np.bool_)
    sent[:, 0] = np.diff(high, prepend=-1) != 0
    return words.astype('<u4')[sent]


def encode_evt21(rng: np.random.Generator, count: int) -> tuple[NDArray[np.uint64], Events]:
    """Draw words of 32 columns, half of which have an event.

    Returns:
        The words, and the events in them.
    """
    t_us = np.arange(count) * 2
    x, y = rng.integers(0, 1280 // 32, count) * 32, rng.integers(0, 720, count)
    on = rng.random(count) < 0.5
    bits = rng.random((count, 32)) < 0.5
    words = np.zeros((count, 2, 2), '<u4')  # TIME_HIGH and events, of each the lower half first
    words[:, 0, 1] = 8 << 28 | t_us >> 6
    words[:, 1, 0] = np.packbits(bits, axis=1, bitorder='little').view('<u4')[:, 0]
    words[:, 1, 1] = on.astype(np.int64) << 28 | (t_us & 63) << 22 | x << 11 | y
    sent = np.ones((count, 2), np.bool_)
    sent[:, 0] = np.diff(t_us >> 6, prepend=-1) != 0
    row, column = np.nonzero(bits)
    events = Events(
        (x[row] + column).astype(np.uint16), y[row].astype(np.uint16), t_us[row] * 1000, on[row]
    )
    return np.ascontiguousarray(words[sent]).view('<u8')[:, 0], events


def encode_mono(events: Events) -> NDArray[np.uint64]:
    """Encode nanoseconds since the packet's first event."""
    x, y, t_ns, on = (values.astype(np.uint64) for values in events)
    words: NDArray[np.uint64] = (
        on << np.uint64(63) | y << np.uint64(48) | x << np.uint64(32) | t_ns
    ).astype('<u8')
    return words


def packets_of(words: NDArray[Any], length: int) -> list[bytes]:
    """Cut a stream every ``length`` words."""
    return [words[start : start + length].tobytes() for start in range(0, len(words), length)]


def decode(encoding: str, packets: Sequence[bytes]) -> list[Events]:
    """Decode a stream from its beginning."""
    decoder = event_decoder(encoding)
    return [decoder.decode(packet, 0) for packet in packets]


def draw_points(rng: np.random.Generator, count: int, view_deg: float) -> NDArray[np.float32]:
    """Draw a scan (N, 3) of 120 beams over flat ground and walls, ``view_deg`` wide."""
    beams = 120
    azimuth = np.radians(np.linspace(-view_deg / 2, view_deg / 2, count // beams))[:, None]
    elevation = np.radians(np.linspace(-25, 10, beams))
    wall = rng.uniform(5, 80, azimuth.shape)
    # The beams that look down hit the ground, 1.8 m below, where no wall is nearer.
    ground = 1.8 / np.maximum(np.sin(-elevation), 1e-6)
    distance = np.minimum(wall, ground) * rng.normal(1, 0.005, (count // beams, beams))
    x = distance * np.cos(elevation) * np.cos(azimuth)
    y = distance * np.cos(elevation) * np.sin(azimuth)
    z = distance * np.sin(elevation)
    return np.stack([x, y, z], axis=-1).reshape(-1, 3).astype(np.float32)


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """Yield what is timed."""
    events = draw_events(rng, EVENTS, *EVENT_SIZES[0])
    words = encode_evt3(events)
    vector_words, vector_events = encode_vectors(rng, EVENTS // 30)
    mask_words, mask_events = encode_evt21(rng, EVENTS // 16)
    for part, encoding, stream, length, amount in (
        ('evt3, packets as recorded', 'evt3', words, RECORDED_PACKET, EVENTS),
        ('evt3, large packets', 'evt3', words, LARGE_PACKET, EVENTS),
        ('evt3, vectors', 'evt3', vector_words, LARGE_PACKET, len(vector_events.x)),
        ('evt2', 'evt2', encode_evt2(events), LARGE_PACKET, EVENTS),
        ('evt21', 'evt21', mask_words, LARGE_PACKET, len(mask_events.x)),
        ('mono', 'mono', encode_mono(events), LARGE_PACKET, EVENTS),
    ):
        decoding = partial(decode, encoding, packets_of(stream, length))
        yield Case(f'decode {part}', amount, 'events', amount / FASTEST_RATE * 1000, decoding)
    for width, height in EVENT_SIZES:
        events = draw_events(rng, EVENTS, width, height)
        rendering = partial(event_image, events, width, height)
        part = f'render {EVENTS} events, {width}x{height}'
        yield Case(part, EVENTS, 'events', SLOWEST_RENDERING_MS, rendering)
    yield from _projections(rng)


def _projections(rng: np.random.Generator) -> Iterator[Case]:
    scans = [(f'{count}', draw_points(rng, count, 360)) for count in POINTS]
    scans.append((f'{POINTS[-1]} visible', draw_points(rng, POINTS[-1], 80)))
    for width, height in IMAGE_SIZES:
        straight = CameraModel.pinhole(width, height, 90)
        bent = CameraModel(width, height, straight.matrix, 'plumb_bob', LENS)
        for lens, camera in (('', straight), (', distorted', bent)):
            for name, points in scans:
                goal_ms = SLOWEST_PROJECTION_MS if len(points) == POINTS[-1] else None
                intensity = rng.random(len(points), np.float32)
                run = partial(lidar_image, points, intensity, CAMERA_FROM_LIDAR, camera)
                part = f'project {name} points, {width}x{height}{lens}'
                yield Case(part, len(points), 'points', goal_ms, run)


def measure(repeats: int, timer: Callable[[], float] = perf_counter) -> list[Figure]:
    """Time all cases, on inputs drawn from seed 0.

    Raises:
        ConfigError: ``repeats`` is refused.
    """
    if repeats < 1:
        msg = f'repeats must be >= 1, got {repeats!r}.'
        raise ConfigError(msg)
    stopwatch = Stopwatch(torch.device('cpu'), repeats, BUDGET_S, timer)
    figures = []
    for part, amount, unit, goal_ms, run in cases(np.random.default_rng(0)):
        timing = Timing.of(stopwatch.durations_ms(run))
        figures.append(Figure(part, amount, unit, timing, goal_ms))
    return figures


def main(argv: list[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(
        prog='python -m robustseg_core.benchmark_sensors', description=__doc__
    )
    parser.add_argument('--repeats', type=int, default=50, help='runs of each part')
    parser.add_argument(
        '--cpu-time',
        action='store_true',
        help="count the process's own time, where other programs share the processor",
    )
    parser.add_argument('--json', type=Path, metavar='FILE', help='write the figures there too')
    args = parser.parse_args(argv)
    here = machine('cpu')
    timer = process_time if args.cpu_time else perf_counter
    libraries = {'numpy': np.__version__, 'opencv': cv2.__version__}
    try:
        figures = measure(args.repeats, timer)
        print(f'{here}, numpy {np.__version__}, OpenCV {cv2.__version__}; ', end='')
        print('processor time.\n' if args.cpu_time else 'wall time.\n')
        print('| part | p50 ms | p99 ms | rate at p50 | goal at most |\n|---|---|---|---|---|')
        print('\n'.join(figure.as_row() for figure in figures))
        if args.json is not None:
            report = {
                'machine': {**asdict(here), **libraries},
                'figures': [asdict(figure) for figure in figures],
            }
            replace_file(args.json, json.dumps(report, indent=2) + '\n')
    except (RobustSegError, OSError) as error:
        print(f'{parser.prog}: {error}', file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
