"""The Mix Transformer (MiT), encoder of SegFormer.

Written from the paper's formulas: Xie et al., "SegFormer: Simple and Efficient Design for Semantic
Segmentation with Transformers", NeurIPS 2021, arXiv:2105.15203, section 3.1 and table 6.
"""

from __future__ import annotations

from dataclasses import dataclass
import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

BLOCK_EPS = 1e-6  # norms of blocks and stage ends
CONV_EPS = 1e-5  # norms after a convolution: patch embedding, sequence reduction
MLP_RATIO = 4


@dataclass(frozen=True)
class MixTransformerConfig:
    """The numbers of one MiT; each tuple has one entry per stage.

    Attributes:
        dims: Channels C.
        depths: Number of blocks.
        heads: Number of attention heads; divides the channels.
        reductions: Factor by which keys and values are shortened along each image side.
    """

    dims: tuple[int, int, int, int]
    depths: tuple[int, int, int, int]
    heads: tuple[int, int, int, int] = (1, 2, 5, 8)
    reductions: tuple[int, int, int, int] = (8, 4, 2, 1)


MIX_TRANSFORMERS = {
    'mit_nano': MixTransformerConfig((16, 32, 80, 128), (2, 2, 2, 2)),  # ours, not the paper's
    'mit_b0': MixTransformerConfig((32, 64, 160, 256), (2, 2, 2, 2)),
    'mit_b1': MixTransformerConfig((64, 128, 320, 512), (2, 2, 2, 2)),
    'mit_b2': MixTransformerConfig((64, 128, 320, 512), (3, 4, 6, 3)),
    'mit_b3': MixTransformerConfig((64, 128, 320, 512), (3, 4, 18, 3)),
    'mit_b4': MixTransformerConfig((64, 128, 320, 512), (3, 8, 27, 3)),
    'mit_b5': MixTransformerConfig((64, 128, 320, 512), (3, 6, 40, 3)),
}


