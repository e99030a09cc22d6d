import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from robustseg_core.models.all_mlp_head import CHANNELS_AT_A_TIME, AllMlpHead, resize

CHANNELS = (8, 12, 20, 28)


@pytest.fixture
def features():
    generator = torch.Generator().manual_seed(3)
    sizes = ((17, 25), (9, 13), (5, 7), (3, 4))
    return [
        torch.randn(2, channels, *size, generator=generator)
        for channels, size in zip(CHANNELS, sizes, strict=True)
    ]


@pytest.mark.parametrize('width', [16, 256, 768])
def test_folded_head_is_the_same_function(width, features, randomise):
    head = AllMlpHead(CHANNELS, width, 25)
    randomise(head)
    head.eval()
    with torch.no_grad():
        expected, folded = head(features), head.fold()(features)
    assert expected.std() > 0.1
    torch.testing.assert_close(folded, expected, rtol=0, atol=1e-4)
    assert torch.equal(folded.argmax(dim=1), expected.argmax(dim=1))


def test_folding_is_exact_algebra(features, randomise):
    head = AllMlpHead(CHANNELS, 48, 25)
    randomise(head)
    head.double().eval()
    maps = [each.double() for each in features]
    with torch.no_grad():
        torch.testing.assert_close(head.fold()(maps), head(maps), rtol=0, atol=1e-12)


def test_folded_head_never_holds_four_full_widths():
    folded = AllMlpHead(CHANNELS, 64, 25).fold()
    convolutions = [each for each in folded.modules() if isinstance(each, nn.Conv2d)]
    assert sorted(each.in_channels for each in convolutions) == [*CHANNELS, 64]
    assert not any(parameter.requires_grad for parameter in folded.parameters())


class Largest(TorchDispatchMode):
    """Remembers how many numbers the largest tensor that an operation returned has."""

    numbers = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        for each in result if isinstance(result, (list, tuple)) else [result]:
            if isinstance(each, torch.Tensor):
                self.numbers = max(self.numbers, each.numel())
        return result


def test_folded_head_never_holds_its_full_width_at_full_size(features, randomise):
    width = 4 * CHANNELS_AT_A_TIME['cpu']
    head = AllMlpHead(CHANNELS, width, 25)
    randomise(head)
    folded = head.eval().fold()
    batch, _, rows, columns = features[0].shape
    with torch.inference_mode(), Largest() as largest:
        folded(features)
    assert largest.numbers < batch * width * rows * columns / 3  # a coarser map has its full width


def test_head_mixes_the_coarsest_map_first(features, randomise):
    head = AllMlpHead(CHANNELS, 8, 3)
    randomise(head)
    head.eval()
    upsampled = [
        F.interpolate(project(maps), (17, 25), mode='bilinear')
        for project, maps in zip(head.projections, features, strict=True)
    ]
    # The order of the published weights: c4, c3, c2, c1.
    stacked = torch.cat([upsampled[3], upsampled[2], upsampled[1], upsampled[0]], dim=1)
    mixed = F.conv2d(stacked, head.fuse.weight)
    expected = head.classifier(head.norm(mixed).clamp(min=0))
    torch.testing.assert_close(head(features), expected)


def test_dropout_works_in_training_only(features):
    head = AllMlpHead(CHANNELS, 8, 3, dropout=0.5)
    head.norm.momentum = 0.0
    assert not torch.equal(head(features), head(features))
    head.eval()
    assert torch.equal(head(features), head(features))


def test_resize_interpolates_between_pixel_centres():
    row = resize(torch.tensor([[[[0.0, 4.0]]]]), (1, 4))
    assert row.flatten().tolist() == [0.0, 1.0, 3.0, 4.0]


@pytest.mark.parametrize('width', [24, 200])
def test_folded_head_keeps_the_statistics_of_every_subset(width, features, randomise):
    head = AllMlpHead(CHANNELS, width, 25, subsets=3)
    randomise(head)
    head.norm.subset_mean.normal_(generator=torch.Generator().manual_seed(4))
    head.norm.subset_var.uniform_(0.5, 3.0, generator=torch.Generator().manual_seed(5))
    head.norm.weight.data[0] *= -1  # a scale may be negative
    head.eval()
    folded = head.fold()
    with torch.no_grad():
        for rows in ([0, 0], [1, 2], [2]):
            subset = torch.tensor(rows)
            expected = head(features, subset)
            found = folded(features, subset)
            torch.testing.assert_close(found, expected, rtol=0, atol=1e-4)
            assert torch.equal(found.argmax(dim=1), expected.argmax(dim=1))
        assert not torch.allclose(head(features, torch.tensor([0])), head(features), atol=0.1)
        torch.testing.assert_close(folded(features), head(features), rtol=0, atol=1e-4)
