"""Batch norm with statistics per subset; the reference is the formula, per sample."""

import pytest
import torch
from torch import nn

from robustseg_core.models.subset_norm import SubsetNorm


@pytest.fixture
def norm(randomise):
    norm = SubsetNorm(6, subsets=3)
    randomise(norm)
    norm.subset_mean.normal_(generator=torch.Generator().manual_seed(4))
    norm.subset_var.uniform_(0.5, 3.0, generator=torch.Generator().manual_seed(5))
    return norm.eval()


@pytest.fixture
def maps():
    return torch.randn(3, 6, 4, 5, generator=torch.Generator().manual_seed(6))


@torch.no_grad()
def test_each_sample_is_normalised_by_its_subset(norm, maps):
    subset = torch.tensor([2, 0, 2])
    found = norm(maps, subset)
    for index, row in enumerate(subset.tolist()):
        mean, variance = norm.subset_mean[row], norm.subset_var[row]
        normalised = (maps[index] - mean[:, None, None]) / (variance + 1e-5).sqrt()[:, None, None]
        expected = normalised * norm.weight[:, None, None] + norm.bias[:, None, None]
        torch.testing.assert_close(found[index], expected, rtol=0, atol=1e-5)


@torch.no_grad()
def test_no_subset_means_the_last_of_all_modalities(norm, maps):
    assert torch.equal(norm(maps), norm(maps, torch.tensor([2])))
    assert not torch.equal(norm(maps), norm(maps, torch.tensor([1])))


@torch.no_grad()
def test_training_is_plain_batch_norm(norm, maps):
    plain = nn.BatchNorm2d(6)
    plain.load_state_dict({k: v for k, v in norm.state_dict().items() if 'subset' not in k})
    kept = norm.subset_mean.clone()
    torch.testing.assert_close(norm.train()(maps, torch.tensor([1])), plain.train()(maps))
    torch.testing.assert_close(norm.running_mean, plain.running_mean)
    assert torch.equal(norm.subset_mean, kept)


@torch.no_grad()
def test_without_subsets_it_is_plain_batch_norm_with_the_same_keys(randomise, maps):
    norm, plain = SubsetNorm(6), nn.BatchNorm2d(6)
    randomise(norm)
    plain.load_state_dict(norm.state_dict())
    found = norm.eval()(maps, torch.tensor([1]))
    torch.testing.assert_close(found, plain.eval()(maps), rtol=0, atol=1e-6)