class DropPath(nn.Module):
    """Skip a residual branch for random samples of a batch (Huang et al., arXiv:1603.09382)."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.rate == 0:
            return x
        keep = x.new_empty(x.shape[0], *[1] * (x.ndim - 1)).bernoulli_(1 - self.rate)
        # Scaled so that the expectation is that of evaluation, where nothing is skipped.
        return x * keep / (1 - self.rate)


class PatchEmbedding(nn.Module):
    """Overlapping patches: a strided convolution, then a layer norm.

    Shapes:
        image: (B, C_in, H, W); H and W need not be multiples of the stride.
        returns: tokens (B, h*w, C), and (h, w) = ceil of (H, W) / stride.
    """

    def __init__(self, channels_in: int, channels: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(channels_in, channels, kernel, stride, padding=kernel // 2)
        self.norm = nn.LayerNorm(channels, eps=CONV_EPS)

    def forward(self, image: Tensor) -> tuple[Tensor, tuple[int, int]]:
        maps = self.proj(image)  # (B, C, h, w)
        return self.norm(_to_tokens(maps)), (maps.shape[2], maps.shape[3])


class EfficientAttention(nn.Module):
    """Self-attention whose keys and values come from a map shrunk by ``reduction`` per side.

    Shapes:
        tokens: (B, N, C) with N = h*w.
        returns: (B, N, C).
    """

    def __init__(self, channels: int, heads: int, reduction: int) -> None:
        super().__init__()
        self.heads = heads
        self.reduction = reduction
        self.q = nn.Linear(channels, channels)
        self.kv = nn.Linear(channels, 2 * channels)  # rows: keys, then values
        self.proj = nn.Linear(channels, channels)
        if reduction > 1:
            self.reduce = nn.Conv2d(channels, channels, reduction, reduction)
            self.norm = nn.LayerNorm(channels, eps=CONV_EPS)

    def forward(self, tokens: Tensor, size: tuple[int, int]) -> Tensor:
        batch, length, channels = tokens.shape
        query = self.q(tokens).unflatten(-1, (self.heads, -1)).transpose(1, 2)  # (B, heads, N, d)
        source = tokens
        if self.reduction > 1:
            source = self.norm(_to_tokens(self.reduce(_to_maps(tokens, size))))  # (B, N', C)
        key, value = self.kv(source).unflatten(-1, (2, self.heads, -1)).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(query, key, value)  # (B, heads, N, d)
        out: Tensor = self.proj(mixed.transpose(1, 2).reshape(batch, length, channels))
        return out


class MixFfn(nn.Module):
    """Feed-forward network whose 3x3 depth-wise convolution replaces positional encoding.

    Shapes:
        tokens: (B, N, C) with N = h*w.
        returns: (B, N, C).
    """

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(channels, hidden)
        self.dwconv = nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden)
        self.fc2 = nn.Linear(hidden, channels)

    def forward(self, tokens: Tensor, size: tuple[int, int]) -> Tensor:
        maps = self.dwconv(_to_maps(self.fc1(tokens), size))  # (B, 4C, h, w)
        out: Tensor = self.fc2(F.gelu(_to_tokens(maps)))
        return out


class Block(nn.Module):
    """Attention and Mix-FFN, each after a norm and around a residual connection."""

    def __init__(self, channels: int, heads: int, reduction: int, drop_path: float) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(channels, eps=BLOCK_EPS)
        self.attn = EfficientAttention(channels, heads, reduction)
        self.norm2 = nn.LayerNorm(channels, eps=BLOCK_EPS)
        self.mlp = MixFfn(channels, MLP_RATIO * channels)
        self.drop_path = DropPath(drop_path)

    def forward(self, tokens: Tensor, size: tuple[int, int]) -> Tensor:
        tokens = tokens + self.drop_path(self.attn(self.norm1(tokens), size))
        out: Tensor = tokens + self.drop_path(self.mlp(self.norm2(tokens), size))
        return out


class Stage(nn.Module):
    """Patch embedding, blocks and a final norm: one level of the pyramid.

    Shapes:
        image: (B, C_in, H, W).
        returns: (B, C, h, w).
    """

    def __init__(self, embed: PatchEmbedding, blocks: list[Block], channels: int) -> None:
        super().__init__()
        self.embed = embed
        self.blocks = nn.ModuleList(blocks)
        self.norm = nn.LayerNorm(channels, eps=BLOCK_EPS)

    def forward(self, image: Tensor) -> Tensor:
        tokens, size = self.embed(image)
        for block in self.blocks:
            tokens = block(tokens, size)
        return _to_maps(self.norm(tokens), size)


class MixTransformer(nn.Module):
    """Four stages at strides 4, 8, 16 and 32.

    Shapes:
        image: (B, 3, H, W) float, H and W at least 29.
        returns: four maps (B, C_i, ceil(H / s_i), ceil(W / s_i)).

    Attributes:
        channels: C_i of the four maps.
    """

    def __init__(self, config: MixTransformerConfig, drop_path_rate: float = 0.0) -> None:
        super().__init__()
        self.channels: tuple[int, ...] = config.dims
        total = sum(config.depths)
        rates = [drop_path_rate * index / (total - 1) for index in range(total)]
        self.stages = nn.ModuleList()
        channels_in = 3
        for index, (channels, depth) in enumerate(zip(config.dims, config.depths, strict=True)):
            kernel, stride = (7, 4) if index == 0 else (3, 2)
            heads, reduction = config.heads[index], config.reductions[index]
            blocks = [Block(channels, heads, reduction, rates.pop(0)) for _ in range(depth)]
            embed = PatchEmbedding(channels_in, channels, kernel, stride)
            self.stages.append(Stage(embed, blocks, channels))
            channels_in = channels
        self.apply(_initialise)

    def forward(self, image: Tensor) -> list[Tensor]:
        features = []
        for stage in self.stages:
            image = stage(image)
            features.append(image)
        return features


def _to_tokens(maps: Tensor) -> Tensor:
    """(B, C, h, w) -> (B, h*w, C)."""
    return maps.flatten(2).transpose(1, 2)


def _to_maps(tokens: Tensor, size: tuple[int, int]) -> Tensor:
    """(B, h*w, C) -> (B, C, h, w)."""
    return tokens.transpose(1, 2).reshape(tokens.shape[0], -1, *size)


def _initialise(module: nn.Module) -> None:
    """Draw the weights as the paper's authors do; norms keep torch's 1 and 0."""
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02)
        nn.init.zeros_(module.bias)
    elif isinstance(module, nn.Conv2d):
        fan_out = math.prod(module.kernel_size) * module.out_channels // module.groups
        nn.init.normal_(module.weight, std=math.sqrt(2 / fan_out))
        if module.bias is not None:
            with torch.no_grad():
                module.bias.zero_()
