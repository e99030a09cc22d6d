"""What is kept for the pictures, against a plain search over all frames."""

import numpy as np
import pytest
import torch

from robustseg_core.evaluation.gallery import Gallery
from robustseg_core.evaluation.protocols import evaluate
from robustseg_core.modalities import Modality, ModalitySet, Normalisation


def gathered(model, batches, seed=0, **options):
    gallery = Gallery(model.config.modalities, 3, seed, **options)
    evaluate(model, batches, ['any_modal'], watcher=gallery)
    return gallery


def test_pixels_are_the_network_s_features_at_places_of_their_class(model, make_batches):
    features, class_ids, names = gathered(model, make_batches(4), points=1000).pixels()

    known = {name: {} for name in (*model.config.modalities.names, 'RDEL')}
    for batch in make_batches(4):
        # Of 32 pixels, a map of stride 16 has two cells, with their centres at 8 and 24.
        truth = batch['labels'][:, 8::16, 8::16].flatten().tolist()
        with torch.no_grad():
            maps = {name: model.encode(image)[2] for name, image in batch['images'].items()}
        maps['RDEL'] = torch.stack(list(maps.values())).mean(0)
        for name, each in maps.items():
            for vector, class_id in zip(
                each.permute(0, 2, 3, 1).flatten(0, 2), truth, strict=True
            ):
                known[name][tuple(vector.numpy().round(3))] = class_id
    assert len(class_ids) == 4 * 4 * 5  # all cells of four frames: five kinds of features
    for vector, class_id, name in zip(features, class_ids, names, strict=True):
        distance = [np.abs(np.array(each) - vector).max() for each in known[name]]
        assert min(distance) < 2e-3
        assert list(known[name].values())[int(np.argmin(distance))] == class_id


def test_no_class_has_more_than_its_share_of_the_points(model, make_batches):
    _, class_ids, names = gathered(model, make_batches(6), points=30).pixels()
    for class_id in range(3):
        for name in ('rgb', 'RDEL'):
            kept = [n for n, c in zip(names, class_ids, strict=True) if (n, c) == (name, class_id)]
            assert len(kept) == 2  # 30 points / 3 classes / 5 kinds


@pytest.mark.parametrize('size', [1, 3])
def test_what_is_kept_depends_on_the_frames_and_not_on_batches_or_order(model, make_batches, size):
    first = gathered(model, make_batches(6), points=30, frames=2)
    second = gathered(model, make_batches(6, size=size)[::-1], points=30, frames=2)
    assert [f.id for f in first.frames()] == [f.id for f in second.frames()]
    for one, other in zip(first.pixels(), second.pixels(), strict=True):
        if isinstance(one, list):
            assert one == other
        else:
            np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4)


def test_another_seed_keeps_other_frames(model, make_batches):
    choices = {
        tuple(f.id for f in gathered(model, make_batches(6), seed, frames=2).frames())
        for seed in range(4)
    }
    assert len(choices) > 1


def test_a_frame_is_kept_with_its_truth_and_the_prediction_of_every_subset(model, make_batches):
    frames = gathered(model, make_batches(3), frames=2).frames()

    assert len(frames) == 2
    batches = make_batches(3, size=1)
    for frame in frames:
        batch = next(each for each in batches if each['ids'] == [frame.id])
        np.testing.assert_array_equal(frame.truth, batch['labels'][0])
        assert frame.truth.dtype == np.uint8
        assert len(frame.predictions) == 15
        with torch.no_grad():
            images = {name: batch['images'][name] for name in ('rgb', 'event')}
            expected = model(images)[0].argmax(0).numpy()
        assert (frame.predictions['rgb', 'event'] != expected).mean() < 0.01


def test_a_frame_that_lacks_a_sensor_is_shown_without_it(model, make_batches):
    lacking = dict.fromkeys(range(2), ('lidar', 'event'))
    gallery = gathered(model, make_batches(2, lacking=lacking))
    for frame in gallery.frames():
        assert list(frame.inputs) == ['rgb', 'depth']
        assert set(frame.predictions) == {('rgb',), ('depth',), ('rgb', 'depth')}
    assert set(gallery.pixels()[2]) == {'rgb', 'depth'}


def test_pictures_show_the_image_from_before_normalisation(model, make_batches):
    scale = Normalisation((100.0, 50.0, 20.0), (60.0, 60.0, 60.0))
    sensors = ModalitySet(
        tuple(Modality(m.name, m.letter, 'rgb', scale) for m in model.config.modalities)
    )
    batch = make_batches(1)[0]
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    normalised = (pixels - np.array(scale.mean)) / np.array(scale.std)
    batch['images']['rgb'] = torch.from_numpy(normalised).float().permute(2, 0, 1)[None]
    gallery = Gallery(sensors, 3, 0)
    evaluate(model, [batch], ['any_modal'], watcher=gallery)
    np.testing.assert_array_equal(gallery.frames()[0].inputs['rgb'], pixels)


def test_zero_stays_zero_through_the_rounding_of_the_normalisation(model, make_batches):
    # 0.65 and 0.48 make (0 - 0.65) / 0.48 * 0.48 + 0.65 a little more than zero.
    scale = Normalisation((0.14, 0.22, 0.65), (0.16, 0.21, 0.48))
    sensors = ModalitySet(
        tuple(
            Modality(m.name, m.letter, 'inverse_log_depth', scale) for m in model.config.modalities
        )
    )
    batch = make_batches(1)[0]
    unseen = (np.zeros((32, 32, 3), np.float32) - np.float32(scale.mean)) / np.float32(scale.std)
    batch['images']['depth'] = torch.from_numpy(unseen).permute(2, 0, 1)[None]
    gallery = Gallery(sensors, 3, 0)
    evaluate(model, [batch], ['any_modal'], watcher=gallery)
    assert not gallery.frames()[0].inputs['depth'].any()


@pytest.mark.parametrize('protocols', [['emm'], ['any_modal', 'emm', 'rmm']])
def test_subsets_may_be_shown_with_the_others_zeroed(model, make_batches, protocols):
    gallery = Gallery(model.config.modalities, 3, 0, zeroed=True)
    evaluate(model, make_batches(1), protocols, watcher=gallery)
    (frame,) = gallery.frames()
    assert len(frame.predictions) == 15
    images = {name: image.clone() for name, image in make_batches(1)[0]['images'].items()}
    for name in ('depth', 'event', 'lidar'):
        images[name].zero_()
    with torch.no_grad():
        expected = model(images)[0].argmax(0).numpy()
        alone = model({'rgb': images['rgb']})[0].argmax(0).numpy()
    assert (frame.predictions['rgb',] != expected).mean() < 0.01
    assert (frame.predictions['rgb',] != alone).mean() > 0.01


def test_only_clean_subsets_are_shown(model, make_batches):
    gallery = Gallery(model.config.modalities, 3, 0)
    evaluate(model, make_batches(2), ['emm', 'nm'], watcher=gallery)
    assert {subset for frame in gallery.frames() for subset in frame.predictions} == {
        model.config.modalities.names
    }
