"""Train teacher and student: ``python -m robustseg_core.train --config FILE [key=value ...]``."""

from __future__ import annotations

from functools import partial
import os
import shlex
import sys

from jsonargparse import Namespace

from robustseg_core.errors import RobustSegError
from robustseg_core.evaluation.report import any_modal_table
from robustseg_core.evaluation.worker_errors import error_line
from robustseg_core.training.config import TrainConfig
from robustseg_core.training.interruption import Interrupted, interruptible
from robustseg_core.training.processes import Processes
from robustseg_core.training.settings import SettingsParser, add_settings, settings_of
from robustseg_core.training.trainer import TrainingRun

COMMAND = 'python -m robustseg_core.train'
STAGES = {'both': ('teacher', 'student'), 'score': ('teacher', 'student')}


def _parse(argv: list[str]) -> tuple[str, bool, TrainConfig]:
    parser = SettingsParser(prog=COMMAND, description=__doc__)
    add_settings(parser, 'YAML file of the run')
    parser.add_argument(
        '--stage',
        default='both',
        choices=['teacher', 'student', 'both', 'score'],
        help='what to train; score: nothing, only score the two checkpoints in the folder "out"',
    )
    parser.add_argument(
        '--resume',
        action='store_true',
        help='go on with an interrupted run in "out"; stages that are complete are left alone',
    )
    parsed: Namespace = parser.read(argv)
    stage, resume = parsed.pop('stage'), parsed.pop('resume')
    return stage, resume, settings_of(parser, parsed)


def _run(words: list[str]) -> None:
    stage, resume, config = _parse(words)
    processes = Processes.of(os.environ, config.devices, config.nodes)
    run = TrainingRun(config, tell=partial(print, flush=True), processes=processes, resume=resume)
    names = STAGES.get(stage, (stage,))
    if stage != 'score':
        run.check(names)
    scores = {}
    for name in names:
        if stage != 'score':
            path = run.train(name)
            run.tell(f'{name}: {path}')
        scores[name] = run.score(name)
    run.tell(any_modal_table(scores))


def _tell(line: str) -> None:
    print(f'robustseg_core.train: {line}', file=sys.stderr, flush=True)


def main(argv: list[str] | None = None) -> int:
    """Run the command; return its exit status."""
    words = sys.argv[1:] if argv is None else argv

    def tell_end(end: Interrupted) -> None:
        if Processes.of(os.environ, 1, 1).rank == 0:
            _tell(f'{end} {_going_on(words)}')

    try:
        with interruptible(tell_end):
            _run(words)
    except RobustSegError as error:
        _tell(error_line(error))
        return 1
    except OSError as error:  # of the libraries that write beside us: a full disk, as a rule
        _tell(f'{error}. {_going_on(words)}')
        return 1
    except Interrupted as end:
        tell_end(end)
        return end.status
    return 0


def _going_on(words: list[str]) -> str:
    resumed = words if '--resume' in words else [*words, '--resume']
    return f'To go on after the last whole epoch: {COMMAND} {shlex.join(resumed)}'


if __name__ == '__main__':
    sys.exit(main())
