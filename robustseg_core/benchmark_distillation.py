"""Time a distillation step beside the published loops, on this machine."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
import sys
from time import perf_counter, process_time

import torch

from robustseg_core.distillation.step_benchmark import measure_step
from robustseg_core.distillation.timed_step import TERMS, StepCase
from robustseg_core.errors import ConfigError, RobustSegError
from robustseg_core.files import replace_file
from robustseg_core.runtime.measure import machine


def main(argv: list[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(
        prog='python -m robustseg_core.benchmark_distillation', description=__doc__
    )
    parser.add_argument('--backbone', default='mit_b0', help='of student and teacher')
    parser.add_argument('--head-width', type=int, default=256)
    parser.add_argument('--batch', type=int, default=4, help='images of a step')
    parser.add_argument('--modalities', type=int, default=4)
    parser.add_argument('--classes', type=int, default=25)
    parser.add_argument('--size', type=int, nargs=2, default=(256, 256), metavar='PIXELS')
    parser.add_argument('--terms', nargs='+', choices=TERMS, default=TERMS)
    parser.add_argument('--device', default='cpu', help='torch device')
    parser.add_argument('--repeats', type=int, default=5, help='steps of each way')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument(
        '--cpu-time',
        action='store_true',
        help="count the process's own time, where other programs share the processor",
    )
    parser.add_argument('--json', type=Path, metavar='FILE', help='write the figures there too')
    args = parser.parse_args(argv)
    try:
        case = StepCase(
            backbone=args.backbone,
            head_width=args.head_width,
            batch=args.batch,
            modalities=args.modalities,
            classes=args.classes,
            size=tuple(args.size),
            terms=tuple(args.terms),
            seed=args.seed,
        )
        timer = process_time if args.cpu_time else perf_counter
        report = measure_step(case, _device(args.device), args.repeats, timer)
        print(f'{machine(args.device)}; {"processor" if args.cpu_time else "wall"} time.')
        print(report.as_table())
        if args.json is not None:
            replace_file(args.json, json.dumps(report.to_dict(), indent=2) + '\n')
    except (RobustSegError, OSError) as error:
        print(f'{parser.prog}: {error}', file=sys.stderr)
        return 1
    return 0


def _device(name: str) -> torch.device:
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:  # torch asserts that it has CUDA
        msg = f"There is no device {name!r} here; wanted 'cpu', 'cuda', 'cuda:1', ..."
        raise ConfigError(msg) from error


if __name__ == '__main__':
    sys.exit(main())
