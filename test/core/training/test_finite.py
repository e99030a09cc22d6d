"""A loss or a weight that is no number ends the stage, and the good state stays."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from robustseg_core.errors import TrainingError
from robustseg_core.train import main
from robustseg_core.training import finite
from robustseg_core.training.finite import FiniteNumbers, not_finite
from robustseg_core.training.stages import TeacherStage


def test_every_kind_of_number_that_is_none_is_found():
    good = {'weight': torch.ones(3), 'count': torch.tensor(7), 'empty': torch.ones(0)}
    assert not_finite(good) == []
    assert not_finite({'count': torch.tensor(7)}) == []
    bad = {'nan': torch.tensor([1, float('nan')]), 'endless': torch.tensor(float('-inf'))}
    assert not_finite({**good, **bad}) == ['nan', 'endless']


def batch_end(guard: FiniteNumbers, index: int, device: str, **terms: float) -> None:
    trainer = SimpleNamespace(accumulate_grad_batches=2, num_training_batches=100, current_epoch=1)
    outputs = {'terms': {name: torch.tensor(value) for name, value in terms.items()}}
    module = SimpleNamespace(device=SimpleNamespace(type=device))
    guard.on_train_batch_end(trainer, module, outputs, {'ids': [f'f{index}']}, index)  # type: ignore[arg-type]


def test_on_an_accelerator_many_losses_are_looked_at_together_and_the_first_is_named(tmp_path):
    guard = FiniteNumbers('student', tmp_path / 'last.ckpt')
    for index in range(finite.BATCHES_AT_A_TIME - 1):
        bad = index >= 7
        batch_end(guard, index, 'cuda', ce=1.0, logit_kl=float('inf') if bad else 1.0)
    with pytest.raises(TrainingError, match='no state') as caught:
        batch_end(guard, 19, 'cuda', ce=float('nan'), logit_kl=1.0)
    # Two batches make a step, and the first epoch had 50.
    wanted = "step 54 (epoch 2): the term 'logit_kl' is inf, of the frames 'f7'."
    assert wanted in str(caught.value)


def test_on_a_cpu_the_very_first_is_met(tmp_path):
    guard = FiniteNumbers('student', tmp_path / 'last.ckpt')
    batch_end(guard, 0, 'cpu', ce=1.0)
    with pytest.raises(TrainingError, match="term 'ce' is nan, of the frames 'f1'"):
        batch_end(guard, 1, 'cpu', ce=float('nan'))


def stop_at(monkeypatch: pytest.MonkeyPatch, epoch: int, spoil: Callable[..., Any]) -> None:
    losses = TeacherStage.losses

    def spoiled(self, *arguments):
        terms = losses(self, *arguments)
        return spoil(self, terms) if self.current_epoch == epoch else terms

    monkeypatch.setattr(TeacherStage, 'losses', spoiled)


@pytest.mark.slow
def test_a_loss_that_is_nan_ends_the_run_and_leaves_the_last_good_state(
    frames_root: Path,
    tmp_path: Path,
    tiny: Callable[..., list[str]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: Any,
) -> None:
    stop_at(monkeypatch, 1, lambda _, terms: {'ce': (1.0, terms['ce'][1] * float('nan'))})
    arguments = tiny(frames_root, tmp_path, 'validate_every=0', '--stage', 'teacher')
    assert main(arguments) == 1
    told = capsys.readouterr().err
    line = next(each for each in told.splitlines() if each.startswith('robustseg_core.train: '))
    assert "Stage 'teacher' ends: step 5 (epoch 2): the term 'ce' is nan, of the frames" in line
    assert line.count("'00") == 4, 'the four frames of the batch'
    assert f"The state of the last whole epoch is kept: '{tmp_path}/teacher/last.ckpt'" in line
    state = torch.load(tmp_path / 'teacher/last.ckpt', weights_only=True)
    assert state['epoch'] == 0
    assert not_finite(state['state_dict']) == []


@pytest.mark.slow
def test_a_weight_that_is_nan_is_never_written(
    frames_root: Path,
    tmp_path: Path,
    tiny: Callable[..., list[str]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: Any,
) -> None:
    """The loss of the last step was fine; what it made of the weights was not."""

    steps = iter(range(4))

    def spoil(stage, terms):
        if next(steps) == 3:  # the last of the epoch
            with torch.no_grad():
                stage.segmenter.head.classifier.bias.mul_(float('nan'))
        return terms

    stop_at(monkeypatch, 1, spoil)
    monkeypatch.setattr(FiniteNumbers, 'on_train_batch_end', lambda *_: None)
    arguments = tiny(frames_root, tmp_path, 'validate_every=0', '--stage', 'teacher')
    assert main(arguments) == 1
    assert 'segmenter.head.classifier.bias of the weights is not finite' in capsys.readouterr().err
    state = torch.load(tmp_path / 'teacher/last.ckpt', weights_only=True)
    assert not_finite(state['state_dict']) == []
