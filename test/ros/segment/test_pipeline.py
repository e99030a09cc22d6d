"""From measurements to masks, with the real network; encoding ahead changes none of them."""

from dataclasses import replace
from time import monotonic

from node_scene import MODALITIES, SIDE
import numpy as np
from pipeline_parts import Outputs, frame, measurements, unheard
import pytest

from robustseg_core.runtime.engine import Engine
from robustseg_ros.segment.pipeline import Pipeline


class Counting:
    """An engine that counts what it is asked to do."""

    def __init__(self, engine):
        self._engine = engine
        self.encoded_images = 0
        encode = engine.backend.encode

        def counted(images):
            self.encoded_images += len(images)
            return encode(images)

        engine.backend.encode = counted

    def __getattr__(self, name):
        return getattr(self._engine, name)


@pytest.fixture
def made(model):
    engine = Counting(Engine(model))
    outputs = Outputs()
    return Pipeline(engine, outputs, unheard, (SIDE, SIDE)), engine, outputs


def test_masks_are_the_same_bit_by_bit_whatever_was_encoded_ahead(made, model, scene):
    ahead, engine, seen = made
    plain_outputs = Outputs()
    plain = Pipeline(Engine(model), plain_outputs, unheard)
    used = 0
    for stamp, early in enumerate(
        [(), ('rgb',), ('rgb', 'depth', 'event'), MODALITIES.names, ('lidar',)], start=1
    ):
        parts = measurements(scene, seed=stamp)
        for name in early:
            ahead.encode_ahead(name, stamp, parts[name])
        before = engine.encoded_images
        used += ahead.run(frame(stamp, parts)).ahead_used
        # What came early costs nothing any more; the first frame's size is not known before.
        assert engine.encoded_images - before == 4 - len(early)
        plain.run(frame(stamp, parts))
    assert used == 0 + 1 + 3 + 4 + 1
    for found, wanted in zip(seen.masks, plain_outputs.masks, strict=True):
        np.testing.assert_array_equal(found, wanted)
    assert len({mask.tobytes() for mask in seen.masks}) == 5


def test_nothing_is_encoded_before_the_size_of_the_masks_is_known(made, scene):
    pipeline, engine, _ = made
    pipeline.encode_ahead('rgb', 1, measurements(scene, 1)['rgb'])
    assert engine.encoded_images == 0
    pipeline.run(frame(1, measurements(scene, 1)))
    pipeline.reset()
    pipeline.encode_ahead('rgb', 2, measurements(scene, 2)['rgb'])
    assert engine.encoded_images == 4


def test_what_was_drawn_for_another_size_is_drawn_again(made, scene):
    pipeline, _, outputs = made
    pipeline.run(frame(1, measurements(scene, 1)))
    wide = np.zeros((64, 128, 3), np.uint8)
    parts = measurements(scene, 2)
    parts['rgb'] = replace(parts['rgb'], pixels=wide)
    for name in MODALITIES.names:
        pipeline.encode_ahead(name, 2, parts[name])
    report = pipeline.run(frame(2, parts))
    assert not report.refused
    assert outputs.masks[-1].shape == (64, 128)
    fresh = Outputs()
    Pipeline(Engine(scene.model), fresh, unheard).run(frame(2, parts))
    np.testing.assert_array_equal(outputs.masks[-1], fresh.masks[-1])


def test_another_measurement_with_the_same_stamp_is_not_taken_for_the_first(made, scene):
    pipeline, _, outputs = made
    pipeline.run(frame(1, measurements(scene, 1)))
    pipeline.encode_ahead('rgb', 2, measurements(scene, 5)['rgb'])
    parts = measurements(scene, 2)
    pipeline.run(frame(2, parts, ['rgb']))
    fresh = Outputs()
    Pipeline(Engine(scene.model), fresh, unheard).run(frame(2, parts, ['rgb']))
    np.testing.assert_array_equal(outputs.masks[-1], fresh.masks[-1])


def test_what_a_frame_was_made_of_is_not_encoded_again(made, scene):
    pipeline, engine, _ = made
    parts = measurements(scene, 1)
    pipeline.run(frame(1, parts))
    pipeline.encode_ahead('rgb', 1, parts['rgb'])
    pipeline.encode_ahead('depth', 0, parts['depth'])
    assert engine.encoded_images == 4


def test_a_measurement_that_cannot_be_drawn_is_refused_by_its_frame(made, scene):
    pipeline, _, outputs = made
    pipeline.run(frame(1, measurements(scene, 1)))
    parts = measurements(scene, 2)
    colour = scene.rgb
    parts['depth'] = replace(parts['depth'], pixels=colour, ros_encoding='rgb8')
    pipeline.encode_ahead('depth', 2, parts['depth'])
    report = pipeline.run(frame(2, parts))
    assert set(report.refused) == {'depth'}
    assert report.present == ('rgb', 'event', 'lidar')
    assert len(outputs.masks) == 2


def test_times_add_up(made, scene):
    pipeline, _, _ = made
    parts = measurements(scene, 1)
    pipeline.run(frame(1, parts))
    now_s = monotonic()
    report = pipeline.run(replace(frame(2, parts), received_s=now_s - 1, complete_s=now_s))
    assert report.latency_ms == pytest.approx(report.response_ms + 1000)
    # All of the engine's time for this frame lies between its last message and its mask.
    engine_ms = report.model_ms + report.around_ms
    assert report.rest_ms == pytest.approx(report.response_ms - engine_ms, abs=0.5)
    assert 0 < report.overhead_ms <= report.rest_ms < report.response_ms


class Clockwork:
    """An engine whose times are made up."""

    def __init__(self, engine):
        self._engine = engine

    def __getattr__(self, name):
        return getattr(self._engine, name)

    def encode_ahead(self, *args):
        self._engine.encode_ahead(*args)
        return {'prepare': 3.0, 'encode': 50.0}

    def segment(self, *args, **options):
        timings_ms = {
            'prepare': 100.0, 'encode': 2000.0, 'head': 30000.0, 'classes': 400000.0, 'total': 7.0,
        }  # fmt: skip
        return replace(self._engine.segment(*args, **options), timings_ms=timings_ms)


def test_the_network_and_what_is_around_it_are_told_apart(model, scene):
    pipeline = Pipeline(Clockwork(Engine(model)), Outputs(), unheard, (SIDE, SIDE))
    parts = measurements(scene, 1)
    report = pipeline.run(frame(1, parts))
    assert report.model_ms == 32000.0
    assert 400100.0 < report.around_ms < 400100.0 + 1000  # and what fitting took
    parts = measurements(scene, 2)
    for name in ('rgb', 'lidar'):
        pipeline.encode_ahead(name, 2, parts[name])
    report = pipeline.run(frame(2, parts))
    assert report.model_ms == 32000.0 + 100.0
    assert 400106.0 < report.around_ms < 400106.0 + 1000
