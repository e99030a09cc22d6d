"""SegFormer's all-MLP head, and the same function folded for inference.

Source: Xie et al., arXiv:2105.15203, eq. 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from robustseg_core.models.subset_norm import SubsetNorm

# Channels of the full-size sum that exist at a time. On a CPU few enough for a core's cache and
# enough for efficient products; elsewhere launching a kernel costs more than it can save.
CHANNELS_AT_A_TIME = {'cpu': 64}
CHANNELS_ELSEWHERE = 256


class AllMlpHead(nn.Module):
    """Project four maps to one width, bring them to stride 4, mix them, classify.

    Args:
        channels: Of each map, finest first.
        width: Channels inside the head.
        num_classes: K.
        dropout: Chance that a channel is dropped in training.
        subsets: Subsets of the modalities whose batch norm statistics are kept apart in
            evaluation; 0 = the same for all.

    Shapes:
        features: four maps (B, C_i, h_i, w_i), finest first.
        subset: (B,) int64, the subset that each sample's features are the mean of; None = all
            modalities.
        returns: logits (B, K, h_1, w_1).
    """

    def __init__(
        self,
        channels: Sequence[int],
        width: int,
        num_classes: int,
        dropout: float = 0.1,
        subsets: int = 0,
    ) -> None:
        super().__init__()
        self.projections = nn.ModuleList(nn.Conv2d(count, width, 1) for count in channels)
        # Its input channels are the coarsest map's first: the order of the published weights.
        self.fuse = nn.Conv2d(len(channels) * width, width, 1, bias=False)
        self.norm = SubsetNorm(width, subsets)
        self.dropout = nn.Dropout2d(dropout)
        self.classifier = nn.Conv2d(width, num_classes, 1)
        nn.init.kaiming_normal_(self.fuse.weight, mode='fan_out', nonlinearity='relu')
        nn.init.normal_(self.classifier.weight, std=0.01)
        nn.init.zeros_(cast('Tensor', self.classifier.bias))

    def forward(self, features: Sequence[Tensor], subset: Tensor | None = None) -> Tensor:
        mixed = self.norm(self.mix(features), subset)
        logits: Tensor = self.classifier(self.dropout(F.relu(mixed)))
        return logits

    def mix(self, features: Sequence[Tensor]) -> Tensor:
        """Return what is normalised, (B, width, h_1, w_1)."""
        size = features[0].shape[2:]
        projected = [
            resize(project(maps), size)
            for project, maps in zip(self.projections, features, strict=True)
        ]
        mixed: Tensor = self.fuse(torch.cat(projected[::-1], dim=1))
        return mixed

    @torch.no_grad()
    def fold(self) -> FoldedHead:
        """Return this head's evaluation as one linear map per stage.

        Projection, mixing and batch norm are linear, and resizing (whose weights sum to one)
        commutes with a 1x1 convolution, so norm(fuse(cat(resize(project_i(x_i))))) equals the
        sum of resize(merged_i(x_i)) and a bias. The merging is done in float64.

        The statistics of a subset change the scale and bias of each channel. The matrices have
        the scale s of one subset; that of another, s' > 0 times s, is left to the classifier,
        since relu(s' x + b) = s' relu(x + b / s').
        """
        projections = [cast('nn.Conv2d', each) for each in self.projections]
        scales, shifts = self.norm.scale_and_shift()  # (S, width) each
        common = scales[-1]  # that of all modalities
        merged, constant = [], torch.zeros_like(common)
        parts = self.fuse.weight.double().flatten(1).chunk(len(projections), dim=1)
        for part, project in zip(reversed(parts), projections, strict=True):
            constant = constant + part @ cast('Tensor', project.bias).double()
            merged.append(common[:, None] * (part @ project.weight.double().flatten(1)))
        ratios = self.norm.ratios()
        biases = (shifts + scales * constant) / ratios
        return FoldedHead(merged, biases, ratios, self.classifier)


class FoldedHead(nn.Module):
    """An ``AllMlpHead`` for inference: same shapes and function, a fraction of the work.

    Attributes:
        stages: A 1x1 convolution without bias per map.
        biases: (S, width), added to their sum; a row per subset, or one for all.
        ratios: (S, width), factors of the classifier's columns, > 0.
    """

    biases: Tensor
    ratios: Tensor

    def __init__(
        self, weights: Sequence[Tensor], biases: Tensor, ratios: Tensor, classifier: nn.Conv2d
    ) -> None:
        """Build the head from its matrices.

        Args:
            weights: Matrix (width, C_i) of each map, finest first.
            biases: (S, width).
            ratios: (S, width).
            classifier: Copied.
        """
        super().__init__()
        weight = classifier.weight
        self.stages = nn.ModuleList()
        for matrix in weights:
            stage = nn.Conv2d(matrix.shape[1], matrix.shape[0], 1, bias=False).to(weight)
            stage.weight.copy_(matrix[:, :, None, None])
            self.stages.append(stage)
        self.register_buffer('biases', biases.to(weight))
        self.register_buffer('ratios', ratios.to(weight))
        self.classifier = nn.Conv2d(weight.shape[1], weight.shape[0], 1).to(weight)
        self.classifier.load_state_dict(classifier.state_dict())
        self.requires_grad_(requires_grad=False)

    def forward(self, features: Sequence[Tensor], subset: Tensor | None = None) -> Tensor:
        # Maps are worked on with the channels last: a resize then moves whole vectors. The sum at
        # full size exists only in parts, since moving it, not arithmetic, is what would cost.
        batch, _, height, width = features[0].shape
        bias, classifier = self.rows(subset)
        finest = features[0].permute(0, 2, 3, 1).flatten(1, 2)  # (B, hw, C_1)
        coarser = [
            stage(maps.contiguous(memory_format=torch.channels_last))
            for stage, maps in zip(self.stages[1:], features[1:], strict=True)
        ]
        coarser[-1] = coarser[-1] + bias[:, :, None, None]  # the smallest; resizing keeps it
        matrix = cast('Tensor', self.stages[0].weight).flatten(1).T  # (C_1, width)
        logits = cast('Tensor', self.classifier.bias).repeat(batch, height * width, 1)
        step = CHANNELS_AT_A_TIME.get(finest.device.type, CHANNELS_ELSEWHERE)
        for start in range(0, matrix.shape[1], step):
            part = slice(start, start + step)
            mixed = finest @ matrix[:, part]
            for maps in coarser:
                cut = maps[:, part].contiguous(memory_format=torch.channels_last)
                mixed += resize(cut, (height, width)).permute(0, 2, 3, 1).flatten(1, 2)
            logits.baddbmm_(mixed.relu_(), classifier[:, :, part].mT.expand(batch, -1, -1))
        return logits.view(batch, height, width, -1).permute(0, 3, 1, 2)

    def rows(self, subset: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return bias (B, width) and classifier (B, K, width) of the samples' subsets.

        Where they are alike for all samples, B is 1.
        """
        alike = subset is None or len(self.biases) == 1
        rows = slice(-1, None) if alike else subset
        weight = self.classifier.weight[:, :, 0, 0]
        return self.biases[rows], weight * self.ratios[rows][:, None, :]


def resize(maps: Tensor, size: Sequence[int]) -> Tensor:
    """Resize maps (B, C, h, w) to ``size`` (H, W), bilinearly, corners not aligned."""
    if tuple(maps.shape[2:]) == tuple(size):
        return maps
    return F.interpolate(maps, list(size), mode='bilinear', align_corners=False)
