"""Confusion counts and what is read from them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor

from robustseg_core.labels import IGNORE_ID


class Confusion:
    """Counts of pixels by (true class, predicted class) over everything seen.

    The counts are int64: float32, as the published code has it, cannot count past 2**24.

    A score is averaged over the classes that occur, or, ``absent_as_zero``, over all K classes
    with 0 for those that do not occur, as the published evaluation does. The first reads higher.

    Attributes:
        counts: (K, K + 1); the last column gathers the unlabelled: a miss of the true class, a
            hit of none.
    """

    def __init__(self, num_classes: int) -> None:
        self.counts: NDArray[np.int64] = np.zeros((num_classes, num_classes + 1), np.int64)

    def update(self, predicted: NDArray[np.uint8], truth: NDArray[np.uint8]) -> None:
        """Count the pixels of one or more frames.

        Args:
            predicted: Class ids, any shape; 255 = unlabelled.
            truth: Class ids of the same shape; 255 = ignore.
        """
        num_classes, width = self.counts.shape
        keep = truth != IGNORE_ID
        columns = np.minimum(predicted[keep], num_classes)
        pairs = truth[keep].astype(np.int64) * width + columns
        self.counts += np.bincount(pairs, minlength=num_classes * width).reshape(-1, width)

    def class_iou(self) -> NDArray[np.float64]:
        """Return the IoU of each class in [0, 1]; NaN where it is neither true nor predicted."""
        hits, true, predicted = self._sums()
        return _ratio(hits, true + predicted - hits)

    def class_accuracy(self) -> NDArray[np.float64]:
        """Return the share of each class's pixels that was found; NaN where it has none."""
        hits, true, _ = self._sums()
        return _ratio(hits, true)

    def class_f1(self) -> NDArray[np.float64]:
        """Return the F1 score of each class; NaN where it is neither true nor predicted."""
        hits, true, predicted = self._sums()
        return _ratio(2 * hits, true + predicted)

    def mean_iou(self, *, absent_as_zero: bool = False) -> float:
        """Return the mean IoU in percent."""
        return _mean(self.class_iou(), absent_as_zero=absent_as_zero)

    def mean_accuracy(self, *, absent_as_zero: bool = False) -> float:
        """Return the mean class accuracy in percent."""
        return _mean(self.class_accuracy(), absent_as_zero=absent_as_zero)

    def mean_f1(self, *, absent_as_zero: bool = False) -> float:
        """Return the mean F1 score in percent."""
        return _mean(self.class_f1(), absent_as_zero=absent_as_zero)

    def _sums(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Return for each class its hits, its true pixels and the pixels it was predicted at."""
        return np.diag(self.counts), self.counts.sum(axis=1), self.counts[:, :-1].sum(axis=0)


def pixel_counts(predicted: Tensor, truth: Tensor, num_classes: int) -> NDArray[np.int64]:
    """Count the pixels of each frame where the tensors are, in one go.

    Args:
        predicted: (B, H, W) class ids below ``num_classes``.
        truth: (B, H, W) int64 class ids on the same device, 255 = ignore.
        num_classes: K.

    Returns:
        (B, K, K + 1) as ``Confusion.counts``; the last column is empty.
    """
    batch, width = truth.shape[0], num_classes + 1
    frame = torch.arange(batch, device=truth.device)[:, None, None]
    pairs = (frame * num_classes + truth) * width + predicted
    counts = torch.bincount(pairs[truth != IGNORE_ID], minlength=batch * num_classes * width)
    return counts.view(batch, num_classes, width).cpu().numpy()


def _ratio(part: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.where(whole > 0, part / np.maximum(whole, 1), np.nan)


def _mean(values: NDArray[np.float64], *, absent_as_zero: bool) -> float:
    if absent_as_zero:
        return float(100 * np.nan_to_num(values).mean())
    return float(100 * np.nanmean(values)) if np.isfinite(values).any() else float('nan')
