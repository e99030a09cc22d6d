"""Class ids of resized logits; the reference resizes all of them."""

import pytest
import torch
from torch.nn import functional as F

from robustseg_core.runtime.winners import winners, winners_and_confidence

SIZES = [
    ((16, 24), (64, 96)),  # four times, as most masks are
    ((16, 24), (48, 72)),  # an odd factor
    ((24, 78), (94, 311)),  # no whole factor
    ((60, 80), (480, 640)),
    ((16, 24), (16, 24)),
    ((16, 24), (11, 7)),  # smaller
    ((2, 3), (64, 96)),
    ((1, 9), (4, 36)),  # one row: nothing between rows
]


def regions(size, classes=25, channels_last=False):
    """Logits of a picture: regions with soft borders, and noise."""
    generator = torch.Generator().manual_seed(5)
    coarse = 3 * torch.randn(1, classes, 3, 4, generator=generator)
    logits = F.interpolate(coarse, size, mode='bicubic')[0]
    logits += 0.2 * torch.randn(classes, *size, generator=generator)
    return logits.permute(1, 2, 0).contiguous().permute(2, 0, 1) if channels_last else logits


def resized(logits, size):
    return F.interpolate(logits[None], size, mode='bilinear', align_corners=False)[0]


@pytest.mark.parametrize('channels_last', [False, True])
@pytest.mark.parametrize(('small', 'large'), SIZES)
def test_the_winners_are_those_of_all_logits_resized(small, large, channels_last):
    logits = regions(small, channels_last=channels_last)
    best = resized(logits, large).topk(2, dim=0)
    clear = best.values[0] - best.values[1] > 1e-5  # elsewhere rounding decides
    found = winners(logits, large)
    assert found.dtype == torch.uint8
    assert found.shape == large
    assert clear.float().mean() > 0.98
    assert len(found.unique()) > 2
    assert torch.equal(found[clear].long(), best.indices[0][clear])


@pytest.mark.parametrize(('small', 'large'), SIZES)
def test_the_confidence_is_the_softmax_of_the_winner(small, large):
    logits = regions(small)
    expected = resized(logits, large).softmax(dim=0)
    class_ids, confidence = winners_and_confidence(logits, large)
    torch.testing.assert_close(confidence, expected.amax(dim=0), rtol=0, atol=1e-5)
    best = expected.topk(2, dim=0)
    clear = best.values[0] - best.values[1] > 1e-5
    assert torch.equal(class_ids[clear].long(), best.indices[0][clear])


def test_noise_that_agrees_nowhere_is_right_too():
    logits = torch.randn(5, 20, 30, generator=torch.Generator().manual_seed(1))
    assert torch.equal(winners(logits, (80, 120)).long(), resized(logits, (80, 120)).argmax(dim=0))


def test_one_class_everywhere_needs_no_interpolation():
    logits = torch.zeros(3, 20, 30)
    logits[2] = 1.0
    assert (winners(logits, (80, 120)) == 2).all()


def test_the_logits_are_not_changed():
    logits = regions((16, 24))
    before = logits.clone()
    winners(logits, (64, 96))
    winners_and_confidence(logits, (64, 96))
    assert torch.equal(logits, before)
