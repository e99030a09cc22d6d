"""The optimiser and its learning rate, as published."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from robustseg_core.training.config import StageConfig


def adamw(module: nn.Module, config: StageConfig) -> torch.optim.AdamW:
    """Return AdamW for what learns in ``module``; norms and biases do not decay."""
    learning = [p for p in module.parameters() if p.requires_grad]
    return torch.optim.AdamW(
        [
            {'params': [p for p in learning if p.ndim > 1], 'weight_decay': config.weight_decay},
            {'params': [p for p in learning if p.ndim <= 1], 'weight_decay': 0.0},
        ],
        lr=config.lr,
    )


def warmup_poly(total_steps: int, warmup_steps: int, power: float) -> Callable[[int], float]:
    """Return the learning rate's factor per step: linear from 0.1, then (1 - t/T)**power.

    Args:
        total_steps: Where the decay reaches zero; t and T count from the end of the warm-up.
            The published code puts it one epoch beyond the last step (``decay_margin``).
        warmup_steps: Steps of the linear part.
        power: Of the decay.
    """

    def factor(step: int) -> float:
        if step < warmup_steps:
            return 0.1 + 0.9 * step / warmup_steps
        remaining = 1 - (step - warmup_steps) / max(1, total_steps - warmup_steps)
        return float(max(0.0, remaining) ** power)

    return factor
