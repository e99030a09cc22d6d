"""The regulariser by functional entropy, its closed form against automatic differentiation."""

import pytest
import torch
from torch.nn import functional as F

from robustseg_core.distillation.entropy import entropy_regulariser, perturbed


def draw(seed: int, shape: tuple[int, ...] = (2, 3, 4, 5)) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def differentiated(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """Return |(1 / s_S, 1 / s_T)| per image, with gradients of the KL taken by autograd.

    One channel at a time; s is the squared norm of the gradient over f, with as many positions
    in the student's norm, and as few in the teacher's, as make it independent of their number.
    """
    values = []
    for ours, theirs in zip(student, teacher, strict=True):
        norms = []
        for channel in range(ours.shape[0]):
            log_p_student = ours[channel].flatten().log_softmax(0).detach().requires_grad_()
            p_teacher = theirs[channel].flatten().softmax(0).detach().requires_grad_()
            f = (p_teacher * (p_teacher.log() - log_p_student)).sum()
            to_student, to_teacher = torch.autograd.grad(f, [log_p_student, p_teacher])
            positions = p_teacher.numel()
            s_student = to_student.square().sum() * positions / f
            s_teacher = to_teacher.square().sum() / positions / f
            norms.append(((1 / s_student) ** 2 + (1 / s_teacher) ** 2).sqrt().detach())
        values.append(sum(norms) / len(norms))
    return torch.stack(values)


def test_the_closed_form_of_both_informations_is_what_differentiation_gives() -> None:
    student, teacher = draw(0).double(), draw(1).double()
    found = entropy_regulariser(student, teacher)
    torch.testing.assert_close(found, differentiated(student, teacher))


def test_the_gradient_is_that_of_finite_differences() -> None:
    student, teacher = draw(0, (1, 2, 2, 3)).double().requires_grad_(), draw(1, (1, 2, 2, 3))
    assert torch.autograd.gradcheck(lambda x: entropy_regulariser(x, teacher.double()), student)


@pytest.mark.parametrize('factor', [2, 4])
def test_the_value_is_the_same_at_every_resolution(factor: int) -> None:
    student, teacher = draw(0), draw(1)
    larger = [F.interpolate(each, scale_factor=factor) for each in (student, teacher)]
    torch.testing.assert_close(
        entropy_regulariser(*larger), entropy_regulariser(student, teacher), rtol=1e-4, atol=0
    )


def test_perturbed_features_weigh_alike_at_every_resolution() -> None:
    torch.manual_seed(0)
    values = []
    for side in (16, 32, 64):
        maps = [F.interpolate(draw(seed, (4, 8, 8, 8)), (side, side)) for seed in (0, 1)]
        values.append(entropy_regulariser(*(perturbed(each) for each in maps)).mean().item())
    assert max(values) < 1.1 * min(values)


def test_equal_sides_give_zero_and_a_gradient_of_zero() -> None:
    student = draw(0).requires_grad_()
    value = entropy_regulariser(student, student.detach().clone())
    value.sum().backward()
    assert not value.any()
    assert student.grad.isfinite().all()


@pytest.mark.parametrize('scale', [0.0, 1e-3, 1.0, 50.0])
def test_value_and_gradient_stay_finite_whatever_the_contrast(scale: float) -> None:
    for teacher in (
        scale * draw(1),
        torch.zeros(2, 3, 4, 5),
        1e4 * F.one_hot(torch.zeros(2, 3, dtype=torch.int64), 20).view(2, 3, 4, 5).float(),
    ):
        student = (scale * draw(0)).requires_grad_()
        value = entropy_regulariser(student, teacher)
        value.sum().backward()
        assert value.isfinite().all()
        assert (value >= 0).all()
        assert student.grad.isfinite().all()


def test_no_gradient_flows_into_the_teacher() -> None:
    student, teacher = draw(0).requires_grad_(), draw(1).requires_grad_()
    entropy_regulariser(student, teacher).sum().backward()
    assert student.grad.any()
    assert teacher.grad is None


def test_the_noise_is_as_wide_as_each_channel_varies_over_images_and_positions() -> None:
    torch.manual_seed(1)
    maps = draw(2, (3, 3, 64, 64)) * torch.tensor([0.1, 3.0, 0.0]).view(3, 1, 1)
    maps[0] += 5
    noise = perturbed(maps) - maps
    for channel in range(3):
        expected = maps[:, channel].numpy().std()
        assert noise[:, channel].numpy().std() == pytest.approx(expected, rel=0.03, abs=1e-6)
        assert abs(noise[:, channel].mean().item()) <= 0.05 * expected
    assert not torch.equal(perturbed(maps), perturbed(maps))


def test_no_gradient_flows_through_the_width_of_the_noise() -> None:
    maps = draw(0).requires_grad_()
    perturbed(maps).sum().backward()
    assert torch.equal(maps.grad, torch.ones_like(maps))


def test_half_precision_features_are_perturbed_in_single_precision() -> None:
    with torch.autocast('cpu', dtype=torch.bfloat16):
        found = perturbed(draw(0).bfloat16())
        assert found.dtype == torch.float32
        assert entropy_regulariser(found, found).dtype == torch.float32
