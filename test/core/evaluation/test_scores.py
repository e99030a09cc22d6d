"""Averages and expectations over subsets, worked out by hand."""

import math

import numpy as np
import pytest

from robustseg_core.evaluation.confusion import Confusion
from robustseg_core.evaluation.scores import SubsetScores
from robustseg_core.modalities import UNIT, Modality, ModalitySet

TWO = ModalitySet((Modality('rgb', 'R', 'rgb', UNIT), Modality('depth', 'D', 'image', UNIT)))


def half_right(hits: int, misses: int) -> Confusion:
    """Counts of one class, of two, with IoU hits / (hits + misses)."""
    confusion = Confusion(2)
    confusion.counts[0, 0] = hits
    confusion.counts[0, 2] = misses
    return confusion


@pytest.fixture
def scores() -> SubsetScores:
    counts = {
        ('rgb',): half_right(4, 6),
        ('depth',): half_right(2, 8),
        ('rgb', 'depth'): half_right(6, 4),
    }
    return SubsetScores(TWO, counts, frames=3, scored={('rgb',): 3, ('depth',): 2, TWO.names: 2})


def test_the_average_is_the_plain_mean_of_the_subsets(scores):
    assert scores.mean_ious() == pytest.approx({'R': 40, 'D': 20, 'RD': 60})
    assert scores.average() == pytest.approx(40)
    assert scores.average(absent_as_zero=True) == pytest.approx(20)


@pytest.mark.parametrize('chance', [0.05, 0.1, 0.2])
def test_the_expectation_weighs_a_subset_by_how_likely_the_failures_are(scores, chance):
    one, none = chance * (1 - chance), (1 - chance) ** 2
    expected = (40 * one + 20 * one + 60 * none) / (2 * one + none)
    assert scores.expected(chance) == pytest.approx(expected)
    assert scores.expected(chance, absent_as_zero=True) == pytest.approx(expected / 2)


def test_a_subset_without_a_frame_has_no_score_and_enters_no_mean(scores):
    lonely = SubsetScores(TWO, scores.counts, 3, {**scores.scored, ('depth',): 0})
    assert math.isnan(lonely.mean_ious()['D'])
    assert lonely.average() == pytest.approx(50)
    assert lonely.expected(0.2) == pytest.approx((40 * 0.16 + 60 * 0.64) / 0.8)
    assert lonely.to_dict()['miou_all_classes'] == {'R': 20, 'D': None, 'RD': 30}


def test_frames_that_lack_a_sensor_are_counted(scores):
    assert scores.missed() == {'D': 1, 'RD': 1}


def test_the_full_dictionary_holds_every_measure_in_both_conventions(scores):
    full = scores.to_full_dict()
    assert full['macc_present_classes']['R'] == pytest.approx(40)
    assert full['mf1_all_classes']['R'] == pytest.approx(100 * 8 / 14 / 2)
    assert full['expected_all_classes']['0.1'] == pytest.approx(
        scores.expected(0.1, absent_as_zero=True)
    )
    assert full['class_iou']['RD'] == [pytest.approx(60), None]
    assert full['average_present_classes'] == pytest.approx(np.mean([40, 20, 60]))
