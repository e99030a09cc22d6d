"""Time the network's parts on this machine: ``python -m robustseg_core.benchmark``."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
import sys

from robustseg_core.errors import RobustSegError
from robustseg_core.models.checkpoint import load_model
from robustseg_core.runtime.measure import measure, random_model


def main(argv: list[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(
        prog='python -m robustseg_core.benchmark', description=__doc__
    )
    parser.add_argument('--checkpoint', type=Path, help='otherwise random weights are timed')
    parser.add_argument('--backbone', default='mit_b0', help='of the random weights')
    parser.add_argument('--head-width', type=int, default=768, help='of the random weights')
    parser.add_argument('--sizes', type=int, nargs='+', default=[256, 512, 1024], metavar='PIXELS')
    parser.add_argument('--device', default='cpu', help='torch device, or auto')
    parser.add_argument('--repeats', type=int, default=20, help='runs of each part')
    parser.add_argument('--json', type=Path, metavar='FILE', help='write the figures there too')
    args = parser.parse_args(argv)
    try:
        if args.checkpoint is None:
            model = random_model(args.backbone, args.head_width)
        else:
            model = load_model(args.checkpoint)
        report = measure(model, args.sizes, args.device, args.repeats)
        print(report.as_table())
        if args.json is not None:
            args.json.write_text(json.dumps(report.to_dict(), indent=2) + '\n')
    except (RobustSegError, OSError) as error:
        print(f'{parser.prog}: {error}', file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
