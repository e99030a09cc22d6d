"""Scores of frames that were shared out."""

import numpy as np
import pytest

from robustseg_core.errors import DataError
from robustseg_core.evaluation.confusion import Confusion
from robustseg_core.evaluation.scores import SubsetScores
from robustseg_core.modalities import UNIT, Modality, ModalitySet
from robustseg_core.training.scoring import merged

SENSORS = ModalitySet((Modality('rgb', 'R', 'rgb', UNIT),))


def scores(pairs: list[tuple[int, int]], frames: int, scored: int) -> SubsetScores:
    confusion = Confusion(2)
    predicted, truth = np.array(pairs, np.uint8).T
    confusion.update(predicted, truth)
    return SubsetScores(SENSORS, {('rgb',): confusion}, frames, {('rgb',): scored})


def test_parts_make_up_the_whole() -> None:
    first, second = [(0, 0), (1, 0), (1, 1)], [(0, 1), (1, 1), (0, 0), (1, 255)]
    parts = [scores(first, 3, 2), scores(second, 4, 4)]
    whole = merged(parts)
    expected = scores(first + second, 7, 6)
    assert whole.frames == 7
    assert whole.scored == {('rgb',): 6}
    np.testing.assert_array_equal(whole.counts[('rgb',)].counts, expected.counts[('rgb',)].counts)
    assert whole.mean_ious() == expected.mean_ious()
    assert parts[0].counts[('rgb',)].counts.sum() == 3, 'the parts are not changed'


def test_nothing_to_score_is_an_error() -> None:
    with pytest.raises(DataError, match='no frame to score'):
        merged([])
