"""Scores on the validation frames while a stage trains, and the networks they choose."""

from __future__ import annotations

from collections.abc import Callable, Collection
import math
from typing import Any

import lightning
from lightning.pytorch.callbacks import Callback

from robustseg_core.evaluation.scores import SubsetScores, mean_of_scored
from robustseg_core.models.segmenter import MultimodalSegmenter
from robustseg_core.training.networks import NetworkFiles
from robustseg_core.training.processes import share_buffers

Score = Callable[[MultimodalSegmenter, str], SubsetScores]


class Validation(Callback):
    """Every few epochs, and after the last: logs the mIoU of every subset, writes the network.

    Args:
        network: What is scored and written: the one that learns, or its running mean.
        score: Scores it on a device; all processes call it.
        files: Where the first process writes it.
        every: Epochs between two scores; 0 = only the last.
        select: Letters of the subsets whose mean mIoU decides on the best; empty = all.
    """

    def __init__(
        self,
        network: MultimodalSegmenter,
        score: Score,
        files: NetworkFiles,
        every: int,
        select: Collection[str] = (),
    ) -> None:
        self._network = network
        self._score = score
        self._files = files
        self._every = every
        self._select = set(select)
        self._best = math.nan

    def on_train_epoch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        epoch = trainer.current_epoch + 1
        if not is_due(epoch, trainer.max_epochs or 0, self._every):
            return
        # Each process has seen other frames, and their networks' batch norm with it.
        share_buffers(self._network)
        values = self._score(self._network, str(pl_module.device)).mean_ious()
        mean = mean_of_scored(values.values())
        chosen = mean_of_scored(
            value for letters, value in values.items() if letters in (self._select or values)
        )
        metrics = {f'miou/{letters}': value for letters, value in values.items()}
        for logger in trainer.loggers:
            # At once and not by Lightning's own way, which comes after the state is saved.
            logger.log_metrics(
                {**metrics, 'miou/mean': mean, 'epoch': trainer.current_epoch},
                step=trainer.global_step - 1,
            )
        pl_module.log('miou/mean', mean, prog_bar=True, logger=False, sync_dist=True)
        # Written this way, NaN is better than nothing and worse than any number.
        is_best = math.isnan(self._best) or chosen > self._best
        self._best = chosen if is_best else self._best
        if trainer.is_global_zero:
            for which in ('last', 'best') if is_best else ('last',):
                self._files.write(self._network, which, epoch, trainer.global_step)

    def state_dict(self) -> dict[str, Any]:
        return {'best': self._best}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._best = state_dict['best']


def is_due(epoch: int, epochs: int, every: int) -> bool:
    """Tell whether to score after ``epoch`` (from 1) of ``epochs``."""
    return epoch == epochs or bool(every and epoch % every == 0)
