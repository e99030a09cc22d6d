"""The terms as the published code computes them: one image, one class, one map after the other.

Only the benchmark uses these loops. They follow the released training: every image, stage and
modality on its own, a mean over a boolean mask for each class, and a second back-propagation for
the regulariser. The values are those of the matrix products.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from robustseg_core.distillation.entropy import perturbed
from robustseg_core.distillation.features import Pairing, View
from robustseg_core.distillation.variation import TEMPERATURE


def looped_prototype_term(
    student: View, teacher: View, labels: Tensor, num_classes: int, pairing: Pairing
) -> Tensor:
    """Return what ``prototype_term`` does, where every image shows what the views hold."""
    total = labels.new_zeros((), dtype=torch.float32)
    for image in range(labels.shape[0]):
        for name, each in student.encoded.items():
            source = teacher.encoded[pairing[name]]
            for ours, theirs in zip(each.maps, source.maps, strict=True):
                small = _resized(labels[image], ours)
                total = total + _divergence(
                    _class_means(ours[image], small, num_classes),
                    _class_means(theirs[image], small, num_classes),
                    num_classes,
                )
    return total / labels.shape[0]


def looped_entropy_term(student: View, teacher: View, pairing: Pairing) -> Tensor:
    """Return what ``entropy_term`` does, where every image shows what the views hold."""
    values = []
    for name, each in student.encoded.items():
        source = teacher.encoded[pairing[name]]
        for ours, theirs in zip(each.maps, source.maps, strict=True):
            # The noise is drawn for the whole batch, so that it is the same as the products'.
            noisy_student, noisy_teacher = perturbed(ours), perturbed(theirs)
            values += [
                _reciprocal_information(noisy_student[image], noisy_teacher[image])
                for image in range(len(ours))
            ]
    return torch.stack(values).sum() / len(ours)


def looped_variation_term(
    student: Sequence[Tensor], teacher: Sequence[Tensor], labels: Tensor, num_classes: int
) -> Tensor:
    """Return the sum over the fused maps of what ``variation_divergence`` means over images."""
    total = labels.new_zeros((), dtype=torch.float32)
    for ours, theirs in zip(student, teacher, strict=True):
        for image in range(labels.shape[0]):
            small = _resized(labels[image], ours)
            labelled = small.flatten() < num_classes
            if not labelled.any():
                continue
            log_student, log_teacher = (
                (_similarity(maps, small, num_classes)[labelled] / TEMPERATURE).log_softmax(0)
                for maps in (ours[image], theirs[image])
            )
            divergence = F.kl_div(log_student, log_teacher, reduction='sum', log_target=True)
            total = total + divergence.clamp(min=0.0) * TEMPERATURE**2
    return total / labels.shape[0]


def _resized(labels: Tensor, maps: Tensor) -> Tensor:
    """Return labels (H, W) at the size of maps (B, C, h, w)."""
    small = F.interpolate(labels[None, None].float(), maps.shape[2:], mode='nearest')
    return small[0, 0].long()


def _class_means(maps: Tensor, labels: Tensor, num_classes: int) -> dict[int, Tensor]:
    """Return the mean (C,) of each class that labels (h, w) of maps (C, h, w) hold."""
    pixels = maps.permute(1, 2, 0).reshape(-1, maps.shape[0])
    found = {}
    for index in range(num_classes):
        mask = labels.flatten() == index
        if mask.sum() > 0:
            found[index] = pixels[mask].mean(dim=0)
    return found


def _divergence(
    student: dict[int, Tensor], teacher: dict[int, Tensor], num_classes: int
) -> Tensor | float:
    """Return the KL over the classes of an image, with the mean over K x C."""
    if not student:
        return 0.0
    log_student = torch.stack(list(student.values())).log_softmax(dim=0)
    target = torch.stack(list(teacher.values())).softmax(dim=0)
    divergence = F.kl_div(log_student, target, reduction='sum')
    return divergence.clamp(min=0.0) / (num_classes * log_student.shape[1])


def _similarity(maps: Tensor, labels: Tensor, num_classes: int) -> Tensor:
    """Return the cosine (h * w,) between each pixel of maps (C, h, w) and its class's centre."""
    pixels = maps.permute(1, 2, 0).reshape(-1, maps.shape[0])
    own = torch.zeros_like(pixels)
    for index, centre in _class_means(maps, labels, num_classes).items():
        own[labels.flatten() == index] = centre
    return F.cosine_similarity(pixels, own, dim=1)


def _reciprocal_information(student: Tensor, teacher: Tensor) -> Tensor:
    """Return the regulariser of one image's maps (C, h, w), its gradients by autograd."""
    log_student = student.flatten(1).log_softmax(dim=1)
    target = teacher.flatten(1).softmax(dim=1).requires_grad_()
    divergence = F.kl_div(log_student, target, reduction='none').sum(dim=1)
    to_student, to_teacher = torch.autograd.grad(
        divergence.sum(), [log_student, target], create_graph=True
    )
    positions = target.shape[1]
    score_student = to_student.square().sum(dim=1) * positions / divergence
    score_teacher = to_teacher.square().sum(dim=1) / positions / divergence
    norm: Tensor = torch.stack([1 / score_student, 1 / score_teacher]).norm(dim=0)
    return norm.mean()
