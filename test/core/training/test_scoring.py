"""Scores of frames that were shared out."""

from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import Dataset

from robustseg_core.data.sample import Sample
from robustseg_core.errors import DataError
from robustseg_core.evaluation.confusion import Confusion
from robustseg_core.evaluation.scores import SubsetScores
from robustseg_core.labels import LabelSet
from robustseg_core.modalities import UNIT, Modality, ModalitySet
from robustseg_core.models.segmenter import MultimodalSegmenter, SegmenterConfig
from robustseg_core.training.scoring import merged, scores_of_all

SENSORS = ModalitySet((Modality('rgb', 'R', 'rgb', UNIT),))
PAIR = ModalitySet((*SENSORS, Modality('depth', 'D', 'linear_depth', UNIT)))


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


class Frames(Dataset[Sample]):
    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: int) -> Sample:
        generator = torch.Generator().manual_seed(index)
        return Sample(
            images={name: torch.randn(3, 32, 32, generator=generator) for name in PAIR.names},
            labels=torch.randint(0, 3, (32, 32), generator=generator),
            id=str(index),
            condition='sun',
        )


@pytest.mark.parametrize('missing', ['drop', 'zero'])
def test_a_missing_sensor_is_missed_as_the_network_was_trained_to(missing: Any) -> None:
    torch.manual_seed(0)
    labels = LabelSet('three', ('a', 'b', 'c'), ((0, 0, 0), (1, 1, 1), (2, 2, 2)))
    config = SegmenterConfig(
        backbone='mit_nano', head_width=8, labels=labels, modalities=PAIR, missing=missing
    )
    network = MultimodalSegmenter(config).eval()
    counts = scores_of_all(network, Frames(), 0, 'cpu').counts
    expected = {subset: Confusion(3) for subset in PAIR.subsets()}
    for index in range(3):
        sample = Frames()[index]
        for subset, confusion in expected.items():
            seen = torch.tensor([[name in subset for name in PAIR.names]])
            images = {name: image[None] for name, image in sample['images'].items()}
            with torch.inference_mode():
                # forward does what the network was trained for.
                predicted = network(images, seen).argmax(dim=1)[0].byte().numpy()
            confusion.update(predicted, sample['labels'].byte().numpy())
    for subset, confusion in expected.items():
        # Folding the head rounds otherwise: a pixel on the edge may fall to the other side.
        assert np.abs(counts[subset].counts - confusion.counts).sum() <= 4, subset


def test_nothing_to_score_is_an_error() -> None:
    with pytest.raises(DataError, match='no frame to score'):
        merged([])
