"""Engine; the reference is the network itself, unfolded, fed by hand."""

import numpy as np
import pytest
import torch

from robustseg_core.errors import CheckpointError, ConfigError, RobustSegError, SensorError
from robustseg_core.models.checkpoint import save_model
from robustseg_core.runtime.engine import Engine

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
        self._encode = engine._model.encode
        engine._model.encode = self

    def __call__(self, image):
        self.count += 1
        return self._encode(image)


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
        ({'rgb': 4}, "'rgb' with stamp 4 is held; found that of 3"),
        ({'depth': 3}, "'depth' with stamp 3 is held; found none"),
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


def test_timings_come_from_the_injected_timer(model):
    ticks = iter([1.0, 1.25, 1.75])
    engine = Engine(model, timer=lambda: next(ticks))
    engine.observe('rgb', images()['rgb'], 0)
    timings = engine.segment({'rgb': 0}, SIZE).timings_ms
    assert timings == {'encode': 250.0, 'decode': 500.0, 'total': 750.0}


def test_warm_up_runs_every_modality_and_leaves_nothing_behind(engine):
    spy = Spy(engine)
    engine.warm_up(64, 64)
    assert spy.count == 4
    with pytest.raises(RobustSegError, match='found none'):
        engine.segment({'rgb': 0}, SIZE)


def test_reset_forgets_images(engine):
    observe_all(engine, images())
    engine.reset()
    with pytest.raises(RobustSegError, match='found none'):
        engine.segment({'rgb': 0}, SIZE)


def test_the_engine_is_a_folded_copy_that_needs_no_gradient(engine, model):
    assert type(engine._model.head).__name__ == 'FoldedHead'
    assert engine._model is not model
    observe_all(engine, images())
    engine.segment(dict.fromkeys(NAMES, 0), SIZE)
    features = [each for held in engine._held.values() for each in held.features]
    assert not any(each.requires_grad for each in features)


def test_a_checkpoint_becomes_an_engine_with_its_vocabulary(model, tmp_path):
    save_model(model, tmp_path / 'tiny.safetensors')
    engine = Engine.from_checkpoint(tmp_path / 'tiny.safetensors', 'auto')
    assert engine.modalities == model.config.modalities
    assert engine.labels == model.config.labels
    assert engine.resolution == (64, 64)
    assert engine.device.type == ('cuda' if torch.cuda.is_available() else 'cpu')


def test_a_missing_checkpoint_is_named(tmp_path):
    with pytest.raises(CheckpointError, match=r'nothing\.safetensors'):
        Engine.from_checkpoint(tmp_path / 'nothing.safetensors')


def test_an_unknown_device_is_named(model):
    with pytest.raises(ConfigError, match="'fpga'"):
        Engine(model, 'fpga')


@pytest.mark.skipif(torch.cuda.is_available(), reason='this machine has the device')
def test_a_device_that_is_not_there_is_named(model):
    with pytest.raises(ConfigError, match="Device 'cuda' cannot be used"):
        Engine(model, 'cuda')


@pytest.mark.skipif(not torch.cuda.is_available(), reason='no CUDA device')
def test_a_cuda_device_gives_the_same_mask(model):
    arrays = images()
    confidences = []
    for device in ('cpu', 'cuda'):
        engine = Engine(model, device)
        observe_all(engine, arrays)
        result = engine.segment(dict.fromkeys(NAMES, 0), SIZE, with_confidence=True)
        confidences.append(result.confidence)
    np.testing.assert_allclose(confidences[1], confidences[0], atol=5e-3)
