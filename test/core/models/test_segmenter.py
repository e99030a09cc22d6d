import pytest
import torch

from robustseg_core.errors import ConfigError, DataError
from robustseg_core.models.segmenter import MultimodalSegmenter

NAMES = ('rgb', 'depth', 'event', 'lidar')


@pytest.fixture
def model(make_model) -> MultimodalSegmenter:
    return make_model()


def encoded_rows(model) -> list[int]:
    """Record how many images pass the encoder at each call."""
    rows = []
    model.encoder.register_forward_pre_hook(lambda _, inputs: rows.append(inputs[0].shape[0]))
    return rows


@pytest.mark.parametrize(
    ('backbone', 'width', 'unused', 'millions'),
    [
        # The published networks of width 768 also hold a classifier that nothing reads.
        ('mit_b0', 768, 25 * 256, 6.10),
        ('mit_b0', 256, 0, 3.72),
        ('mit_b2', 768, 25 * 512, 27.38),
        ('mit_b2', 256, 0, 24.73),
    ],
)
def test_parameter_count_is_the_published_one(backbone, width, unused, millions, make_config):
    with torch.device('meta'):
        model = MultimodalSegmenter(make_config(backbone=backbone, head_width=width))
    count = sum(parameter.numel() for parameter in model.parameters()) + unused
    assert count / 1e6 == pytest.approx(millions, abs=0.005)


@torch.no_grad()
def test_forward_is_exactly_decode_of_fuse_of_encode(model, images):
    present = {name: images[name] for name in ('lidar', 'depth')}
    features = [model.encode(images[name]) for name in ('depth', 'lidar')]
    assert torch.equal(model(present), model.decode(model.fuse(features), (64, 96)))


@torch.no_grad()
def test_fusion_is_the_mean_of_each_stage(model, images):
    rgb, event = model.encode(images['rgb']), model.encode(images['event'])
    by_hand = [(a + b) / 2 for a, b in zip(rgb, event, strict=True)]
    expected = model.decode(by_hand, (64, 96))
    logits = model({'event': images['event'], 'rgb': images['rgb']})
    torch.testing.assert_close(logits, expected, rtol=0, atol=1e-5)
    assert not torch.allclose(logits, model({'rgb': images['rgb']}), atol=1e-2)


@torch.no_grad()
def test_order_of_the_images_does_not_matter(model, images):
    backwards = dict(reversed(images.items()))
    assert torch.equal(model(images), model(backwards))


@torch.no_grad()
@pytest.mark.parametrize('training', [False, True])
def test_samples_may_have_different_modalities(training, make_model, images):
    model = make_model(drop_path_rate=0.0, dropout=0.0)
    model.encoder.train(training)
    model.training = training
    availability = torch.tensor([[True, False, False, True], [False, True, True, True]])
    logits = model(images, availability)
    model.eval()
    first = model({name: images[name][:1] for name in ('rgb', 'lidar')})
    second = model({name: images[name][1:] for name in ('depth', 'event', 'lidar')})
    torch.testing.assert_close(logits, torch.cat([first, second]), rtol=0, atol=1e-4)


@torch.no_grad()
def test_everything_available_is_the_same_as_no_availability(model, images):
    logits = model(images, torch.ones(2, 4, dtype=torch.bool))
    torch.testing.assert_close(logits, model(images), rtol=0, atol=1e-5)


@pytest.mark.parametrize('missing', ['drop', 'zero'])
def test_absent_images_have_no_influence_even_if_nan(missing, make_model, images):
    model = make_model(missing=missing).train()
    model.head.eval()
    for module in model.modules():
        if hasattr(module, 'rate'):
            module.rate = 0.0
    availability = torch.tensor([[True, False, True, False], [False, True, False, False]])
    expected = model(images, availability)
    for index, name in enumerate(NAMES):
        images[name][~availability[:, index]] = float('nan')
    logits = model(images, availability)
    assert torch.equal(logits, expected)
    logits.sum().backward()
    assert all(parameter.grad.isfinite().all() for parameter in model.encoder.parameters())


@torch.no_grad()
def test_absent_images_are_not_computed(model, images):
    rows = encoded_rows(model)
    availability = torch.tensor([[True, False, True, False], [False, False, True, False]])
    model(images, availability)
    assert rows == [1, 2]
    rows.clear()
    model({'depth': images['depth']})
    assert rows == [2]


def test_training_encodes_all_modalities_as_one_batch(model, images):
    rows = encoded_rows(model.train())
    model(images)
    assert rows == [8]


@torch.no_grad()
def test_zero_variant_encodes_black_and_averages_over_all(make_model, images):
    model = make_model(missing='zero')
    black = model.encode(torch.zeros(2, 3, 64, 96))
    rgb = model.encode(images['rgb'])
    by_hand = [(a + 3 * b) / 4 for a, b in zip(rgb, black, strict=True)]
    logits = model({'rgb': images['rgb']})
    torch.testing.assert_close(logits, model.decode(by_hand, (64, 96)), rtol=0, atol=1e-4)
    availability = torch.tensor([[True, False, False, False]] * 2)
    assert torch.equal(model(images, availability), logits)


