"""Score a checkpoint: ``python -m robustseg_core.evaluate --checkpoint C --config YAML ...``."""

from __future__ import annotations

import argparse
from pathlib import Path
import sys

import torch
from tqdm import tqdm

from robustseg_core.data.opening import open_frames
from robustseg_core.errors import ConfigError, RobustSegError
from robustseg_core.evaluation.feeding import batches, check_fit
from robustseg_core.evaluation.gallery import Gallery
from robustseg_core.evaluation.protocols import PROTOCOLS, evaluate
from robustseg_core.evaluation.report import Subject
from robustseg_core.evaluation.writing import write
from robustseg_core.models.checkpoint import load_model
from robustseg_core.models.embedded import checkpoint_path
from robustseg_core.training.settings import read_settings

COMMAND = 'python -m robustseg_core.evaluate'


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=COMMAND, description='Score a checkpoint on a data set.')
    parser.add_argument(
        '--checkpoint',
        type=checkpoint_path,
        required=True,
        help='a file, or the name of one that comes with the package, e.g. nyuv2_student',
    )
    parser.add_argument(
        '--config',
        type=Path,
        help="training's YAML file, of which data, seed and workers are used",
    )
    parser.add_argument('--protocol', choices=[*PROTOCOLS, 'all'], default='any_modal')
    parser.add_argument('--out', type=Path, required=True, help='folder of the report')
    parser.add_argument('--split', help='instead of data.val_split')
    parser.add_argument('--device', default='auto', help='torch device, default: auto')
    parser.add_argument('--batch-size', type=int, default=4, help='frames at a time')
    parser.add_argument('--no-plots', action='store_true', help='tables only')
    parser.add_argument('settings', nargs='*', metavar='key=value', help='e.g. data.root=nyuv2')
    return parser


def _device(name: str) -> str:
    if name == 'auto':
        return 'cuda' if torch.cuda.is_available() else 'cpu'
    try:
        torch.zeros(1, device=name)
    except (RuntimeError, AssertionError) as error:  # torch without CUDA asserts
        msg = f'Device {name!r} cannot be used: {error}'
        raise ConfigError(msg) from error
    return name


def _run(arguments: argparse.Namespace) -> str:
    """Evaluate and write; return what to tell."""
    config = read_settings(COMMAND, arguments.config, arguments.settings)
    device = _device(arguments.device)
    model = load_model(arguments.checkpoint)
    split = arguments.split or config.data.val_split
    frames = open_frames(config.data, split, config.seed)
    check_fit(model.config, frames)
    loader = batches(model.config, frames, config.data, arguments.batch_size, config.workers)
    gallery = Gallery(model.config.modalities, len(model.config.labels), config.seed)
    evaluation = evaluate(
        model,
        tqdm(loader, desc='scoring', unit='batch', disable=None),
        PROTOCOLS if arguments.protocol == 'all' else (arguments.protocol,),
        seed=config.seed,
        device=device,
        watcher=None if arguments.no_plots else gallery,
    )
    subject = Subject(
        checkpoint=str(arguments.checkpoint),
        missing=model.config.missing,
        dataset=config.data.kind,
        split=split,
        size=config.data.size,
        resolution=model.config.resolution,
        seed=config.seed,
        device=device,
        gaps=frames.missing.lines(),
        provenance=model.provenance,
    )
    return write(evaluation, subject, None if arguments.no_plots else gallery, arguments.out)


def main(argv: list[str] | None = None) -> int:
    """Run the command; return its exit status."""
    arguments = _parser().parse_intermixed_args(argv)
    try:
        print(_run(arguments))
    except RobustSegError as error:
        print(f'robustseg_core.evaluate: {error}', file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
