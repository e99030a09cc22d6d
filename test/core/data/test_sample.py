"""Collate."""

import pytest
import torch

from robustseg_core.data.sample import Collate, Sample
from robustseg_core.errors import DataError
from robustseg_core.modalities import BYTE, IMAGENET, Modality, ModalitySet

SENSORS = ModalitySet(
    (Modality('rgb', 'R', 'rgb', IMAGENET), Modality('depth', 'D', 'image', BYTE))
)


def sample(name: str, *modalities: str) -> Sample:
    images = {m: torch.full((3, 2, 4), float(len(m))) for m in modalities}
    return Sample(images=images, labels=torch.zeros(2, 4).long(), id=name, condition='sun')


def test_samples_with_different_sensors_share_a_batch() -> None:
    batch = Collate(SENSORS)([sample('a', 'rgb', 'depth'), sample('b', 'depth')])
    assert batch['availability'].tolist() == [[True, True], [False, True]]
    assert batch['images']['rgb'].shape == (2, 3, 2, 4)
    assert batch['images']['rgb'][0].unique().tolist() == [3.0]
    assert batch['images']['rgb'][1].unique().tolist() == [0.0]
    assert batch['ids'] == ['a', 'b']


def test_a_modality_nobody_has_is_no_key() -> None:
    batch = Collate(SENSORS)([sample('a', 'depth'), sample('b', 'depth')])
    assert set(batch['images']) == {'depth'}


def test_a_sample_without_any_wanted_sensor_is_named() -> None:
    with pytest.raises(DataError, match=r"'b' has modalities \['thermal'\], none of the wanted"):
        Collate(SENSORS)([sample('a', 'rgb'), sample('b', 'thermal')])
