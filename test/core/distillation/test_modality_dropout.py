"""What the student is shown, per batch and per sample."""

from collections import Counter
import math

import pytest
import torch

from robustseg_core.distillation.modality_dropout import draw_subset, visible_modalities

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


MIXED = torch.tensor(
    [
        [True, True, True, True],
        [True, False, True, True],
        [False, True, True, False],
        [False, False, False, True],
    ]
)


@pytest.mark.parametrize('dropout', ['batch', 'sample', 'none'])
def test_a_sample_is_shown_some_of_what_it_has(dropout) -> None:
    generator = torch.Generator().manual_seed(2)
    for _ in range(100):
        visible = visible_modalities(MIXED, NAMES, dropout, generator)
        assert visible.dtype == torch.bool
        assert not (visible & ~MIXED).any()
        assert visible.any(dim=1).all()


def test_without_dropout_everything_is_shown() -> None:
    generator = torch.Generator().manual_seed(0)
    assert torch.equal(visible_modalities(MIXED, NAMES, 'none', generator), MIXED)


def test_per_batch_all_samples_are_shown_the_same_subset() -> None:
    generator = torch.Generator().manual_seed(3)
    for _ in range(100):
        visible = visible_modalities(torch.ones(5, 4, dtype=torch.bool), NAMES, 'batch', generator)
        assert torch.equal(visible, visible[:1].expand_as(visible))


def test_per_batch_a_sample_without_any_of_the_drawn_sensors_keeps_its_own() -> None:
    for seed in range(50):
        drawn = draw_subset(NAMES, torch.Generator().manual_seed(seed))
        generator = torch.Generator().manual_seed(seed)
        visible = visible_modalities(MIXED, NAMES, 'batch', generator)
        for row, there in zip(visible.tolist(), MIXED.tolist(), strict=True):
            has = {name for name, has in zip(NAMES, there, strict=True) if has}
            shown = {name for name, seen in zip(NAMES, row, strict=True) if seen}
            assert shown == (has & set(drawn) or has)


def test_per_sample_each_draws_a_uniform_number_of_what_it_has() -> None:
    generator = torch.Generator().manual_seed(4)
    draws = 1500
    counts: list[Counter] = [Counter() for _ in MIXED]
    for _ in range(draws):
        for counter, row in zip(
            counts, visible_modalities(MIXED, NAMES, 'sample', generator).tolist(), strict=True
        ):
            counter[tuple(row)] += 1
    for counter, there in zip(counts, MIXED.tolist(), strict=True):
        most = sum(there)
        assert len(counter) == 2**most - 1
        for subset, count in counter.items():
            expected = 1 / most / math.comb(most, sum(subset))
            assert count / draws == pytest.approx(expected, abs=0.04)


def test_per_sample_the_samples_draw_for_themselves() -> None:
    generator = torch.Generator().manual_seed(5)
    everything = torch.ones(2, 4, dtype=torch.bool)
    pairs = [visible_modalities(everything, NAMES, 'sample', generator) for _ in range(400)]
    equal = sum(torch.equal(first, second) for first, second in pairs) / len(pairs)
    # Two independent draws agree in 1/16 (all) + 4/256 + 6/576 + 4/256 of the cases.
    assert equal == pytest.approx(1 / 16 + 4 / 256 + 6 / 576 + 4 / 256, abs=0.05)


def test_per_batch_what_is_drawn_next_does_not_depend_on_what_there_is() -> None:
    """Processes with other samples must still pair the modalities alike."""
    generators = [torch.Generator().manual_seed(6) for _ in range(2)]
    for availability, generator in zip((MIXED, torch.ones_like(MIXED)), generators, strict=True):
        visible_modalities(availability, NAMES, 'batch', generator)
    assert torch.equal(generators[0].get_state(), generators[1].get_state())
