"""Putting together what was seen."""

import pytest

from robustseg_ros.demo.records import alive_spans, moments, stray_masks, wall_of_start

FIRST_NS = 1_700_000_000 * 10**9


def test_a_moment_has_what_was_published_and_its_mask(make_run):
    found = moments(make_run().recording)
    assert len(found) == 100
    assert found[0].mask is None
    assert dict(found[1].published) == {'rgb': 500.1, 'lidar': pytest.approx(500.101)}
    assert set(found[25].published) == {'lidar'}
    assert found[25].mask.stamp_ns == found[25].stamp_ns == FIRST_NS + 25 * 10**8


def test_repeated_masks_and_masks_of_no_frame_are_strays(make_run):
    recording = make_run().recording
    assert stray_masks(recording) == 0
    recording.masks.append(recording.masks[3])
    recording.masks.append(recording.masks[4]._replace(stamp_ns=5))
    assert stray_masks(recording) == 2


def test_the_start_is_found_from_the_most_punctual_message(make_run):
    sent = make_run().recording.sent
    late = [item._replace(wall_s=item.wall_s + 0.02 * (n % 7)) for n, item in enumerate(sent)]
    assert wall_of_start(late, FIRST_NS, 1.0) == pytest.approx(500.0)


def test_the_start_is_found_at_half_speed(make_run):
    sent = [
        item._replace(wall_s=500 + 2 * (item.wall_s - 500)) for item in make_run().recording.sent
    ]
    assert wall_of_start(sent, FIRST_NS, 0.5) == pytest.approx(500.0)


def test_states_become_spans_without_gaps(make_run):
    spans = alive_spans(make_run().recording.said, 'rgb', 510.0)
    assert spans == [
        (499.5, 500.11, 'never_seen'),
        (500.11, 502.16, 'alive'),
        (502.16, 504.11, 'stale'),
        (504.11, 510.0, 'alive'),
    ]
