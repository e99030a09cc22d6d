"""The state from which an interrupted stage goes on, written at the end of every epoch."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import lightning
from lightning.pytorch.callbacks import Checkpoint
from lightning.pytorch.plugins.io import TorchCheckpointIO
import torch

from robustseg_core.errors import CheckpointError, ConfigError
from robustseg_core.files import replace_file


class StateFile(TorchCheckpointIO):
    """Writes a state beside the old one, which stays until the new one is whole.

    Lightning's own way goes through the temporary folder, which may have no room for it and keeps
    what a killed process has begun.
    """

    def save_checkpoint(
        self,
        checkpoint: dict[str, Any],
        path: str | Path,
        storage_options: Any | None = None,  # noqa: ARG002
    ) -> None:
        content = BytesIO()
        torch.save(checkpoint, content)
        replace_file(Path(path), content.getvalue(), settled=True)


class ResumeState(Checkpoint):
    """Has Lightning's checkpoint written, by ``StateFile``.

    As a ``Checkpoint`` Lightning calls it after all other callbacks, so that it holds what they
    made of the epoch.

    Args:
        path: The file.
        step_frames: Frames that all processes together take per step.
    """

    def __init__(self, path: Path, step_frames: int) -> None:
        self._path = path
        self._step_frames = step_frames

    def on_train_epoch_end(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,  # noqa: ARG002
    ) -> None:
        # All processes take part in what the first then writes.
        trainer.save_checkpoint(self._path, weights_only=False)

    def state_dict(self) -> dict[str, Any]:
        return {'step_frames': self._step_frames}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        if (before := state_dict['step_frames']) != self._step_frames:
            msg = (
                f'{str(self._path)!r} is of a run with {before} frames per step, now there are '
                f'{self._step_frames}: batch_size x processes x accumulate must stay.'
            )
            raise ConfigError(msg)


def steps_done(path: Path) -> int:
    """Return the number of steps after which the state at ``path`` was written.

    Raises:
        CheckpointError: It cannot be read.
    """
    try:
        state = torch.load(path, map_location='cpu', weights_only=True, mmap=True)
        return int(state['global_step'])
    except (OSError, RuntimeError, UnpicklingError, KeyError, TypeError) as error:
        msg = f'{path}: the state of an interrupted run cannot be read: {error}'
        raise CheckpointError(msg) from error
