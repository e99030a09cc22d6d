"""Engine; the reference is the network itself, unfolded, fed by hand."""

import numpy as np
import pytest
import torch

from robustseg_core.errors import CheckpointError, RobustSegError, SensorError
from robustseg_core.models.checkpoint import save_model
from robustseg_core.runtime.engine import HELD, Engine

NAMES = ('rgb', 'depth', 'event', 'lidar')
SIZE = (64, 64)


def images(seed=0, height=64, width=64):
    rng = np.random.default_rng(seed)
    shape = (height, width, 3)
    return {
        'rgb': rng.integers(0, 256, shape, np.uint8),
        'depth': rng.random(shape, np.float32),
        'event': rng.integers(0, 9, shape, np.uint8),
        'lidar': rng.random(shape, np.float32) * 50,
    }


def tensors(model, arrays):
    """Normalise by hand; the sizes are the network's already."""
    made = {}
    for name, array in arrays.items():
        norm = model.config.modalities[name].normalisation
        normalised = (array.astype(np.float64) - norm.mean) / norm.std
        made[name] = torch.from_numpy(normalised.transpose(2, 0, 1)[None].astype(np.float32))
    return made


@torch.no_grad()
def reference(model, arrays):
    """Return softmax probabilities (K, H, W) of what the network says."""
    return model(tensors(model, arrays))[0].softmax(dim=0).numpy()


@pytest.fixture
def engine(model):
    return Engine(model)


def observe_all(engine, arrays, stamp_ns=0):
    for name, image in arrays.items():
        engine.observe(name, image, stamp_ns)


class Spy:
    """Counts the images that pass the encoder."""

    def __init__(self, engine):
        self.count = 0
        self.batches = []
        self.sizes = set()
        self._encode = engine.backend.encode
        engine.backend.encode = self

    def __call__(self, images):
        self.count += len(images)
        self.batches.append(len(images))
        self.sizes.add(tuple(images.shape[2:]))
        return self._encode(images)


@pytest.mark.parametrize('subset', [NAMES, ('rgb',), ('lidar',), ('depth', 'event')])
def test_the_mask_is_the_networks_for_exactly_the_images_named(engine, model, subset):
    arrays = images()
    observe_all(engine, arrays)
    result = engine.segment(dict.fromkeys(subset, 0), SIZE, with_confidence=True)
    probabilities = reference(model, {name: arrays[name] for name in subset})
    assert result.class_ids.dtype == np.uint8
    assert result.confidence.dtype == np.float32
    np.testing.assert_allclose(result.confidence, probabilities.max(axis=0), atol=1e-4)
    runner_up, best = np.sort(probabilities, axis=0)[-2:]
    clear = best - runner_up > 1e-3
    assert clear.mean() > 0.9
    assert len(np.unique(result.class_ids)) > 1
    np.testing.assert_array_equal(
        result.class_ids[clear], probabilities.argmax(axis=0)[clear].astype(np.uint8)
    )


def test_present_is_told_in_the_models_order(engine):
    observe_all(engine, images())
    assert engine.segment({'lidar': 0, 'rgb': 0}, SIZE).present == ('rgb', 'lidar')


def test_the_mask_has_the_size_asked_for_and_the_network_its_own(engine):
    engine.observe('rgb', images(height=90, width=310)['rgb'], 0)
    assert engine.network_size(90, 310) == (32, 128)
    result = engine.segment({'rgb': 0}, (90, 310))
    assert result.class_ids.shape == (90, 310)
    assert result.confidence is None


def test_each_image_is_encoded_once_until_it_is_replaced(engine, model):
    spy = Spy(engine)
    blanks = 1 if model.config.missing == 'zero' else 0
    observe_all(engine, images(0), stamp_ns=1)
    engine.segment({'rgb': 1, 'depth': 1}, SIZE)
    assert spy.count == 2 + blanks
    engine.segment({'rgb': 1, 'lidar': 1}, SIZE)
    assert spy.count == 3 + blanks
    engine.observe('rgb', images(1)['rgb'], stamp_ns=2)
    engine.segment({'rgb': 2, 'lidar': 1}, SIZE)
    assert spy.count == 4 + blanks


