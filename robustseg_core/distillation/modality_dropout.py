"""Random modality dropout, as the student is trained with (RobustSeg, section 3.1)."""

from __future__ import annotations

from collections.abc import Sequence

import torch


def draw_subset(names: Sequence[str], generator: torch.Generator) -> tuple[str, ...]:
    """Draw what the student may see: a size k uniform in 1..M, then a uniform k-subset.

    For four modalities: all of them 1/4, each triple 1/16, each pair 1/24, each alone 1/16.

    Args:
        names: The M modalities present, in the order of the modality set.
        generator: Source of randomness; ranks seeded alike draw alike.

    Returns:
        A non-empty part of ``names``, in their order.
    """
    size = int(torch.randint(1, len(names) + 1, (), generator=generator))
    chosen = set(torch.randperm(len(names), generator=generator)[:size].tolist())
    return tuple(name for position, name in enumerate(names) if position in chosen)
