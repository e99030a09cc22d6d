"""A frame that cannot be read ends the run, or others stand in for it, by choice."""

from collections.abc import Callable
from pathlib import Path
import shutil
from typing import Any

import pytest
import torch

from robustseg_core.data.damaged import WholeFrames
from robustseg_core.errors import DataError
from robustseg_core.train import main


class Some:
    """Frames of which those in ``bad`` cannot be read."""

    def __init__(self, count: int, bad: set[int]) -> None:
        self.count, self.bad = count, bad

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> dict[str, Any]:
        if index in self.bad:
            msg = f'Frame {index}: cut off.'
            raise DataError(msg)
        return {'id': str(index)}


def test_the_next_whole_frame_stands_in_and_says_for_whom():
    frames: Any = WholeFrames(Some(4, {1, 3}))  # type: ignore[arg-type]
    assert frames[0] == {'id': '0'}
    assert frames[1] == {'id': '2', 'damaged': ['Frame 1: cut off.']}
    assert frames[3] == {'id': '0', 'damaged': ['Frame 3: cut off.']}, 'from the beginning again'
    with pytest.raises(DataError, match=r'None of 2 frames can be read. Frame 1: cut off'):
        WholeFrames(Some(2, {0, 1}))[1]  # type: ignore[arg-type]


@pytest.fixture
def damaged_root(frames_root: Path, tmp_path: Path) -> Path:
    """Sixteen frames to train on: one's depth is cut off, another's labels are no picture."""
    root = tmp_path / 'nyu'
    shutil.copytree(frames_root, root)
    depth = root / 'depth/0033.png'
    depth.write_bytes(depth.read_bytes()[:60])
    (root / 'label13/0040.png').write_bytes(b'not a picture')
    return root


@pytest.mark.slow
@pytest.mark.parametrize('workers', [0, 1])
def test_the_run_stops_and_names_file_and_frame(
    damaged_root: Path, tmp_path: Path, tiny: Callable[..., list[str]], workers: int, capsys: Any
) -> None:
    (damaged_root / 'label13/0040.png').unlink()
    shutil.copy(damaged_root / 'label13/0041.png', damaged_root / 'label13/0040.png')
    arguments = tiny(damaged_root, tmp_path / 'run', '--stage', 'teacher', f'workers={workers}')
    assert main(arguments) == 1
    told = capsys.readouterr().err.splitlines()[-1]
    assert told.startswith("robustseg_core.train: Frame '0033': ")
    assert f"'{damaged_root}/depth/0033.png' is not a picture that can be read: it " in told


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_others_stand_in_for_damaged_frames_and_a_resumed_run_sees_the_same(
    damaged_root: Path,
    tmp_path: Path,
    tiny: Callable[..., list[str]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: Any,
) -> None:
    settings = ('--stage', 'teacher', 'data.on_damaged=skip', 'workers=1', 'teacher.epochs=3')
    whole, broken = tmp_path / 'whole', tmp_path / 'broken'
    assert main(tiny(damaged_root, whole, *settings)) == 0
    told = capsys.readouterr().out
    assert told.count("teacher: skipped: Frame '0033': ") == 1
    assert told.count("teacher: skipped: Frame '0040': ") == 1
    assert 'teacher: 2 damaged frames up to epoch 3; others stood in for them.' in told

    from robustseg_core.training.state import ResumeState

    written = ResumeState.on_train_epoch_end

    def killed(self, trainer, module):
        written(self, trainer, module)
        if trainer.current_epoch == 1:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ResumeState, 'on_train_epoch_end', killed)
        with pytest.raises(SystemExit):
            main(tiny(damaged_root, broken, *settings))
    assert main([*tiny(damaged_root, broken, *settings), '--resume']) == 0
    for name in ('teacher.safetensors', 'teacher/last.safetensors'):
        assert (broken / name).read_bytes() == (whole / name).read_bytes(), name
    last = [torch.load(each / 'teacher/last.ckpt', weights_only=True) for each in (whole, broken)]
    assert last[0]['global_step'] == last[1]['global_step'] == 12
