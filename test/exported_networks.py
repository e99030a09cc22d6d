"""Small networks to convert and export, and what any backend of theirs must do."""

from dataclasses import replace

import torch

from robustseg_core.labels import LabelSet
from robustseg_core.modalities import BYTE, IMAGENET, UNIT, Modality, ModalitySet
from robustseg_core.models.config import SegmenterConfig
from robustseg_core.models.segmenter import MultimodalSegmenter

CONFIG = SegmenterConfig(
    backbone='mit_nano',
    head_width=80,  # more channels than the graphs work on at a time
    labels=LabelSet('five', ('road', 'sky', 'car', 'tree', 'wall'), ((0, 0, 0),) * 5),
    modalities=ModalitySet(
        (
            Modality('rgb', 'R', 'rgb', IMAGENET),
            Modality('depth', 'D', 'inverse_log_depth', UNIT),
            Modality('event', 'E', 'event_counts', BYTE),
        )
    ),
    resolution=(64, 96),
)
SUBSETS = range(7)


def make_network(norm_statistics: str = 'subset', **changes) -> MultimodalSegmenter:
    """Build a network in which nothing is zero or one by chance."""
    generator = torch.Generator().manual_seed(4)
    model = MultimodalSegmenter(replace(CONFIG, norm_statistics=norm_statistics, **changes))
    for name, tensor in model.state_dict().items():
        if tensor.is_floating_point():
            noise = torch.randn(tensor.shape, generator=generator)
            if name.endswith('_var') or (tensor.ndim == 1 and name.endswith('weight')):
                tensor.copy_(noise.abs() + 0.5)
            elif tensor.ndim == 1 or name.endswith('_mean'):
                tensor.copy_(0.3 * noise)
            else:
                tensor.copy_(noise / tensor[0].numel() ** 0.5)
    model.provenance = {'trained on': 'noise "and" <nothing> else', 'steps': 3}
    return model.eval()


def picture(height=64, width=96, batch=1) -> torch.Tensor:
    return torch.randn(batch, 3, height, width, generator=torch.Generator().manual_seed(5))


@torch.no_grad()
def assert_is_the_network(backend, model, *, size=(64, 96), batch=1, tolerance=1e-4) -> None:
    """Compare a backend's two halves with the network as it was trained."""
    image = picture(*size, batch=batch)
    expected_maps = model.encode(image)
    maps = backend.encode(image)
    for ours, expected in zip(maps, expected_maps, strict=True):
        assert ours.dtype == torch.float32
        assert_near(ours, expected, tolerance)
    for subset in SUBSETS:
        expected = model.head(expected_maps, torch.full((batch,), subset))
        assert_near(backend.head(expected_maps, subset), expected, tolerance)


def assert_near(ours, expected, tolerance) -> None:
    assert ours.shape == expected.shape
    assert (ours - expected).abs().max() <= tolerance * expected.abs().max()


@torch.no_grad()
def assert_answers_are_kept(backend) -> None:
    """Check that an answer stays what it is while the backend goes on."""
    first, second = picture(), picture().flip(3)
    maps = backend.encode(first)
    logits = backend.head(maps, 0)
    before = [each.clone() for each in (*maps, logits)]
    backend.head(backend.encode(second), 1)
    assert all(torch.equal(*pair) for pair in zip((*maps, logits), before, strict=True))
