"""Whole runs of one stage."""

from collections.abc import Callable
import csv
import json
from pathlib import Path
import shutil
from typing import Any

import cv2
import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
import torch
from torch import nn

from robustseg_core import load_model
from robustseg_core.data.nyuv2 import NYUV2_MODALITIES
from robustseg_core.errors import RobustSegError, WriteError
from robustseg_core.labels import NYU13
from robustseg_core.models.checkpoint import has_half_weights, save_model
from robustseg_core.models.segmenter import MultimodalSegmenter, SegmenterConfig
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
        ('out=/dev/null', 'cannot be made'),
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
    with pytest.raises(RobustSegError, match=message):
        TrainingRun(config, lambda _: None).train('teacher')
    assert not (tmp_path / 'teacher').exists()


def test_a_teacher_from_elsewhere_leaves_stage_1_nothing_to_do(
    frames_root: Path, tmp_path: Path, tiny: Callable[..., list[str]]
) -> None:
    config = _parse(tiny(frames_root, tmp_path, 'teacher_checkpoint=some/teacher.safetensors'))[2]
    run = TrainingRun(config, lambda _: None)
    run.check(['teacher'])
    assert run.train('teacher') == Path('some/teacher.safetensors')


@pytest.fixture
def indoor() -> MultimodalSegmenter:
    """A network with random weights that fits the tiny data set."""
    torch.manual_seed(0)
    config = SegmenterConfig(
        backbone='mit_nano',
        head_width=8,
        labels=NYU13,
        modalities=NYUV2_MODALITIES,
        resolution=(64, 64),
    )
    return MultimodalSegmenter(config)


def test_the_file_of_a_teacher_from_elsewhere_is_left_as_it_is(
    frames_root: Path, tmp_path: Path, tiny: Callable[..., list[str]], indoor: MultimodalSegmenter
) -> None:
    path = tmp_path / 'mine' / 'teacher32.safetensors'
    path.parent.mkdir()
    save_model(indoor, path)
    before = path.read_bytes()
    config = _parse(tiny(frames_root, tmp_path / 'run', f'teacher_checkpoint={path}'))[2]
    scores = TrainingRun(config, lambda _: None).score('teacher')
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]
    written = json.loads((tmp_path / 'run' / 'teacher.json').read_text())
    assert written == scores.to_dict()


@pytest.mark.parametrize('half', [False, True])
def test_scoring_a_network_does_not_change_its_weights(
    frames_root: Path,
    tmp_path: Path,
    tiny: Callable[..., list[str]],
    indoor: MultimodalSegmenter,
    half: bool,
) -> None:
    path = tmp_path / 'teacher.safetensors'
    save_model(indoor, path, half=half)
    before = load_model(path).state_dict()
    TrainingRun(_parse(tiny(frames_root, tmp_path))[2], lambda _: None).score('teacher')
    after = load_model(path)
    assert after.provenance['evaluated_on']['frames'] == 3
    assert has_half_weights(path, after) == half
    for name, tensor in after.state_dict().items():
        assert torch.equal(tensor, before[name]), name


def test_scores_that_cannot_be_written_are_told(
    frames_root: Path, tmp_path: Path, tiny: Callable[..., list[str]], indoor: MultimodalSegmenter
) -> None:
    path = tmp_path / 'teacher32.safetensors'
    save_model(indoor, path)
    settings = ('out=/dev/null', f'teacher_checkpoint={path}')
    config = _parse(tiny(frames_root, tmp_path, *settings))[2]
    with pytest.raises(WriteError, match="'/dev/null' cannot be made"):
        TrainingRun(config, lambda _: None).score('teacher')


@pytest.mark.timeout(600)
def test_a_label_out_of_range_is_told_in_one_line_by_workers_too(
    tmp_path: Path, tiny: Callable[..., list[str]], frames_root: Path, capfd: Any
) -> None:
    root = tmp_path / 'nyu'
    shutil.copytree(frames_root, root)
    for number in range(30, 46):
        cv2.imwrite(str(root / f'label13/{number:04d}.png'), np.full((64, 64), 77, np.uint8))
    assert main(tiny(root, tmp_path / 'out', 'workers=1', *TEACHER)) == 1
    told = capfd.readouterr().err
    assert 'Traceback' not in told
    (line,) = [each for each in told.splitlines() if each.startswith('robustseg_core.train: ')]
    assert '77' in line
