"""Measures of a whole picture, from some hundred places of it.

In NumPy and not in torch, whose threads wait for each other at every step: on busy cores that
makes tens of milliseconds of what is a quarter of one.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

# Places of the picture that are looked at, at most. Logits are smooth, and both measures are means
# over the picture: some hundred places tell them to one or two in a hundred.
PLACES = 512


def coarse_probabilities(logits: Tensor) -> NDArray[np.float32]:
    """Return the class probabilities on a regular grid of about ``PLACES`` places.

    Args:
        logits: (K, h, w).

    Returns:
        (K, n) float32.
    """
    height, width = logits.shape[1:]
    step = max(1, math.ceil(math.sqrt(height * width / PLACES)))
    start = step // 2  # the middle of each cell of the grid
    rows, columns = min(start, height - 1), min(start, width - 1)
    grid = logits[:, rows::step, columns::step].float().cpu().numpy()
    powers: NDArray[np.float32] = grid.reshape(len(grid), -1).copy()
    powers -= powers.max(axis=0)
    np.exp(powers, out=powers)
    powers /= powers.sum(axis=0)
    return powers


def total_variation(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Return the mean over places of half the summed differences of the probabilities.

    Args:
        one: (K, n) probabilities, each column summing up to one.
        other: Likewise.

    Returns:
        0 where both are the same, 1 where they never agree on any class.
    """
    return float(np.abs(one - other).sum(axis=0).mean() / 2)
