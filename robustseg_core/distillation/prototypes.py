"""Class prototypes, and what the student learns from the teacher's (RobustSeg, Eq 6-7)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F


class Prototypes(NamedTuple):
    """The mean feature of each class in each image.

    Attributes:
        means: (n, K, C) float; zero where the class is absent.
        counts: (n, K) float, pixels of the class; 0 = absent.
    """

    means: Tensor
    counts: Tensor


def one_hot_labels(labels: Tensor, num_classes: int, size: tuple[int, int]) -> Tensor:
    """Return which class each position of a feature map has.

    Args:
        labels: (B, H, W) int64, 255 = ignore.
        num_classes: K.
        size: Height and width of the map; labels are resized to it by nearest neighbour.

    Returns:
        (B, K, h * w) float; a column of zeros where the label is ignored.
    """
    small = F.interpolate(labels[:, None].float(), size, mode='nearest').flatten(2)
    classes = torch.arange(num_classes, device=labels.device).view(1, -1, 1)
    return (small == classes).float()


def class_prototypes(maps: Tensor, one_hot: Tensor) -> Prototypes:
    """Return the mean feature of each class in each image (Eq 6).

    One matrix product per map: no loop over images, classes or pixels.

    Args:
        maps: (n, C, h, w) features.
        one_hot: (n, K, h * w) of the same images, from ``one_hot_labels``.
    """
    # In float32 also under autocast: sums over thousands of pixels overflow fp16.
    with torch.autocast(maps.device.type, enabled=False):
        counts = one_hot.sum(dim=2)
        sums = one_hot @ maps.float().flatten(2).transpose(1, 2)
        return Prototypes(sums / counts.clamp(min=1)[..., None], counts)


def prototype_divergence(student: Prototypes, teacher: Prototypes) -> Tensor:
    """Return KL(teacher || student) of the prototypes of each image (Eq 7, one term of the sum).

    For each channel the softmax over the classes that the image has is a distribution; classes it
    does not have are left out on both sides. The mean is over all K x C elements, absent ones
    counting zero, as published, so that the published weight of 100 keeps its meaning.

    Args:
        student: (n, K, C) and (n, K).
        teacher: The same shapes and the same images, of whatever modality; no gradient flows
            into it. A class counts where both sides have it, so that an image that either side
            was not shown counts zero.

    Returns:
        (n,) float, >= 0.
    """
    absent = ((student.counts == 0) | (teacher.counts == 0))[..., None]
    # A large finite number, whose probability is exactly zero: with -inf an image without any
    # class would give NaN gradients.
    lowest = torch.finfo(torch.float32).min
    log_student = student.means.masked_fill(absent, lowest).log_softmax(dim=1)
    log_teacher = teacher.means.detach().masked_fill(absent, lowest).log_softmax(dim=1)
    terms = log_teacher.exp() * (log_teacher - log_student)
    return terms.mean(dim=(1, 2)).clamp(min=0.0)


def legacy_divergence(student: Prototypes, teacher: Prototypes) -> Tensor:
    """Return the same as the published code computes it; for comparison only.

    It divides the mean by the number of pixels once more, which squashes frequent classes to
    nothing, and lets absent classes into the softmax as zeros. An image that either side was not
    shown counts zero; the published code never meets one.
    """
    log_student = _divided_again(student).log_softmax(dim=1)
    log_teacher = _divided_again(teacher).detach().log_softmax(dim=1)
    terms = log_teacher.exp() * (log_teacher - log_student)
    shown = student.counts.any(dim=1) & teacher.counts.any(dim=1)
    return terms.mean(dim=(1, 2)).clamp(min=0.0) * shown


def _divided_again(prototypes: Prototypes) -> Tensor:
    return prototypes.means / prototypes.counts.clamp(min=1)[..., None]
