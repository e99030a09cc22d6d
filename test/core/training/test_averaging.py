"""AveragedNetwork."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from robustseg_core.training.averaging import AveragedNetwork


class Tiny(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(2))
        self.register_buffer('seen', torch.zeros(()))


def step(average: AveragedNetwork, network: Tiny, number: int, value: float) -> None:
    with torch.no_grad():
        network.weight.fill_(value)
    network.seen.fill_(value)
    average.on_train_batch_end(SimpleNamespace(global_step=number))


def test_the_mean_follows_the_formula_and_statistics_are_the_newest() -> None:
    network = Tiny()
    average = AveragedNetwork(network, decay=0.5)
    expected = 0.0
    for number, value in enumerate([1.0, 2.0, 4.0, -3.0] * 5, start=1):
        step(average, network, number, value)
        keep = min(0.5, (1 + number) / (10 + number))
        expected = keep * expected + (1 - keep) * value
        assert average.mean.weight.tolist() == pytest.approx([expected] * 2)
        assert average.mean.seen.item() == value
    assert not average.mean.weight.requires_grad


def test_accumulated_batches_count_once() -> None:
    network = Tiny()
    average = AveragedNetwork(network, decay=0.5)
    step(average, network, 1, 1.0)
    after = average.mean.weight.clone()
    step(average, network, 1, 100.0)
    torch.testing.assert_close(average.mean.weight, after, rtol=0, atol=0)


def test_the_state_goes_on_where_it_was() -> None:
    network = Tiny()
    through = AveragedNetwork(network, decay=0.9)
    for number in range(1, 4):
        step(through, network, number, float(number))
    resumed = AveragedNetwork(network, decay=0.9)
    resumed.load_state_dict(through.state_dict())
    for average in (through, resumed):
        step(average, network, 4, 7.0)
    torch.testing.assert_close(resumed.mean.weight, through.mean.weight, rtol=0, atol=0)
