"""Random modality dropout, as the student is trained with (RobustSeg, section 3.1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

Dropout = Literal['batch', 'sample', 'none']


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


def visible_modalities(
    availability: Tensor, names: Sequence[str], dropout: Dropout, generator: torch.Generator
) -> Tensor:
    """Return what the student is shown of what there is.

    Args:
        availability: (B, M) bool, what each sample has, in the order of ``names``.
        names: The M modalities.
        dropout: ``batch`` draws one subset for all samples, as published; ``sample`` one for
            each, of what that sample has; ``none`` shows everything.
        generator: On the CPU; ranks seeded alike draw alike.

    Returns:
        (B, M) bool, a non-empty part of each row of ``availability``.
    """
    if dropout == 'none':
        return availability
    if dropout == 'sample':
        rows = []
        for row in availability.tolist():
            present = [name for name, there in zip(names, row, strict=True) if there]
            chosen = draw_subset(present, generator)
            rows.append([name in chosen for name in names])
        return torch.tensor(rows, device=availability.device)
    chosen = draw_subset(names, generator)
    drawn = torch.tensor([name in chosen for name in names], device=availability.device)
    visible = availability & drawn
    # A sample that has none of the chosen sensors keeps what it has: never an empty input.
    blind = ~visible.any(dim=1, keepdim=True)
    return torch.where(blind, availability, visible)
