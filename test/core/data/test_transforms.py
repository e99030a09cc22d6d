"""From arrays to samples."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from robustseg_core.data.config import DataConfig
from robustseg_core.data.transforms import (
    Augmented,
    DepthHoles,
    Draw,
    Resized,
    ToSample,
    Transformed,
    covering,
)
from robustseg_core.modalities import UNIT, Modality, ModalitySet
from robustseg_core.sensors.encodings import ENCODINGS

SENSORS = ModalitySet(
    (
        Modality('rgb', 'R', 'rgb', UNIT),
        Modality('depth', 'D', 'linear_depth', UNIT),
        Modality('event', 'E', 'event_counts', UNIT),
    )
)
HEIGHT, WIDTH = 60, 80


def arrays(index: int = 0) -> Mapping[str, Any]:
    """Images that hold the number of the class at each pixel."""
    rng = np.random.default_rng(index)
    # Blocks of 10 pixels, so that halving the size mixes no two classes.
    labels = np.kron(rng.integers(1, 200, (6, 8)), np.ones((10, 10))).astype(np.uint8)
    image = np.repeat(labels[..., None], 3, axis=-1)
    return {
        'images': {'rgb': image, 'depth': image.astype(np.float32), 'event': image},
        'labels': labels,
        'id': str(index),
        'condition': 'sun',
    }


class Scenes(Dataset[Any]):
    def __len__(self) -> int:
        return 6

    def __getitem__(self, index: int) -> Any:
        return arrays(index)


def recipe(**values: Any) -> DataConfig:
    defaults = {'size': (HEIGHT, WIDTH), 'crop': (32, 40), 'scales': (1.0, 1.0)}
    return DataConfig(**{**defaults, **values})


def test_squash_ignores_the_aspect_and_labels_keep_their_ids() -> None:
    sample = ToSample(SENSORS, (30, 80))(arrays())
    assert sample['images']['rgb'].shape == (3, 30, 80)
    assert sample['labels'].shape == (30, 80)
    assert set(sample['labels'].unique().tolist()) == set(np.unique(arrays()['labels']).tolist())


def test_crop_keeps_the_aspect_and_the_centre() -> None:
    sample = ToSample(SENSORS, (60, 40), 'crop')(arrays())
    np.testing.assert_array_equal(sample['labels'].numpy(), arrays()['labels'][:, 20:60])
    np.testing.assert_array_equal(
        sample['images']['depth'][0].numpy(), arrays()['images']['depth'][:, 20:60, 0]
    )


@pytest.mark.parametrize(
    ('shape', 'size', 'covered'),
    [
        ((480, 640), (256, 320), (256, 341)),
        ((1080, 1920), (1024, 1024), (1024, 1820)),
        ((100, 50), (64, 64), (128, 64)),
    ],
)
def test_covering_keeps_the_aspect(shape: Any, size: Any, covered: Any) -> None:
    assert covering(shape, size) == covered


def test_resized_brings_all_arrays_to_the_size_and_drops_what_is_not_wanted() -> None:
    sensors = ModalitySet((SENSORS['depth'],))
    result = Resized(sensors, (30, 40))(arrays())
    assert {name: image.shape for name, image in result['images'].items()} == {
        'depth': (30, 40, 3)
    }
    np.testing.assert_array_equal(result['labels'], arrays()['labels'][::2, ::2])


def test_augmentation_moves_all_sensors_and_the_labels_alike() -> None:
    augmented = Augmented(SENSORS, recipe(scales=(0.5, 0.5)))
    seen = set()
    for seed in range(8):
        torch.manual_seed(seed)
        sample = augmented(arrays())
        labels = sample['labels'].float()
        # Of 30 x 40 pixels after scaling, two rows are padding.
        inside = labels != 255
        assert inside.sum() == 30 * 40
        for image in sample['images'].values():
            assert image.shape == (3, 32, 40)
            torch.testing.assert_close(image[0][inside], labels[inside])
            assert (image[0][~inside] == 0).all()
        seen.add(tuple(labels[10].tolist()))
    assert len(seen) > 1  # flipped in some


def test_scales_are_drawn_from_the_range() -> None:
    augmented = Augmented(SENSORS, recipe(crop=(256, 256), scales=(0.5, 2.0)))
    sides = []
    for seed in range(60):
        torch.manual_seed(seed)
        sides.append(int((augmented(arrays())['labels'] != 255).any(dim=1).sum()))
    assert min(sides) < 0.6 * HEIGHT
    assert max(sides) > 1.9 * HEIGHT
    assert np.mean(sides) == pytest.approx(1.25 * HEIGHT, rel=0.15)


def test_colour_jitter_touches_rgb_alone() -> None:
    augmented = Augmented(SENSORS, recipe(crop=(HEIGHT, WIDTH), photometric=1.0))
    torch.manual_seed(1)
    sample = augmented(arrays())
    labels = sample['labels'].float()
    torch.testing.assert_close(sample['images']['depth'][0], labels)
    torch.testing.assert_close(sample['images']['event'][0], labels)
    assert (sample['images']['rgb'][0] != labels).float().mean() > 0.5


def test_half_of_the_frames_are_flipped_in_all_sensors_and_the_labels_alike() -> None:
    augmented = Augmented(SENSORS, recipe(crop=(HEIGHT, WIDTH)))
    whole = arrays()
    flips = 0
    for seed in range(40):
        torch.manual_seed(seed)
        sample = augmented(whole)
        labels = sample['labels'].numpy()
        flipped = not np.array_equal(labels, whole['labels'])
        flips += flipped
        np.testing.assert_array_equal(labels[:, ::-1] if flipped else labels, whole['labels'])
        for image in sample['images'].values():
            np.testing.assert_array_equal(image[0].numpy(), labels)
    assert 10 <= flips <= 30


def two_tones() -> Mapping[str, Any]:
    """A picture of two greys: what is done to each pixel alone leaves it two, a blur does not."""
    picture = np.full((HEIGHT, WIDTH, 3), 60, np.uint8)
    picture[:, WIDTH // 2 :] = 120
    return {**arrays(), 'images': {'rgb': picture}}


@pytest.mark.parametrize(('chance', 'least', 'most'), [(0.0, 0, 0), (0.5, 8, 32), (1.0, 32, 40)])
def test_blur_mixes_neighbours_in_rgb_as_often_as_asked_for(
    chance: float, least: int, most: int
) -> None:
    augmented = Augmented(SENSORS, recipe(crop=(HEIGHT, WIDTH), photometric=chance))
    blurred = 0
    for seed in range(40):
        torch.manual_seed(seed)
        blurred += len(augmented(two_tones())['images']['rgb'].unique()) > 2
    assert least <= blurred <= most


def test_colour_jitter_changes_pixels_far_from_any_edge_as_often_as_asked_for() -> None:
    for chance, least, most in ((0.0, 0, 0), (0.5, 8, 32), (1.0, 38, 40)):
        augmented = Augmented(SENSORS, recipe(crop=(HEIGHT, WIDTH), photometric=chance))
        changed = 0
        for seed in range(40):
            torch.manual_seed(seed)
            corners = augmented(two_tones())['images']['rgb'][0, 0, [0, -1]]
            changed += set(corners.tolist()) != {60.0, 120.0}
        assert least <= changed <= most, chance


@pytest.mark.parametrize('encoding', sorted(set(ENCODINGS) - {'rgb'}))
def test_jitter_and_blur_leave_every_other_encoding_as_it_is(encoding: str) -> None:
    sensors = ModalitySet((SENSORS['rgb'], Modality('other', 'O', encoding, UNIT)))
    augmented = Augmented(sensors, recipe(crop=(HEIGHT, WIDTH), photometric=1.0))
    whole = arrays()
    whole = {**whole, 'images': {'rgb': whole['images']['rgb'], 'other': whole['images']['rgb']}}
    torch.manual_seed(1)
    sample = augmented(whole)
    labels = sample['labels'].float()
    for channel in sample['images']['other']:
        torch.testing.assert_close(channel, labels, rtol=0, atol=0)
    assert (sample['images']['rgb'][0] != labels).float().mean() > 0.5


def test_holes_to_score_with_are_the_same_whenever_a_frame_is_read() -> None:
    whole = arrays()
    holes = DepthHoles(SENSORS, seed=3)
    state = torch.get_rng_state()
    first = holes(whole)['images']
    assert torch.equal(torch.get_rng_state(), state)
    np.testing.assert_array_equal(first['depth'], holes(whole)['images']['depth'])
    assert 0 < (first['depth'] != whole['images']['depth']).mean() < 0.5
    assert first['rgb'] is whole['images']['rgb']
    for other in (DepthHoles(SENSORS, seed=4)(whole), holes({**whole, 'id': 'another'})):
        assert not np.array_equal(other['images']['depth'], first['depth'])


def test_holes_make_part_of_the_depth_unknown_and_nothing_else() -> None:
    augmented = Augmented(SENSORS, recipe(crop=(HEIGHT, WIDTH), depth_holes=1.0))
    shares = []
    for seed in range(12):
        torch.manual_seed(seed)
        sample = augmented(arrays())
        labels = sample['labels'].float()
        torch.testing.assert_close(sample['images']['event'][0], labels)
        depth = sample['images']['depth']
        hole = (depth == 0).all(dim=0)
        torch.testing.assert_close(depth[0][~hole], labels[~hole])
        shares.append(float(hole.float().mean()))
    assert max(shares) == pytest.approx(0.4, abs=0.1)
    assert min(shares) < 0.15
    # In blotches: a neighbour of a hole is mostly one as well.
    right = hole[:, 1:][hole[:, :-1]]
    assert right.float().mean() > 0.8


def test_a_draw_is_the_same_whoever_reads_it_and_leaves_the_generator_alone() -> None:
    samples = Transformed(Scenes(), Augmented(SENSORS, recipe(photometric=0.5)))
    draws = [Draw(index, 100 + index) for index in range(6)]
    torch.manual_seed(0)
    before = torch.get_rng_state()
    here = [samples[draw]['images']['rgb'] for draw in draws]
    assert torch.equal(torch.get_rng_state(), before)
    there = DataLoader(samples, sampler=draws, batch_size=None, num_workers=1)  # type: ignore[arg-type]
    for mine, other in zip(here, there, strict=True):
        torch.testing.assert_close(mine, other['images']['rgb'], rtol=0, atol=0)
    assert not torch.equal(here[0], samples[Draw(0, 7)]['images']['rgb'])
