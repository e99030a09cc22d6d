"""Score a checkpoint: ``python -m robustseg_core.evaluate --checkpoint C --config YAML ...``."""

from __future__ import annotations

import argparse
from pathlib import Path
import sys

from tqdm import tqdm

from robustseg_core.data.opening import open_frames
from robustseg_core.data.transforms import DepthHoles
from robustseg_core.data.value_lines import ValueLines
from robustseg_core.errors import ConfigError, RobustSegError
from robustseg_core.evaluation.checkpoint_scores import checkpoint_to_score, write_scores
from robustseg_core.evaluation.feeding import batches, check_fit, check_sides
from robustseg_core.evaluation.gallery import Gallery
from robustseg_core.evaluation.protocols import PROTOCOLS, evaluate, shows_zeroed, use_of
from robustseg_core.evaluation.report import Subject
from robustseg_core.evaluation.worker_errors import error_line
from robustseg_core.evaluation.writing import write
from robustseg_core.modalities import Modality
from robustseg_core.models.embedded import checkpoint_path
from robustseg_core.runtime.backend import PRECISIONS
from robustseg_core.runtime.opening import BACKENDS, open_backend
from robustseg_core.training.settings import read_settings

COMMAND = 'python -m robustseg_core.evaluate'


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=COMMAND, description='Score a checkpoint on a data set.')
    parser.add_argument(
        '--checkpoint',
        type=checkpoint_path,
        required=True,
        help='a file, the name of one that comes with the package, e.g. nyuv2_student, or a '
        'folder that was exported from one',
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
    parser.add_argument(
        '--backend',
        choices=['auto', *BACKENDS],
        help='what computes; default: torch, or what a folder was exported for',
    )
    parser.add_argument(
        '--precision', choices=PRECISIONS, default='fp32', help='of the arithmetic'
    )
    parser.add_argument('--batch-size', type=int, default=4, help='frames at a time')
    parser.add_argument(
        '--depth-holes',
        action='store_true',
        help='with holes in every depth image, as cameras leave them and filled-in sets do not',
    )
    parser.add_argument(
        '--write-into-checkpoint',
        action='store_true',
        help='also write the scores of every subset into the checkpoint: the node says what its '
        'masks are worth by them',
    )
    parser.add_argument('--no-plots', action='store_true', help='tables only')
    parser.add_argument('settings', nargs='*', metavar='key=value', help='e.g. data.root=nyuv2')
    return parser


def _run(arguments: argparse.Namespace) -> str:
    """Evaluate and write; return what to tell."""
    config = read_settings(COMMAND, arguments.config, arguments.settings)
    checkpoint = arguments.checkpoint
    scored = checkpoint_to_score(checkpoint) if arguments.write_into_checkpoint else None
    chosen = arguments.backend or ('auto' if checkpoint.is_dir() else 'torch')
    backend = open_backend(checkpoint, arguments.device, chosen, arguments.precision)
    network = backend.config
    split = arguments.split or config.data.val_split
    frames = open_frames(config.data, split, config.seed)
    check_fit(network, frames)
    if backend.name != 'torch':
        check_sides(config.data)
    steps, altered, gaps = [], [], list(frames.missing.lines())
    if arguments.depth_holes:
        steps.append(DepthHoles(network.modalities, config.seed))
        altered.append('depth with holes')
        gaps.append(f'every depth image has got holes, drawn with seed {config.seed}')
    loader = batches(network, frames, config.data, arguments.batch_size, config.workers, *steps)
    protocols = PROTOCOLS if arguments.protocol == 'all' else (arguments.protocol,)
    if scored is not None and use_of(network) not in protocols:
        msg = (
            f'--write-into-checkpoint writes how the network is used, by protocol '
            f'{use_of(network)!r}; got --protocol {arguments.protocol!r}.'
        )
        raise ConfigError(msg)
    zeroed = shows_zeroed(network, protocols)
    values = ValueLines(network.modalities, _tell, _setting)
    gallery = Gallery(network.modalities, len(network.labels), config.seed, zeroed=zeroed)
    evaluation = evaluate(
        backend,
        values.watched(tqdm(loader, desc='scoring', unit='batch', disable=None)),
        protocols,
        seed=config.seed,
        watcher=None if arguments.no_plots else gallery,
    )
    if scored is not None:
        subsets = evaluation.emm if use_of(network) == 'emm' else evaluation.any_modal
        assert subsets is not None  # its protocol is among those asked for
        data = ', '.join([f'{config.data.kind}, split {split}', *altered])
        write_scores(scored, checkpoint, subsets, data=data, seed=config.seed)
    subject = Subject(
        checkpoint=str(checkpoint),
        missing=network.missing,
        dataset=config.data.kind,
        split=split,
        size=config.data.size,
        resolution=network.resolution,
        seed=config.seed,
        device=str(backend.device),
        backend=backend.name,
        precision=backend.precision,
        gaps=gaps,
        provenance=backend.provenance,
    )
    return write(evaluation, subject, None if arguments.no_plots else gallery, arguments.out)


def _tell(line: str) -> None:
    tqdm.write(f'robustseg_core.evaluate: {line}', file=sys.stderr)


def _setting(_modality: Modality, what: str) -> str:
    keys = {'distance': 'metres_per_unit', 'value': 'scale'}
    return f'{keys[what]} in the description of the data' if what in keys else ''


def main(argv: list[str] | None = None) -> int:
    """Run the command; return its exit status."""
    arguments = _parser().parse_intermixed_args(argv)
    try:
        print(_run(arguments))
    except RobustSegError as error:
        print(f'robustseg_core.evaluate: {error_line(error)}', file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
