"""A running mean of the weights, which is often better than the weights themselves."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import lightning
from lightning.pytorch.callbacks import Callback
import torch

from robustseg_core.models.segmenter import MultimodalSegmenter


class AveragedNetwork(Callback):
    """Keeps an exponential moving average (EMA) of a network; norms' statistics are the newest.

    The first steps count more, so that the initial weights are soon forgotten: the mean keeps
    min(decay, (1 + t) / (10 + t)) of itself at step t.

    Args:
        network: The one that learns.
        decay: Share that the mean keeps of itself at each step, in (0, 1).

    Attributes:
        mean: The averaged network.
    """

    def __init__(self, network: MultimodalSegmenter, decay: float) -> None:
        self.mean = deepcopy(network).eval().requires_grad_(requires_grad=False)
        self._network = network
        self._decay = decay
        self._steps = 0

    def on_fit_start(
        self,
        trainer: lightning.Trainer,  # noqa: ARG002
        pl_module: lightning.LightningModule,
    ) -> None:
        self.mean.to(pl_module.device)

    @torch.no_grad()
    def on_train_batch_end(self, trainer: lightning.Trainer, *_: Any) -> None:
        if trainer.global_step == self._steps:  # the gradients of this batch are still gathered
            return
        self._steps = trainer.global_step
        keep = min(self._decay, (1 + self._steps) / (10 + self._steps))
        for mean, value in zip(self.mean.parameters(), self._network.parameters(), strict=True):
            mean.lerp_(value, 1 - keep)
        for statistic, newest in zip(self.mean.buffers(), self._network.buffers(), strict=True):
            statistic.copy_(newest)

    def state_dict(self) -> dict[str, Any]:
        return {'mean': self.mean.state_dict(), 'steps': self._steps}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.mean.load_state_dict(state_dict['mean'])
        self._steps = state_dict['steps']
