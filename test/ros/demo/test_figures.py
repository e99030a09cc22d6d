"""Losses, gaps, latencies and scores of a made-up run."""

import numpy as np
import pytest

from robustseg_ros.demo.figures import (
    dropouts,
    is_excused,
    latencies_ms,
    longest_gap_s,
    losses,
    miou_tables,
    percentiles,
)
from robustseg_ros.demo.records import moments

MS = 1_000_000


def lost_indices(run):
    found = losses(moments(run.recording), run.schedule, run.clock)
    return tuple(
        [moment.index for moment in group]
        for group in (found.at_start, found.within_timeout, found.after_timeout)
    )


def test_losses_are_told_apart_by_cause(make_run):
    # The last RGB is frame 19 (1.9 s): 0.25 s of timeout and a frame end at 2.25 s.
    run = make_run(unmade=(0, 1, 20, 21, 22, 23, 60))
    assert lost_indices(run) == ([0], [20, 21, 22], [1, 23, 60])


def test_a_run_without_losses_has_none(make_run):
    assert lost_indices(make_run(unmade=())) == ([], [], [])


def test_a_frame_that_no_sensor_sent_is_not_lost(make_run):
    run = make_run(unmade=(60,))
    run.recording.sent = [
        sent._replace(published=sent.published and sent.stamp_ns != run.clock.first_ns + 6000 * MS)
        for sent in run.recording.sent
    ]
    assert lost_indices(run) == ([], [], [])


@pytest.mark.parametrize(
    ('time_ms', 'expected'), [(1900, False), (1901, True), (2250, True), (2251, False)]
)
def test_the_excuse_lasts_for_the_timeout_and_one_frame_from_the_last_message(
    schedule, time_ms, expected
):
    assert is_excused(time_ms * MS, schedule.outages[0], schedule, 250 * MS) is expected


def test_the_longest_gap_counts_only_those_that_touch_the_interval():
    arrivals = [0.0, 5.0, 6.0, 8.0, 8.5, 20.0]
    assert longest_gap_s(arrivals, 6.5, 8.2) == 2.0
    assert longest_gap_s(arrivals, 0.0, 30.0) == 11.5
    assert np.isnan(longest_gap_s([1.0], 0.0, 2.0))


def test_each_dropout_is_listed_with_what_it_caused(make_run):
    run = make_run(unmade=(0, 20, 21))
    first, second = dropouts(moments(run.recording), run.recording.said, run.schedule, run.clock)
    assert first == {
        'sensors': ['rgb'],
        'from_s': 2.0,
        'until_s': 4.0,
        'gap_s': 0.3,
        'frames_lost': 2,
        'noticed_after_s': {'rgb': 0.26},
    }
    assert second['gap_s'] == 0.1
    assert second['frames_lost'] == 0
    assert second['noticed_after_s'] == {'lidar': 0.27}


def test_a_death_that_the_node_never_mentions_is_listed_as_such(make_run):
    run = make_run()
    entry = dropouts(moments(run.recording), run.recording.said[:2], run.schedule, run.clock)[0]
    assert entry['noticed_after_s'] == {'rgb': None}


def test_latency_counts_from_the_leading_input_in_use(make_run):
    run = make_run()
    scores = {score.stamp_ns: score for score in run.scores}
    found = latencies_ms(moments(run.recording), scores)
    assert found[10] == pytest.approx(30.0)
    assert found[30] == pytest.approx(29.0)  # RGB is dead; the LiDAR came a millisecond later
    assert set(found) == set(range(100)) - {0, 20, 21}


def test_scores_are_pooled_per_subset_and_where_one_sensor_is_dead(make_run, modalities):
    tables = miou_tables(make_run().scores, modalities)
    assert tables['frames'] == {'RL': 59, 'R': 20, 'L': 18}
    assert tables['miou'] == {'RL': 100.0, 'R': 100.0, 'L': 100.0}
    # The teacher calls all four pixels class 0, two of which are: IoU 1/2 and 0.
    assert tables['teacher_miou'] == {'RL': 25.0, 'R': 25.0, 'L': 25.0}
    one = tables['any_one_sensor_dead']
    assert one['frames'] == 38
    assert (one['miou'], one['teacher_miou']) == (100.0, 25.0)
    assert one['miou_without'] == {'lidar': 100.0, 'rgb': 100.0}


def test_percentiles_of_nothing_are_nothing():
    assert percentiles([]) == {'p50': None, 'p99': None}
    assert percentiles(range(101)) == {'p50': 50.0, 'p99': 99.0}
