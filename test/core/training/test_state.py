"""ResumeState: the old state stays until the new one is whole."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from robustseg_core.errors import CheckpointError, ConfigError
from robustseg_core.training.state import ResumeState, StateFile, steps_done


class CutOff:
    """Something at which whoever writes it is interrupted."""

    def __reduce__(self) -> str:
        raise KeyboardInterrupt


class Trainer(SimpleNamespace):
    """Saves its step, or is interrupted while it does."""

    breaks = False

    def save_checkpoint(self, path: Path, weights_only: bool) -> None:
        assert not weights_only
        state = {'global_step': self.global_step, 'weights': torch.zeros(9)}
        StateFile().save_checkpoint({**state, 'last': self.breaks and CutOff()}, path)


def test_a_state_that_is_cut_off_does_not_harm_the_last_one(tmp_path: Path) -> None:
    path = tmp_path / 'last.ckpt'
    state = ResumeState(path, step_frames=8)
    state.on_train_epoch_end(Trainer(global_step=10), None)  # type: ignore[arg-type]
    assert steps_done(path) == 10
    with pytest.raises(KeyboardInterrupt):
        state.on_train_epoch_end(Trainer(global_step=20, breaks=True), None)  # type: ignore[arg-type]
    assert steps_done(path) == 10
    state.on_train_epoch_end(Trainer(global_step=20), None)  # type: ignore[arg-type]
    assert steps_done(path) == 20
    assert [each.name for each in tmp_path.iterdir()] == ['last.ckpt']


def test_a_damaged_state_is_told_with_its_file(tmp_path: Path) -> None:
    path = tmp_path / 'last.ckpt'
    torch.save({'global_step': 10, 'weights': torch.zeros(10_000)}, path)
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(CheckpointError, match=r'last\.ckpt'):
        steps_done(path)
    path.write_bytes(b'')
    with pytest.raises(CheckpointError, match=r'last\.ckpt'):
        steps_done(path)


def test_another_number_of_frames_per_step_is_refused(tmp_path: Path) -> None:
    before = ResumeState(tmp_path / 'last.ckpt', step_frames=16).state_dict()
    ResumeState(tmp_path / 'last.ckpt', step_frames=16).load_state_dict(before)
    with pytest.raises(ConfigError, match='16 frames per step, now there are 8'):
        ResumeState(tmp_path / 'last.ckpt', step_frames=8).load_state_dict(before)
