"""Networks with the same weights, each as its users would run it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor
from torch.nn import functional as F

from robustseg_core.errors import ConfigError
from robustseg_core.labels import DELIVER
from robustseg_core.models.checkpoint import load_model, save_model
from robustseg_core.models.importers.convert import import_model
from robustseg_core.models.importers.protocols import published_modalities
from robustseg_core.models.mix_transformer import MIX_TRANSFORMERS
from robustseg_core.models.segmenter import MultimodalSegmenter, mean_of
from robustseg_core.runtime.engine import Engine
from robustseg_core.runtime.opening import open_backend
from robustseg_core.sensors.network_input import network_tensor

Images = Mapping[str, NDArray[Any]]
Ids = NDArray[np.uint8]

OURS = 'ours.safetensors'
THEIRS = 'theirs'


@dataclass(frozen=True)
class Entry:
    """Who takes part.

    Attributes:
        kind: ``published``: a plain re-statement of the published network, every modality encoded
            by itself, all four maps at full width and stride 4, logits at full size.
            ``huggingface``: transformers' SegFormer, every modality through its encoder, the mean
            of the features through its head. ``ours``: the engine.
        backend: Of the engine.
        precision: Of the engine.
        path: What the engine opens, a checkpoint or an export; None = the random weights.
    """

    kind: str
    backend: str = ''
    precision: str = 'fp32'
    path: Path | None = None

    @property
    def name(self) -> str:
        if self.kind != 'ours':
            return {'published': 'published', 'huggingface': 'Hugging Face'}[self.kind]
        if self.path is not None and self.path.is_dir():
            return self.path.name
        name = self.backend + ('' if self.precision == 'fp32' else f' {self.precision}')
        return f'ours, {name}' if self.path is None else name


class Contestant(Protocol):
    """A network at work on frames of one size."""

    def frame(self, images: Images) -> Ids:
        """Segment a frame of which everything is new: (H, W) uint8."""

    def prepare(self, images: Images) -> None:
        """Receive all but the last image of a frame, (H, W, 3) each."""

    def last(self, name: str, image: NDArray[Any]) -> Ids:
        """Receive the last image and segment the frame."""


def write_weights(folder: Path, *, backbone: str, width: int, seed: int) -> None:
    """Write the same random network as transformers' and as our checkpoint into ``folder``.

    Args:
        folder: An existing one.
        backbone: A Mix Transformer.
        width: Of the head, > 0.
        seed: Of the weights.

    Raises:
        ConfigError: There is no such backbone, or transformers is not installed.
    """
    if backbone not in MIX_TRANSFORMERS:
        msg = f'Unknown backbone {backbone!r}; wanted one of {sorted(MIX_TRANSFORMERS)}.'
        raise ConfigError(msg)
    if find_spec('transformers') is None:
        msg = 'The peers need transformers, not installed here: `pip install transformers`.'
        raise ConfigError(msg)
    from transformers import SegformerConfig, SegformerForSemanticSegmentation

    encoder = MIX_TRANSFORMERS[backbone]
    labels = DELIVER
    config = SegformerConfig(
        hidden_sizes=list(encoder.dims),
        depths=list(encoder.depths),
        decoder_hidden_size=width,
        num_labels=len(labels),
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        theirs = SegformerForSemanticSegmentation(config)
        # A fresh head's logits are all but equal, and rounding would choose among them.
        theirs.decode_head.classifier.weight.data.normal_(std=1.0)
    theirs.eval().save_pretrained(folder / THEIRS)
    weights = folder / THEIRS / 'model.safetensors'
    save_model(import_model(weights, labels, published_modalities('deliver')), folder / OURS)


def enter(entry: Entry, folder: Path, device: str, size: int) -> Contestant:
    """Make the network of ``entry`` from the weights in ``folder``, for squares of ``size``.

    Raises:
        ConfigError: There is no such backend, precision or device here, or an export is of another
            size.
        ImportError: transformers is not installed.
    """
    if entry.kind == 'ours':
        backend = open_backend(entry.path or folder / OURS, device, entry.backend, entry.precision)
        if (only := backend.size) is not None and only != (size, size):
            msg = f'It takes {only[0]}x{only[1]} only; images of {size}x{size} would be resized.'
            raise ConfigError(msg)
        # The network sees the images as they are, whatever it was trained for.
        backend.config = replace(backend.config, resolution=(size, size))
        return _Ours(Engine(backend), size)
    ours = load_model(folder / OURS)
    if entry.kind == 'published':
        return _AtOnce(_Published(ours), ours, device)
    from transformers import SegformerForSemanticSegmentation

    theirs = SegformerForSemanticSegmentation.from_pretrained(folder / THEIRS)
    return _AtOnce(_HuggingFace(theirs.eval()), ours, device)


class _Published(torch.nn.Module):
    """The network before folding: the published arithmetic."""

    def __init__(self, model: MultimodalSegmenter) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: list[Tensor]) -> Tensor:
        features = [self.model.encode(image) for image in images]
        size = (images[0].shape[2], images[0].shape[3])
        return self.model.decode(mean_of(features), size)


class _HuggingFace(torch.nn.Module):
    """transformers' network, applied per modality and averaged at the features."""

    def __init__(self, theirs: Any) -> None:
        super().__init__()
        self.theirs = theirs

    def forward(self, images: list[Tensor]) -> Tensor:
        features = [
            self.theirs.segformer(image, output_hidden_states=True).hidden_states[-4:]
            for image in images
        ]
        logits = self.theirs.decode_head(mean_of(features))
        return F.interpolate(logits, images[0].shape[2:], mode='bilinear', align_corners=False)


class _AtOnce:
    """A network that knows no stream: it begins when everything is there."""

    def __init__(self, network: torch.nn.Module, model: MultimodalSegmenter, device: str) -> None:
        self._network = network.to(device)
        self._modalities = model.config.modalities
        self._device = device
        self._waiting: dict[str, NDArray[Any]] = {}

    @torch.inference_mode()
    def frame(self, images: Images) -> Ids:
        tensors = [
            network_tensor(image, self._modalities[name], (image.shape[0], image.shape[1]))
            for name, image in images.items()
        ]
        logits = self._network([each[None].to(self._device) for each in tensors])
        ids: Ids = logits.argmax(dim=1)[0].to(torch.uint8).cpu().numpy()
        return ids

    def prepare(self, images: Images) -> None:
        self._waiting = dict(images)

    def last(self, name: str, image: NDArray[Any]) -> Ids:
        return self.frame({**self._waiting, name: image})


class _Ours:
    """The engine: images are encoded as they come."""

    def __init__(self, engine: Engine, size: int) -> None:
        self._engine = engine
        self._size = (size, size)
        self._stamp_ns = 0
        self._prepared: tuple[str, ...] = ()

    def frame(self, images: Images) -> Ids:
        self._stamp_ns += 1
        for name, image in images.items():
            self._engine.observe(name, image, self._stamp_ns)
        return self._segment(tuple(images))

    def prepare(self, images: Images) -> None:
        self._stamp_ns += 1
        for name, image in images.items():
            self._engine.observe(name, image, self._stamp_ns)
            self._engine.encode_ahead(name, self._stamp_ns, self._size)
        self._prepared = tuple(images)

    def last(self, name: str, image: NDArray[Any]) -> Ids:
        self._engine.observe(name, image, self._stamp_ns)
        return self._segment((*self._prepared, name))

    def _segment(self, names: tuple[str, ...]) -> Ids:
        present = dict.fromkeys(names, self._stamp_ns)
        return self._engine.segment(present, self._size).class_ids
