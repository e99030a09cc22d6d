"""Class prototypes and their divergences, against the published loops."""

import numpy as np
import pytest
import torch

from robustseg_core.distillation.prototypes import (
    Prototypes,
    class_prototypes,
    legacy_divergence,
    one_hot_labels,
    prototype_divergence,
)

CLASSES = 5
SIZE = (6, 7)


@pytest.fixture
def labels() -> torch.Tensor:
    """Give three images: some classes and some ignored, one class only, nothing labelled."""
    drawn = torch.randint(0, 4, (3, 13, 20), generator=torch.Generator().manual_seed(0))
    drawn[0, :3] = 255
    drawn[1] = 2
    drawn[2] = 255
    return drawn


def draw(seed: int, channels: int = 4) -> torch.Tensor:
    return torch.randn(3, channels, *SIZE, generator=torch.Generator().manual_seed(seed))


def prototypes(seed: int, labels: torch.Tensor) -> Prototypes:
    return class_prototypes(draw(seed), one_hot_labels(labels, CLASSES, SIZE))


def test_labels_are_resized_by_nearest_neighbour_and_ignored_ones_have_no_class(
    labels, by_loops
) -> None:
    found = one_hot_labels(labels, CLASSES, SIZE).view(3, CLASSES, *SIZE)
    for image in range(3):
        small = by_loops['nearest'](labels[image].numpy(), SIZE)
        for index in range(CLASSES):
            np.testing.assert_array_equal(found[image, index].numpy(), small == index)
    assert (found.sum(dim=1) == 0).any()


def test_labels_of_the_map_s_own_size_stay_as_they_are() -> None:
    labels = torch.arange(4).view(1, 2, 2)
    torch.testing.assert_close(one_hot_labels(labels, 4, (2, 2))[0], torch.eye(4))


def test_a_prototype_is_the_mean_feature_of_the_class_in_the_image(labels, by_loops) -> None:
    maps = draw(1)
    found = class_prototypes(maps, one_hot_labels(labels, CLASSES, SIZE))
    for image in range(3):
        expected = by_loops['class_means'](maps[image], labels[image], CLASSES)
        for index in range(CLASSES):
            mean, count = expected.get(index, (np.zeros(4), 0))
            np.testing.assert_allclose(found.means[image, index], mean, rtol=1e-5, atol=1e-6)
            assert found.counts[image, index] == count
    assert not found.counts[2].any()


def test_memory_in_channels_last_order_gives_the_same_prototypes(labels) -> None:
    one_hot = one_hot_labels(labels, CLASSES, SIZE)
    maps = draw(1)
    turned = class_prototypes(maps.contiguous(memory_format=torch.channels_last), one_hot)
    torch.testing.assert_close(turned.means, class_prototypes(maps, one_hot).means)


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision_features_are_summed_in_single_precision(dtype: torch.dtype) -> None:
    maps = torch.full((1, 2, 16, 16), 1000.0)  # the sum, 256 000, is beyond fp16
    maps[:, 1] = torch.linspace(-1, 1, 256).view(16, 16)
    labels = torch.zeros(1, 16, 16, dtype=torch.int64)
    with torch.autocast('cpu', dtype=dtype):
        one_hot = one_hot_labels(labels, 1, (16, 16))
        found = class_prototypes(maps.to(dtype), one_hot).means
    assert found.dtype == torch.float32
    torch.testing.assert_close(found[0, 0], maps.to(dtype).float().mean(dim=(0, 2, 3)))


def test_the_divergence_is_that_of_the_loops_over_images_channels_and_classes(
    labels, by_loops
) -> None:
    found = prototype_divergence(prototypes(1, labels), prototypes(2, labels))
    for image in range(3):
        student, teacher = (
            by_loops['class_means'](draw(seed)[image], labels[image], CLASSES) for seed in (1, 2)
        )
        expected = by_loops['masked_divergence'](student, teacher, CLASSES)
        assert found[image].item() == pytest.approx(expected, rel=1e-4, abs=1e-7)
    assert found[0] > 0.01
    assert found[1] == 0  # one class alone has nothing to be distributed over
    assert found[2] == 0


def test_a_class_that_one_side_lacks_cannot_influence_the_divergence(labels) -> None:
    student, teacher = prototypes(1, labels), prototypes(2, labels)
    student.counts[0, 1] = 0
    expected = prototype_divergence(student, teacher)
    student.means[0, 1] += 10
    teacher.means[0, 1] -= 10
    assert torch.equal(prototype_divergence(student, teacher), expected)
    student.means[0, 2] += 10
    assert not torch.equal(prototype_divergence(student, teacher), expected)


@pytest.mark.parametrize('divergence', [prototype_divergence, legacy_divergence])
def test_gradients_are_finite_and_only_the_student_gets_them(divergence, labels) -> None:
    one_hot = one_hot_labels(labels, CLASSES, SIZE)
    student, teacher = draw(1).requires_grad_(), draw(2).requires_grad_()
    sides = [class_prototypes(maps, one_hot) for maps in (student, teacher)]
    divergence(*sides).sum().backward()
    assert teacher.grad is None
    assert student.grad.isfinite().all()
    labelled = one_hot.sum(dim=1).view(3, 1, *SIZE) > 0
    assert (student.grad[(~labelled).expand_as(student)] == 0).all()
    assert student.grad[0].any()


def test_the_gradient_is_that_of_finite_differences(labels) -> None:
    student, teacher = (
        Prototypes(each.means.double(), each.counts)
        for each in (prototypes(1, labels), prototypes(2, labels))
    )
    means = student.means.requires_grad_()
    assert torch.autograd.gradcheck(
        lambda values: prototype_divergence(Prototypes(values, student.counts), teacher), means
    )


@pytest.mark.parametrize('scale', [1e-6, 1.0, 1e4])
def test_a_divergence_is_never_negative_and_zero_between_equals(labels, scale: float) -> None:
    for seed in range(10):
        student, teacher = prototypes(seed, labels), prototypes(seed + 100, labels)
        student = Prototypes(student.means * scale, student.counts)
        teacher = Prototypes(teacher.means * scale, teacher.counts)
        for divergence in (prototype_divergence, legacy_divergence):
            found = divergence(student, teacher)
            assert found.isfinite().all()
            assert (found >= 0).all()
            assert not divergence(student, student).any()


def test_legacy_divides_by_the_count_twice_and_counts_absent_classes_as_zero(
    labels, by_loops
) -> None:
    found = legacy_divergence(prototypes(1, labels), prototypes(2, labels))
    for image in range(2):
        student, teacher = (
            by_loops['class_means'](draw(seed)[image], labels[image], CLASSES) for seed in (1, 2)
        )
        expected = by_loops['published_divergence'](student, teacher, CLASSES)
        assert found[image].item() == pytest.approx(expected, rel=1e-4, abs=2e-8)
    assert found[2] == 0


def test_legacy_leaves_out_an_image_that_one_side_was_not_shown(labels) -> None:
    student, teacher = prototypes(1, labels), prototypes(2, labels)
    hidden = Prototypes(teacher.means, teacher.counts * torch.tensor([[0.0], [1], [1]]))
    for found in (legacy_divergence(student, hidden), legacy_divergence(hidden, student)):
        assert found[0] == 0
        assert found[1] > 0
