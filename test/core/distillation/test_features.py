"""The terms over all stages and modalities, with samples that lack some."""

from collections import Counter
from itertools import permutations
import math

import pytest
import torch

from robustseg_core.distillation import features
from robustseg_core.distillation.features import (
    Projections,
    View,
    entropy_term,
    hybrid_pairing,
    index_pairing,
    prototype_term,
    same_pairing,
)
from robustseg_core.labels import LabelSet
from robustseg_core.modalities import UNIT, Modality, ModalitySet
from robustseg_core.models.segmenter import Encoded, MultimodalSegmenter, SegmenterConfig

NAMES = ('rgb', 'depth', 'event')
CLASSES = 4
BATCH = 3
SIZES = ((6, 8), (3, 4))
CHANNELS = (3, 5)
SWAPPED = {'rgb': 'event', 'depth': 'rgb', 'event': 'depth'}


@pytest.fixture
def labels() -> torch.Tensor:
    drawn = torch.randint(0, CLASSES, (BATCH, 12, 16), generator=torch.Generator().manual_seed(0))
    drawn[0, :5] = 255
    return drawn


def make_view(seed: int, shown: dict[str, list[bool]], *, gathered: bool, sizes=SIZES) -> View:
    """Return features of each modality, of the samples that showed it or of all."""
    generator = torch.Generator().manual_seed(seed)
    encoded = {}
    for name, rows in shown.items():
        whole = [
            torch.randn(BATCH, channels, *size, generator=generator)
            for channels, size in zip(CHANNELS, sizes, strict=True)
        ]
        index = torch.tensor(rows).nonzero()[:, 0]
        if not gathered:
            encoded[name] = Encoded([maps.requires_grad_() for maps in whole], None)
        elif len(index):
            encoded[name] = Encoded([maps[index].requires_grad_() for maps in whole], index)
    return View(encoded, {name: torch.tensor(rows) for name, rows in shown.items()})


STUDENT = {'rgb': [True, False, True], 'depth': [True, True, False], 'event': [False] * 3}
TEACHER = {'rgb': [True, True, True], 'depth': [True, True, False], 'event': [True, False, False]}


def maps_of(view: View, name: str, stage: int, image: int):
    """Return the map (C, h, w) of one sample and modality, or None where it was not shown."""
    if name not in view.encoded or not view.shown[name][image]:
        return None
    encoded = view.encoded[name]
    row = image if encoded.rows is None else encoded.rows.tolist().index(image)
    return encoded.maps[stage][row].detach()


def looped_term(student, teacher, labels, pairing, by_loops, divergence) -> float:
    total = 0.0
    for image in range(BATCH):
        for stage in range(len(SIZES)):
            for name, source in pairing.items():
                ours = maps_of(student, name, stage, image)
                theirs = maps_of(teacher, source, stage, image)
                if ours is not None and theirs is not None:
                    sides = [
                        by_loops['class_means'](each, labels[image], CLASSES)
                        for each in (ours, theirs)
                    ]
                    total += by_loops[divergence](*sides, CLASSES)
    return total / BATCH


def test_hybrid_pairing_draws_every_permutation_equally_often() -> None:
    generator = torch.Generator().manual_seed(0)
    draws = 3000
    counts = Counter(tuple(hybrid_pairing(NAMES, generator).items()) for _ in range(draws))
    expected = {tuple(zip(NAMES, order, strict=True)) for order in permutations(NAMES)}
    assert set(counts) == expected
    for count in counts.values():
        assert count / draws == pytest.approx(1 / 6, abs=0.03)


def test_equal_seeds_pair_alike() -> None:
    first, second = (torch.Generator().manual_seed(5) for _ in range(2))
    assert [hybrid_pairing(NAMES, first) for _ in range(9)] == [
        hybrid_pairing(NAMES, second) for _ in range(9)
    ]


def test_same_pairing_keeps_and_index_pairing_counts_what_is_shown() -> None:
    assert same_pairing(NAMES) == {'rgb': 'rgb', 'depth': 'depth', 'event': 'event'}
    assert index_pairing(('depth', 'event'), NAMES) == {'depth': 'rgb', 'event': 'depth'}
    assert index_pairing(('event',), NAMES) == {'event': 'rgb'}


