"""What the ranges of int8 are measured on."""

from exported_networks import CONFIG, make_network
import numpy as np
import pytest
import torch

from robustseg_core.exporting.calibration import Calibration
from robustseg_core.modalities import ModalitySet
from robustseg_core.runtime.torch_backend import TorchBackend


def test_every_image_of_every_modality_is_seen(network, make_frames):
    frames = make_frames(2)
    found = [each['image'] for each in Calibration(network, frames).images()]
    expected = [image.numpy() for frame in frames for image in frame['images'].values()]
    assert len(found) == 6
    assert all(np.array_equal(*pair) for pair in zip(found, expected, strict=True))


@torch.no_grad()
def test_every_subset_of_every_frame_is_seen(model, network, make_frames):
    frames = make_frames(2)
    found = list(Calibration(network, frames).maps())
    assert [int(each['subset'][0]) for each in found] == [*range(7), *range(7)]
    depth_and_event = [model.encode(frames[1]['images'][n]) for n in ('depth', 'event')]
    expected = model.fuse(depth_and_event)
    for name, each in zip(('map1', 'map2', 'map3', 'map4'), expected, strict=True):
        np.testing.assert_allclose(found[12][name], each.numpy(), atol=1e-4)


@pytest.mark.parametrize(('statistics', 'sensors'), [('shared', 3), ('subset', 1)])
def test_a_head_that_knows_no_subsets_is_told_none(make_frames, statistics, sensors):
    modalities = ModalitySet(CONFIG.modalities.members[:sensors])
    backend = TorchBackend(make_network(statistics, modalities=modalities))
    first = next(Calibration(backend, make_frames(1, modalities.names)).maps())
    assert list(first) == ['map1', 'map2', 'map3', 'map4']


@pytest.mark.parametrize('method', ['images', 'maps'])
def test_it_can_be_gone_through_again(network, make_frames, method):
    walk = getattr(Calibration(network, make_frames(1)), method)
    assert len(list(walk())) == len(list(walk())) > 0
