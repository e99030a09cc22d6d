"""Measures of a whole picture, from a thousand places of it."""

from __future__ import annotations

import math

import torch
from torch import Tensor

# Places of the picture that are looked at, at most. Logits are smooth, and both measures are means
# over the picture: a thousand places tell them to about one in a hundred.
PLACES = 1024


def coarse_probabilities(logits: Tensor) -> Tensor:
    """Return the class probabilities on a regular grid of at most ``PLACES`` places.

    Args:
        logits: (K, h, w).

    Returns:
        (K, n) float32, on the device of the logits.
    """
    height, width = logits.shape[1:]
    step = max(1, math.ceil(math.sqrt(height * width / PLACES)))
    start = step // 2  # the middle of each cell of the grid
    rows, columns = min(start, height - 1), min(start, width - 1)
    grid = logits[:, rows::step, columns::step].flatten(1)
    return torch.softmax(grid.float(), dim=0)


def total_variation(one: Tensor, other: Tensor) -> float:
    """Return the mean over places of half the summed differences of the probabilities.

    Args:
        one: (K, n) probabilities, each column summing up to one.
        other: Likewise.

    Returns:
        0 where both are the same, 1 where they never agree on any class.
    """
    return float((one - other).abs().sum(dim=0).mean() / 2)
