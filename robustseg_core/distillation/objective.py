"""The loss terms of both stages (RobustSeg, Eq 1-5)."""

from __future__ import annotations

import math

from torch import Tensor
from torch.nn import functional as F

from robustseg_core.labels import IGNORE_ID


def ohem_cross_entropy(logits: Tensor, labels: Tensor, threshold: float = 0.7) -> Tensor:
    """Return the cross-entropy of the hard pixels (online hard example mining).

    Hard is a pixel whose true class has less than ``threshold`` probability; where fewer than a
    sixteenth of the labelled pixels are hard, the hardest sixteenth counts instead.

    Source: RobustSeg, Eq 1 and 3, with the mining of the published training.

    Args:
        logits: (B, K, H, W) float.
        labels: (B, H, W) int64, 255 = ignore.
        threshold: Probability in (0, 1) below which a pixel is hard.

    Returns:
        Scalar mean over the kept pixels; zero, with a gradient of zero, where none is labelled.
    """
    # In float32 also under autocast: bf16 has two digits, and sums of fp16 overflow.
    logits = logits.float()
    losses = F.cross_entropy(logits, labels, ignore_index=IGNORE_ID, reduction='none')
    valid = losses[labels != IGNORE_ID]
    if valid.numel() == 0:
        # A mean over nothing would be NaN and end the training.
        return logits.sum() * 0.0
    hard = valid[valid > -math.log(threshold)]
    fewest = max(1, valid.numel() // 16)
    if hard.numel() < fewest:
        hard = valid.topk(fewest).values
    return hard.mean()


def logit_distillation(student: Tensor, teacher: Tensor) -> Tensor:
    """Return KL(teacher || student) of the class probabilities, averaged over every element.

    Source: RobustSeg, Eq 2 and 4: no temperature, softmax over the classes, mean over
    B, K, H and W, so that the published weight of 50 applies.

    Args:
        student: (B, K, H, W) logits.
        teacher: (B, K, H, W) logits; no gradient flows into them.
    """
    divergence = F.kl_div(
        student.float().log_softmax(dim=1),
        teacher.detach().float().log_softmax(dim=1),
        log_target=True,
        reduction='none',
    )
    return divergence.mean().clamp(min=0.0)
