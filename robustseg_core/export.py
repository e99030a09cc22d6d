"""Files for other libraries: ``python -m robustseg_core.export --checkpoint C --out DIR ...``."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
import sys

from robustseg_core.errors import ConfigError, RobustSegError
from robustseg_core.exporting.formats import FORMATS, PRECISIONS, Target
from robustseg_core.exporting.making import ExportFrames, export
from robustseg_core.models.checkpoint import load_model
from robustseg_core.models.config import SegmenterConfig
from robustseg_core.models.embedded import checkpoint_path

COMMAND = 'python -m robustseg_core.export'


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=COMMAND,
        description='Write encoder and head as graphs that another library computes, checked '
        'against torch. The folder then serves wherever a checkpoint does.',
    )
    parser.add_argument(
        '--checkpoint',
        type=checkpoint_path,
        required=True,
        help='a file, or the name of one that comes with the package',
    )
    parser.add_argument('--format', choices=FORMATS, required=True)
    parser.add_argument('--precision', choices=PRECISIONS, default='fp32')
    parser.add_argument(
        '--size', type=_size, default=None, metavar='HxW|dynamic', help='default: dynamic'
    )
    parser.add_argument('--out', type=Path, required=True, help='folder, not there or empty')
    parser.add_argument(
        '--config',
        type=Path,
        help="training's YAML file, of which data and seed are used: frames to compare and score "
        'on and, for int8, to calibrate on',
    )
    parser.add_argument('--frames', type=int, default=24, help='training frames to calibrate on')
    parser.add_argument('--score-frames', type=int, default=50, help='validation frames')
    parser.add_argument('--device', default='auto', help='torch device, default: auto')
    parser.add_argument('settings', nargs='*', metavar='key=value', help='e.g. data.root=nyuv2')
    return parser


def _size(text: str) -> tuple[int, int] | None:
    if text == 'dynamic':
        return None
    height, _, width = text.partition('x')
    if not (height.isdecimal() and width.isdecimal()):
        msg = f"{text!r} is no size; wanted e.g. 512x640, or 'dynamic'"
        raise argparse.ArgumentTypeError(msg)
    return int(height), int(width)


def _frames(
    network: SegmenterConfig, arguments: argparse.Namespace, settings: Sequence[str]
) -> ExportFrames | None:
    """Open what the YAML file names, if there is one."""
    if arguments.config is None:
        if settings:
            msg = f'Settings {list(settings)} overrule those of --config, which is not given.'
            raise ConfigError(msg)
        return None
    # Here and not above: they come with the extra [train], which an export in fp32 can do without.
    from robustseg_core.data.opening import open_frames
    from robustseg_core.evaluation.feeding import check_fit, check_sides
    from robustseg_core.exporting.walking import some_frames
    from robustseg_core.training.settings import read_settings

    config = read_settings(COMMAND, arguments.config, settings)
    data = config.data
    check_sides(data)
    _check_same(tuple(data.size), arguments.size)
    chosen = []
    for split, count in (
        (data.train_split, arguments.frames),
        (data.val_split, arguments.score_frames),
    ):
        frames = open_frames(data, split, config.seed)
        check_fit(network, frames)
        chosen.append(some_frames(network, frames, data, count))
    return ExportFrames(*chosen)


def _check_same(found: tuple[int, ...], wanted: tuple[int, int] | None) -> None:
    if wanted is not None and found != wanted:
        msg = (
            f'--size is {wanted[0]}x{wanted[1]}, but data.size {found[0]}x{found[1]}: the frames '
            f'would not fit; set data.size=[{wanted[0]},{wanted[1]}].'
        )
        raise ConfigError(msg)


def _run(arguments: argparse.Namespace, tell: Callable[[str], None]) -> str:
    """Export; return what to tell."""
    target = Target(arguments.format, arguments.precision, arguments.size)
    model = load_model(arguments.checkpoint)
    report = export(
        model,
        target,
        arguments.out,
        checkpoint=str(arguments.checkpoint),
        frames=_frames(model.config, arguments, arguments.settings),
        device=arguments.device,
        tell=tell,
    )
    return f'{report.markdown()}\nWritten: {arguments.out}'


def main(argv: list[str] | None = None) -> int:
    """Run the command; return its exit status."""
    arguments = _parser().parse_intermixed_args(argv)
    try:
        print(_run(arguments, print))
    except RobustSegError as error:
        print(f'robustseg_core.export: {error}', file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
