"""Missing and noisy modalities, as the sensor failure benchmark makes them, from a seed.

Source: Liao et al., "Benchmarking Multi-modal Semantic Segmentation under Sensor Failures",
arXiv:2503.18445. Everything is done to normalised tensors, on the CPU.

Two deviations, both so that a score can be repeated. What is drawn depends on the seed, the frame,
the modality and the level alone; published evaluations draw without a seed and anew for every
combination of modalities. Salt and pepper take the extremes of the frame's own tensor; published
ones take those of the whole batch, so that a score depends on the batch size.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
import math

import numpy as np
import torch
from torch import Tensor

# The benchmark adds Gaussian noise to every modality but this one.
NOT_GAUSSIAN = 'event'


@dataclass(frozen=True)
class RandomMissing:
    """Elements (pixel and channel) are zeroed, each on its own.

    Attributes:
        rate: Chance of an element to be zeroed, in [0, 1].
    """

    rate: float

    @property
    def name(self) -> str:
        return f'missing {self.rate:g}'

    def apply(self, image: Tensor, _modality: str, rng: np.random.Generator) -> Tensor:
        """Return a copy of ``image`` (3, H, W) with holes."""
        drawn = torch.from_numpy(rng.random(tuple(image.shape), np.float32))
        # A product would keep NaN: 0 * NaN is NaN.
        return torch.where(drawn < self.rate, torch.zeros_like(image), image)


@dataclass(frozen=True)
class Noise:
    """Salt and pepper, then Gaussian noise of mean zero.

    Attributes:
        name: What the benchmark calls the level.
        density: Share of the elements drawn (with replacement) for salt and pepper together.
        sigma: Standard deviation of the Gaussian noise, in units of the normalised tensor.
    """

    name: str
    density: float
    sigma: float

    def apply(self, image: Tensor, modality: str, rng: np.random.Generator) -> Tensor:
        """Return a copy of ``image`` (3, H, W) of ``modality`` with noise."""
        noisy = image.clone()
        elements = noisy.view(-1)
        count = math.ceil(self.density * image.numel() / 2)
        for extreme in (image.max(), image.min()):  # salt first: pepper has the last word
            elements[torch.from_numpy(rng.integers(image.numel(), size=count))] = extreme
        if modality != NOT_GAUSSIAN:
            drawn = rng.standard_normal(tuple(image.shape), np.float32)
            noisy += self.sigma * torch.from_numpy(drawn)
        return noisy


Level = RandomMissing | Noise

MISSING_RATES = (0.25, 0.5, 0.75)
NOISE_LEVELS = (Noise('Low', 0.05, 0.1), Noise('Mid', 0.1, 0.2), Noise('High', 0.2, 0.5))


def corrupted(image: Tensor, modality: str, level: Level, frame_id: str, seed: int) -> Tensor:
    """Return a corrupted copy of a frame's image.

    Args:
        image: (3, H, W) float32 on the CPU, normalised.
        modality: Its name.
        level: What is done to it.
        frame_id: What the data set calls the frame.
        seed: Of the whole evaluation, >= 0.
    """
    place = '\0'.join((level.name, modality, frame_id))
    digest = blake2b(place.encode(), digest_size=16).digest()
    rng = np.random.default_rng([seed, int.from_bytes(digest, 'little')])
    return level.apply(image.contiguous(), modality, rng)
