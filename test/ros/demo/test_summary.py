"""What is said at the end."""

import json
from pathlib import Path

from robustseg_ros.demo.records import moments
from robustseg_ros.demo.summary import machine, story, summarise, versions


def summary_of(run, modalities):
    frames = moments(run.recording)
    return summarise(run.recording, frames, run.scores, run.schedule, run.clock, modalities)


def test_the_summary_holds_what_was_asked_for(make_run, modalities):
    found = summary_of(make_run(), modalities)
    assert found['frames_in'] == 100
    assert found['masks_out'] == 97
    assert found['longest_gap_s'] == 0.3
    assert found['latency_ms'] == {'p50': 30.0, 'p99': 30.0}
    assert found['lost_at_start'] == 1
    assert found['lost_within_timeout'] == 2
    assert found['lost_after_timeout'] == 0
    assert found['masks_repeated_offline'] == 97
    assert [drop['sensors'] for drop in found['dropouts']] == [['rgb'], ['lidar']]
    assert found['miou']['L'] == 100.0
    assert found['teacher_miou']['L'] == 25.0
    assert found['node_dropped'] == {'dropped_busy': '0'}


def test_the_summary_is_json_even_of_a_run_without_masks(make_run, modalities):
    run = make_run(unmade=range(100))
    found = summary_of(run, modalities)
    assert found['longest_gap_s'] is None
    assert found['any_one_sensor_dead']['miou'] is None
    json.loads(json.dumps(found, allow_nan=False))
    assert story(found, [Path('x')])


def test_late_losses_are_told_with_what_the_node_says(make_run, modalities):
    text = '\n'.join(story(summary_of(make_run(unmade=(60,)), modalities), [Path('x')]))
    assert '1 later' in text
    assert 'dropped_busy' in text
    assert summary_of(make_run(unmade=(60,)), modalities)['lost_after_timeout_at_s'] == [6.0]


def test_the_story_says_what_was_seen_and_where_to_look(make_run, modalities):
    text = '\n'.join(story(summary_of(make_run(), modalities), [Path('demo/demo.gif')]))
    assert '100 frames in, 97 masks out; latency p50 30.0 ms' in text
    assert 'longest gap after one was 0.30 s (rgb died; timeout 0.25 s)' in text
    assert 'any one sensor dead: 100.0 %' in text
    assert '25.0 %' in text
    assert 'demo/demo.gif' in text


def test_the_machine_and_the_versions_are_named():
    assert machine()['cores'] >= 1
    assert machine()['processor']
    assert 'torch' in versions()