def test_a_new_image_or_size_is_never_answered_from_what_is_held(engine, model):
    observe_all(engine, images(0))
    engine.segment(dict.fromkeys(NAMES, 0), SIZE)
    engine.segment(dict.fromkeys(NAMES, 0), (64, 128))
    engine.observe('rgb', images(1)['rgb'], stamp_ns=1)
    result = engine.segment({'rgb': 1}, SIZE, with_confidence=True)
    expected = reference(model, {'rgb': images(1)['rgb']}).max(axis=0)
    np.testing.assert_allclose(result.confidence, expected, atol=1e-4)


def test_another_size_is_encoded_anew(engine, model):
    arrays = images()
    observe_all(engine, arrays)
    engine.segment({'rgb': 0, 'depth': 0}, SIZE)
    again = engine.segment({'rgb': 0, 'depth': 0}, (64, 200), with_confidence=True)
    fresh = Engine(model)
    observe_all(fresh, arrays)
    expected = fresh.segment({'rgb': 0, 'depth': 0}, (64, 200), with_confidence=True)
    assert engine.network_size(64, 200) == (32, 128)
    np.testing.assert_array_equal(again.confidence, expected.confidence)


def test_the_same_stamp_with_another_image_is_encoded_anew(engine, model):
    # An event stream's image of one packet depends on the moment it is asked for.
    engine.observe('event', images(0)['event'], 5)
    engine.segment({'event': 5}, SIZE)
    engine.observe('event', images(1)['event'], 5)
    result = engine.segment({'event': 5}, SIZE, with_confidence=True)
    expected = reference(model, {'event': images(1)['event']}).max(axis=0)
    np.testing.assert_allclose(result.confidence, expected, atol=1e-4)


def test_the_same_image_observed_again_costs_nothing(engine):
    engine.observe('rgb', images()['rgb'], 5)
    engine.segment({'rgb': 5}, SIZE)
    spy = Spy(engine)
    engine.observe('rgb', images()['rgb'], 5)
    engine.segment({'rgb': 5}, SIZE)
    assert spy.count == 0


@pytest.mark.parametrize(
    ('present', 'match'),
    [
        ({'rgb': 4}, r"'rgb' with stamp 4 is held; found \[3\]"),
        ({'depth': 3}, r"'depth' with stamp 3 is held; found \[\]"),
        ({}, 'at least one modality must be present'),
        ({'radar': 3}, "Unknown modality 'radar'"),
    ],
)
def test_only_what_is_held_can_be_fused(engine, present, match):
    engine.observe('rgb', images()['rgb'], 3)
    with pytest.raises(RobustSegError, match=match):
        engine.segment(present, SIZE)


