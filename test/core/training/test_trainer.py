"""Whole runs of one stage."""

from collections.abc import Callable
import csv
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
import torch
from torch import nn

from robustseg_core import load_model
from robustseg_core.errors import ConfigError
from robustseg_core.train import _parse, main
from robustseg_core.training.stages import TeacherStage
from robustseg_core.training.trainer import TrainingRun

TEACHER = ('--stage', 'teacher')


def rows(path: Path, column: str) -> list[float]:
    with path.open(newline='') as file:
        return [float(row[column]) for row in csv.DictReader(file) if row.get(column)]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_options_of_a_stage_do_what_they_say(
    frames_root: Path,
    tmp_path: Path,
    tiny: Callable[..., list[str]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: Any,
) -> None:
    """Mixed precision, averaged weights, frozen norms, the best network, and what is logged."""
    seen: list[tuple[bool, torch.dtype]] = []
    losses = TeacherStage.losses

    def spy(self, *arguments):
        terms = losses(self, *arguments)
        seen.append((torch.is_autocast_enabled('cpu'), terms['ce'][1].dtype))
        return terms

    monkeypatch.setattr(TeacherStage, 'losses', spy)
    settings = (
        'precision=bf16',
        'teacher.epochs=3',
        'teacher.ema_decay=0.9',
        'keep=best',
        'select=[RD]',
        'model.backbone=mobilenetv3_small_050',
        'model.freeze_norm_after=0',
    )
    assert main(tiny(frames_root, tmp_path, *settings, *TEACHER)) == 0

    assert set(seen) == {(True, torch.float32)}
    folder = tmp_path / 'teacher'
    state = torch.load(folder / 'last.ckpt', weights_only=True)
    mean = state['callbacks']['AveragedNetwork']['mean']
    last = load_model(folder / 'last.safetensors')
    for name, parameter in last.named_parameters():
        assert torch.equal(parameter, mean[name].half().float()), name
    learner = state['state_dict']['segmenter.head.classifier.weight']
    assert not torch.equal(learner, mean['head.classifier.weight'])

    buffers = dict(last.named_buffers())
    for name, buffer in buffers.items():
        if name.endswith('running_mean'):
            assert buffer.any() == name.startswith('head.'), f'{name} is frozen but in the head'
    assert sum(name.startswith('encoder.') for name in buffers) > 10

    scores = rows(folder / 'metrics.csv', 'miou/RD')
    assert len(scores) == 3
    best = load_model(folder / 'best.safetensors')
    assert best.provenance['trained_on']['epochs'] == 1 + scores.index(max(scores))
    kept = load_model(tmp_path / 'teacher.safetensors')
    for ours, theirs in zip(kept.parameters(), best.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    # What was logged while training is what the file scores.
    found = kept.provenance['evaluated_on']['miou_present_classes']['RD']
    assert found == pytest.approx(max(scores), abs=0.5)

    events = EventAccumulator(str(folder / 'tensorboard'))
    events.Reload()
    assert {'ce', 'loss', 'lr', 'miou/R', 'miou/mean'} <= set(events.Tags()['scalars'])
    assert events.Tags()['images'] == ['samples/0000']
    assert len(events.Images('samples/0000')) == 3
    told = capsys.readouterr().out
    for line in ('  train: 16 frames', '  val: 3 frames', 'mixed with bfloat16', '  loss = 1 ce'):
        assert line in told
    assert told.index('16 frames') < told.index('teacher.safetensors')


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_accumulated_batches_learn_what_one_large_batch_learns(
    frames_root: Path,
    tmp_path: Path,
    tiny: Callable[..., list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Each batch would be normalised by its own frames.
    monkeypatch.setattr(
        nn.BatchNorm2d, 'train', lambda self, _mode=True: nn.Module.train(self, False)
    )
    drawn: dict[tuple[str, int], list[int]] = {}
    losses = TeacherStage.losses

    def spy(self, batch, generator, first):
        drawn.setdefault((name, generator.initial_seed()), []).append(first)
        return losses(self, batch, generator, first)

    monkeypatch.setattr(TeacherStage, 'losses', spy)
    sizes = {
        'large': ['teacher.batch_size=8'],
        'parts': ['teacher.batch_size=2', 'teacher.accumulate=4'],
    }
    found = {}
    for name, settings in sizes.items():
        quiet = ('model.dropout=0', 'model.drop_path_rate=0', 'validate_every=0', 'log_every=1')
        arguments = tiny(frames_root, tmp_path / name, *settings, *quiet, *TEACHER)
        assert main(arguments) == 0
        model = load_model(tmp_path / name / 'teacher.safetensors')
        assert model.provenance['trained_on']['steps'] == 4
        assert model.provenance['trained_on']['step_frames'] == 8
        found[name] = model.state_dict()
        rates = rows(tmp_path / name / 'teacher/metrics.csv', 'lr')
        # One epoch is 2 steps: warm-up of half an epoch is one step, from a tenth.
        assert rates[0] == pytest.approx(1e-4)
    # All parts of a step draw alike, each for its own place in it.
    seeds = {name: [seed for each, seed in drawn if each == name] for name in sizes}
    assert seeds['large'] == seeds['parts']
    assert list(drawn.values()) == [[0]] * 4 + [[0, 2, 4, 6]] * 4
    for key, value in found['large'].items():
        torch.testing.assert_close(found['parts'][key], value, rtol=2e-3, atol=5e-4, msg=key)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_finished_run_is_neither_overwritten_nor_repeated(
    frames_root: Path, tmp_path: Path, tiny: Callable[..., list[str]], capsys: Any
) -> None:
    arguments = tiny(frames_root, tmp_path, 'teacher.epochs=1', 'samples=0', *TEACHER)
    assert main(arguments) == 0
    network = tmp_path / 'teacher.safetensors'
    before = network.read_bytes()

    assert main(arguments) == 1
    assert "'teacher' of" in (told := capsys.readouterr().err)
    assert '--resume goes on with it' in told

    assert main([*arguments, '--resume', 'teacher.lr=0.5']) == 1
    assert 'teacher.lr was 0.001, now 0.5' in capsys.readouterr().err

    assert main([*arguments, '--resume']) == 0
    assert 'teacher: complete already' in capsys.readouterr().out
    assert network.read_bytes() == before

    # Killed after the last epoch, before the network was the stage's.
    network.unlink()
    assert main([*arguments, '--resume']) == 0
    assert network.read_bytes() == before


@pytest.mark.parametrize(
    ('setting', 'message'),
    [
        ('precision=fp16', "precision 'fp16' needs a GPU"),
        ('select=[RX]', r"Unknown modality letters \['X'\]"),
        ('teacher.batch_size=17', '16 training frames are fewer than one step takes'),
        ('out=/dev/null', 'cannot be written'),
    ],
)
def test_what_cannot_work_is_told_before_anything_is_computed(
    frames_root: Path,
    tmp_path: Path,
    tiny: Callable[..., list[str]],
    setting: str,
    message: str,
) -> None:
    config = _parse(tiny(frames_root, tmp_path, setting))[2]
    with pytest.raises(ConfigError, match=message):
        TrainingRun(config, lambda _: None).train('teacher')
    assert not (tmp_path / 'teacher').exists()


def test_a_teacher_from_elsewhere_leaves_stage_1_nothing_to_do(
    frames_root: Path, tmp_path: Path, tiny: Callable[..., list[str]]
) -> None:
    config = _parse(tiny(frames_root, tmp_path, 'teacher_checkpoint=some/teacher.safetensors'))[2]
    run = TrainingRun(config, lambda _: None)
    run.check(['teacher'])
    assert run.train('teacher') == Path('some/teacher.safetensors')
