"""The two graphs; the reference is the network as it was trained."""

from exported_networks import CONFIG, SUBSETS, assert_near, make_network, picture
import pytest
import torch

from robustseg_core.modalities import ModalitySet
from robustseg_core.models.all_mlp_head import AllMlpHead
from robustseg_core.runtime.graphs import EncoderGraph, HeadGraph, takes_subset


@torch.no_grad()
def test_the_encoder_is_the_networks():
    model = make_network()
    image = picture(64, 160, batch=2)
    for ours, expected in zip(EncoderGraph(model)(image), model.encode(image), strict=True):
        assert_near(ours, expected, 1e-5)


@torch.no_grad()
def test_an_encoder_of_timm_is_taken_as_it_is():
    model = make_network(backbone='resnet10t')
    image = picture()
    for ours, expected in zip(EncoderGraph(model)(image), model.encode(image), strict=True):
        torch.testing.assert_close(ours, expected)


@torch.no_grad()
@pytest.mark.parametrize('channels_at_a_time', [1, 32, 64, 80, 1000, None])
def test_the_head_is_the_networks_for_every_subset(channels_at_a_time):
    model = make_network()
    maps = model.encode(picture())
    head = HeadGraph(model, channels_at_a_time)
    assert head.takes_subset
    for subset in SUBSETS:
        row = torch.tensor([subset])
        assert_near(head(*maps, row), model.head(maps, row), 1e-5)


@torch.no_grad()
def test_statistics_shared_by_all_subsets_need_no_subset():
    model = make_network('shared')
    maps = model.encode(picture())
    head = HeadGraph(model, 64)
    assert not head.takes_subset
    assert_near(head(*maps), model.head(maps), 1e-5)


@torch.no_grad()
def test_a_single_sensor_has_no_subsets_to_tell_apart():
    model = make_network('subset', modalities=ModalitySet(CONFIG.modalities.members[:1]))
    assert not takes_subset(model.config)
    maps = model.encode(picture())
    assert_near(HeadGraph(model, 64)(*maps), model.head(maps, torch.tensor([0])), 1e-5)


@torch.no_grad()
def test_making_graphs_leaves_the_model_as_it_was():
    model = make_network()
    before = {name: each.clone() for name, each in model.state_dict().items()}
    EncoderGraph(model), HeadGraph(model, 64)
    assert isinstance(model.head, AllMlpHead)
    after = model.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(each, after[name]) for name, each in before.items())
