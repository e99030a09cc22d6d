"""draw_subset."""

from collections import Counter

import pytest
import torch

from robustseg_core.distillation.modality_dropout import draw_subset

NAMES = ('rgb', 'depth', 'event', 'lidar')


def test_sizes_and_subsets_are_drawn_as_published() -> None:
    generator = torch.Generator().manual_seed(0)
    draws = 12_000
    counts = Counter(draw_subset(NAMES, generator) for _ in range(draws))

    assert len(counts) == 15
    share = {1: 1 / 16, 2: 1 / 24, 3: 1 / 16, 4: 1 / 4}
    for subset, count in counts.items():
        assert count / draws == pytest.approx(share[len(subset)], abs=0.012)


def test_a_subset_keeps_the_order_of_the_names() -> None:
    generator = torch.Generator().manual_seed(1)
    for _ in range(50):
        subset = draw_subset(NAMES, generator)
        assert list(subset) == sorted(subset, key=NAMES.index)


def test_equal_seeds_draw_equal_subsets() -> None:
    first, second = (torch.Generator().manual_seed(7) for _ in range(2))
    assert [draw_subset(NAMES, first) for _ in range(20)] == [
        draw_subset(NAMES, second) for _ in range(20)
    ]
