"""Shares and confidence, on networks and numbers whose answer is known."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from robustseg_core.errors import RobustSegError
from robustseg_core.labels import LabelSet
from robustseg_core.modalities import UNIT, Modality, ModalitySet
from robustseg_core.runtime.coarse import PLACES, coarse_probabilities, total_variation
from robustseg_core.runtime.engine import Engine
from robustseg_core.runtime.trust import ShareMeter, shares

TWO = LabelSet('two', ('left', 'right'), ((0, 0, 0), (9, 9, 9)))
THREE = ModalitySet(
    tuple(Modality(name, name[0].upper(), 'image', UNIT) for name in ('rgb', 'depth', 'event'))
)


class MeanOfLogits:
    """The image's first two channels are its logits; the head hands on the mean of the inputs."""

    name, precision, size = 'known', 'fp32', None
    device = torch.device('cpu')

    def __init__(self, missing: str = 'drop') -> None:
        self.config = SimpleNamespace(
            labels=TWO, modalities=THREE, missing=missing, resolution=(32, 32)
        )
        self.heads = 0

    def encode(self, images: Tensor) -> list[Tensor]:
        return [images[:, :2]]

    def head(self, maps: list[Tensor], subset: int) -> Tensor:
        self.heads += 1
        return maps[0]


def engine_with(missing: str = 'drop', **logits: tuple[float, float]) -> Engine:
    network: Any = MeanOfLogits(missing)
    engine = Engine(network)
    for name, pair in logits.items():
        image = np.zeros((32, 32, 3), np.float32)
        image[..., :2] = pair
        engine.observe(name, image, 5)
    return engine


def softmax(*logits: float) -> np.ndarray:
    powers = np.exp(np.array(logits))
    return powers / powers.sum()


def test_a_change_is_the_total_variation_of_the_class_probabilities():
    engine = engine_with(rgb=(4.0, 0.0), depth=(0.0, 2.0), event=(1.0, 1.0))
    found = engine.segment({'rgb': 5, 'depth': 5, 'event': 5}, (32, 32))
    whole = softmax(5 / 3, 3 / 3)
    assert found.mean_confidence == pytest.approx(whole.max())
    without = {
        'rgb': softmax(1 / 2, 3 / 2),
        'depth': softmax(5 / 2, 1 / 2),
        'event': softmax(4 / 2, 2 / 2),
    }
    for name, other in without.items():
        wanted = np.abs(whole - other).sum() / 2
        assert engine.change_without(name) == pytest.approx(wanted, abs=1e-6), name
    assert engine.backend.heads == 4, 'one head for each; images are not encoded again'
    with pytest.raises(RobustSegError, match="no 'lidar'"):
        engine.change_without('lidar')


def test_what_a_zeroed_network_would_do_without_an_input_is_what_is_measured():
    engine = engine_with('zero', rgb=(4.0, 0.0), depth=(0.0, 2.0))
    engine.segment({'rgb': 5, 'depth': 5}, (32, 32))
    wanted = np.abs(softmax(4 / 3, 2 / 3) - softmax(4 / 3, 0)).sum() / 2
    assert engine.change_without('depth') == pytest.approx(wanted, abs=1e-6)


def test_the_only_input_is_all_there_is():
    engine = engine_with(rgb=(4.0, 0.0))
    engine.segment({'rgb': 5}, (32, 32))
    assert engine.change_without('rgb') == 1.0
    engine.reset()
    with pytest.raises(RobustSegError, match="no 'rgb'; found"):
        engine.change_without('rgb')


def test_an_input_that_is_a_copy_of_another_changes_nothing():
    engine = engine_with(rgb=(4.0, 0.0), depth=(4.0, 0.0))
    engine.segment({'rgb': 5, 'depth': 5}, (32, 32))
    assert engine.change_without('rgb') == pytest.approx(0, abs=1e-6)


def test_shares_sum_up_to_one():
    assert shares({'rgb': 0.3, 'depth': 0.1, 'event': 0.0}) == pytest.approx(
        {'rgb': 0.75, 'depth': 0.25, 'event': 0.0}
    )
    assert shares({'rgb': 0.0, 'depth': 0.0}) == {'rgb': 0.5, 'depth': 0.5}
    assert shares({'rgb': 1.0}) == {'rgb': 1.0}
    assert shares({}) == {}


@pytest.mark.parametrize('size', [(1, 1), (8, 8), (1, 5000), (64, 80), (270, 480)])
def test_the_grid_is_coarse_and_covers_the_picture(size):
    probabilities = coarse_probabilities(torch.randn(5, *size))
    assert 1 <= probabilities.shape[1] <= PLACES + sum(size)
    np.testing.assert_allclose(probabilities.sum(axis=0), 1, rtol=1e-5)
    # A ramp along both axes: the grid's mean is that of the picture.
    height, width = size
    ramp = torch.linspace(0, 1, height)[:, None] + torch.linspace(0, 1, width)
    found = coarse_probabilities(torch.stack([ramp, torch.zeros(size)])).mean(axis=1)
    whole = torch.softmax(torch.stack([ramp, torch.zeros(size)]), dim=0).mean(dim=(1, 2))
    np.testing.assert_allclose(found, whole.numpy(), atol=0.02)


def test_opposite_certainties_differ_by_one():
    sure, opposite = np.array([[1], [0]], np.float32), np.array([[0], [1]], np.float32)
    assert total_variation(sure, opposite) == 1
    assert total_variation(sure, sure) == 0


def test_inputs_are_measured_one_after_a_mask_and_then_at_their_rate():
    now_s = [100.0]
    asked: list[str] = []
    changes = {'rgb': 0.3, 'depth': 0.1}

    def change_without(name: str) -> float:
        asked.append(name)
        return changes[name]

    meter = ShareMeter(lambda: now_s[0])
    both = ('rgb', 'depth')
    for _ in range(2):
        assert meter.shares(both) == {}
        meter.measure(both, change_without, rate_hz=1.0)
    assert asked == ['rgb', 'depth'], 'both at once, but no two after one mask'
    assert meter.shares(both) == pytest.approx({'rgb': 0.75, 'depth': 0.25})
    assert meter.shares(('rgb',)) == {}, 'of another subset nothing is known'
    for _ in range(40):  # ten seconds of four masks each
        now_s[0] += 0.25
        meter.measure(both, change_without, rate_hz=1.0)
    assert 18 <= len(asked) - 2 <= 20, 'each of two inputs once a second'
    assert abs(asked.count('rgb') - asked.count('depth')) <= 1

    meter.measure(('rgb',), lambda _: 1.0, rate_hz=1.0)
    assert meter.shares(('rgb',)) == {'rgb': 1.0}
    meter.measure(('rgb',), change_without, rate_hz=0.0)
    assert meter.shares(('rgb',)) == {}
