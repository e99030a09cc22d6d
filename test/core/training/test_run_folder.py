"""What may be begun, continued or left alone."""

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from robustseg_core.data.config import DataConfig
from robustseg_core.errors import ConfigError, WriteError
from robustseg_core.train import _parse
from robustseg_core.training.config import (
    DistillationConfig,
    ModelConfig,
    StageConfig,
    TrainConfig,
)
from robustseg_core.training.run_folder import RunFolder, Standing

CONFIG = TrainConfig(
    out=Path('runs/x'),
    precision='bf16',
    select=('R', 'RD'),
    data=DataConfig(kind='nyuv2', root=Path('data/nyu'), modalities=('rgb', 'depth')),
    teacher_model=ModelConfig(backbone='mit_b0'),
    distillation=DistillationConfig(start_from='teacher'),
)


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path, 'student')


def interrupt(folder: RunFolder, config: TrainConfig = CONFIG) -> None:
    folder.begin(config)
    folder.state.write_bytes(b'x')


def test_a_stage_stands_where_its_files_say(folder: RunFolder) -> None:
    assert folder.standing() is Standing.NEW
    folder.begin(CONFIG)
    assert folder.standing() is Standing.NEW, 'no epoch is over'
    folder.state.write_bytes(b'x')
    assert folder.standing() is Standing.PARTIAL
    folder.network.write_bytes(b'x')
    assert folder.standing() is Standing.COMPLETE


def test_the_settings_are_a_file_for_the_command(folder: RunFolder) -> None:
    folder.begin(CONFIG)
    stage, resume, config = _parse(['--config', str(folder.config)])
    assert (stage, resume) == ('both', False)
    assert config == CONFIG


def test_a_new_folder_needs_no_resume_and_allows_it(folder: RunFolder) -> None:
    folder.check(CONFIG, resume=False)
    folder.check(CONFIG, resume=True)


@pytest.mark.parametrize('is_complete', [False, True])
def test_a_run_is_not_overwritten(folder: RunFolder, is_complete: bool) -> None:
    interrupt(folder)
    if is_complete:
        folder.network.write_bytes(b'x')
    word = 'complete' if is_complete else 'begun and interrupted'
    with pytest.raises(ConfigError, match=rf"'student' of .* is {word}\. --resume goes on"):
        folder.check(CONFIG, resume=False)
    folder.check(CONFIG, resume=True)


def test_other_settings_are_refused_by_name(folder: RunFolder) -> None:
    interrupt(folder)
    changed = replace(
        CONFIG,
        seed=1,
        student=StageConfig(epochs=300),
        data=replace(CONFIG.data, size=(64, 64)),
    )
    with pytest.raises(ConfigError) as error:
        folder.check(changed, resume=True)
    text = str(error.value)
    assert 'seed was 3407, now 1' in text
    assert 'student.epochs was 200, now 300' in text
    assert 'data.size was [256, 256], now [64, 64]' in text
    assert text.count(', now ') == 3, 'and nothing else'


def test_a_setting_that_was_not_there_yet_was_at_its_default(folder: RunFolder) -> None:
    interrupt(folder)
    before = yaml.safe_load(folder.config.read_text())
    del before['distillation']['variation_weight']
    folder.config.write_text(yaml.safe_dump(before))
    folder.check(CONFIG, resume=True)
    changed = replace(CONFIG, distillation=replace(CONFIG.distillation, variation_weight=1.0))
    with pytest.raises(ConfigError, match=r'variation_weight was 0\.0, now 1\.0'):
        RunFolder.check(folder, changed, resume=True)


def test_what_only_moves_or_speeds_up_a_run_may_change(folder: RunFolder) -> None:
    interrupt(folder)
    moved = replace(
        CONFIG,
        out=Path('runs/y'),
        workers=9,
        devices=2,
        data=replace(CONFIG.data, root=Path('elsewhere'), cache=True),
    )
    folder.check(moved, resume=True)


def test_a_stage_does_not_mind_the_other_ones_settings(tmp_path: Path) -> None:
    teacher, student = (RunFolder(tmp_path, name) for name in ('teacher', 'student'))
    for each in (teacher, student):
        interrupt(each)
    for_student = replace(
        CONFIG, student=StageConfig(lr=1.0), distillation=DistillationConfig(logit_weight=1.0)
    )
    for_teacher = replace(CONFIG, teacher=StageConfig(lr=1.0), teacher_model=None)
    teacher.check(for_student, resume=True)
    student.check(for_teacher, resume=True)
    with pytest.raises(ConfigError, match=r'distillation\.logit_weight was 50\.0, now 1\.0'):
        student.check(for_student, resume=True)
    with pytest.raises(ConfigError, match=r'teacher\.lr was 6e-05, now 1\.0'):
        teacher.check(for_teacher, resume=True)


def test_the_students_network_is_the_teachers_only_where_it_has_none(tmp_path: Path) -> None:
    teacher = RunFolder(tmp_path, 'teacher')
    interrupt(teacher)
    other = ModelConfig(backbone='mit_nano')
    teacher.check(replace(CONFIG, model=other), resume=True)
    interrupt(teacher, replace(CONFIG, teacher_model=None))
    with pytest.raises(ConfigError, match=r"model\.backbone was 'mit_b0', now 'mit_nano'"):
        teacher.check(replace(CONFIG, teacher_model=None, model=other), resume=True)


def test_a_state_without_settings_belongs_to_nobody(folder: RunFolder) -> None:
    interrupt(folder)
    folder.config.unlink()
    with pytest.raises(ConfigError, match=r'config\.yaml'):
        folder.check(CONFIG, resume=True)


def test_a_network_put_there_by_hand_is_taken(folder: RunFolder) -> None:
    folder.network.write_bytes(b'x')
    folder.check(CONFIG, resume=True)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / 'file').write_text('')
    with pytest.raises(WriteError, match='cannot be made'):
        RunFolder(tmp_path / 'file', 'teacher').begin(CONFIG)


def test_what_a_killed_run_left_half_written_goes_at_the_next_start(folder: RunFolder) -> None:
    folder.begin(CONFIG)
    nobody = 2**22 + 1  # above the highest number a process can have
    names = ('last.ckpt', 'last.safetensors', 'best.safetensors', 'metrics.csv', 'config.yaml')
    left = [folder.folder / f'.{name}.{nobody}' for name in names]
    left.append(folder.network.with_name(f'.{folder.network.name}.{nobody}'))
    for path in left:
        path.write_bytes(b'x')
    other = folder.folder / '.notes.txt'
    other.write_text('mine')
    folder.begin(CONFIG)
    assert not [path for path in left if path.exists()]
    assert other.exists()
