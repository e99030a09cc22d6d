"""Frames that a checkpoint can be scored on, and those it cannot."""

import dataclasses

import numpy as np
import pytest

from robustseg_core.data.config import DataConfig
from robustseg_core.data.reading import MissingFiles
from robustseg_core.errors import ConfigError, DataError
from robustseg_core.evaluation.feeding import batches, check_fit
from robustseg_core.labels import LabelSet
from robustseg_core.modalities import BYTE, Modality, ModalitySet


class Frames:
    """Two frames of 48 x 64; the second has no depth."""

    missing = MissingFiles()

    def __init__(self, labels, modalities):
        self.labels = labels
        self.modalities = modalities

    def __len__(self):
        return 2

    def __getitem__(self, index):
        images = {name: np.full((48, 64, 3), 10 + index, np.float32) for name in ('rgb', 'depth')}
        if index == 1:
            del images['depth']
        labels = np.full((48, 64), index, np.uint8)
        return {'images': images, 'labels': labels, 'id': str(index), 'condition': ''}


@pytest.fixture
def frames(labels, sensors):
    # The data set's own normalisation must not be used.
    members = tuple(dataclasses.replace(each, normalisation=BYTE) for each in sensors)
    return Frames(labels, ModalitySet(members[:2]))


def test_frames_that_lack_some_of_the_sensors_fit(model, frames):
    check_fit(model.config, frames)


def test_other_classes_are_refused_with_the_first_that_differs(model, frames):
    frames.labels = LabelSet('other', ('a', 'x', 'c'), frames.labels.palette)
    with pytest.raises(DataError, match="class 1 is 'b' to the one, 'x' to the others"):
        check_fit(model.config, frames)


def test_more_classes_are_refused_with_their_number(model, frames):
    frames.labels = LabelSet('more', ('a', 'b', 'c', 'd'), ((0, 0, 0),) * 4)
    with pytest.raises(
        DataError, match=r"3 classes of 'three', .* 4 classes of 'more'; the first 3"
    ):
        check_fit(model.config, frames)


def test_the_same_classes_under_another_name_fit(model, frames):
    frames.labels = LabelSet('copy', frames.labels.classes, ((1, 1, 1),) * 3)
    check_fit(model.config, frames)


def test_a_sensor_in_other_units_is_refused(model, frames):
    frames.modalities = ModalitySet((Modality('depth', 'D', 'inverse_log_depth', BYTE),))
    with pytest.raises(ConfigError, match=r"'depth' encoded as 'linear_depth', .* 'inverse_log"):
        check_fit(model.config, frames)


def test_frames_without_any_of_the_sensors_are_refused(model, frames):
    frames.modalities = ModalitySet((Modality('thermal', 'T', 'image', BYTE),))
    with pytest.raises(
        DataError, match=r"have the modalities \['thermal'\], the checkpoint knows"
    ):
        check_fit(model.config, frames)


def test_batches_have_the_wanted_size_and_the_checkpoint_s_normalisation(model, frames):
    config = DataConfig(size=(32, 96))
    (batch,) = batches(model.config, frames, config, batch_size=2, workers=0)

    assert batch['labels'].shape == (2, 32, 96)
    assert batch['availability'].tolist() == [[True, True, False, False], [True] + [False] * 3]
    assert set(batch['images']) == {'rgb', 'depth'}
    assert batch['images']['rgb'].shape == (2, 3, 32, 96)
    assert (batch['images']['rgb'][1] == 11).all()


@pytest.mark.parametrize(('batch_size', 'workers'), [(0, 0), (1, -1)])
def test_numbers_out_of_range_are_named(model, frames, batch_size, workers):
    with pytest.raises(ConfigError, match='must be at least'):
        batches(model.config, frames, DataConfig(), batch_size, workers)
