"""Whether the node stays as it is over a long time: ``python test/long_run.py --minutes 30``.

Four sensors at 10 Hz that die and return, each at moments of its own (seeded; one of them always
lives). Samples what the node's process holds and how long masks take, and judges what came after
warming up, the first third against the last:

- memory: the medians differ by 1 % at most;
- threads, open files, DDS publishers and subscriptions: no more at the end than at the beginning;
- latency: the median of the 99th percentiles of all samples' spans has grown by a quarter at most.
"""

import argparse
from collections.abc import Callable, Sequence
import itertools
import json
from pathlib import Path
from statistics import median
import sys
import time
from typing import NamedTuple

from node_load import Held, Load, loaded, percentile
import numpy as np

from robustseg_ros.demo.rig import INPUTS

HZ = 10.0
WARM_SHARE, WARM_S = 0.2, 60.0  # whichever is less does not count
MEMORY, LATENCY = 0.01, 0.25  # allowed growth
HEADER = '    s      MB  threads  files  entities   masks  p50 ms  p99 ms\n'


class Sample(NamedTuple):
    """What was seen of a span of time that ended ``at_s`` after the begin."""

    at_s: float
    held: Held
    masks: int
    p50_ms: float
    p99_ms: float

    def line(self) -> str:
        """Return it as a row below ``HEADER``."""
        held = self.held
        return (
            f'{self.at_s:5.0f} {held.resident_mb:7.1f} {held.threads:8d} {held.files:6d} '
            f'{held.entities:9d} {self.masks:7d} {self.p50_ms:7.1f} {self.p99_ms:7.1f}\n'
        )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return 1 where something grew."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--minutes', type=float, default=30.0)
    parser.add_argument('--every', type=float, default=10.0, help='seconds of a sample')
    parser.add_argument('--size', type=int, default=256, help='of the pictures')
    parser.add_argument('--seed', type=int, default=0, help='of who dies when')
    parser.add_argument('--backend', default='auto')
    parser.add_argument('--json', type=Path, help='also write all samples here')
    args = parser.parse_args(argv)
    with loaded(args.size, HZ, backend=args.backend) as load:
        samples = run(load, args.minutes * 60, args.every, args.seed)
    if args.json is not None:
        args.json.write_text(json.dumps(samples, indent=1) + '\n')
    problems = judged(samples)
    sys.stdout.write('\n'.join([*problems, 'not flat' if problems else 'flat']) + '\n')
    return 1 if problems else 0


def run(load: Load, seconds: float, every_s: float, seed: int) -> list[Sample]:
    """Drive the node with flapping sensors; print and return the samples."""
    is_silent = flapping(seed, round(seconds * HZ))
    samples: list[Sample] = []
    shots = []
    begin_s = time.monotonic()
    sys.stdout.write(HEADER)
    for shot in load.sensors.shoot(HZ, round(seconds * HZ), 0.0, is_silent):
        shots.append(shot)
        at_s = time.monotonic() - begin_s
        if at_s < every_s * (len(samples) + 1):
            continue
        load.node.check()
        found = [ms for _, ms in load.latencies_ms(shots)]
        p50_ms, p99_ms = percentile(found, 50), percentile(found, 99)
        samples.append(Sample(at_s, load.held(), len(found), p50_ms, p99_ms))
        sys.stdout.write(samples[-1].line())
        sys.stdout.flush()
        shots = shots[-5:]  # masks of the last ones may still be under way
        del load.listener.recording.masks[:-50], load.listener.recording.said[:-5]
    return samples


def flapping(seed: int, count: int) -> Callable[[str, int], bool]:
    """Return whether a sensor is dead in a moment: for 1 to 5 s, after 3 to 20 s of life."""
    random = np.random.default_rng(seed)
    dead = {}
    for name in INPUTS:
        lengths = zip(random.uniform(3, 20, count), random.uniform(1, 5, count), strict=True)
        spans = (np.repeat([False, True], np.round(np.array(pair) * HZ).astype(int))
                 for pair in lengths)  # fmt: skip
        moments = list(itertools.islice(itertools.chain.from_iterable(spans), count))
        dead[name] = np.array(moments)
    first = next(iter(INPUTS))
    dead[first] &= ~np.logical_and.reduce(list(dead.values()))
    return lambda name, index: bool(dead[name][index])


def judged(samples: Sequence[Sample]) -> list[str]:
    """Return what grew, in words."""
    end_s = samples[-1].at_s
    counted = [each for each in samples if each.at_s >= min(WARM_S, WARM_SHARE * end_s)]
    third = max(1, len(counted) // 3)
    begin, end = counted[:third], counted[-third:]
    problems = []
    for field, key in (
        ('memory (MB)', lambda sample: sample.held.resident_mb),
        ('p99 (ms)', lambda sample: sample.p99_ms),
    ):
        was, now = median(map(key, begin)), median(map(key, end))
        allowed = MEMORY if 'memory' in field else LATENCY
        if not now <= was * (1 + allowed):  # NaN: no mask at all
            problems.append(f'{field} grew from {was:.1f} to {now:.1f}')
    for field in ('threads', 'files', 'entities'):
        was, now = (max(getattr(each.held, field) for each in part) for part in (begin, end))
        if now > was:
            problems.append(f'{field} grew from {was} to {now}')
    return problems


if __name__ == '__main__':
    sys.exit(main())
