"""Show the node at work while its sensors die and return, and measure it.

Writes a synthetic drive as a bag, runs the node 'segment' as a process of its own, replays the
bag with one sensor after another silent, and compares the masks with the truth.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
import signal
import sys
from types import FrameType

from robustseg_core.errors import RobustSegError
from robustseg_core.models.embedded import checkpoint_path
from robustseg_ros.demo.run import DemoOptions, run

INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = _parser()
    args = parser.parse_args(argv)
    options = DemoOptions(
        out=args.out,
        seconds=args.seconds,
        seed=args.seed,
        rate=args.rate,
        student=args.checkpoint,
        teacher=args.teacher,
        keep_bag=args.keep_bag,
        progress=not args.quiet,
    )
    # So that the node is ended, too, when the demo is told to end. A shell that starts it in the
    # background has SIGINT ignored, which Python would leave so.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        lines = run(options)
    except RobustSegError as error:
        print(f'{parser.prog}: {error}', file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f'{parser.prog}: interrupted', file=sys.stderr)
        return INTERRUPTED
    print('\n'.join(lines))
    return 0


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog='python -m robustseg_ros.demo', description=__doc__)
    parser.add_argument('--out', type=Path, default=Path('demo'), help='folder for the results')
    parser.add_argument('--seconds', type=float, default=20.0, help='length of the drive')
    parser.add_argument('--seed', type=int, default=7, help='of the drive')
    parser.add_argument(
        '--rate',
        type=float,
        help='seconds of the drive per second; default: 1, or less where the machine is too slow',
    )
    parser.add_argument(
        '--checkpoint',
        type=Path,
        default=checkpoint_path('streets_student'),
        help="of the node; default: the package's student",
    )
    parser.add_argument(
        '--teacher',
        type=Path,
        default=checkpoint_path('streets_teacher'),
        help="to compare with; default: the package's teacher, trained without dropout",
    )
    parser.add_argument('--keep-bag', action='store_true', help='leave the bag there, too')
    parser.add_argument('--quiet', action='store_true', help='no progress bars')
    return parser


if __name__ == '__main__':
    sys.exit(main())
