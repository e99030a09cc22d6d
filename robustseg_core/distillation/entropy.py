"""Representation regularisation by functional entropy (RobustSeg, Eq 8-10).

The log-Sobolev inequality bounds the functional entropy of f under a Gaussian perturbation by half
its functional Fisher information, E[|grad f|^2 / f] (Gat et al., NeurIPS 2020). Here f is
KL(teacher || student) between the spatial softmaxes of perturbed features, and the gradient is the
one with respect to what either side says: -p_T for the student's log-probabilities,
1 + log(p_T / p_S) for the teacher's probabilities. Both are known in closed form, so that no
second back-propagation is needed. The regulariser is the norm of the two reciprocal informations,
as published; it is normalised by the number of positions, so that a weight means the same at every
resolution (the published one grows with its square).
"""

from __future__ import annotations

import torch
from torch import Tensor


def perturbed(maps: Tensor) -> Tensor:
    """Return ``maps`` (n, C, h, w) plus Gaussian noise as wide as each channel varies.

    The width is the standard deviation of the channel over the images and positions; no gradient
    flows through it.
    """
    flat = maps.detach().float()
    width = flat.std(dim=(0, 2, 3), keepdim=True, unbiased=False)
    return maps.float() + torch.randn_like(flat) * width


def entropy_regulariser(student: Tensor, teacher: Tensor) -> Tensor:
    """Return |(1 / s_S, 1 / s_T)|, the reciprocal Fisher informations (Eq 9), of each image.

    Args:
        student: (n, C, h, w) perturbed features.
        teacher: (n, C, h, w) perturbed features of the same images; no gradient flows into them.

    Returns:
        (n,) float, >= 0; zero where both sides agree.
    """
    log_student = student.flatten(2).log_softmax(dim=2)
    log_teacher = teacher.detach().flatten(2).log_softmax(dim=2)
    ratio = log_teacher - log_student
    likelihood = log_teacher.exp()
    divergence = (likelihood * ratio).sum(dim=2).clamp(min=0.0)  # f: (n, C)
    # N |p|^2 is 1 for a flat distribution and N for a single peak, whatever N.
    information_student = likelihood.square().sum(dim=2) * likelihood.shape[2]
    # Never zero: at least (1 + f)^2 / information_student, by Cauchy and Schwarz.
    information_teacher = (1 + ratio).square().mean(dim=2)
    reciprocal = torch.stack(
        [divergence / information_student, divergence / information_teacher], dim=-1
    )
    # Torch's norm has the gradient zero at zero; a root of squares would have none.
    norm: Tensor = torch.linalg.vector_norm(reciprocal, dim=-1)
    return norm.mean(dim=1)
