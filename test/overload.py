"""What the node does with more than it can: ``python test/overload.py``.

Measures how many masks a second come of all four sensors at a rate that keeps it busy, then sends
``--times`` as many frames, and judges:

- the newest wins: the stamps of the masks only go forward, and masks come as often as before;
- a mask is at most two periods of the model old (and what the transport takes) when it arrives;
- services answer within 100 ms.
"""

import argparse
from collections.abc import Sequence
from itertools import pairwise
import json
from pathlib import Path
import sys
from threading import Event, Thread
import time
from typing import Any

from node_load import SEGMENT, Load, loaded, percentile
from rcl_interfaces.srv import GetParameters

MOST_HZ = 200.0
TRANSPORT_MS = 20.0
ANSWER_MS = 100.0
PERIODS = 2.0
SLOWER = 0.8  # masks a second may fall to this share: the messages cost something, too


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return 1 where something is not as it should be."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--times', type=float, default=5.0, help='what the node can do')
    parser.add_argument('--seconds', type=float, default=20.0)
    parser.add_argument('--size', type=int, default=256, help='of the pictures')
    parser.add_argument('--backend', default='auto')
    parser.add_argument('--json', type=Path, help='also write the figures here')
    args = parser.parse_args(argv)
    with loaded(args.size, 5.0, backend=args.backend) as load:
        found = measure(load, args.times, args.seconds)
    for name, value in found.items():
        sys.stdout.write(f'{name:24} {value:.1f}\n')
    if args.json is not None:
        args.json.write_text(json.dumps(found, indent=1) + '\n')
    problems = judged(found)
    sys.stdout.write('\n'.join([*problems, 'failed' if problems else 'passed']) + '\n')
    return 1 if problems else 0


def measure(load: Load, times: float, seconds: float) -> dict[str, float]:
    """Return the figures of ``times`` the frames that the node can do."""
    alone = busy(load, 20.0, seconds / 2)
    masks_hz = alone['masks_hz']
    hz = min(MOST_HZ, times * masks_hz)
    answers_ms: list[float] = []
    ended = Event()
    asking = Thread(target=ask, args=(load, answers_ms, ended))
    asking.start()
    try:
        found = busy(load, hz, seconds)
    finally:
        ended.set()
        asking.join()
    return {
        'sent_hz': hz,
        'masks_hz_before': masks_hz,
        **found,
        'period_ms': 1000 / found['masks_hz'],
        'answers': float(len(answers_ms)),
        'answer_p50_ms': percentile(answers_ms, 50),
        'answer_p99_ms': percentile(answers_ms, 99),
        'answer_max_ms': max(answers_ms, default=float('nan')),
    }


def busy(load: Load, hz: float, seconds: float) -> dict[str, float]:
    """Send frames at ``hz`` from all sensors; return what came of them."""
    del load.listener.recording.masks[:]
    shots = list(load.sensors.shoot(hz, round(seconds * hz), 0.0))
    time.sleep(1.0)
    found = load.latencies_ms(shots)
    stamps = [mask.stamp_ns for mask in load.listener.recording.masks]
    times_ms = [ms for _, ms in found]
    return {
        'masks_hz': len(found) / seconds,
        'latency_p50_ms': percentile(times_ms, 50),
        'latency_p99_ms': percentile(times_ms, 99),
        'backward': float(sum(b <= a for a, b in pairwise(stamps))),
    }


def ask(load: Load, answers_ms: list[float], ended: Event) -> None:
    """Ask the node for a parameter ten times a second; note how long each answer took."""
    node = load.listener.node
    client: Any = node.create_client(GetParameters, f'/{SEGMENT}/get_parameters')
    client.wait_for_service(5.0)
    request = GetParameters.Request(names=['checkpoint'])
    while not ended.wait(0.1):
        begin_s = time.monotonic()
        client.call(request, 10.0)
        answers_ms.append((time.monotonic() - begin_s) * 1000)
    node.destroy_client(client)


def judged(found: dict[str, float]) -> list[str]:
    """Return what is not as it should be, in words."""
    limits = {
        'latency_p99_ms': PERIODS * found['period_ms'] + TRANSPORT_MS,
        'answer_max_ms': ANSWER_MS,
        'backward': 0.0,
    }
    problems = [
        f'{name} is {found[name]:.1f}; wanted at most {limit:.1f}'
        for name, limit in limits.items()
        if not found[name] <= limit  # NaN: there was none
    ]
    if not found['masks_hz'] >= SLOWER * found['masks_hz_before']:
        problems.append(f'masks_hz fell from {found["masks_hz_before"]:.1f}')
    return problems


if __name__ == '__main__':
    sys.exit(main())
