"""A stage whose numbers are none any more ends, before that is written over its good state."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
import math
from pathlib import Path
from typing import Any

import lightning
from lightning.pytorch.callbacks import Callback
import torch
from torch import Tensor

from robustseg_core.errors import TrainingError
from robustseg_core.quoting import quoted
from robustseg_core.training.processes import gathered, place

# Looking at a number waits until an accelerator, or another process, has got there.
BATCHES_AT_A_TIME = 20


@dataclass(frozen=True)
class _Seen:
    """A batch that has been learnt from, not yet looked at."""

    step: int  # from 1
    epoch: int  # from 1
    ids: list[str]
    terms: Mapping[str, Tensor]


class FiniteNumbers(Callback):
    """Looks at the loss of every batch, and at all weights before they are written.

    To be the first of the callbacks: the others write at the end of an epoch.

    Args:
        stage: What is trained.
        state: The state that stays, for the message.
    """

    def __init__(self, stage: str, state: Path) -> None:
        self._stage = stage
        self._state = state
        self._seen: list[_Seen] = []

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        parts = trainer.accumulate_grad_batches
        steps = int(trainer.num_training_batches) // parts  # of an epoch
        epoch = trainer.current_epoch
        step = epoch * steps + batch_idx // parts + 1
        self._seen.append(_Seen(step, epoch + 1, batch['ids'], outputs['terms']))
        is_free = pl_module.device.type == 'cpu' and place()[1] == 1
        if len(self._seen) == (1 if is_free else BATCHES_AT_A_TIME):
            self._look(())

    def on_train_epoch_end(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,
    ) -> None:
        bad = not_finite(pl_module.state_dict())
        where = f'step {trainer.global_step} (epoch {trainer.current_epoch + 1})'
        self._look([f'{where}: {first} of the weights is not finite' for first in bad[:1]])

    def _look(self, also: Iterable[str]) -> None:
        """End the stage where a process has met what is no number.

        Raises:
            TrainingError: So it is.
        """
        problems = [*self._problems(), *also]
        self._seen.clear()
        # The first that a process has met; what comes later follows from it.
        if found := [each for own in gathered(problems[:1]) for each in own]:
            state = (
                f'The state of the last whole epoch is kept: {str(self._state)!r}'
                if self._state.exists()
                else 'No epoch was whole, so that there is no state'
            )
            msg = (
                f'Stage {self._stage!r} ends: {"; ".join(found)}. {state}. The same frames come '
                f'again in the same order: look at them, or begin anew with a lower lr or a '
                f'gradient_clip.'
            )
            raise TrainingError(msg)

    def _problems(self) -> list[str]:
        if not self._seen:
            return []
        values = torch.stack([torch.stack(list(each.terms.values())) for each in self._seen])
        if torch.isfinite(values).all():
            return []
        return [
            f'step {seen.step} (epoch {seen.epoch}): the term {name!r} is {value}, of the frames '
            f'{", ".join(quoted(each) for each in seen.ids)}'
            for seen, row in zip(self._seen, values.tolist(), strict=True)
            for name, value in zip(seen.terms, row, strict=True)
            if not math.isfinite(value)
        ]


def not_finite(tensors: Mapping[str, Tensor]) -> list[str]:
    """Return the names of those that hold NaN or infinity."""
    numbers = {name: each for name, each in tensors.items() if each.is_floating_point()}
    if not numbers:
        return []
    good = torch.stack([each.isfinite().all() for each in numbers.values()]).tolist()
    return [name for name, is_good in zip(numbers, good, strict=True) if not is_good]
