"""Contestants, in this process; they judge each other."""

import numpy as np
import pytest

from robustseg_core.benchmarking.contestants import Entry, enter, write_weights
from robustseg_core.benchmarking.process import Case, images_of

pytest.importorskip('transformers')

NAMES = ('rgb', 'depth', 'event', 'lidar')


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp('weights')
    write_weights(folder, backbone='mit_b0', width=16, seed=3)
    return folder


@pytest.fixture(scope='module')
def published(folder):
    return enter(Entry('published'), folder, 'cpu', 64)


@pytest.mark.parametrize('entry', [Entry('huggingface'), Entry('ours', 'torch')])
@pytest.mark.parametrize('count', [1, 4])
def test_all_give_the_published_networks_classes(entry, count, folder, published):
    contestant = enter(entry, folder, 'cpu', 64)
    images = images_of(Case(64, count, seed=1), NAMES)
    expected = published.frame(images)
    assert len(np.unique(expected)) > 2
    assert np.mean(contestant.frame(images) == expected) > 0.999


@pytest.mark.parametrize(
    'entry', [Entry('published'), Entry('huggingface'), Entry('ours', 'torch')]
)
def test_a_stream_ends_in_the_same_mask_as_the_whole_frame(entry, folder):
    contestant = enter(entry, folder, 'cpu', 64)
    images = images_of(Case(64, 3, seed=2), NAMES)
    whole = contestant.frame(images)
    name, image = images.popitem()
    contestant.prepare(images)
    np.testing.assert_array_equal(contestant.last(name, image), whole)


def test_images_depend_on_the_seed_and_are_no_plain_noise():
    images = images_of(Case(64, 2, seed=1), NAMES)
    assert list(images) == ['rgb', 'depth']
    assert images['rgb'].shape == (64, 64, 3)
    again = images_of(Case(64, 2, seed=1), NAMES)
    other = images_of(Case(64, 2, seed=2), NAMES)
    np.testing.assert_array_equal(images['depth'], again['depth'])
    assert not np.array_equal(images['depth'], other['depth'])
    within = np.ptp(images['rgb'][:32, :32].astype(int), axis=(0, 1))
    assert (within < 32).all()
