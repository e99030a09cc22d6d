"""Batch norm that remembers what each subset of the modalities looks like."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn


class SubsetNorm(nn.BatchNorm2d):
    """Batch norm whose evaluation may use other statistics for every subset of the modalities.

    Where a step of training shows the network one subset, as modality dropout does, batch norm
    learns under the statistics of that subset, but evaluates every subset with those of their
    mixture, which no step has seen. Statistics of the subsets, where there are some, close that
    gap; they are estimated once the weights are there (``robustseg_core.training.calibration``).

    Args:
        width: Number of channels.
        subsets: Number S of subsets; 0 = the running statistics serve all.

    Shapes:
        maps: (B, width, h, w).
        subset: (B,) int64, rows of the statistics; None = the last, of all modalities.
    """

    subset_mean: Tensor | None
    subset_var: Tensor | None

    def __init__(self, width: int, subsets: int = 0) -> None:
        super().__init__(width)
        self.register_buffer('subset_mean', torch.zeros(subsets, width) if subsets else None)
        self.register_buffer('subset_var', torch.ones(subsets, width) if subsets else None)

    def forward(self, maps: Tensor, subset: Tensor | None = None) -> Tensor:
        if self.training or self.subset_mean is None:
            return super().forward(maps)
        scales, shifts = self.scale_and_shift()
        rows = slice(-1, None) if subset is None else subset
        scale, shift = scales[rows].to(maps.dtype), shifts[rows].to(maps.dtype)
        return maps * scale[:, :, None, None] + shift[:, :, None, None]

    def scale_and_shift(self) -> tuple[Tensor, Tensor]:
        """Return the scale and shift (S, width) float64 of each subset, or one row for all."""
        scale = self.weight.double() / self._deviation()
        return scale, self.bias.double() - scale * self._mean()

    def ratios(self) -> Tensor:
        """Return each subset's scale by that of the last, (S, width) float64, > 0."""
        deviation = self._deviation()
        return deviation[-1] / deviation

    def _mean(self) -> Tensor:
        shared = cast('Tensor', self.running_mean)[None]
        return (shared if self.subset_mean is None else self.subset_mean).double()

    def _deviation(self) -> Tensor:
        shared = cast('Tensor', self.running_var)[None]
        variance = shared if self.subset_var is None else self.subset_var
        return (variance.double() + self.eps).sqrt()