@pytest.mark.parametrize('gathered', [True, False])
@pytest.mark.parametrize('pairing', [SWAPPED, same_pairing(NAMES), {'depth': 'rgb'}])
def test_the_prototype_term_is_that_of_the_loops(labels, by_loops, gathered, pairing) -> None:
    student = make_view(1, STUDENT, gathered=gathered)
    teacher = make_view(2, TEACHER, gathered=gathered)
    expected = looped_term(student, teacher, labels, pairing, by_loops, 'masked_divergence')
    found = prototype_term(student, teacher, labels, CLASSES, pairing)
    assert found.item() == pytest.approx(expected, rel=1e-4)
    assert expected > 0.01


@pytest.mark.parametrize('gathered', [True, False])
def test_the_legacy_term_is_that_of_the_published_loops(labels, by_loops, gathered) -> None:
    student = make_view(1, STUDENT, gathered=gathered)
    teacher = make_view(2, TEACHER, gathered=gathered)
    pairing = index_pairing(('rgb', 'depth'), NAMES)
    expected = looped_term(student, teacher, labels, pairing, by_loops, 'published_divergence')
    found = prototype_term(student, teacher, labels, CLASSES, pairing, legacy=True)
    assert found.item() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize('gathered', [True, False])
@pytest.mark.parametrize('legacy', [True, False])
def test_samples_without_a_modality_on_either_side_get_no_gradient(
    labels, gathered, legacy
) -> None:
    student = make_view(1, STUDENT, gathered=gathered)
    teacher = make_view(2, TEACHER, gathered=gathered)
    prototype_term(student, teacher, labels, CLASSES, SWAPPED, legacy=legacy).backward()
    entropy_term(student, teacher, SWAPPED).backward()
    taught = {
        name: student.shown[name] & teacher.shown[source] for name, source in SWAPPED.items()
    }
    assert taught['rgb'].tolist() == [True, False, False]
    for name, encoded in student.encoded.items():
        rows = range(BATCH) if encoded.rows is None else encoded.rows.tolist()
        for maps in encoded.maps:
            gradient = torch.zeros_like(maps) if maps.grad is None else maps.grad
            assert gradient.isfinite().all()
            for position, image in enumerate(rows):
                assert gradient[position].any() == taught[name][image]
    assert not any(maps.grad is not None for e in teacher.encoded.values() for maps in e.maps)


@pytest.mark.filterwarnings('error')
@pytest.mark.parametrize('gathered', [True, False])
def test_a_student_with_nothing_in_common_gets_zero(labels, gathered) -> None:
    shown = {'rgb': [True, False, False], 'depth': [False] * 3}
    teacher = make_view(2, {'rgb': [False, True, True], 'event': [True] * 3}, gathered=gathered)
    student = make_view(1, shown, gathered=gathered)
    for pairing in (same_pairing(NAMES), {}):
        assert prototype_term(student, teacher, labels, CLASSES, pairing) == 0
        assert entropy_term(student, teacher, pairing) == 0


def test_a_batch_without_labels_gives_zero_and_finite_gradients() -> None:
    student = make_view(1, STUDENT, gathered=True)
    teacher = make_view(2, TEACHER, gathered=True)
    ignored = torch.full((BATCH, 12, 16), 255)
    value = prototype_term(student, teacher, ignored, CLASSES, SWAPPED)
    value.backward()
    assert value.item() == 0
    assert all(m.grad.isfinite().all() for e in student.encoded.values() for m in e.maps)


def test_a_teacher_of_other_map_sizes_teaches_by_labels_at_its_own_size(labels, by_loops) -> None:
    student = make_view(1, STUDENT, gathered=True)
    teacher = make_view(2, TEACHER, gathered=True, sizes=((5, 7), (2, 3)))
    expected = looped_term(student, teacher, labels, SWAPPED, by_loops, 'masked_divergence')
    found = prototype_term(student, teacher, labels, CLASSES, SWAPPED)
    assert found.item() == pytest.approx(expected, rel=1e-4)
    assert entropy_term(student, teacher, SWAPPED) > 0


def test_autocast_does_not_change_the_terms(labels) -> None:
    student = make_view(1, STUDENT, gathered=True)
    teacher = make_view(2, TEACHER, gathered=True)
    results = []
    for enabled in (False, True):
        torch.manual_seed(0)
        with torch.autocast('cpu', dtype=torch.bfloat16, enabled=enabled):
            prototype = prototype_term(student, teacher, labels, CLASSES, SWAPPED)
            results.append((prototype, entropy_term(student, teacher, SWAPPED)))
    assert results[0] == results[1]


