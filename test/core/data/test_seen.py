"""What training frames hold, for the checkpoint."""

import numpy as np
import pytest

from robustseg_core.data.seen import spread, with_seen
from robustseg_core.modalities import UNIT, Modality, ModalitySet
from robustseg_core.sensors.depth import encode_depth
from robustseg_core.sensors.range_check import findings
from robustseg_core.sensors.values import sampled, statistics_of

SENSORS = ModalitySet(
    (
        Modality('rgb', 'R', 'rgb', UNIT),
        Modality('depth', 'D', 'inverse_log_depth', UNIT, scale=0.01),
        Modality('radar', 'A', 'range_intensity', UNIT),
    )
)
GENERATOR = np.random.default_rng(0)


def frame(brightness, **more):
    rgb = GENERATOR.integers(0, brightness, (32, 32, 3), np.uint8)
    return {'images': {'rgb': rgb, **more}, 'labels': None, 'id': '', 'condition': ''}


def test_values_are_pooled_and_magnitudes_are_those_of_frames():
    frames = [frame(100), frame(200)]
    seen = with_seen(SENSORS, frames)['rgb'].seen
    pooled = np.concatenate([each['images']['rgb'].reshape(-1, 3) for each in frames])
    pooled = pooled[pooled.any(axis=1)]
    assert seen.frames == 2
    assert seen.mean == pytest.approx(pooled.mean(axis=0), rel=1e-3)
    assert seen.std == pytest.approx(pooled.std(axis=0), rel=1e-3)
    assert seen.maximum == tuple(pooled.max(axis=0))
    assert seen.high == pytest.approx(np.percentile(pooled, 99, axis=0), rel=1e-3)
    assert all(90 <= value < 100 for value in seen.smallest_magnitude)
    assert all(190 <= value < 200 for value in seen.largest_magnitude)


def test_depth_is_measured_in_metres_and_holes_are_counted():
    metres = np.full((32, 32), 7.0, np.float32)
    metres[:8] = 0
    depth = encode_depth(metres, 'inverse_log_depth')
    modality = with_seen(SENSORS, [frame(9, depth=depth)])['depth']
    assert modality.seen.mean == pytest.approx((7.0,) * 3, rel=1e-4)
    assert modality.seen.empty == 0.25
    assert modality.scale == 0.01


def test_what_no_frame_has_or_is_empty_in_all_stays_unknown():
    nothing = np.zeros((32, 32, 3), np.float32)
    assert with_seen(SENSORS, [frame(9, radar=nothing)])['radar'].seen is None
    assert with_seen(SENSORS, [frame(9)])['depth'].seen is None


def test_the_frames_measured_have_no_findings():
    frames = [frame(brightness) for brightness in (20, 100, 250)]
    rgb = with_seen(SENSORS, frames)['rgb']
    for each in frames:
        assert findings(statistics_of(sampled(each['images']['rgb']), 'rgb'), rgb) == ()


def test_frames_are_spread_over_the_whole_set():
    assert spread(3) == [0, 1, 2]
    assert spread(1000, 3) == [0, 500, 999]
    assert len(spread(100_000)) == 200
