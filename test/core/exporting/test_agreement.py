"""What is found of an export that is not the network any more."""

import math

import pytest
import torch

from robustseg_core.errors import CheckpointError
from robustseg_core.exporting.agreement import Agreement, check, compare, random_frames


class Changed:
    """The network, with something done to its logits."""

    def __init__(self, network, change):
        self._network = network
        self._change = change
        self.config = network.config
        self.encode = network.encode

    def head(self, maps, subset):
        return self._change(self._network.head(maps, subset), maps, subset)


@pytest.fixture
def found(network):
    def find(change):
        frames = list(random_frames(network.config, (64, 96)))
        return compare(network, Changed(network, change), frames)

    return find


def test_the_network_agrees_with_itself(found):
    agreement = found(lambda logits, *_: logits)
    assert agreement == Agreement(0.0, 1.0, 0, comparisons=7)
    check(agreement, 'fp32', 'noise')


def test_rounding_is_no_disagreement(found):
    check(found(lambda logits, *_: logits * (1 + 1e-4)), 'fp32', 'noise')


def test_the_difference_is_by_the_largest_logit(found):
    def shift(logits, *_):
        changed = logits.clone()
        changed[0, 0, 0, 0] += 0.25 * logits.abs().max()
        return changed

    assert found(shift).logits == pytest.approx(0.25, rel=1e-3)


def test_one_subset_that_is_computed_as_another_is_refused(network, found):
    def confuse(logits, maps, subset):
        return network.head(maps, 3) if subset == 4 else logits

    with pytest.raises(CheckpointError, match=r'does not agree .* on noise: .* Nothing was'):
        check(found(confuse), 'fp32', 'noise')


def test_one_pixel_that_clearly_is_another_class_is_refused(network, found):
    def flip(logits, maps, subset):
        changed = logits.clone()
        if subset == 0:
            best, worst = logits[0, :, 5, 7].argmax(), logits[0, :, 5, 7].argmin()
            changed[0, worst, 5, 7] = logits[0, best, 5, 7] + 0.1
        return changed

    agreement = found(flip)
    assert agreement.clear_flips == 1
    assert agreement.labels == pytest.approx(1 - 1 / (7 * 16 * 24))


def test_classes_that_are_too_close_to_tell_may_change_places():
    check(Agreement(9e-4, 0.9995, 0, 7), 'fp32', 'noise')
    with pytest.raises(CheckpointError):
        check(Agreement(9e-4, 0.9995, 1, 7), 'fp32', 'noise')
    check(Agreement(9e-4, 0.9995, 1, 7), 'fp16', 'noise')


@pytest.mark.parametrize('precision', ['fp32', 'fp16', 'int8'])
def test_nan_is_refused_everywhere(found, precision):
    agreement = found(lambda logits, *_: logits * float('nan'))
    assert agreement.logits == math.inf
    with pytest.raises(CheckpointError):
        check(agreement, precision, 'noise')


def test_int8_is_judged_by_labels():
    check(Agreement(0.4, 0.95, 999, 7), 'int8', 'frames')
    with pytest.raises(CheckpointError, match=r'89\.00% of the labels are the same'):
        check(Agreement(0.1, 0.89, 0, 7), 'int8', 'frames')


def test_noise_is_the_same_every_time_and_of_two_sizes_where_any_will_do(network):
    frames = [list(random_frames(network.config, None)) for _ in range(2)]
    assert [tuple(each['rgb'].shape[2:]) for each in frames[0]] == [(64, 96), (96, 160)]
    for first, second in zip(*frames, strict=True):
        assert list(first) == ['rgb', 'depth', 'event']
        assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(frames[0][0]['rgb'], frames[0][0]['depth'])
