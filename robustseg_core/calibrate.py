"""Estimate a checkpoint's statistics per subset: ``python -m robustseg_core.calibrate``."""

from __future__ import annotations

import argparse
from pathlib import Path
import sys

from tqdm import tqdm

from robustseg_core.errors import ConfigError, RobustSegError
from robustseg_core.evaluation.feeding import check_fit
from robustseg_core.evaluation.worker_errors import error_line
from robustseg_core.models.checkpoint import has_half_weights, load_model, save_model
from robustseg_core.models.embedded import checkpoint_path
from robustseg_core.training.calibration import (
    calibrated,
    calibration_batches,
    told_values,
    uncalibrated,
)
from robustseg_core.training.loading import RunFrames
from robustseg_core.training.settings import read_settings

COMMAND = 'python -m robustseg_core.calibrate'


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=COMMAND,
        description="Estimate the statistics of the head's batch norm for every subset of the "
        'modalities on training frames, and measure which values their images have; no weight is '
        'changed.',
    )
    parser.add_argument(
        '--checkpoint',
        type=checkpoint_path,
        required=True,
        help='a file, or the name of one that comes with the package',
    )
    parser.add_argument(
        '--config', type=Path, help="training's YAML file, of which data, seed, workers are used"
    )
    parser.add_argument('--frames', type=int, default=200, help='training frames to estimate on')
    parser.add_argument('--out', type=Path, required=True, help='the checkpoint to write')
    parser.add_argument('--device', default='cpu', help='torch device, or auto')
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        '--undo', action='store_true', help='instead, take the statistics per subset out again'
    )
    what.add_argument(
        '--values-only',
        action='store_true',
        help='measure the values alone: what the network computes stays the same bit for bit',
    )
    parser.add_argument('settings', nargs='*', metavar='key=value', help='e.g. data.root=nyuv2')
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run the command; return its exit status."""
    arguments = _parser().parse_intermixed_args(argv)
    try:
        if arguments.frames < 1:
            msg = f'--frames must be at least 1, got {arguments.frames}.'
            raise ConfigError(msg)
        model = load_model(arguments.checkpoint)
        if arguments.undo:
            result = uncalibrated(model)
        else:
            config = read_settings(COMMAND, arguments.config, arguments.settings)
            frames = RunFrames(config.data, config.seed, config.workers, print)
            check_fit(model.config, frames.train)
            result = told_values(model, frames.seen_modalities())
            if not arguments.values_only:
                samples = frames.calibration_samples(result.config.modalities)
                batches = calibration_batches(samples, result, arguments.frames, config.workers)
                progress = tqdm(batches, desc='estimating', unit='batch', disable=None)
                result = calibrated(result, progress, arguments.device)
        half = has_half_weights(arguments.checkpoint, model)
        save_model(result, arguments.out, half=half)
    except RobustSegError as error:
        print(f'robustseg_core.calibrate: {error_line(error)}', file=sys.stderr)
        return 1
    print(f'{arguments.out}: statistics {result.config.norm_statistics}')
    return 0


if __name__ == '__main__':
    sys.exit(main())
