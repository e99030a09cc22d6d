"""``python -m robustseg_core.train``, on a handful of small frames."""

import json
from pathlib import Path
from typing import Any

import pytest

from robustseg_core import load_model
from robustseg_core.train import main

TINY = [
    'model.backbone=mit_nano',
    'model.head_width=8',
    'data.train_count=4',
    'data.val_count=2',
    'data.size=[64,64]',
    'data.crop=[32,48]',
    *(
        f'{stage}.{setting}'
        for stage in ('teacher', 'student')
        for setting in ('epochs=1', 'batch_size=2', 'warmup_epochs=0.5')
    ),
]


@pytest.mark.slow
def test_both_stages_leave_scored_checkpoints(tmp_path: Path, capsys: Any) -> None:
    assert main([f'out={tmp_path}', *TINY, 'distillation.start_from=teacher']) == 0

    for stage in ('teacher', 'student'):
        model = load_model(tmp_path / f'{stage}.safetensors')
        assert model.config.modalities.letters == 'RDEL'
        assert model.provenance['trained_on']['stage'] == stage
        assert model.provenance['trained_on']['steps'] == 2
        scores = json.loads((tmp_path / f'{stage}.json').read_text())
        assert scores['frames'] == 2
        assert len(scores['miou_present_classes']) == 15
        assert model.provenance['evaluated_on']['miou_all_classes'] == scores['miou_all_classes']
    table = capsys.readouterr().out
    assert '| model | R | D | E | L |' in table
    assert '| teacher |' in table
    assert '| student |' in table

    assert main([f'out={tmp_path}', *TINY, '--stage', 'score']) == 0
    assert capsys.readouterr().out.strip() == table[table.index('| model |') :].strip()


def test_a_student_without_a_teacher_is_told_which_file_is_missing(
    tmp_path: Path, capsys: Any
) -> None:
    assert main([f'out={tmp_path}', *TINY, '--stage', 'student']) == 1
    assert f"'{tmp_path}/teacher.safetensors' cannot be read" in capsys.readouterr().err


def test_an_unknown_key_is_named(tmp_path: Path, capsys: Any) -> None:
    with pytest.raises(SystemExit):
        main([f'out={tmp_path}', 'student.learning_rate=1'])
    told = capsys.readouterr().err
    assert told.startswith('python -m robustseg_core.train: error: unknown setting ')
    assert "'student.learning_rate'; known are student.epochs, student.batch_size," in told
    assert told.count('\n') == 1
