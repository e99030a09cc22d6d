"""What computes the network: one interface, whatever the library behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from robustseg_core.models.config import SegmenterConfig
from robustseg_core.runtime.preparation import Preparation

# What may be asked of a backend; int8 is in the files of an export.
PRECISIONS = ('fp32', 'bf16', 'fp16')


class Backend(Protocol):
    """The folded network's two halves, as some library computes them.

    Tensors are torch's, which share memory with NumPy on the CPU. What is returned stays valid
    whatever is computed next: features are kept.

    Attributes:
        name: ``torch``, ``compiled``, ``onnxruntime``, ``openvino`` or ``tensorrt``.
        config: What the network is.
        provenance: What it was trained and evaluated on.
        precision: Of the arithmetic: ``fp32``, ``bf16``, ``fp16`` or ``int8``.
        device: Where tensors are handed over.
        size: (height, width) of the only images it takes; None = any multiples of 32.
        preparation: When it can be made ready for images of another size.
    """

    name: str
    config: SegmenterConfig
    provenance: Mapping[str, Any]
    precision: str
    device: torch.device
    size: tuple[int, int] | None
    preparation: Preparation

    def encode(self, images: Tensor) -> list[Tensor]:
        """Return the four maps (B, C_i, h_i, w_i), finest first, of normalised images.

        Args:
            images: (B, 3, H, W) float32 of any modalities, H and W multiples of 32.
        """

    def head(self, maps: Sequence[Tensor], subset: int) -> Tensor:
        """Return logits (B, K, h_1, w_1) float32 of fused maps.

        Args:
            maps: Four maps, each the mean over the modalities.
            subset: Place of those modalities in ``config.modalities.subsets()``.
        """
