"""Images without content."""

import numpy as np
import pytest

from robustseg_core.modalities import UNIT, Modality
from robustseg_core.sensors.content import FROZEN_AFTER, ContentWatch, content_problem
from robustseg_core.sensors.input_watch import InputWatch
from robustseg_core.sensors.values import sampled

SIDE = 96
GENERATOR = np.random.default_rng(0)
RGB = Modality('rgb', 'R', 'rgb', UNIT)


def noise(low, high):
    return GENERATOR.integers(low, high, (SIDE, SIDE, 3), np.uint8)


def blank(value=0, dtype=np.uint8):
    return np.full((SIDE, SIDE, 3), value, dtype)


def with_points(count, dtype=np.float32):
    image = blank(dtype=dtype)
    image.reshape(-1, 3)[:count] = 1
    return image


@pytest.mark.parametrize(
    ('image', 'encoding', 'problem'),
    [
        (blank(), 'rgb', 'all black'),
        (noise(0, 4), 'rgb', 'all black'),
        (blank(128), 'rgb', 'the same value everywhere'),
        (np.maximum(noise(0, 255), blank(255) * (noise(0, 99) > 0)), 'rgb', 'saturated'),
        (blank(65535, np.uint16), 'grey', 'the same value everywhere'),
        (blank(dtype=np.float32), 'grey', 'all black'),
        (blank(dtype=np.float32), 'range_intensity_height', 'no point in the view'),
        (blank(dtype=np.float32), 'range_intensity', 'no point in the view'),
        (blank(), 'event_counts', 'no events'),
        (blank(dtype=np.float32), 'inverse_log_depth', 'no distance in nearly every pixel'),
        (with_points(90), 'linear_depth', 'no distance in nearly every pixel'),
    ],
)
def test_an_image_that_says_nothing_is_told(image, encoding, problem):
    assert problem in content_problem(sampled(image), encoding)


@pytest.mark.parametrize(
    ('image', 'encoding'),
    [
        (noise(0, 30), 'rgb'),  # night
        (noise(200, 255), 'rgb'),  # overexposed, but not all of it
        (blank(290.0, np.float32) + noise(0, 3), 'grey'),
        (with_points(50), 'range_intensity_height'),
        (with_points(50, np.uint8), 'event_counts'),
        (with_points(SIDE * SIDE // 4), 'linear_depth'),
    ],
)
def test_little_content_is_content(image, encoding):
    assert content_problem(sampled(image), encoding) == ''


def looked(watch, images):
    return [watch.look(image, sampled(image)) for image in images]


def test_the_same_image_again_and_again_is_frozen_until_it_moves():
    watch, image = ContentWatch(RGB), noise(0, 255)
    told = looked(watch, [image.copy() for _ in range(FROZEN_AFTER + 2)])
    assert told[:FROZEN_AFTER] == [''] * FROZEN_AFTER
    assert told[-1] == 'frozen: the same image again and again'
    assert looked(watch, [noise(0, 255)]) == ['']


def test_a_little_noise_is_not_frozen():
    watch, image = ContentWatch(RGB), noise(0, 255)
    assert not any(looked(watch, [image ^ (noise(0, 99) == 0) for _ in range(30)]))


def test_what_moves_in_a_few_pixels_alone_is_not_frozen_for_long():
    # Any grid has 1 of 49 pixels; the next one is another grid.
    watch = ContentWatch(RGB)
    still = GENERATOR.integers(0, 255, (320, 320, 3), np.uint8)
    images = []
    for number in range(60):
        image = still.copy()
        image[100:110, 100:110] = number
        images.append(image)
    assert not any(looked(watch, images))


def test_one_bad_image_is_told_and_only_some_of_them_last():
    watch = ContentWatch(RGB)
    assert looked(watch, [noise(0, 255), blank()]) == ['', 'all black']
    assert not watch.lasts
    looked(watch, [blank(), blank()])
    assert watch.lasts
    looked(watch, [noise(0, 255)])
    assert not watch.lasts


def test_an_image_of_another_size_is_not_the_same():
    watch = ContentWatch(RGB)
    assert not any(looked(watch, [noise(0, 255)[: 50 + n] for n in range(FROZEN_AFTER + 2)]))


def test_the_watch_of_an_input_tells_both():
    watch = InputWatch(RGB)
    assert watch.look(blank()).problem == 'all black'
    assert watch.look(noise(0, 255)).problem == ''
