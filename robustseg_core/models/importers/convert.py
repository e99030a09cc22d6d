"""From a foreign checkpoint to a model of ours."""

from __future__ import annotations

from collections.abc import Mapping
import hashlib
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from robustseg_core.errors import CheckpointError
from robustseg_core.labels import LabelSet
from robustseg_core.modalities import ModalitySet
from robustseg_core.models.checkpoint import place_weights
from robustseg_core.models.importers.foreign_file import read_tensors
from robustseg_core.models.importers.layouts import recognise, translate
from robustseg_core.models.mix_transformer import MIX_TRANSFORMERS
from robustseg_core.models.segmenter import MultimodalSegmenter, SegmenterConfig

LICENCE = 'Mix Transformer weights that stem from NVIDIA are for non-commercial use.'


def import_model(
    path: Path,
    labels: LabelSet,
    modalities: ModalitySet,
    *,
    resolution: tuple[int, int] = (1024, 1024),
    missing: Literal['drop', 'zero'] = 'drop',
) -> MultimodalSegmenter:
    """Read a published checkpoint; its size and head are worked out from its weights.

    A checkpoint without a head of our kind gets a fresh one, as its provenance says.

    Args:
        path: A file of one of the families in ``layouts.LAYOUTS``.
        labels: The classes it was trained on, or is to be trained on where the head is fresh.
        modalities: The sensors it was trained on, with its normalisation.
        resolution: (height, width) in pixels it was trained for.
        missing: How it was trained to miss a modality.

    Raises:
        CheckpointError: The file cannot be read, is of no known family, has weights too many or
            too few, or other classes than ``labels``.
    """
    theirs = read_tensors(path)
    layout = recognise(theirs, path)
    tensors, dropped = translate(theirs, layout, path)
    backbone = _backbone(tensors, path)
    has_head = any(name.startswith('head.') for name in tensors)
    # SegFormer's own widths, for a fresh head.
    width = 256 if backbone in {'mit_nano', 'mit_b0', 'mit_b1'} else 768
    if has_head:
        width, classes = _head_size(tensors, path)
        if classes != len(labels):
            msg = (
                f'{path}: its head has {classes} classes, '
                f'but label set {labels.name!r} has {len(labels)}.'
            )
            raise CheckpointError(msg)
    config = SegmenterConfig(
        backbone=backbone,
        head_width=width,
        labels=labels,
        modalities=modalities,
        resolution=resolution,
        missing=missing,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # the same file gives the same fresh head
        model = MultimodalSegmenter(config)
    if not has_head:
        tensors |= {f'head.{name}': each for name, each in model.head.state_dict().items()}
    place_weights(model, tensors, path)
    model.provenance = {
        'imported_from': {
            'file': path.name,
            'sha256': hashlib.sha256(path.read_bytes()).hexdigest(),
            'layout': layout.name,
            'dropped': dropped,
        },
        'head': 'imported' if has_head else 'freshly initialised, must be trained',
        'licence': LICENCE,
    }
    return model.eval()


def _backbone(tensors: Mapping[str, Tensor], path: Path) -> str:
    """Return the name of the Mix Transformer with these weights' channels and depths."""
    names = [name.split('.') for name in tensors if name.startswith('encoder.stages.')]
    blocks = {(parts[2], parts[4]) for parts in names if parts[3] == 'blocks'}
    stages = sorted({parts[2] for parts in names})
    depths = tuple(sum(stage == owner for owner, _ in blocks) for stage in stages)
    first = [tensors.get(f'encoder.stages.{stage}.embed.proj.weight') for stage in stages]
    dims = tuple(0 if each is None else each.shape[0] for each in first)
    for name, config in MIX_TRANSFORMERS.items():
        if (config.dims, config.depths) == (dims, depths):
            return name
    msg = (
        f'{path}: no known Mix Transformer: found channels {dims} and depths {depths}; '
        f'known are {sorted(MIX_TRANSFORMERS)}.'
    )
    raise CheckpointError(msg)


def _head_size(tensors: Mapping[str, Tensor], path: Path) -> tuple[int, int]:
    """Return the head's width and number of classes."""
    try:
        return tensors['head.fuse.weight'].shape[0], tensors['head.classifier.weight'].shape[0]
    except KeyError as error:
        msg = f'{path}: its head is incomplete: nothing stands for {error}.'
        raise CheckpointError(msg) from error
