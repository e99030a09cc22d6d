"""How far a stage is, and how long it will take."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any

import lightning
from lightning.pytorch.callbacks import Callback, TQDMProgressBar

# The first batches wait for workers, caches and kernels.
SKIPPED = 5
MEASURED = 20


class Bar(TQDMProgressBar):
    """Lightning's bar, with losses and scores and without the loggers' version."""

    def get_metrics(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> dict[str, Any]:
        items = super().get_metrics(trainer, pl_module)
        return {name: value for name, value in items.items() if name != 'v_num'}


class Pace(Callback):
    """Measures some batches and tells how long the rest will take, without validation.

    Args:
        stage: What is trained.
        tell: Called with one line.
        clock: Returns seconds.
    """

    def __init__(
        self, stage: str, tell: Callable[[str], None], clock: Callable[[], float] = perf_counter
    ) -> None:
        self._stage = stage
        self._tell = tell
        self._clock = clock
        self._batches = 0
        self._last: float | None = None
        self._seconds: list[float] = []

    def on_train_epoch_start(self, *_: Any) -> None:
        self._last = None  # between two epochs there is validation

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,  # noqa: ARG002
        outputs: Any,  # noqa: ARG002
        batch: Any,  # noqa: ARG002
        batch_idx: int,
    ) -> None:
        if len(self._seconds) == MEASURED:
            return
        self._batches += 1
        now = self._clock()
        if self._last is not None and self._batches > SKIPPED:
            self._seconds.append(now - self._last)
        self._last = now
        if len(self._seconds) == MEASURED:
            each = sum(self._seconds) / MEASURED
            epochs = (trainer.max_epochs or 0) - trainer.current_epoch
            left = int(trainer.num_training_batches) * epochs - (batch_idx + 1)
            self._tell(
                f'{self._stage}: {each:.2f} s per batch; the {left} left take '
                f'{duration(left * each)}, besides validation.'
            )


def duration(seconds: float) -> str:
    """Return e.g. ``about 3 h 20 min``."""
    minutes = round(seconds / 60)
    if minutes < 1:
        return f'about {seconds:.0f} s'
    hours, minutes = divmod(minutes, 60)
    return f'about {hours} h {minutes} min' if hours else f'about {minutes} min'
