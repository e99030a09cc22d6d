"""Train teacher and student: ``python -m robustseg_core.train --config FILE [key=value ...]``."""

from __future__ import annotations

from functools import partial
import os
import sys

from jsonargparse import Namespace

from robustseg_core.errors import RobustSegError
from robustseg_core.evaluation.report import any_modal_table
from robustseg_core.evaluation.worker_errors import error_line
from robustseg_core.training.config import TrainConfig
from robustseg_core.training.processes import Processes
from robustseg_core.training.settings import SettingsParser, add_settings, settings_of
from robustseg_core.training.trainer import TrainingRun

STAGES = {'both': ('teacher', 'student'), 'score': ('teacher', 'student')}


def _parse(argv: list[str]) -> tuple[str, bool, TrainConfig]:
    parser = SettingsParser(prog='python -m robustseg_core.train', description=__doc__)
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


def main(argv: list[str] | None = None) -> int:
    """Run the command; return its exit status."""
    try:
        stage, resume, config = _parse(sys.argv[1:] if argv is None else argv)
        processes = Processes.of(os.environ, config.devices, config.nodes)
        run = TrainingRun(
            config, tell=partial(print, flush=True), processes=processes, resume=resume
        )
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
    except RobustSegError as error:
        print(f'robustseg_core.train: {error_line(error)}', file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
