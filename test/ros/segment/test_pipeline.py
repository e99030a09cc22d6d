"""From measurements to masks, with the real network; encoding ahead changes none of them."""

from dataclasses import replace
from time import monotonic, sleep

from node_scene import CAMERA_FROM_LIDAR, MODALITIES, SIDE
import numpy as np
import pytest
from std_msgs.msg import Header

from robustseg_core.errors import ConfigError
from robustseg_core.runtime.engine import Engine
from robustseg_ros.inputs.frames import Frame
from robustseg_ros.inputs.measurements import Cloud, Picture
from robustseg_ros.node.config import Looks
from robustseg_ros.segment.pipeline import Pipeline


class Outputs:
    wants_confidence = False

    def __init__(self):
        self.results = []

    def publish(self, result, looks, camera_info):
        self.results.append(result)

    @property
    def masks(self):
        return [result.class_ids for result in self.results]


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


def unheard(words):
    pass


@pytest.fixture
def made(model):
    engine = Counting(Engine(model))
    outputs = Outputs()
    return Pipeline(engine, outputs, unheard, (SIDE, SIDE)), engine, outputs


def measurements(scene, seed):
    """Return one of each sensor, as the node's readers make them."""
    changed = type(scene)(scene.model, seed, scene.side)
    header = Header(frame_id='camera')

    def picture(pixels, encoding, name):
        return Picture(header, lambda: (pixels, encoding), MODALITIES[name].encoding)

    return {
        'rgb': picture(changed.rgb, 'rgb8', 'rgb'),
        'depth': picture(changed.depth_m, '32FC1', 'depth'),
        'event': picture(changed.events, 'rgb8', 'event'),
        'lidar': Cloud(
            header, changed.points, changed.intensity, CAMERA_FROM_LIDAR, changed.camera
        ),
    }


def frame(stamp_ns, parts, names=MODALITIES.names):
    return Frame({name: (stamp_ns, parts[name]) for name in names}, 0.0, 0.0, Looks(), None)


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
    parts['rgb'] = replace(parts['rgb'], read=lambda: (wide, 'rgb8'))
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
    parts['depth'] = Picture(Header(), lambda: (colour, 'rgb8'), MODALITIES['depth'].encoding)
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
    assert (report.model_ms, report.around_ms) == (32000.0, 400100.0)
    parts = measurements(scene, 2)
    for name in ('rgb', 'lidar'):
        pipeline.encode_ahead(name, 2, parts[name])
    report = pipeline.run(frame(2, parts))
    assert (report.model_ms, report.around_ms) == (32000.0 + 100.0, 400100.0 + 6.0)


def wide(scene, seed, height, width):
    """Return measurements led by a picture of another shape."""
    parts = measurements(scene, seed)
    pixels = np.full((height, width, 3), 7, np.uint8)
    return parts | {'rgb': replace(parts['rgb'], read=lambda: (pixels, 'rgb8'))}


def test_the_network_is_made_ready_once_for_each_size_and_says_so(model, scene):
    said = []
    engine = Counting(Engine(model))
    pipeline = Pipeline(engine, Outputs(), said.append, (SIDE, SIDE))
    pipeline.run(frame(1, measurements(scene, 1)))
    assert not said
    assert pipeline.sizes == ((64, 64), (64, 64))
    before = engine.encoded_images
    report = pipeline.run(frame(2, wide(scene, 2, 90, 360)))
    # Once to make it ready, once for the frame itself.
    assert engine.encoded_images == before + 8
    assert report.present == MODALITIES.names
    assert [words.partition(':')[0].partition(', after')[0] for words in said] == [
        'The network prepares for masks of 90x360, which it sees at 32x128',
        'The network is ready for masks of 90x360, which it sees at 32x128',
    ]
    assert pipeline.sizes == ((90, 360), (32, 128))
    # Neither a size that it knows nor another mask of the same kind is worth a word.
    pipeline.run(frame(3, measurements(scene, 3)))
    pipeline.run(frame(4, wide(scene, 4, 45, 180)))
    assert len(said) == 2


def test_making_ready_is_no_time_of_the_rest(model, scene):
    engine = Engine(model)
    warm_up = engine.warm_up

    preparing = []

    def slow(*size):
        preparing.append(pipeline.preparing)
        sleep(0.2)
        warm_up(*size)

    engine.warm_up = slow
    pipeline = Pipeline(engine, Outputs(), unheard)
    now_s = monotonic()
    report = pipeline.run(replace(frame(1, measurements(scene, 1)), complete_s=now_s))
    assert report.response_ms > 200
    assert report.rest_ms < 200
    assert report.overhead_ms < 200
    assert (preparing, pipeline.preparing) == ([(64, 64)], None)


def test_a_network_that_cannot_be_made_ready_is_nobodys_fault(model, scene):
    """The measurement that showed it is not refused: it might be the same with any other."""
    engine = Engine(model)

    def fail(*size):
        raise ConfigError('no memory')

    engine.warm_up = fail
    pipeline = Pipeline(engine, Outputs(), unheard)
    with pytest.raises(RuntimeError, match=r'cannot be made ready for masks of 64x64.*no memory'):
        pipeline.run(frame(1, measurements(scene, 1)))
