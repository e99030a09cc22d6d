"""A tiny network with random weights, and batches for it."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from robustseg_core.data.sample import Batch
from robustseg_core.labels import LabelSet
from robustseg_core.modalities import UNIT, Modality, ModalitySet
from robustseg_core.models.segmenter import MultimodalSegmenter, SegmenterConfig

SENSORS = ModalitySet(
    (
        Modality('rgb', 'R', 'rgb', UNIT),
        Modality('depth', 'D', 'linear_depth', UNIT),
        Modality('event', 'E', 'event_counts', UNIT),
        Modality('lidar', 'L', 'image', UNIT),
    )
)
LABELS = LabelSet('three', ('a', 'b', 'c'), ((0, 0, 0), (9, 9, 9), (255, 255, 255)))
CONDITIONS = ('sun', 'fog', 'night+motionblur', 'sun+motionblur', 'fog', 'sun')


@pytest.fixture
def sensors() -> ModalitySet:
    return SENSORS


@pytest.fixture
def labels() -> LabelSet:
    return LABELS


@pytest.fixture
def model() -> MultimodalSegmenter:
    torch.manual_seed(0)
    config = SegmenterConfig(
        backbone='mit_nano', head_width=8, labels=LABELS, modalities=SENSORS, resolution=(32, 32)
    )
    model = MultimodalSegmenter(config).eval()
    # A fresh classifier is nearly blind, and its predictions all of one class.
    torch.nn.init.normal_(model.head.classifier.weight, std=2.0)
    return model


@pytest.fixture
def make_batches() -> Callable[..., list[Batch]]:
    """Make ``count`` frames, always the same, in batches; ``lacking`` maps frame to sensors."""

    def make(
        count: int = 4, size: int = 2, lacking: dict[int, tuple[str, ...]] | None = None
    ) -> list[Batch]:
        generator = torch.Generator().manual_seed(5)
        frames = []
        for index in range(count):
            images = {n: torch.randn(3, 32, 32, generator=generator) for n in SENSORS.names}
            truth = torch.randint(0, 3, (32, 32), generator=generator)
            truth[:3] = 255
            for name in (lacking or {}).get(index, ()):
                del images[name]
            frames.append((images, truth))
        return [
            _batch(frames[start : start + size], range(start, count))
            for start in range(0, count, size)
        ]

    return make


def _batch(frames: list[Any], indices: range) -> Batch:
    names = {name for images, _ in frames for name in images}
    blank = torch.zeros(3, 32, 32)
    return Batch(
        images={n: torch.stack([images.get(n, blank) for images, _ in frames]) for n in names},
        availability=torch.tensor([[n in images for n in SENSORS.names] for images, _ in frames]),
        labels=torch.stack([truth for _, truth in frames]),
        ids=[f'frame{index}' for index, _ in zip(indices, frames, strict=False)],
        conditions=[CONDITIONS[index] for index, _ in zip(indices, frames, strict=False)],
    )