@torch.no_grad()
def test_encode_present_names_each_modality_and_its_rows(model, images):
    availability = torch.tensor([[False, True, False, False], [True, True, False, False]])
    encoded = model.encode_present(images, availability)
    assert list(encoded) == ['rgb', 'depth']
    assert encoded['rgb'].rows.tolist() == [1]
    assert encoded['depth'].rows.tolist() == [0, 1]
    expected = model.encode(images['rgb'][1:])
    for maps, wanted in zip(encoded['rgb'].maps, expected, strict=True):
        torch.testing.assert_close(maps, wanted)


@torch.no_grad()
@pytest.mark.parametrize('size', [(65, 97), (33, 50)])
def test_logits_have_the_size_of_an_odd_image(size, model):
    assert model({'rgb': torch.randn(1, 3, *size)}).shape == (1, 25, *size)


@torch.no_grad()
def test_folded_model_is_the_same_function(model, images):
    expected = model(images)
    folded = model.fold()
    logits = folded(images)
    torch.testing.assert_close(logits, expected, rtol=0, atol=1e-4)
    assert torch.equal(logits.argmax(dim=1), expected.argmax(dim=1))
    assert sum(p.numel() for p in folded.head.parameters()) < sum(
        p.numel() for p in model.head.parameters()
    )
    assert torch.equal(model(images), expected)
    assert torch.equal(folded.fold()(images), logits)


@pytest.mark.parametrize(
    ('change', 'error', 'message'),
    [
        (lambda x: {'radar': x['rgb']}, ConfigError, "modality 'radar'; known are"),
        (lambda x: {}, DataError, 'at least one modality is needed, got none'),
        (lambda x: {'rgb': x['rgb'][:, :1]}, DataError, r"'rgb' has shape \(2, 1, 64, 96\); exp"),
        (lambda x: {'rgb': x['rgb'][0]}, DataError, r"'rgb' has shape \(3, 64, 96\); expected"),
        (lambda x: {'rgb': x['rgb'][..., :31]}, DataError, 'at least 32'),
        (
            lambda x: {'rgb': x['rgb'], 'lidar': x['lidar'][:1]},
            DataError,
            r"'lidar' has shape \(1, .*but 'rgb' has \(2,",
        ),
    ],
)
def test_wrong_images_are_refused(change, error, message, model, images):
    with pytest.raises(error, match=message):
        model(change(images))


@pytest.mark.parametrize(
    ('availability', 'message'),
    [
        (torch.ones(2, 3, dtype=torch.bool), r'shape \(2, 3\); .* \(2, 4\) for'),
        (torch.ones(2, 4), 'torch.float32 of shape'),
        (torch.tensor([[True] * 4, [False] * 4]), r'Samples \[1\] of the batch have no'),
    ],
)
def test_wrong_availability_is_refused(availability, message, model, images):
    with pytest.raises(DataError, match=message):
        model(images, availability)


def test_availability_of_an_image_not_given_is_refused(model, images):
    del images['event']
    with pytest.raises(DataError, match=r"claims \['event'\], but images are only of"):
        model(images, torch.ones(2, 4, dtype=torch.bool))


def test_fusing_nothing_is_refused(model):
    with pytest.raises(DataError, match='Nothing to fuse'):
        model.fuse([])


def with_subset_statistics(make_model):
    model = make_model(norm_statistics='subset')
    model.head.norm.subset_mean.normal_(generator=torch.Generator().manual_seed(4))
    model.head.norm.subset_var.uniform_(0.5, 3.0, generator=torch.Generator().manual_seed(5))
    return model


@torch.no_grad()
def test_each_sample_is_evaluated_with_the_statistics_of_its_subset(make_model, images):
    model = with_subset_statistics(make_model)
    availability = torch.tensor([[True, False, False, True], [False, True, True, True]])
    logits = model(images, availability)
    first = model({name: images[name][:1] for name in ('rgb', 'lidar')})
    second = model({name: images[name][1:] for name in ('depth', 'event', 'lidar')})
    torch.testing.assert_close(logits, torch.cat([first, second]), rtol=0, atol=1e-4)
    torch.testing.assert_close(model.fold()(images, availability), logits, rtol=0, atol=1e-4)
    # Row 6 of 15 is rgb and lidar: four of one sensor, then RD, RE, RL.
    model.head.norm.subset_mean[6] += 1.0
    changed = model(images, availability)
    assert not torch.allclose(changed[0], logits[0], atol=0.1)
    assert torch.equal(changed[1], logits[1])


def test_where_statistics_are_shared_no_rows_are_made(make_model):
    assert make_model().subset_rows(['rgb']) is None
    assert make_model(norm_statistics='subset').subset_rows(['rgb']).tolist() == [0]
