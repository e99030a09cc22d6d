"""Statistics of an image, compared with what training saw."""

from dataclasses import replace

import numpy as np
import pytest
from value_ranges import DEPTH, EVENT, LIDAR, RGB, THERMAL, noise, scan, seen

from robustseg_core.sensors.depth import encode_depth
from robustseg_core.sensors.input_watch import LEAST, RangeWatch
from robustseg_core.sensors.range_check import findings, worded
from robustseg_core.sensors.values import sampled, statistics_of

BRIGHT_INDOORS = replace(RGB, seen=seen((254, 254, 255), (255, 255, 255), (-10, 72)))


def tinted(red, blue):
    return noise(60, 200) + np.array([red, 0, blue], np.float32)


def depth(scale):
    return encode_depth(noise(2, 90, 1)[..., 0] * np.float32(scale), 'inverse_log_depth')


def checked(image, modality):
    return findings(statistics_of(sampled(image), modality.encoding), modality)


@pytest.mark.parametrize(
    ('image', 'modality', 'cause', 'remedy'),
    [
        (scan(255), LIDAR, '0..255 for 0..1, as of Velodyne and Livox', 'multiply by 1/255'),
        (scan(65535), LIDAR, '0..65535 for 0..1, as of Ouster', 'multiply by 1/65535'),
        (scan(100), LIDAR, 'percent for 0..1', 'multiply by 0.01'),
        (scan(0), LIDAR, 'no intensity in what is sent', ''),
        (scan(length=1000), LIDAR, 'millimetres for metres', 'multiply by 0.001'),
        (depth(1000), DEPTH, 'millimetres for metres', 'multiply by 0.001'),
        (depth(0.001), DEPTH, 'metres for millimetres', 'multiply by 1000'),
        (noise(28000, 31000, 1), THERMAL, 'kelvin x 100', 'multiply by 0.01'),
        (noise(2.8, 3.1, 1), THERMAL, 'whole units for hundredths', 'multiply by 100'),
        (noise(0, 1), RGB, '0..1 for 0..255', 'multiply by 255'),
        (noise(0, 200) // 16, RGB, '12 bits in the lower part of 16', 'multiply by 16'),
        (noise(0, 255) // 16, BRIGHT_INDOORS, '12 bits in the lower part', 'multiply by 16'),
        (tinted(20, 0), RGB, 'BGR for RGB', ''),
        (tinted(0, 40), BRIGHT_INDOORS, 'BGR for RGB', ''),
        (255 * (noise(0, 1) > 0.5), EVENT, 'a picture with 255 for an event', 'multiply by 1/255'),
    ],
)
def test_what_is_far_from_training_is_told_with_cause_and_remedy(image, modality, cause, remedy):
    found = checked(image, modality)
    text = worded(found, lambda _: '')
    assert cause in text
    assert remedy in text


@pytest.mark.parametrize(
    ('image', 'modality'),
    [
        (scan(), LIDAR),
        (scan(0.4), LIDAR),
        (depth(1), DEPTH),
        (depth(0.5), DEPTH),
        (noise(270, 310, 1), THERMAL),
        (noise(0, 60), RGB),  # night
        (noise(230, 255), RGB),  # snow
        (tinted(-25, 0), RGB),  # a blue sky
        (noise(0, 5).astype(np.uint8) * [1, 1, 0], EVENT),
        (np.full((64, 64, 3), [1, 0, 0]), EVENT),
    ],
)
def test_what_training_saw_is_no_finding(image, modality):
    assert checked(image, modality) == ()


def test_the_setting_that_helps_is_named():
    found = checked(scan(255), LIDAR)
    text = worded(found, {'intensity': 'lidar.intensity_scale'}.__getitem__)
    assert 'multiply by 1/255 (lidar.intensity_scale)' in text
    assert 'intensity reaches' in text


def test_a_distance_without_a_usual_cause_is_told_as_it_is():
    indoors = replace(DEPTH, seen=seen((2,) * 3, (9,) * 3))
    (finding,) = checked(depth(1), indoors)
    assert (finding.cause, finding.factor) == ('', None)
    assert 'in training 2 to 9 m: check its unit and its scale' in finding.text()


def test_nothing_is_compared_where_nobody_looked_at_training():
    assert checked(scan(255), replace(LIDAR, seen=None)) == ()


def test_one_strange_image_is_no_finding_and_the_watch_recovers():
    watch = RangeWatch(LIDAR, every=1)
    good, bad = sampled(scan()), sampled(scan(255))
    assert not any(watch.look(each) for each in [bad, good, good, good, good, good])
    for _ in range(20):
        told = watch.look(bad)
    assert told
    for _ in range(20):
        told = watch.look(good)
    assert told == ()


def test_a_few_images_are_judged_at_the_end_alone():
    watch = RangeWatch(LIDAR)
    assert not any(watch.look(sampled(scan(255))) for _ in range(LEAST - 1))
    assert watch.conclude()
    assert not RangeWatch(LIDAR).conclude()


def test_statistics_are_those_of_numpy():
    image = scan()
    planes = image.reshape(-1, 3)[image.any(axis=2).reshape(-1)]
    found = statistics_of(sampled(image), LIDAR.encoding)
    np.testing.assert_allclose(found.mean, planes.mean(axis=0), rtol=1e-5)
    np.testing.assert_array_equal(found.maximum, planes.max(axis=0))
    low, high = np.percentile(planes, [1, 99], axis=0, method='nearest')
    np.testing.assert_array_equal(found.low, low)
    np.testing.assert_array_equal(found.high, high)
    assert found.empty == pytest.approx(1 - len(planes) / 4096)


def test_depth_is_compared_in_metres():
    found = statistics_of(sampled(depth(1)), 'inverse_log_depth')
    assert found.maximum[0] == pytest.approx(90, rel=0.01)


def test_every_grid_of_a_large_image_has_its_turn():
    image = np.arange(320 * 320).reshape(320, 320, 1).repeat(3, axis=2)
    stride = 7
    met = np.concatenate([sampled(image, shift)[:, 0] for shift in range(stride**2)])
    assert len(np.unique(met)) == 320 * 320