def test_the_entropy_term_is_that_of_a_loop_over_samples(monkeypatch) -> None:
    monkeypatch.setattr(features, 'perturbed', lambda maps: maps)
    student = make_view(1, STUDENT, gathered=True)
    teacher = make_view(2, TEACHER, gathered=False)
    total = 0.0
    for image in range(BATCH):
        for stage in range(len(SIZES)):
            for name, source in SWAPPED.items():
                ours = maps_of(student, name, stage, image)
                theirs = maps_of(teacher, source, stage, image)
                if ours is not None and theirs is not None:
                    total += looped_regulariser(ours.double(), theirs.double())
    found = entropy_term(student, teacher, SWAPPED)
    assert found.item() == pytest.approx(total / BATCH, rel=1e-4)


def looped_regulariser(student: torch.Tensor, teacher: torch.Tensor) -> float:
    norms = []
    for ours, theirs in zip(student.flatten(1), teacher.flatten(1), strict=True):
        q, p = (
            [v / sum(w) for v in w] for w in ([math.exp(v) for v in x] for x in (ours, theirs))
        )
        f = sum(a * math.log(a / b) for a, b in zip(p, q, strict=True))
        s_student = len(p) * sum(a * a for a in p) / f
        s_teacher = sum((1 + math.log(a / b)) ** 2 for a, b in zip(p, q, strict=True)) / len(p) / f
        norms.append(math.hypot(1 / s_student, 1 / s_teacher))
    return sum(norms) / len(norms)


def test_projections_bring_the_student_to_the_teacher_s_widths() -> None:
    projections = Projections((3, 5), (3, 7))
    view = make_view(1, STUDENT, gathered=True)
    projected = projections(view)
    kept, widened = projected.encoded['rgb'].maps
    assert kept is view.encoded['rgb'].maps[0]
    layer = projections.layers[1]
    expected = torch.einsum('nchw,dc->ndhw', view.encoded['rgb'].maps[1], layer.weight[:, :, 0, 0])
    torch.testing.assert_close(widened, expected + layer.bias[:, None, None])
    assert projected.encoded['rgb'].rows is view.encoded['rgb'].rows
    assert projected.shown is view.shown
    assert not list(Projections((3, 5), (3, 5)).parameters())


@pytest.mark.parametrize('term', ['prototype', 'entropy'])
def test_projections_learn_from_both_terms(labels, term: str) -> None:
    projections = Projections((3, 2), CHANNELS)
    student = make_view(1, STUDENT, gathered=True)
    narrow = {
        name: Encoded([each.maps[0], each.maps[1][:, :2]], each.rows)
        for name, each in student.encoded.items()
    }
    view, teacher = projections(View(narrow, student.shown)), make_view(2, TEACHER, gathered=True)
    if term == 'prototype':
        prototype_term(view, teacher, labels, CLASSES, SWAPPED).backward()
    else:
        entropy_term(view, teacher, SWAPPED).backward()
    assert projections.layers[1].weight.grad.any()


@pytest.mark.parametrize('missing', ['drop', 'zero'])
def test_broken_images_of_absent_sensors_reach_no_term(missing: str) -> None:
    sensors = ModalitySet(
        (Modality('rgb', 'R', 'rgb', UNIT), Modality('depth', 'D', 'linear_depth', UNIT))
    )
    config = SegmenterConfig(
        backbone='mit_nano',
        head_width=8,
        labels=LabelSet('two', ('a', 'b'), ((0, 0, 0), (255, 255, 255))),
        modalities=sensors,
        missing=missing,
        resolution=(32, 32),
    )
    torch.manual_seed(0)
    network = MultimodalSegmenter(config).eval()
    availability = torch.tensor([[True, False], [True, True]])
    shown = dict(zip(sensors.names, availability.T, strict=True))
    labels = torch.randint(0, 2, (2, 32, 32))
    generator = torch.Generator().manual_seed(1)
    images = {name: torch.randn(2, 3, 32, 32, generator=generator) for name in sensors.names}
    values = []
    for broken in (0.0, math.nan):
        images['depth'][0] = broken
        view = View(network.encode_present(images, availability), shown)
        pairing = {'rgb': 'depth', 'depth': 'rgb'}
        torch.manual_seed(0)
        values.append(
            (
                prototype_term(view, view, labels, 2, pairing).item(),
                entropy_term(view, view, pairing).item(),
            )
        )
    assert values[0] == values[1]
    assert all(0 < value < math.inf for value in values[0])
