"""SyntheticStreets and street_images."""

from collections import Counter
from collections.abc import Iterator
from functools import cache

import cv2
import numpy as np
import pytest

from robustseg_core.data.frames import FrameArrays
from robustseg_core.data.streets import (
    STREET_MODALITIES,
    StreetDrive,
    SyntheticStreets,
    street_images,
)
from robustseg_core.data.streets.classes import Class
from robustseg_core.errors import ConfigError


@pytest.fixture(autouse=True, scope='module')
def one_thread() -> Iterator[None]:
    """Small pictures are drawn faster without OpenCV's threads."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    yield
    cv2.setNumThreads(threads)


@cache
def fifty() -> list[FrameArrays]:
    dataset = SyntheticStreets(50, 5, 96, 96)
    return [dataset[index] for index in range(50)]


def test_images_are_those_of_the_modalities_in_their_units() -> None:
    drive = StreetDrive(1, 128, 96)
    frame = drive.frame(0)
    images = street_images(frame, drive)
    assert tuple(images) == STREET_MODALITIES.names
    assert all(image.shape == (96, 128, 3) for image in images.values())
    np.testing.assert_array_equal(images['rgb'], frame.rgb)
    row, column = np.argwhere((frame.depth_m > 2) & (frame.depth_m < 50))[0]
    assert images['depth'][row, column, 0] == pytest.approx(1 / frame.depth_m[row, column])
    assert images['event'].sum() == len(frame.events.x)
    painted = images['lidar'][..., 0] > 0
    assert 0.1 < painted.mean() < 0.9
    assert images['lidar'][..., 0].max() < 105


def test_normalised_images_are_of_order_one() -> None:
    samples = [sample['images'] for sample in fifty()[:12]]
    for modality in STREET_MODALITIES:
        image = np.stack([sample[modality.name] for sample in samples]).astype(float)
        mean, std = modality.normalisation.mean, modality.normalisation.std
        normal = (image - mean) / std
        used = image.std(axis=(0, 1, 2)) > 0  # the third channel of the events is empty
        assert np.abs(normal.mean(axis=(0, 1, 2))).max() < 0.8, modality.name
        spread = normal.std(axis=(0, 1, 2))[used]
        assert ((spread > 0.4) & (spread < 2.5)).all(), (modality.name, spread)


def test_a_sample_is_the_same_whenever_it_is_drawn() -> None:
    one, other = SyntheticStreets(3, 7, 64, 64), SyntheticStreets(3, 7, 64, 64)
    late, early = one[2], [other[index] for index in range(3)][2]
    np.testing.assert_array_equal(late['labels'], early['labels'])
    for name in STREET_MODALITIES.names:
        np.testing.assert_array_equal(late['images'][name], early['images'][name])
    assert (late['id'], late['condition']) == (early['id'], early['condition'])


def test_a_longer_set_begins_like_a_shorter_one() -> None:
    short, long = SyntheticStreets(1, 7, 64, 64), SyntheticStreets(9, 7, 64, 64)
    np.testing.assert_array_equal(short[0]['images']['rgb'], long[0]['images']['rgb'])


def test_fifty_samples_show_most_classes_in_all_weathers() -> None:
    samples = fifty()
    pixels = np.bincount(np.concatenate([s['labels'].ravel() for s in samples]), minlength=25)
    assert len(pixels) == 25
    assert (pixels > 100).sum() >= 22
    often = Counter(int(label) for s in samples for label in np.unique(s['labels']))
    assert often[Class.PEDESTRIAN] > 35
    assert often[Class.CARS] > 35
    weather = Counter(s['condition'].split('+')[0] for s in samples)
    assert set(weather) == {'sun', 'cloud', 'rain', 'fog', 'night'}
    assert 5 <= sum('+' in s['condition'] for s in samples) <= 25
    assert len({s['id'] for s in samples}) == 50


def test_no_sample_beyond_the_end() -> None:
    dataset = SyntheticStreets(2, 0, 32, 32)
    assert len(dataset) == 2
    for index in (2, -1):
        with pytest.raises(IndexError, match=f'Index {index} '):
            dataset[index]


def test_negative_count_is_refused() -> None:
    with pytest.raises(ConfigError, match='count must be >= 0, got -1'):
        SyntheticStreets(-1, 0)
