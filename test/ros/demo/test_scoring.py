"""Which sensors a mask rests on, and how right it is."""

from itertools import combinations

import numpy as np
import pytest

from robustseg_core.evaluation.confusion import Confusion
from robustseg_ros.demo.scoring import FrameScore, by_subset, confusion_of, pooled, subset_behind

NAMES = ('rgb', 'depth', 'event', 'lidar')
SUBSETS = [subset for size in range(1, 5) for subset in combinations(NAMES, size)]


def mask_of(subset):
    """A different mask for every subset."""
    return np.random.default_rng(SUBSETS.index(subset)).integers(0, 5, (40, 50), np.uint8)


@pytest.mark.parametrize('subset', SUBSETS, ids='+'.join)
def test_the_subset_behind_a_mask_is_found(subset):
    assert subset_behind(mask_of(subset), NAMES, mask_of) == (subset, 1.0)


def test_rounding_of_a_pixel_does_not_mislead():
    mask = mask_of(('depth', 'lidar')).copy()
    mask[3, 3] = 9
    found, agreement = subset_behind(mask, NAMES, mask_of)
    assert found == ('depth', 'lidar')
    assert agreement == pytest.approx(1 - 1 / 2000)


def test_of_two_subsets_that_give_the_same_mask_the_larger_is_named():
    assert (
        subset_behind(np.zeros((4, 4), np.uint8), NAMES, lambda _: np.zeros((4, 4), np.uint8))[0]
        == NAMES
    )


def test_a_mask_that_no_subset_gives_is_reported_with_its_low_agreement():
    _, agreement = subset_behind(np.full((40, 50), 7, np.uint8), NAMES, mask_of)
    assert agreement == 0.0


def test_pooling_counts_pixels_and_does_not_average_frames():
    truth = np.array([[0, 0, 1, 1]], np.uint8)
    half = confusion_of(np.array([[0, 0, 0, 0]], np.uint8), truth, 2)
    right = confusion_of(truth, truth, 2)
    # Class 0: 4 hits, 6 in the union; class 1: 2 hits, 4 in the union.
    assert pooled([half, right]) == pytest.approx(100 * (4 / 6 + 2 / 4) / 2)
    assert np.isnan(pooled([]))


def test_groups_are_named_by_letters_most_sensors_first(modalities):
    scores = [
        FrameScore(n, used, 1.0, Confusion(2), Confusion(2))
        for n, used in enumerate([('rgb',), ('rgb', 'lidar'), ('lidar',), ('rgb',)])
    ]
    groups = by_subset(scores, modalities)
    assert {letters: [s.stamp_ns for s in group] for letters, group in groups.items()} == {
        'RL': [1],
        'L': [2],
        'R': [0, 3],
    }
    assert next(iter(groups)) == 'RL'
