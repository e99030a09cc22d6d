"""A small network with random weights, and images for it."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from robustseg_core.labels import DELIVER
from robustseg_core.modalities import BYTE, IMAGENET, Modality, ModalitySet
from robustseg_core.models.segmenter import MultimodalSegmenter, SegmenterConfig

FOUR = ModalitySet(
    (
        Modality('rgb', 'R', 'rgb', IMAGENET),
        Modality('depth', 'D', 'image', BYTE),
        Modality('event', 'E', 'image', BYTE),
        Modality('lidar', 'L', 'image', BYTE),
    )
)


def _randomise(module: nn.Module) -> None:
    """Replace every weight, bias and statistic: fresh ones and zeros would hide a mix-up."""
    generator = torch.Generator().manual_seed(1)
    for name, tensor in module.state_dict().items():
        if not tensor.is_floating_point():
            continue
        noise = torch.randn(tensor.shape, generator=generator)
        if name.endswith('running_var') or (tensor.ndim == 1 and name.endswith('weight')):
            tensor.copy_(noise.abs() + 0.5)
        elif tensor.ndim == 1:
            tensor.copy_(0.3 * noise)
        else:
            tensor.copy_(noise / tensor[0].numel() ** 0.5)


@pytest.fixture(scope='session')
def randomise() -> Callable[[nn.Module], None]:
    return _randomise


@pytest.fixture(scope='session')
def make_config() -> Callable[..., SegmenterConfig]:
    """Build a config, by default of the smallest network with a head of 24."""

    def make(**options: Any) -> SegmenterConfig:
        values = {
            'backbone': 'mit_nano',
            'head_width': 24,
            'labels': DELIVER,
            'modalities': FOUR,
            **options,
        }
        return SegmenterConfig(**values)

    return make


@pytest.fixture(scope='session')
def make_model(make_config) -> Callable[..., MultimodalSegmenter]:
    """Build a network with random weights, in evaluation mode."""

    def make(**options: Any) -> MultimodalSegmenter:
        model = MultimodalSegmenter(make_config(**options))
        _randomise(model)
        return model.eval()

    return make


@pytest.fixture
def images() -> dict[str, Tensor]:
    """Two samples of all four modalities, 64 x 96."""
    generator = torch.Generator().manual_seed(2)
    return {name: torch.randn(2, 3, 64, 96, generator=generator) for name in FOUR.names}
