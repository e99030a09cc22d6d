"""The share of messages that arrive."""

import pytest

from robustseg_ros.inputs.arrivals import LARGE_BYTES, ArrivalStatistics

BIG = 3_000_000


def statistics(sequence, size=BIG):
    made = ArrivalStatistics()
    for number in sequence:
        made.add(number, size)
    return made


def test_share_counts_the_gaps():
    assert statistics(range(1, 50)).share() == 1.0
    # One in thirty: what 30 Hz over the default transport is like.
    assert statistics(range(7, 300, 30)).share() == pytest.approx(1 / 30)


def test_too_few_messages_say_nothing():
    assert statistics([1, 31, 61]).share() is None


def test_a_large_input_that_loses_most_is_told_the_remedy():
    complaint = statistics(range(0, 300, 10)).complaint('rgb')
    assert 'only 10% of its messages of 3.0 MB arrive' in complaint
    assert 'FASTDDS_DEFAULT_PROFILES_FILE' in complaint
    assert 'rgb.qos.reliability: reliable' in complaint


def test_where_the_cpus_do_not_keep_up_the_transport_is_not_blamed():
    said = statistics(range(0, 300, 10)).complaint('rgb', 'overload: 3.3 masks/s')
    assert 'the CPUs do not keep up, which is the likely cause (overload: 3.3 masks/s)' in said
    assert 'FASTDDS' not in said


def test_a_small_input_and_one_that_loses_little_are_left_alone():
    assert statistics(range(0, 300, 10), LARGE_BYTES - 1).complaint('rgb') == ''
    assert statistics([1, 2, 3, 5, 6, 7, 9, 10]).complaint('rgb') == ''


def test_another_publisher_or_none_that_numbers_starts_again():
    assert statistics([100, 200, 300, 400, 1]).share() is None
    assert statistics([1, 2, 3, 4, 5, 6, None]).share() is None
    # Two publishers go up and down: nothing is claimed.
    assert statistics([1, 900, 2, 901, 3, 902, 4, 903, 5, 904]).share() is None


def test_the_past_is_forgotten():
    made = statistics([*range(0, 300, 10), *range(300, 360)])
    assert made.share() == 1.0
