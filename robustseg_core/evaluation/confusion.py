"""Confusion counts and what is read from them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from robustseg_core.labels import IGNORE_ID


class Confusion:
    """Counts of pixels by (true class, predicted class) over everything seen.

    The counts are int64: float32, as the published code has it, cannot count past 2**24.
    """

    def __init__(self, num_classes: int) -> None:
        # The last column gathers the unlabelled: a miss of the true class, a hit of none.
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
        hits = np.diag(self.counts).astype(np.float64)
        union = self.counts.sum(axis=1) + self.counts[:, :-1].sum(axis=0) - hits
        with np.errstate(invalid='ignore'):
            return np.where(union > 0, hits / np.maximum(union, 1), np.nan)

    def mean_iou(self, *, absent_as_zero: bool = False) -> float:
        """Return the mean IoU in percent.

        Args:
            absent_as_zero: Average over all K classes and count those that do not occur as 0, as
                the published evaluation does; otherwise average over the classes that occur.
        """
        ious = self.class_iou()
        if absent_as_zero:
            return float(100 * np.nan_to_num(ious).mean())
        return float(100 * np.nanmean(ious)) if np.isfinite(ious).any() else float('nan')
