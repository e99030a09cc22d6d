"""Lines on values that are not those of training."""

from dataclasses import replace

import pytest
import torch
from value_ranges import LIDAR, RGB, noise, scan

from robustseg_core.data.sample import Collate, Sample
from robustseg_core.data.value_lines import ValueLines
from robustseg_core.modalities import ModalitySet, Normalisation
from robustseg_core.sensors.network_input import network_tensor

SHIFTED = replace(LIDAR, normalisation=Normalisation((5.0, 0.08, -0.2), (11.0, 0.16, 1.4)))
SENSORS = ModalitySet((RGB, SHIFTED))


def batches(lidar, count=6):
    """Yield batches of one sample, as data sets give them: normalised."""
    images = {'rgb': noise(0, 200), 'lidar': lidar}
    tensors = {n: network_tensor(image, SENSORS[n], (64, 64)) for n, image in images.items()}
    for index in range(count):
        sample = Sample(images=tensors, labels=torch.zeros(64, 64), id=str(index), condition='')
        yield Collate(SENSORS)([sample])


def lines_on(found):
    told = []
    lines = ValueLines(SENSORS, told.append, lambda modality, what: f'{modality.name} {what}')
    assert len(list(lines.watched(found))) == 6
    return told


def test_batches_are_compared_as_they_were_before_they_were_normalised():
    assert lines_on(batches(scan())) == []
    (line,) = lines_on(batches(scan(255)))
    assert line.startswith('lidar: not as in training: intensity reaches 25')
    assert line.endswith('multiply by 1/255 (lidar intensity)')


def test_a_modality_is_told_once_and_only_if_it_was_there():
    told = []
    unknown = ModalitySet((replace(RGB, seen=None), SHIFTED))
    lines = ValueLines(unknown, told.append, lambda *_: '')
    for _ in range(30):
        lines.look('lidar', scan(255))
    lines.end()
    assert len(told) == 1
    lines.look('rgb', noise(0, 255))
    lines.end()
    assert 'training saw of rgb:' in told[1]


@pytest.mark.parametrize('count', [1, 3])
def test_a_few_images_are_judged_at_the_end(count):
    told = []
    lines = ValueLines(SENSORS, told.append, lambda *_: '')
    for _ in range(count):
        lines.look('lidar', scan(255))
    assert told == []
    lines.end()
    assert len(told) == 1
