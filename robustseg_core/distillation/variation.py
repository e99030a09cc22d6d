"""Intra-class feature variation: how each pixel relates to the centre of its class.

Source: Wang et al., ECCV 2020 (IFVD); as RMMSS (CVPR 2026) uses it beside prototypes.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from robustseg_core.distillation.prototypes import class_prototypes
from robustseg_core.models.all_mlp_head import resize

TEMPERATURE = 2.0


def variation_divergence(student: Tensor, teacher: Tensor, one_hot: Tensor) -> Tensor:
    """Return KL(teacher || student) of the maps of similarity to the own class's centre.

    A pixel's similarity is the cosine of its feature and the mean feature of its class in the
    image; the softmax at T = 2 runs over the labelled pixels of the image.

    Args:
        student: (n, C, h, w) features.
        teacher: (n, C', h', w') features of the same images; no gradient flows into them. Maps
            of another size are resized.
        one_hot: (n, K, h * w), from ``one_hot_labels``.

    Returns:
        (n,) float, >= 0; zero for an image without labels.
    """
    ignored = one_hot.sum(dim=1) == 0
    lowest = torch.finfo(torch.float32).min
    log_student, log_teacher = (
        (_similarity(maps, one_hot) / TEMPERATURE).masked_fill(ignored, lowest).log_softmax(dim=1)
        for maps in (student, resize(teacher.detach(), student.shape[2:]))
    )
    terms = log_teacher.exp() * (log_teacher - log_student)
    return terms.sum(dim=1).clamp(min=0.0) * TEMPERATURE**2


def _similarity(maps: Tensor, one_hot: Tensor) -> Tensor:
    """Return the cosine (n, h * w) between each pixel and its class's centre."""
    # Autocast would round the centres, and in fp16 could overflow.
    with torch.autocast(maps.device.type, enabled=False):
        centres = class_prototypes(maps, one_hot).means  # (n, K, C)
        own = centres.transpose(1, 2) @ one_hot  # (n, C, h * w)
        return F.cosine_similarity(maps.float().flatten(2), own, dim=1)
