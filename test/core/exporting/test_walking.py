"""Every subset of the sensors there are; the reference is the network's own forward."""

from exported_networks import make_network
import numpy as np
import pytest
import torch

from robustseg_core.data.config import DataConfig
from robustseg_core.errors import ConfigError
from robustseg_core.exporting.walking import fusions, some_frames
from robustseg_core.runtime.torch_backend import TorchBackend


@torch.no_grad()
def test_every_subset_is_what_the_network_sees_of_it(model, network, make_frames):
    images = make_frames(1)[0]['images']
    seen = []
    for subset, index, maps in fusions(network, images):
        chosen = {name: images[name] for name in subset}
        expected = model(chosen)
        logits = torch.nn.functional.interpolate(
            network.head(maps, index), (64, 96), mode='bilinear', align_corners=False
        )
        torch.testing.assert_close(logits, expected, rtol=0, atol=1e-4)
        seen.append(subset)
    assert seen == model.config.modalities.subsets()


@torch.no_grad()
def test_a_network_trained_on_black_images_is_given_them(make_frames):
    model = make_network(missing='zero')
    images = make_frames(1)[0]['images']
    for subset, _, maps in fusions(TorchBackend(model), images):
        shown = [images[n] if n in subset else torch.zeros(1, 3, 64, 96) for n in images]
        expected = model.fuse([model.encode(each) for each in shown])
        torch.testing.assert_close(maps[3], expected[3], rtol=0, atol=1e-4)


def test_subsets_with_a_sensor_that_is_not_there_are_passed_over(network, make_frames):
    images = make_frames(1, names=('depth', 'event'))[0]['images']
    found = {subset: index for subset, index, _ in fusions(network, images)}
    assert found == {('depth',): 1, ('event',): 2, ('depth', 'event'): 5}


class TenFrames:
    def __len__(self):
        return 10

    def __getitem__(self, index):
        grey = np.full((32, 32, 3), index, np.uint8)
        return {
            'images': {'rgb': grey},
            'labels': np.zeros((32, 32), np.uint8),
            'id': str(index),
            'condition': '',
        }


@pytest.mark.parametrize(
    ('count', 'chosen'),
    [(1, '0'), (3, '036'), (4, '0257'), (99, '0123456789')],
)
def test_frames_are_spread_over_all(model, count, chosen):
    loader = some_frames(model.config, TenFrames(), DataConfig(size=(32, 32)), count)
    assert ''.join(batch['ids'][0] for batch in loader) == chosen
    assert ''.join(batch['ids'][0] for batch in loader) == chosen  # again


def test_no_frame_is_too_few(model):
    with pytest.raises(ConfigError, match='at least 1, got 0'):
        some_frames(model.config, TenFrames(), DataConfig(), 0)
