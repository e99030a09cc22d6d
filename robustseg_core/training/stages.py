"""The two stages: a batch in, named losses out; Lightning runs the loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import lightning
import torch
from torch import Tensor

from robustseg_core.data.sample import Batch
from robustseg_core.distillation.modality_dropout import draw_subset
from robustseg_core.distillation.objective import logit_distillation, ohem_cross_entropy
from robustseg_core.models.segmenter import MultimodalSegmenter
from robustseg_core.training.config import DistillationConfig, StageConfig


def warmup_poly(total_steps: int, warmup_steps: int, power: float) -> Callable[[int], float]:
    """Return the learning rate's factor per step: linear from 0.1, then (1 - t/T)**power."""

    def factor(step: int) -> float:
        if step < warmup_steps:
            return 0.1 + 0.9 * step / warmup_steps
        remaining = 1 - (step - warmup_steps) / max(1, total_steps - warmup_steps)
        return float(max(0.0, remaining) ** power)

    return factor


class Stage(lightning.LightningModule):
    """What both stages share: the trained network, its optimiser, the weighted sum of terms."""

    def __init__(self, segmenter: MultimodalSegmenter, config: StageConfig) -> None:
        super().__init__()
        self.segmenter = segmenter
        self._config = config

    def losses(self, batch: Batch) -> Mapping[str, tuple[float, Tensor]]:
        """Return the weight and the value of each named term."""
        raise NotImplementedError

    def training_step(self, batch: Batch, _index: int) -> Tensor:
        terms = self.losses(batch)
        total = torch.stack([weight * value for weight, value in terms.values()]).sum()
        values = {name: value.detach() for name, (_, value) in terms.items()}
        size = len(batch['ids'])
        self.log_dict({**values, 'loss': total.detach()}, prog_bar=True, batch_size=size)
        return total

    def configure_optimizers(self) -> Any:
        decayed = [p for p in self.segmenter.parameters() if p.ndim > 1]
        plain = [p for p in self.segmenter.parameters() if p.ndim <= 1]
        config = self._config
        optimizer = torch.optim.AdamW(
            [
                {'params': decayed, 'weight_decay': config.weight_decay},
                {'params': plain, 'weight_decay': 0.0},
            ],
            lr=config.lr,
        )
        total = int(self.trainer.estimated_stepping_batches)
        warmup = round(total * config.warmup_epochs / config.epochs)
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer, warmup_poly(total, warmup, config.poly_power)
        )
        return [optimizer], [{'scheduler': schedule, 'interval': 'step'}]


class TeacherStage(Stage):
    """Stage 1: all modalities, cross-entropy only."""

    def losses(self, batch: Batch) -> Mapping[str, tuple[float, Tensor]]:
        logits = self.segmenter(batch['images'], batch['availability'])
        return {'ce': (1.0, ohem_cross_entropy(logits, batch['labels']))}


class StudentStage(Stage):
    """Stage 2: the student sees a random subset, the frozen teacher everything (Eq 3-5)."""

    def __init__(
        self,
        segmenter: MultimodalSegmenter,
        teacher: MultimodalSegmenter,
        config: StageConfig,
        distillation: DistillationConfig,
        seed: int,
    ) -> None:
        super().__init__(segmenter, config)
        # In a tuple, so that it is no submodule: not in train mode, not in the checkpoints.
        self._frozen = (teacher.eval().requires_grad_(requires_grad=False),)
        self._distillation = distillation
        self._generator = torch.Generator().manual_seed(seed)

    def on_fit_start(self) -> None:
        self._frozen[0].to(self.device)

    def losses(self, batch: Batch) -> Mapping[str, tuple[float, Tensor]]:
        images, availability = batch['images'], batch['availability']
        with torch.no_grad():
            target = self._frozen[0](images, availability)
        names = self.segmenter.config.modalities.names
        chosen = draw_subset(names, self._generator)
        visible = availability & torch.tensor(
            [name in chosen for name in names], device=availability.device
        )
        # A sample that has none of the chosen sensors keeps what it has: never an empty input.
        blind = ~visible.any(dim=1, keepdim=True)
        visible = torch.where(blind, availability, visible)
        logits = self.segmenter(images, visible)
        return {
            'ce': (1.0, ohem_cross_entropy(logits, batch['labels'])),
            'logit_kl': (self._distillation.logit_weight, logit_distillation(logits, target)),
        }
