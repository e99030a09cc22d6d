"""The network as PyTorch computes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from robustseg_core.errors import ConfigError
from robustseg_core.models.segmenter import MultimodalSegmenter
from robustseg_core.runtime.graphs import EncoderGraph
from robustseg_core.runtime.preparation import Preparation

DTYPES = {'fp32': torch.float32, 'bf16': torch.bfloat16, 'fp16': torch.float16}


class TorchBackend:
    """The folded network in torch, eager or compiled.

    Compiled, the first image of each size takes a minute or so; on a GPU its work is then replayed
    as a CUDA graph. Nothing else may run meanwhile: what torch.compile patches, it patches for all
    threads, and CUDA graphs belong to the thread that captured them.

    Args:
        model: Copied; the original may go on being trained.
        device: A torch device, e.g. ``cpu`` or ``cuda:0``; ``auto`` is CUDA where there is any.
        precision: Of the arithmetic; ``fp16`` on a GPU only.
        compiled: Whether to compile.

    Raises:
        ConfigError: There is no such device, or it cannot compute in that precision.
    """

    def __init__(
        self,
        model: MultimodalSegmenter,
        device: str = 'cpu',
        precision: str = 'fp32',
        *,
        compiled: bool = False,
    ) -> None:
        self.name = 'compiled' if compiled else 'torch'
        self.config = model.config
        self.provenance: Mapping[str, Any] = model.provenance
        self.precision = precision
        self.size: tuple[int, int] | None = None
        self.device = find_device(device)
        if precision not in DTYPES or (precision == 'fp16' and self.device.type == 'cpu'):
            wanted = [each for each in DTYPES if self.device.type != 'cpu' or each != 'fp16']
            msg = f'Torch on {self.device} has no precision {precision!r}; wanted one of {wanted}.'
            raise ConfigError(msg)
        self.preparation = Preparation.BEFORE if compiled else Preparation.NEVER
        self._dtype = DTYPES[precision]
        try:
            encoder, head = (
                half.to(self.device, self._dtype).to(memory_format=torch.channels_last)
                for half in (EncoderGraph(model), model.fold().head)
            )
        except (RuntimeError, AssertionError) as error:  # torch without CUDA asserts
            msg = f'Device {device!r} cannot be used: {error}'
            raise ConfigError(msg) from error
        self._encode: Any = encoder
        self._head: Any = head
        if compiled:
            mode = 'reduce-overhead' if self.device.type == 'cuda' else 'default'
            self._encode = torch.compile(self._encode, mode=mode, dynamic=False)
            self._head = torch.compile(self._head, mode=mode, dynamic=False)

    @torch.inference_mode()
    def encode(self, images: Tensor) -> list[Tensor]:
        """Return the four maps (B, C_i, h_i, w_i) of normalised images (B, 3, H, W)."""
        ready = images.to(self.device, self._dtype, memory_format=torch.channels_last)
        return self._owned(self._encode(ready))

    @torch.inference_mode()
    def head(self, maps: Sequence[Tensor], subset: int) -> Tensor:
        """Return logits (B, K, h_1, w_1) float32 of fused maps; see ``Backend``."""
        rows = torch.full((len(maps[0]),), subset, device=self.device)
        return self._owned([self._head(list(maps), rows)])[0].float()

    def _owned(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        # A CUDA graph writes every answer to the same memory.
        replayed = self.name == 'compiled' and self.device.type == 'cuda'
        return [each.clone() for each in tensors] if replayed else list(tensors)


def find_device(name: str) -> torch.device:
    """Return the torch device ``name``; ``auto`` is CUDA where there is any.

    Raises:
        ConfigError: That is no device.
    """
    if name == 'auto':
        name = 'cuda' if torch.cuda.is_available() else 'cpu'
    try:
        return torch.device(name)
    except RuntimeError as error:
        msg = f"Unknown device {name!r}; wanted 'auto', 'cpu', 'cuda', 'cuda:1', ..."
        raise ConfigError(msg) from error