@pytest.mark.parametrize('value', [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused_and_the_image_before_stays(engine, value):
    engine.observe('depth', images()['depth'], 1)
    bad = images()['depth']
    bad[3, 4, 0] = value
    with pytest.raises(SensorError, match="'depth' has 1 values that are NaN or infinite"):
        engine.observe('depth', bad, 2)
    assert engine.segment({'depth': 1}, SIZE).present == ('depth',)


def test_finite_values_that_overflow_in_the_network_are_refused(engine):
    engine.observe('lidar', np.full((64, 64, 3), 3e38, np.float32), 1)
    with pytest.raises(SensorError, match="'lidar' has values too large"):
        engine.segment({'lidar': 1}, SIZE)


@pytest.mark.parametrize(
    ('image', 'match'),
    [
        (np.zeros((64, 64), np.uint8), r'shape \(64, 64\); wanted'),
        (np.zeros((64, 64, 4), np.uint8), r'shape \(64, 64, 4\); wanted'),
        (np.zeros((0, 64, 3), np.uint8), r'shape \(0, 64, 3\); wanted'),
        (np.zeros((64, 64, 3), complex), 'of complex128; wanted'),
    ],
)
def test_what_is_no_image_is_refused(engine, image, match):
    with pytest.raises(SensorError, match=match):
        engine.observe('rgb', image, 0)


def test_a_size_of_zero_is_refused(engine):
    engine.observe('rgb', images()['rgb'], 0)
    with pytest.raises(SensorError, match='0x64'):
        engine.segment({'rgb': 0}, (0, 64))


def test_a_size_that_no_sensor_has_is_refused_whatever_the_network_is_made_for(engine):
    with pytest.raises(SensorError, match='size is 1x20000, an aspect of 20000; wanted at most'):
        engine.network_size(1, 20_000)
    engine.backend.size = (64, 64)  # as that of an export
    with pytest.raises(SensorError, match='size is 1x1000000, an aspect of 1000000'):
        engine.network_size(1, 1_000_000)
    assert engine.network_size(480, 640) == (64, 64)


def test_timings_come_from_the_injected_timer(model):
    ticks = iter([1.0, 1.25, 1.75, 2.75, 4.75, 5.0, 6.0, 8.0])
    engine = Engine(model, timer=lambda: next(ticks))
    engine.observe('rgb', images()['rgb'], 0)
    timings = engine.segment({'rgb': 0}, SIZE).timings_ms
    milliseconds = {'prepare': 250, 'encode': 500, 'head': 1000, 'classes': 2000, 'total': 3750}
    assert timings == milliseconds
    engine.observe('rgb', images()['rgb'], 1)
    assert engine.encode_ahead('rgb', 1, SIZE) == {'prepare': 1000, 'encode': 2000}


def test_warm_up_runs_every_modality_and_leaves_nothing_behind(engine):
    spy = Spy(engine)
    engine.warm_up(64, 64)
    assert spy.count == 4
    with pytest.raises(RobustSegError, match=r'found \[\]'):
        engine.segment({'rgb': 0}, SIZE)


def test_a_batched_engine_is_warmed_up_for_batches_of_every_number(model):
    engine = Engine(model, batched=True)
    spy = Spy(engine)
    engine.warm_up(64, 64)
    assert {1, 2, 3, 4} <= set(spy.batches)


def test_reset_forgets_images(engine):
    observe_all(engine, images())
    engine.reset()
    with pytest.raises(RobustSegError, match=r'found \[\]'):
        engine.segment({'rgb': 0}, SIZE)


def test_what_is_kept_needs_no_gradient(engine):
    observe_all(engine, images())
    engine.segment(dict.fromkeys(NAMES, 0), SIZE)
    kept = [each.features for by_stamp in engine._held.values() for each in by_stamp.values()]
    assert len(kept) == 4
    assert not any(each.requires_grad for features in kept for each in features)


def test_images_encoded_ahead_cost_nothing_when_the_frame_is_due(engine, model):
    spy = Spy(engine)
    blanks = 1 if model.config.missing == 'zero' else 0
    arrays = images()
    for name in ('rgb', 'depth'):
        engine.observe(name, arrays[name], 1)
        engine.encode_ahead(name, 1, SIZE)
    engine.observe('lidar', arrays['lidar'], 1)
    assert spy.count == 2
    ahead = engine.segment({'rgb': 1, 'depth': 1, 'lidar': 1}, SIZE, with_confidence=True)
    assert spy.count == 3 + blanks
    late = Engine(model)
    observe_all(late, arrays, 1)
    expected = late.segment({'rgb': 1, 'depth': 1, 'lidar': 1}, SIZE, with_confidence=True)
    np.testing.assert_array_equal(ahead.confidence, expected.confidence)


def test_an_image_encoded_ahead_for_another_size_is_encoded_anew(engine, model):
    arrays = images()
    engine.observe('rgb', arrays['rgb'], 1)
    engine.encode_ahead('rgb', 1, (64, 200))
    result = engine.segment({'rgb': 1}, SIZE, with_confidence=True)
    expected = reference(model, {'rgb': arrays['rgb']}).max(axis=0)
    np.testing.assert_allclose(result.confidence, expected, atol=1e-4)


def test_a_frame_may_be_made_of_images_that_are_not_the_newest(engine, model):
    for stamp_ns in range(HELD):
        observe_all(engine, images(stamp_ns), stamp_ns)
    result = engine.segment({'rgb': 0, 'lidar': 2}, SIZE, with_confidence=True)
    arrays = {'rgb': images(0)['rgb'], 'lidar': images(2)['lidar']}
    expected = reference(model, arrays).max(axis=0)
    np.testing.assert_allclose(result.confidence, expected, atol=1e-4)


def test_features_of_images_older_than_the_frames_are_not_kept(engine):
    spy = Spy(engine)
    for stamp_ns in (1, 2, 3):
        engine.observe('rgb', images(stamp_ns)['rgb'], stamp_ns)
        engine.encode_ahead('rgb', stamp_ns, SIZE)
    engine.segment({'rgb': 2}, SIZE)
    spy.count = 0
    engine.segment({'rgb': 3}, SIZE)  # newer than that frame's: still there
    engine.segment({'rgb': 3}, SIZE)
    assert spy.count == 0
    engine.segment({'rgb': 1}, SIZE)  # the image is, its features are not
    assert spy.count == 1


def test_a_network_for_one_size_only_sees_every_frame_at_it(model):
    engine = Engine(model)
    engine.backend.size = (64, 96)
    spy = Spy(engine)
    observe_all(engine, images())
    assert engine.segment(dict.fromkeys(NAMES, 0), (50, 70)).class_ids.shape == (50, 70)
    assert spy.sizes == {(64, 96)}


def test_no_more_than_a_few_images_are_held(engine):
    for stamp_ns in range(HELD + 1):
        engine.observe('rgb', images(stamp_ns)['rgb'], stamp_ns)
    assert engine.segment({'rgb': 1}, SIZE).present == ('rgb',)
    with pytest.raises(RobustSegError, match=r'stamp 0 is held; found \[1, 2, 3, 4\]'):
        engine.segment({'rgb': 0}, SIZE)


def test_a_batched_engine_encodes_what_is_new_at_once_and_says_the_same(model):
    arrays = images()
    engine, batched = Engine(model), Engine(model, batched=True)
    spies = [Spy(each) for each in (engine, batched)]
    results = []
    for each in (engine, batched):
        observe_all(each, arrays)
        each.encode_ahead('rgb', 0, SIZE)
        results.append(each.segment(dict.fromkeys(NAMES, 0), SIZE, with_confidence=True))
    assert [spy.batches for spy in spies] == [[1, 1, 1, 1], [1, 3]]
    np.testing.assert_allclose(results[1].confidence, results[0].confidence, atol=1e-5)


def test_one_image_too_large_for_the_network_is_named_among_a_batch(model):
    engine = Engine(model, batched=True)
    observe_all(engine, {**images(), 'lidar': np.full((64, 64, 3), 3e38, np.float32)})
    with pytest.raises(SensorError, match="'lidar' has values too large"):
        engine.segment(dict.fromkeys(NAMES, 0), SIZE)


def test_a_checkpoint_becomes_an_engine_with_its_vocabulary(model, tmp_path):
    save_model(model, tmp_path / 'tiny.safetensors')
    engine = Engine.from_checkpoint(tmp_path / 'tiny.safetensors', backend='torch')
    assert engine.modalities == model.config.modalities
    assert engine.labels == model.config.labels
    assert engine.resolution == (64, 64)
    expected = 'cuda' if torch.cuda.is_available() else 'cpu'
    assert engine.backend.device.type == expected


def test_a_missing_checkpoint_is_named(tmp_path):
    with pytest.raises(CheckpointError, match=r'nothing\.safetensors'):
        Engine.from_checkpoint(tmp_path / 'nothing.safetensors')
