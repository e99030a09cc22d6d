"""Intra-class feature variation, against loops over images and pixels."""

import math

import numpy as np
import pytest
import torch

from robustseg_core.distillation.prototypes import one_hot_labels
from robustseg_core.distillation.variation import variation_divergence

CLASSES = 4
SIZE = (5, 6)


@pytest.fixture
def labels() -> torch.Tensor:
    drawn = torch.randint(0, 3, (3, *SIZE), generator=torch.Generator().manual_seed(0))
    drawn[0, :2] = 255
    drawn[2] = 255
    return drawn


def draw(seed: int, channels: int = 4, size: tuple[int, int] = SIZE) -> torch.Tensor:
    return torch.randn(3, channels, *size, generator=torch.Generator().manual_seed(seed))


def similarities(features, labels, by_loops) -> list[float]:
    """Return the cosine of each labelled pixel of an image and its class's centre."""
    centres = by_loops['class_means'](features, labels, CLASSES)
    found = []
    for y in range(SIZE[0]):
        for x in range(SIZE[1]):
            if int(labels[y, x]) in centres:
                own = centres[int(labels[y, x])][0]
                pixel = np.asarray(features[:, y, x], np.float64)
                norms = math.sqrt(pixel @ pixel) * math.sqrt(own @ own)
                found.append(float(pixel @ own) / norms)
    return found


def test_the_divergence_is_that_of_the_loops_at_temperature_two(labels, by_loops) -> None:
    student, teacher = draw(1), draw(2)
    found = variation_divergence(student, teacher, one_hot_labels(labels, CLASSES, SIZE))
    for image in range(2):
        ours, theirs = (
            by_loops['softmax'](
                [s / 2 for s in similarities(maps[image], labels[image], by_loops)]
            )
            for maps in (student, teacher)
        )
        expected = 4 * sum(p * math.log(p / q) for p, q in zip(theirs, ours, strict=True))
        assert found[image].item() == pytest.approx(expected, rel=1e-3)
    assert found[2] == 0  # nothing is labelled


def test_gradients_are_finite_even_where_features_are_zero(labels) -> None:
    student, teacher = draw(1), draw(2).requires_grad_()
    student[1] = 0
    student.requires_grad_()
    variation_divergence(student, teacher, one_hot_labels(labels, CLASSES, SIZE)).sum().backward()
    assert student.grad.isfinite().all()
    assert student.grad[0].any()
    assert not student.grad[2].any()
    assert teacher.grad is None


def test_ignored_pixels_cannot_influence_the_divergence(labels) -> None:
    one_hot = one_hot_labels(labels, CLASSES, SIZE)
    student, teacher = draw(1), draw(2)
    expected = variation_divergence(student, teacher, one_hot)
    student[0, :, :2] *= 7
    teacher[0, :, :2] += 3
    torch.testing.assert_close(variation_divergence(student, teacher, one_hot), expected)


def test_equal_sides_give_zero_and_none_is_negative(labels) -> None:
    one_hot = one_hot_labels(labels, CLASSES, SIZE)
    assert not variation_divergence(draw(1), draw(1), one_hot).any()
    for seed in range(10):
        assert (variation_divergence(draw(seed), draw(seed + 50), one_hot) >= 0).all()


def test_a_teacher_of_other_widths_and_sizes_is_compared_at_the_student_s_size(labels) -> None:
    one_hot = one_hot_labels(labels, CLASSES, SIZE)
    teacher = draw(2, channels=9, size=(10, 12))
    small = torch.nn.functional.interpolate(teacher, SIZE, mode='bilinear', align_corners=False)
    found = variation_divergence(draw(1), teacher, one_hot)
    torch.testing.assert_close(found, variation_divergence(draw(1), small, one_hot))
    assert found[0] > 0


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_autocast_does_not_round_the_centres(labels, dtype: torch.dtype) -> None:
    one_hot = one_hot_labels(labels, CLASSES, SIZE)
    student, teacher = draw(1).to(dtype), draw(2).to(dtype)
    with torch.autocast('cpu', dtype=dtype):
        found = variation_divergence(student, teacher, one_hot)
    expected = variation_divergence(student.float(), teacher.float(), one_hot)
    assert torch.equal(found, expected)
