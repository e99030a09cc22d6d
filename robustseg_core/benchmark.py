"""Time the network's parts on this machine: ``python -m robustseg_core.benchmark``."""

from __future__ import annotations

import argparse
from functools import partial
from importlib.util import find_spec
import json
import os
from pathlib import Path
import sys
from typing import Any

import torch

from robustseg_core.benchmarking.contestants import Entry
from robustseg_core.benchmarking.peers import Comparison, Effort, compare_backends, compare_peers
from robustseg_core.errors import ConfigError, RobustSegError
from robustseg_core.files import check_writable, replace_file
from robustseg_core.models.checkpoint import load_model
from robustseg_core.models.embedded import checkpoint_path
from robustseg_core.runtime.measure import Report, measure, random_model
from robustseg_core.runtime.torch_backend import find_device

DEFAULT_BACKENDS = ('torch', 'onnxruntime', 'openvino', 'openvino:bf16')


def _alone(args: argparse.Namespace, device: str) -> Report:
    """Time the parts of one network."""
    if args.checkpoint is None:
        model = random_model(args.backbone, args.head_width)
    else:
        model = load_model(args.checkpoint)
    return measure(model, args.sizes, device, args.repeats)


def _compared(args: argparse.Namespace, device: str) -> Comparison:
    """Time backends, with their peers or of one checkpoint."""
    # Threads that wait for work by spinning would take the cores from whoever's turn it is.
    os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')
    effort = Effort(args.sizes, device, args.repeats, args.budget)
    tell = partial(print, file=sys.stderr, flush=True)
    words = args.backends or DEFAULT_BACKENDS
    if args.peers:
        if args.checkpoint is not None:
            msg = '--peers compares random weights, which all can have; leave --checkpoint.'
            raise ConfigError(msg)
        entries = [Entry('huggingface'), *(_entry(word, None) for word in words)]
        return compare_peers(
            entries, effort, backbone=args.backbone, width=args.head_width, tell=tell
        )
    if args.checkpoint is None:
        msg = '--backends without --peers compares those of a checkpoint; name --checkpoint.'
        raise ConfigError(msg)
    entries = [_entry(word, args.checkpoint) for word in words]
    return compare_backends(args.checkpoint, entries, effort, tell)


def _entry(word: str, checkpoint: Path | None) -> Entry:
    """Read ``backend``, ``backend:precision`` or, of a checkpoint, the folder of an export."""
    if checkpoint is not None and Path(word).is_dir():
        return Entry('ours', 'auto', path=Path(word))
    backend, _, precision = word.partition(':')
    return Entry('ours', backend, precision or 'fp32', checkpoint)


def _run(args: argparse.Namespace) -> None:
    """Measure, and tell it before anything else can fail."""
    _check_outputs(args)
    device = _usable(args.device)
    if not (args.peers or args.backends):
        report = _alone(args, device)
        _tell(report.as_table(), report.to_dict(), args.json)
        return
    comparison = _compared(args, device)
    _tell(comparison.as_tables(), comparison.to_dict(), args.json)
    if args.plot is not None:
        from robustseg_core.benchmarking.plots import draw_growth

        draw_growth(comparison, args.plot)


def _tell(text: str, content: dict[str, Any], file: Path | None) -> None:
    print(text, flush=True)
    if file is not None:
        replace_file(file, json.dumps(content, indent=2) + '\n')


def _check_outputs(args: argparse.Namespace) -> None:
    """Refuse now what could not be written after minutes of measuring."""
    if args.plot is not None:
        if not (args.peers or args.backends):
            msg = '--plot draws what is compared; name --peers or --backends.'
            raise ConfigError(msg)
        if find_spec('matplotlib') is None:
            msg = '--plot needs matplotlib, not installed here: `pip install matplotlib`.'
            raise ConfigError(msg)
    for file in (args.json, args.plot):
        if file is not None:
            check_writable(file)


def _usable(name: str) -> str:
    """Return the name of a torch device that is there; ``auto`` is CUDA where there is any."""
    device = find_device(name)
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:  # torch without CUDA asserts
        msg = f'Device {name!r} cannot be used: {str(error).splitlines()[0]}'
        raise ConfigError(msg) from error
    return str(device)


def main(argv: list[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(
        prog='python -m robustseg_core.benchmark', description=__doc__
    )
    parser.add_argument(
        '--checkpoint',
        type=checkpoint_path,
        help='a file, or the name of one that comes with the package; otherwise random weights '
        'are timed',
    )
    parser.add_argument('--backbone', default='mit_b0', help='of the random weights')
    parser.add_argument('--head-width', type=int, default=768, help='of the random weights')
    parser.add_argument('--sizes', type=int, nargs='+', default=[256, 512, 1024], metavar='PIXELS')
    parser.add_argument('--device', default='cpu', help='torch device, or auto')
    parser.add_argument('--repeats', type=int, default=20, help='runs of each part')
    parser.add_argument(
        '--peers',
        action='store_true',
        help="time our backends beside the published network and Hugging Face's SegFormer, all "
        'with the same random weights, turn by turn',
    )
    parser.add_argument(
        '--backends',
        nargs='+',
        metavar='BACKEND[:PRECISION]|FOLDER',
        help='of ours, beside the peers; without --peers: those of --checkpoint, and folders that '
        'were exported from it, beside the first',
    )
    parser.add_argument(
        '--budget', type=float, default=60.0, help='seconds after which a compared case ends'
    )
    parser.add_argument('--plot', type=Path, metavar='FILE', help='of what is compared, a PNG')
    parser.add_argument('--json', type=Path, metavar='FILE', help='write the figures there too')
    args = parser.parse_args(argv)
    try:
        _run(args)
    except (RobustSegError, OSError) as error:
        print(f'{parser.prog}: {error}', file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
