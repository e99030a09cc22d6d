"""The folded network as two graphs: an encoder for one image, a head for fused maps.

Both are the functions of ``MultimodalSegmenter.fold()``, written so that the libraries that run
graphs are fast with them: linear maps around a convolution are convolutions themselves, and the
head makes its full-size sum a few channels at a time.
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from robustseg_core.models.all_mlp_head import FoldedHead
from robustseg_core.models.config import SegmenterConfig
from robustseg_core.models.mix_transformer import MixFfn, MixTransformer
from robustseg_core.models.segmenter import MultimodalSegmenter

IMAGE = 'image'
MAPS = ('map1', 'map2', 'map3', 'map4')
SUBSET = 'subset'
LOGITS = 'logits'
STRIDES = (4, 8, 16, 32)

# As many channels of the full-size sum exist at a time: on a CPU they fit a core's cache, and the
# peak of memory is a part of what it was.
CHANNELS_AT_A_TIME = 64
EXAMPLE_SIZE = (64, 96)  # sides differ, so that they cannot be mixed up


def takes_subset(config: SegmenterConfig) -> bool:
    """Return whether the head's graph has the input ``SUBSET``: where there are several rows."""
    return config.norm_statistics == 'subset' and len(config.modalities) > 1


class EncoderGraph(nn.Module):
    """The encoder.

    Shapes:
        image: (B, 3, H, W) float32, normalised; H and W multiples of 32.
        returns: four maps (B, C_i, h_i, w_i), finest first.
    """

    def __init__(self, model: MultimodalSegmenter) -> None:
        super().__init__()
        self.encoder = deepcopy(model.encoder).eval().cpu()
        if isinstance(self.encoder, MixTransformer):
            for stage in self.encoder.stages:
                for block in cast('Iterable[nn.Module]', stage.blocks):
                    block.mlp = ConvolutionalFfn(cast('MixFfn', block.mlp))

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.encoder(image))


class ConvolutionalFfn(nn.Module):
    """A ``MixFfn`` whose linear maps are 1x1 convolutions: same shapes and function.

    Convolutions after each other pass their maps on in the layout they like: that takes a tenth
    off the encoder in OpenVINO and in ONNX Runtime.
    """

    def __init__(self, ffn: MixFfn) -> None:
        super().__init__()
        self.expand = _as_convolution(ffn.fc1)
        self.dwconv = ffn.dwconv
        self.reduce = _as_convolution(ffn.fc2)

    def forward(self, tokens: Tensor, size: tuple[int, int]) -> Tensor:
        maps = tokens.transpose(1, 2).reshape(tokens.shape[0], -1, *size)  # (B, C, h, w)
        maps = F.gelu(self.dwconv(self.expand(maps)))
        out: Tensor = self.reduce(maps).flatten(2).transpose(1, 2)
        return out


class HeadGraph(nn.Module):
    """The folded head.

    Args:
        model: Folded or not.
        channels_at_a_time: Of the full-size sum; None = all at once, which suits GPUs.

    Shapes:
        inputs: four fused maps (B, C_i, h_i, w_i), finest first; then, where ``takes_subset``,
            (1,) int64, the place of their modalities in ``ModalitySet.subsets()``.
        returns: logits (B, K, h_1, w_1).

    Attributes:
        takes_subset: Whether the subsets are normalised by statistics of their own.
    """

    biases: Tensor
    ratios: Tensor

    def __init__(self, model: MultimodalSegmenter, channels_at_a_time: int | None) -> None:
        super().__init__()
        head = cast('FoldedHead', deepcopy(model).cpu().fold().head)
        width = head.biases.shape[1]
        step = channels_at_a_time or width
        stages = [cast('nn.Conv2d', each) for each in head.stages]
        self.parts = nn.ModuleList()
        for start in range(0, width, step):
            channels = slice(start, min(start + step, width))
            projections = [_convolution(stage.weight[channels]) for stage in stages]
            # The classifier's bias is added once.
            bias = None if start else head.classifier.bias
            classifier = _convolution(head.classifier.weight[:, channels], bias)
            self.parts.append(nn.ModuleList([*projections, classifier]))
        self.takes_subset = takes_subset(model.config)
        self.register_buffer('biases', head.biases.clone())
        self.register_buffer('ratios', head.ratios.clone())

    def forward(self, *inputs: Tensor) -> Tensor:
        maps = inputs[:4]
        rows = inputs[4] if self.takes_subset else slice(-1, None)
        bias, ratio = self.biases[rows][..., None, None], self.ratios[rows][..., None, None]
        logits: Tensor | None = None
        start = 0
        for part in self.parts:
            *projections, classify = cast('Iterable[nn.Conv2d]', part)
            channels = slice(start, start + projections[0].out_channels)
            start = channels.stop
            # From the coarsest on: the finest map's convolution then ends the sum, and libraries
            # that fuse make one step of convolution, sum and ReLU.
            total = _enlarged(projections[-1](maps[-1]) + bias[:, channels], 3)
            for level in (2, 1, 0):
                total = total + _enlarged(projections[level](maps[level]), level)
            total = F.relu(total)
            if self.takes_subset:
                total = total * ratio[:, channels]
            share = classify(total)
            logits = share if logits is None else logits + share
        return cast('Tensor', logits)


def example_image() -> Tensor:
    """Return an image to trace the encoder with; two, since 1 would be taken for a constant."""
    return torch.zeros(2, 3, *EXAMPLE_SIZE)


def example_maps(encoder: EncoderGraph, head: HeadGraph, image: Tensor) -> tuple[Tensor, ...]:
    """Return inputs to trace the head with: what the encoder makes of ``image``."""
    with torch.no_grad():
        maps = encoder(image)
    return (*maps, torch.zeros(1, dtype=torch.int64)) if head.takes_subset else maps


def _enlarged(maps: Tensor, level: int) -> Tensor:
    """Bring maps of a level, counted from the finest, to the finest's size.

    Images are multiples of 32, so that a constant factor does it, which libraries plan for.
    """
    if level == 0:
        return maps
    return F.interpolate(maps, scale_factor=2**level, mode='bilinear', align_corners=False)


def _as_convolution(linear: nn.Linear) -> nn.Conv2d:
    return _convolution(linear.weight[:, :, None, None], linear.bias)


def _convolution(weight: Tensor, bias: Tensor | None = None) -> nn.Conv2d:
    made = nn.Conv2d(weight.shape[1], weight.shape[0], 1, bias=bias is not None)
    with torch.no_grad():
        made.weight.copy_(weight)
        if made.bias is not None and bias is not None:
            made.bias.copy_(bias)
    return made.requires_grad_(requires_grad=False)
