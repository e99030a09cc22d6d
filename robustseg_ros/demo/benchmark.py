"""What the node costs beside the network: ``python -m robustseg_ros.demo.benchmark``.

Feeds the node, a process of its own, with images of up to four sensors at a steady rate, and
prints for each size of the mask:

- latency: from handing the last sensor's message of a frame to ROS to the arrival of the mask
  here, the transport both ways included;
- in the node: from the callback of a frame's last message to having published its mask;
- the rest: of that, what was not spent in the network (the node's own medians over its last 100
  frames, from /diagnostics);
- the processor time of the node's process in percent of a core, and what was dropped.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
import json
import os
from pathlib import Path
import sys
from tempfile import TemporaryDirectory
import time
from typing import Any

from robustseg_core.errors import RobustSegError
from robustseg_core.models.embedded import checkpoint_path
from robustseg_ros import transport
from robustseg_ros.demo.figures import percentiles, rounded
from robustseg_ros.demo.node_process import NodeProcess, node_environment
from robustseg_ros.demo.records import Recording
from robustseg_ros.demo.replay import MATCH_S, Listener, wait_until_ready
from robustseg_ros.demo.rig import INPUTS, Rig, Shot, rig
from robustseg_ros.demo.summary import machine, versions

HEADER = (
    '| mask | frames in | masks out | dropped | latency p50 / p99 (ms) '
    '| in the node p50 / p99 (ms) | the rest p50 / p99 (ms) | processor |\n'
    '|---|---|---|---|---|---|---|---|\n'
)
# Before frames count: the sensors come alive, and the network's first runs are slow.
WARM_S = 2.0
# After the last frame: what is still in work, and the last word on /diagnostics.
REST_S = 1.5
_DIAGNOSTICS_S = 0.5


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = _parser()
    args = parser.parse_args(argv)
    names = tuple(INPUTS)[: args.inputs]
    rows = []
    sys.stdout.write(HEADER)
    try:
        for size in args.sizes:
            rows.append(measure(size, names, args))
            sys.stdout.write(table_row(rows[-1]) + '\n')
            sys.stdout.flush()
    except RobustSegError as error:
        sys.stderr.write(f'{parser.prog}: {error}\n')
        return 1
    if args.json is not None:
        options = {key: str(value) for key, value in vars(args).items() if key != 'json'}
        content = {
            'rows': rows,
            'options': options,
            'machine': machine(),
            'versions': versions(),
        }
        args.json.write_text(json.dumps(content, indent=2) + '\n', encoding='utf-8')
    return 0


def measure(size: int, names: Sequence[str], args: argparse.Namespace) -> dict[str, Any]:
    """Run the node on ``names`` at one ``size``; return the figures.

    Raises:
        RobustSegError: The node has ended, did not start, or hears nothing.
    """
    domain = 1 + os.getpid() % 100
    environment = node_environment(domain, transport.environment())
    os.environ.update(environment)
    warm, count = round(WARM_S * args.hz), round(args.seconds * args.hz)
    with (
        TemporaryDirectory() as folder,
        Listener(domain, keep_pixels=False) as listener,
        rig(listener.node, size, names) as sensors,
        NodeProcess(_parameters(names, args), Path(folder), environment) as node,
    ):
        wait_until_ready(listener, node.check)
        _wait_for_match(sensors, node)
        shots: list[Shot] = []
        clock_s = processor_s = None
        for shot in sensors.shoot(args.hz, warm + count, args.spread):
            shots.append(shot)
            if len(shots) == warm:
                clock_s, processor_s = time.monotonic(), node.processor_s()
        end_s, end_processor_s = time.monotonic(), node.processor_s()
        time.sleep(REST_S)
        node.check()
    load = None
    if None not in (clock_s, processor_s, end_processor_s):
        load = (end_processor_s - processor_s) / (end_s - clock_s) * 100  # type: ignore[operator]
    found = figures(shots[warm:], listener.recording)
    return {'size': size, 'inputs': list(names), **found, 'processor_percent': rounded(load, 1)}


def figures(shots: Sequence[Shot], recording: Recording) -> dict[str, Any]:
    """Return the figures of ``shots``, from what was heard of them."""
    arrivals: dict[int, float] = {}
    for mask in recording.masks:
        arrivals.setdefault(mask.stamp_ns, mask.wall_s)
    latencies_ms = [
        (arrivals[shot.stamp_ns] - max(shot.published_s.values())) * 1000
        for shot in shots
        if shot.stamp_ns in arrivals
    ]
    values = recording.said[-1].values
    return {
        'frames_in': len(shots),
        'masks_out': len(latencies_ms),
        'latency_ms': percentiles(latencies_ms),
        'response_ms': _said(values, 'response_ms'),
        'rest_ms': _said(values, 'rest_ms'),
        'overhead_ms': _said(values, 'overhead_ms'),
        'model_ms': _said(values, 'model_ms'),
        'dropped': {
            key.removeprefix('dropped_'): int(value)
            for key, value in sorted(values.items())
            if key.startswith('dropped_')
        },
        'node': {
            key: values[key]
            for key in ('subset', 'backend', 'ahead_used', 'ahead_wasted')
            if key in values
        },
    }


def table_row(row: Mapping[str, Any]) -> str:
    """Return the row of the printed table."""
    load = row['processor_percent']
    cells = [
        f'{row["size"]} x {row["size"]}',
        str(row['frames_in']),
        str(row['masks_out']),
        str(sum(row['dropped'].values())),
        *(_pair(row[key]) for key in ('latency_ms', 'response_ms', 'rest_ms')),
        '-' if load is None else f'{load:.0f} %',
    ]
    return '| ' + ' | '.join(cells) + ' |'


def _pair(found: Mapping[str, float | None]) -> str:
    return ' / '.join('-' if v is None else f'{v:.1f}' for v in (found['p50'], found['p99']))


def _said(values: Mapping[str, str], key: str) -> dict[str, float | None]:
    return {
        name: float(values[f'{key}_{name}']) if f'{key}_{name}' in values else None
        for name in ('p50', 'p99')
    }


def _parameters(names: Sequence[str], args: argparse.Namespace) -> dict[str, Any]:
    parameters: dict[str, Any] = {
        'checkpoint': str(args.checkpoint.absolute()),
        'device': args.device,
        'backend': args.backend,
        'precision': args.precision,
        'encode_ahead': args.encode_ahead,
        'modalities': list(names),
        'sync.max_wait': args.spread + 0.1,
        'diagnostics.period': _DIAGNOSTICS_S,
    }
    for name in names:
        parameters[f'{name}.topic'] = INPUTS[name]
        parameters[f'{name}.type'] = 'image'
        # A slow moment of a busy machine is no failure of a sensor.
        parameters[f'{name}.timeout'] = 2.0
    return parameters


def _wait_for_match(sensors: Rig, node: NodeProcess) -> None:
    deadline = time.monotonic() + MATCH_S
    while not sensors.is_matched():
        node.check()
        if time.monotonic() > deadline:
            msg = f'The node does not listen to {list(INPUTS.values())} after {MATCH_S:g} s.'
            raise RobustSegError(msg)
        time.sleep(0.05)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='python -m robustseg_ros.demo.benchmark',
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('--sizes', type=int, nargs='+', default=[512, 1024], help='of the masks')
    parser.add_argument('--hz', type=float, default=10.0, help='frames a second')
    parser.add_argument('--seconds', type=float, default=12.0, help='of each size')
    parser.add_argument('--inputs', type=int, default=4, choices=range(1, len(INPUTS) + 1))
    parser.add_argument(
        '--spread',
        type=float,
        default=0.06,
        help='seconds from the first sensor of a frame to its last; 0: all at once',
    )
    parser.add_argument('--checkpoint', type=Path, default=checkpoint_path('streets_student'))
    parser.add_argument('--device', default='cpu')
    parser.add_argument('--backend', default='auto')
    parser.add_argument('--precision', default='fp32')
    parser.add_argument(
        '--encode-ahead',
        action=argparse.BooleanOptionalAction,
        default=True,
        help='encode each image when it arrives, or when its frame is due',
    )
    parser.add_argument('--json', type=Path, help='also write the figures and the machine here')
    return parser


if __name__ == '__main__':
    sys.exit(main())
