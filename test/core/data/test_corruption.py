"""Corruption of normalised images, counted element by element."""

import math

import numpy as np
import pytest
import torch

from robustseg_core.data.corruption import NOISE_LEVELS, Noise, RandomMissing, corrupted

LOW = NOISE_LEVELS[0]
IMAGE = torch.randn(3, 40, 50, generator=torch.Generator().manual_seed(0))


def draw(level, modality='rgb', frame='a', seed=1, image=IMAGE):
    return corrupted(image, modality, level, frame, seed)


@pytest.mark.parametrize('rate', [0.25, 0.5, 0.75])
def test_elements_are_zeroed_one_by_one_at_the_rate(rate):
    holes = draw(RandomMissing(rate)) == 0
    assert holes.float().mean() == pytest.approx(rate, abs=0.03)
    # Not whole pixels: the channels of a pixel differ.
    assert (holes.any(dim=0) & ~holes.all(dim=0)).any()


def test_what_is_not_zeroed_stays_as_it_was():
    image = draw(RandomMissing(0.5))
    kept = image != 0
    assert torch.equal(image[kept], IMAGE[kept])


def test_all_or_nothing_is_lost_at_the_extreme_rates():
    assert torch.equal(draw(RandomMissing(0.0)), IMAGE)
    assert not draw(RandomMissing(1.0)).any()


def test_a_zeroed_element_that_was_not_a_number_is_zero():
    image = torch.full((3, 4, 4), float('nan'))
    assert not draw(RandomMissing(1.0), image=image).any()


def test_salt_and_pepper_take_the_extremes_of_the_image_at_half_the_density_each():
    level = Noise('test', density=0.2, sigma=0.0)
    noisy = draw(level)
    count = math.ceil(0.2 * IMAGE.numel() / 2)
    changed = noisy != IMAGE
    salt, pepper = (noisy == IMAGE.max()).sum(), (noisy == IMAGE.min()).sum()
    assert changed.sum() <= 2 * count
    # Positions are drawn with replacement, and pepper falls on salt: 1 - exp(-0.1) of all.
    expected = IMAGE.numel() * (1 - math.exp(-0.1))
    assert pepper == pytest.approx(expected, rel=0.05)
    assert salt == pytest.approx(expected * math.exp(-0.1), rel=0.05)
    assert set(noisy[changed].tolist()) == {IMAGE.max().item(), IMAGE.min().item()}


def test_gaussian_noise_has_the_levels_sigma_and_no_mean():
    difference = (draw(Noise('test', density=0.0, sigma=0.5)) - IMAGE).numpy()
    assert difference.std() == pytest.approx(0.5, rel=0.03)
    assert abs(difference.mean()) < 0.02


def test_events_get_no_gaussian_noise():
    noisy = draw(LOW, 'event')
    changed = noisy != IMAGE
    assert 0.03 < changed.float().mean() < 0.06
    assert (draw(LOW, 'lidar') != IMAGE).float().mean() > 0.99


def test_the_levels_are_the_benchmarks():
    assert [(each.name, each.density, each.sigma) for each in NOISE_LEVELS] == [
        ('Low', 0.05, 0.1),
        ('Mid', 0.1, 0.2),
        ('High', 0.2, 0.5),
    ]


@pytest.mark.parametrize('level', [RandomMissing(0.5), LOW])
def test_the_same_frame_is_corrupted_the_same_way_again_and_is_not_touched(level):
    before = IMAGE.clone()
    assert torch.equal(draw(level), draw(level))
    assert torch.equal(IMAGE, before)


@pytest.mark.parametrize(
    'other', [{'modality': 'depth'}, {'frame': 'b'}, {'seed': 2}, {'level': RandomMissing(0.51)}]
)
def test_each_seed_frame_modality_and_level_is_drawn_on_its_own(other):
    first = draw(RandomMissing(0.5)) == 0
    second = draw(**{'level': RandomMissing(0.5), **other}) == 0
    # Independent holes at one half agree in half of the places.
    assert (first == second).float().mean() == pytest.approx(0.5, abs=0.05)


def test_an_image_that_is_not_contiguous_is_corrupted_like_its_copy():
    image = IMAGE.transpose(1, 2)
    np.testing.assert_array_equal(draw(LOW, image=image), draw(LOW, image=image.contiguous()))
