"""The loss terms, each against a loop or a count by hand."""

import math

import pytest
import torch

from robustseg_core.distillation.objective import logit_distillation, ohem_cross_entropy


def pixel_losses(logits: torch.Tensor, labels: torch.Tensor) -> list[float]:
    losses = []
    for b in range(labels.shape[0]):
        for y in range(labels.shape[1]):
            for x in range(labels.shape[2]):
                label = int(labels[b, y, x])
                if label != 255:
                    exps = [math.exp(v) for v in logits[b, :, y, x].tolist()]
                    losses.append(-math.log(exps[label] / sum(exps)))
    return losses


@pytest.fixture
def logits() -> torch.Tensor:
    return 4 * torch.randn(2, 3, 6, 7, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def labels() -> torch.Tensor:
    labels = torch.randint(0, 3, (2, 6, 7), generator=torch.Generator().manual_seed(1))
    labels[0, :2] = 255
    return labels


def test_only_hard_pixels_count(logits: torch.Tensor, labels: torch.Tensor) -> None:
    hard = [loss for loss in pixel_losses(logits, labels) if loss > -math.log(0.7)]
    expected = sum(hard) / len(hard)
    assert ohem_cross_entropy(logits, labels).item() == pytest.approx(expected, rel=1e-5)


def test_the_hardest_sixteenth_counts_where_all_is_easy(labels: torch.Tensor) -> None:
    one_hot = torch.nn.functional.one_hot(labels.clamp(max=2), 3).movedim(-1, 1).float()
    noise = torch.rand(one_hot.shape, generator=torch.Generator().manual_seed(2))
    logits = 8 * one_hot + noise
    losses = sorted(pixel_losses(logits, labels), reverse=True)
    fewest = losses[: len(losses) // 16]
    assert losses[0] < -math.log(0.7)
    expected = sum(fewest) / len(fewest)
    assert ohem_cross_entropy(logits, labels).item() == pytest.approx(expected, rel=1e-4)


def test_a_batch_without_labels_gives_zero_and_a_finite_gradient(logits: torch.Tensor) -> None:
    logits.requires_grad_()
    loss = ohem_cross_entropy(logits, torch.full((2, 6, 7), 255))
    loss.backward()
    assert loss.item() == 0
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


def test_logit_distillation_averages_over_every_element() -> None:
    student = torch.tensor([1.0, 0.0, -1.0]).view(1, 3, 1, 1)
    teacher = torch.tensor([0.0, 2.0, 0.0]).view(1, 3, 1, 1)
    p = [math.exp(v) for v in (0, 2, 0)]
    q = [math.exp(v) for v in (1, 0, -1)]
    p, q = [v / sum(p) for v in p], [v / sum(q) for v in q]
    expected = sum(a * math.log(a / b) for a, b in zip(p, q, strict=True)) / 3
    found = logit_distillation(student.repeat(2, 1, 4, 5), teacher.repeat(2, 1, 4, 5))
    assert found.item() == pytest.approx(expected, rel=1e-5)


def test_no_gradient_flows_into_the_teacher(logits: torch.Tensor) -> None:
    student, teacher = logits.clone().requires_grad_(), logits.flip(0).requires_grad_()
    logit_distillation(student, teacher).backward()
    assert student.grad is not None
    assert teacher.grad is None


def test_an_image_without_labels_does_not_count(
    logits: torch.Tensor, labels: torch.Tensor
) -> None:
    labels[1] = 255
    alone = ohem_cross_entropy(logits[:1], labels[:1])
    torch.testing.assert_close(ohem_cross_entropy(logits, labels), alone)


def test_of_few_easy_pixels_the_hardest_counts() -> None:
    logits = torch.tensor([[4.0, 0.0], [3.0, 0.0]]).T.view(1, 2, 1, 2)
    found = ohem_cross_entropy(logits, torch.zeros(1, 1, 2, dtype=torch.int64))
    assert found.item() == pytest.approx(math.log(1 + math.exp(-3)), rel=1e-5)


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision_logits_are_compared_in_single_precision(
    logits: torch.Tensor, labels: torch.Tensor, dtype: torch.dtype
) -> None:
    rounded = logits.to(dtype)
    with torch.autocast('cpu', dtype=dtype):
        found = ohem_cross_entropy(rounded, labels), logit_distillation(rounded, rounded.flip(0))
    exact = rounded.float()
    expected = ohem_cross_entropy(exact, labels), logit_distillation(exact, exact.flip(0))
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.dtype == torch.float32
        assert torch.equal(ours, theirs)


def test_a_large_batch_without_labels_stays_zero_in_half_precision() -> None:
    logits = torch.full((1, 2, 200, 200), 10.0, dtype=torch.float16)  # their sum is beyond fp16
    assert ohem_cross_entropy(logits, torch.full((1, 200, 200), 255)).item() == 0


def test_logit_distillation_is_zero_between_equals_and_never_negative() -> None:
    generator = torch.Generator().manual_seed(3)
    for _ in range(10):
        student, teacher = torch.randn(2, 1, 3, 2, 2, generator=generator)
        assert logit_distillation(student, teacher) > 0
        assert logit_distillation(student, student) == 0
