"""What the node costs beside the network: ``python -m robustseg_ros.demo.benchmark``.

Feeds the node, a process of its own, with images of up to four sensors at a steady rate, and
prints for each size of the mask:

- latency: from handing the last sensor's message of a frame to ROS to the arrival of the mask
  here, the transport both ways included;
- encoder + head: the network itself, on all images of the frame;
- around: images to the network's size and normalised, logits to the mask's size and classes
  chosen;
- the rest: of the time from the callback of a frame's last message to having published its mask,
  what was spent on none of these;
- the processor time of the node's process in percent of a core.

All but the first and the last are the node's own figures, from /diagnostics, over its last 100
frames. Those before the figures began, when the network is warmed up, count for none of them.
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
from robustseg_core.files import replace_file
from robustseg_core.models.embedded import checkpoint_path
from robustseg_ros.demo.figures import percentiles, rounded
from robustseg_ros.demo.node_process import NodeProcess, node_environment
from robustseg_ros.demo.records import Recording
from robustseg_ros.demo.replay import Listener, wait_until_ready
from robustseg_ros.demo.rig import INPUTS, Shot, rig
from robustseg_ros.demo.summary import machine, versions
from robustseg_ros.demo.warming import begin_times, wait_for_match, warm_up
from robustseg_ros.node import transport

HEADER = (
    '| mask | the network sees | frames in / masks out | latency p50 / p99 (ms) '
    '| encoder + head p50 (ms) | around p50 (ms) | the rest p50 / p99 (ms) | processor |\n'
    '|---|---|---|---|---|---|---|---|\n'
)
# After the last frame: what is still in work, and the last word on /diagnostics.
REST_S = 1.5
_DIAGNOSTICS_S = 0.25
# The node's own times.
TIMES = ('response_ms', 'model_ms', 'around_ms', 'rest_ms', 'overhead_ms')


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
        replace_file(args.json, json.dumps(content, indent=2) + '\n')
    return 0


def measure(size: int, names: Sequence[str], args: argparse.Namespace) -> dict[str, Any]:
    """Run the node on ``names`` at one ``size``; return the figures.

    Raises:
        RobustSegError: The node has ended, did not start, or hears nothing.
    """
    domain = 1 + os.getpid() % 100
    environment = node_environment(domain, transport.environment())
    os.environ.update(environment)
    with (
        TemporaryDirectory() as folder,
        Listener(domain, keep_pixels=False) as listener,
        rig(listener.node, size, names) as sensors,
        NodeProcess(_parameters(names, args), Path(folder), environment) as node,
    ):
        wait_until_ready(listener, node.check)
        wait_for_match(sensors, node)
        warm_up(sensors, listener, node, args.hz, args.spread)
        before = begin_times(listener)
        clock_s, processor_s = time.monotonic(), node.processor_s()
        shots = list(sensors.shoot(args.hz, round(args.seconds * args.hz), args.spread))
        end_s, end_processor_s = time.monotonic(), node.processor_s()
        time.sleep(REST_S)
        node.check()
    load = None
    if processor_s is not None and end_processor_s is not None:
        load = (end_processor_s - processor_s) / (end_s - clock_s) * 100
    found = figures(shots, listener.recording, before)
    return {'size': size, 'inputs': list(names), **found, 'processor_percent': rounded(load, 1)}


def figures(
    shots: Sequence[Shot], recording: Recording, before: Mapping[str, str]
) -> dict[str, Any]:
    """Return the figures of ``shots``, from what was heard of them.

    Args:
        shots: What was sent.
        recording: What was heard.
        before: What the node said of the whole before the first of them.
    """
    arrivals: dict[int, float] = {}
    for mask in recording.masks:
        arrivals.setdefault(mask.stamp_ns, mask.wall_s)
    latencies_ms = [
        (arrivals[shot.stamp_ns] - max(shot.published_s.values())) * 1000
        for shot in shots
        if shot.stamp_ns in arrivals
    ]
    values = recording.said[-1].values

    def since(key: str) -> int:
        return int(values.get(key, 0)) - int(before.get(key, 0))

    return {
        'frames_in': len(shots),
        'masks_out': len(latencies_ms),
        'latency_ms': percentiles(latencies_ms),
        **{key: _said(values, key) for key in TIMES},
        'dropped': {
            key.removeprefix('dropped_'): since(key)
            for key in sorted(values)
            if key.startswith('dropped_')
        },
        **{key: since(key) for key in ('ahead_used', 'ahead_wasted')},
        'node': {
            key: values[key] for key in ('subset', 'backend', 'network_size') if key in values
        },
    }


def table_row(row: Mapping[str, Any]) -> str:
    """Return the row of the printed table."""
    load = row['processor_percent']
    cells = [
        f'{row["size"]} x {row["size"]}',
        row['node'].get('network_size', '-').replace('x', ' x '),
        f'{row["frames_in"]} / {row["masks_out"]}',
        _pair(row['latency_ms']),
        _number(row['model_ms']['p50']),
        _number(row['around_ms']['p50']),
        _pair(row['rest_ms']),
        '-' if load is None else f'{load:.0f} %',
    ]
    return '| ' + ' | '.join(cells) + ' |'


def _pair(found: Mapping[str, float | None]) -> str:
    return f'{_number(found["p50"])} / {_number(found["p99"])}'


def _number(value: float | None) -> str:
    return '-' if value is None else f'{value:.1f}'


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
