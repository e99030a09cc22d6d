"""Settings from a file and from words."""

from pathlib import Path

import pytest

from robustseg_core.training.settings import read_settings


def refused(capsys, words, text=None, folder=None):
    """Return the one line that is printed of ``words`` and a file that holds ``text``."""
    file = None
    if text is not None:
        file = folder / 'run.yaml'
        file.write_text(text)
    with pytest.raises(SystemExit) as caught:
        read_settings('do', file, words)
    assert caught.value.code == 2
    line = capsys.readouterr().err
    assert line.count('\n') == 1
    return line.removeprefix('do: error: ').rstrip()


@pytest.mark.parametrize(
    ('word', 'line'),
    [
        ('data.sise=3', "unknown setting 'data.sise'; did you mean 'data.size'?"),
        ('sise=3', "unknown setting 'sise'; did you mean 'data.size'?"),
        ('worker=3', "unknown setting 'worker'; did you mean 'workers'?"),
        (
            'teacher_model.backbon=x',
            "unknown setting 'teacher_model.backbon'; did you mean 'teacher_model.backbone'?",
        ),
    ],
)
def test_a_key_that_is_nearly_one_is_named_as_typed_with_the_one(capsys, word, line):
    assert refused(capsys, ['seed=3', word]) == line


def test_a_key_that_is_like_no_other_comes_with_those_there_are(capsys):
    line = refused(capsys, ['model.colour=blue'])
    assert line.startswith("unknown setting 'model.colour'; known are model.backbone, ")
    assert 'model.freeze_norm_after' in line
    assert 'data.' not in line
    line = refused(capsys, ['zzzz=1'])
    assert "'zzzz'; known are accelerator, " in line
    assert ', data, ' in line


@pytest.mark.parametrize(
    ('text', 'line'),
    [
        ('data:\n  sise: 3\n', "unknown setting 'data.sise'; did you mean 'data.size'?"),
        ('sead: 3\n', "unknown setting 'sead'; did you mean 'seed'?"),
    ],
)
def test_an_unknown_key_of_a_file_is_told_alike(capsys, tmp_path, text, line):
    assert refused(capsys, [], text, tmp_path) == line


def test_a_file_that_is_no_yaml_is_told_in_a_line(capsys, tmp_path):
    assert refused(capsys, [], 'data: [\n', tmp_path).endswith('line 2, column 1.')


def test_a_file_that_is_not_there_is_named(capsys, tmp_path):
    with pytest.raises(SystemExit, match='2'):
        read_settings('do', tmp_path / 'nothere.yaml', [])
    told = capsys.readouterr().err
    assert 'nothere.yaml' in told
    assert told.count('\n') == 1


def test_a_value_of_another_type_is_told_in_a_line(capsys):
    line = refused(capsys, ['workers=many'])
    assert '"workers"' in line
    assert 'many' in line


def test_words_overrule_the_file_and_groups_may_be_given_whole(tmp_path):
    file = tmp_path / 'run.yaml'
    file.write_text('seed: 5\nworkers: 1\ndata:\n  train_count: 7\n')
    words = ['workers=2', 'teacher_model.backbone=mit_b2', 'student={"epochs": 20}']
    config = read_settings('do', file, words)
    assert (config.seed, config.workers, config.data.train_count) == (5, 2, 7)
    assert config.teacher_model.backbone == 'mit_b2'
    assert config.student.epochs == 20
    assert config.out == Path('runs/default')


def test_a_long_value_is_cut(capsys, tmp_path):
    assert len(refused(capsys, [], f'data: {{crop: {"x" * 20_000}}}\n', tmp_path)) < 1200
    assert len(refused(capsys, [], f'data: {{{"a" * 5000}: 1}}\n', tmp_path)) < 1200


def test_a_number_in_place_of_a_group_is_told(capsys, tmp_path):
    for group in ('data', 'model', 'teacher', 'student', 'distillation'):
        assert refused(capsys, [], f'{group}: 1e300\n', tmp_path)
