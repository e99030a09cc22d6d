"""SegFormer's all-MLP head, and the same function folded for inference.

Source: Xie et al., arXiv:2105.15203, eq. 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class AllMlpHead(nn.Module):
    """Project four maps to one width, bring them to stride 4, mix them, classify.

    Shapes:
        features: four maps (B, C_i, h_i, w_i), finest first.
        returns: logits (B, K, h_1, w_1).
    """

    def __init__(
        self, channels: Sequence[int], width: int, num_classes: int, dropout: float = 0.1
    ) -> None:
        super().__init__()
        self.projections = nn.ModuleList(nn.Conv2d(count, width, 1) for count in channels)
        # Its input channels are the coarsest map's first: the order of the published weights.
        self.fuse = nn.Conv2d(len(channels) * width, width, 1, bias=False)
        self.norm = nn.BatchNorm2d(width)
        self.dropout = nn.Dropout2d(dropout)
        self.classifier = nn.Conv2d(width, num_classes, 1)
        nn.init.kaiming_normal_(self.fuse.weight, mode='fan_out', nonlinearity='relu')
        nn.init.normal_(self.classifier.weight, std=0.01)
        nn.init.zeros_(cast('Tensor', self.classifier.bias))

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        size = features[0].shape[2:]
        projected = [
            resize(project(maps), size)
            for project, maps in zip(self.projections, features, strict=True)
        ]
        mixed = self.norm(self.fuse(torch.cat(projected[::-1], dim=1)))
        logits: Tensor = self.classifier(self.dropout(F.relu(mixed)))
        return logits

    @torch.no_grad()
    def fold(self) -> FoldedHead:
        """Return this head's evaluation as one linear map per stage.

        Projection, mixing and batch norm are linear, and resizing (whose weights sum to one)
        commutes with a 1x1 convolution, so norm(fuse(cat(resize(project_i(x_i))))) equals the
        sum of resize(merged_i(x_i)). The merging is done in float64.
        """
        projections = [cast('nn.Conv2d', each) for each in self.projections]
        mean, variance = cast('Tensor', self.norm.running_mean), self.norm.running_var
        scale = (
            self.norm.weight.double() / (cast('Tensor', variance).double() + self.norm.eps).sqrt()
        )  # (width,)
        bias = self.norm.bias.double() - scale * mean.double()
        merged = []
        parts = self.fuse.weight.double().flatten(1).chunk(len(projections), dim=1)
        for part, project in zip(reversed(parts), projections, strict=True):
            mix = scale[:, None] * part  # (width, width)
            bias = bias + mix @ cast('Tensor', project.bias).double()
            merged.append(mix @ project.weight.double().flatten(1))  # (width, C_i)
        return FoldedHead(merged, bias, self.classifier)


class FoldedHead(nn.Module):
    """An ``AllMlpHead`` for inference: same shapes and function, a fraction of the work."""

    def __init__(self, weights: Sequence[Tensor], bias: Tensor, classifier: nn.Conv2d) -> None:
        """Build the head from its matrices.

        Args:
            weights: Matrix (width, C_i) of each map, finest first.
            bias: (width,), common to all maps.
            classifier: Copied.
        """
        super().__init__()
        weight = classifier.weight
        convolution = partial(nn.Conv2d, kernel_size=1, device=weight.device, dtype=weight.dtype)
        self.stages = nn.ModuleList()
        for index, matrix in enumerate(weights):
            # The common bias goes to the finest map, which is not resized.
            stage = convolution(matrix.shape[1], matrix.shape[0], bias=index == 0)
            stage.weight.copy_(matrix[:, :, None, None])
            if stage.bias is not None:
                stage.bias.copy_(bias)
            self.stages.append(stage)
        self.classifier = convolution(weight.shape[1], weight.shape[0])
        self.classifier.load_state_dict(classifier.state_dict())
        self.requires_grad_(requires_grad=False)

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        size = features[0].shape[2:]
        mixed = self.stages[0](features[0])
        for stage, maps in zip(self.stages[1:], features[1:], strict=True):
            mixed = mixed + resize(stage(maps), size)
        logits: Tensor = self.classifier(F.relu(mixed))
        return logits


def resize(maps: Tensor, size: Sequence[int]) -> Tensor:
    """Resize maps (B, C, h, w) to ``size`` (H, W), bilinearly, corners not aligned."""
    if tuple(maps.shape[2:]) == tuple(size):
        return maps
    return F.interpolate(maps, list(size), mode='bilinear', align_corners=False)
