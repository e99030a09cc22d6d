"""Tells which frames could not be read, and counts them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import lightning
from lightning.pytorch.callbacks import Callback

from robustseg_core.training.processes import gathered


class DamagedFrames(Callback):
    """Tells each damaged frame when it is met, and their number at the end of each epoch.

    Args:
        stage: What is trained.
        tell: Called with lines for people; by the first process only.
        is_looked_for: Whether others stand in for damaged frames; else the first ends the run.
    """

    def __init__(self, stage: str, tell: Callable[[str], None], *, is_looked_for: bool) -> None:
        self._stage = stage
        self._tell = tell
        self._is_looked_for = is_looked_for
        self._met: dict[str, None] = {}  # by when it was met first

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,  # noqa: ARG002
        pl_module: lightning.LightningModule,  # noqa: ARG002
        outputs: Any,  # noqa: ARG002
        batch: Any,
        batch_idx: int,  # noqa: ARG002
    ) -> None:
        self._note(batch.get('damaged', ()))

    def on_train_epoch_end(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,  # noqa: ARG002
    ) -> None:
        if not self._is_looked_for:
            return
        for met in gathered(list(self._met)):
            self._note(met)
        if self._met:
            self._tell(
                f'{self._stage}: {len(self._met)} damaged frames up to epoch '
                f'{trainer.current_epoch + 1}; others stood in for them.'
            )

    def _note(self, texts: Any) -> None:
        for text in texts:
            if text not in self._met:
                self._met[text] = None
                self._tell(f'{self._stage}: skipped: {text}')
