"""The batches of a run."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from robustseg_core.data.config import DataConfig
from robustseg_core.errors import ConfigError
from robustseg_core.training.config import StageConfig
from robustseg_core.training.loading import EpochDraws, RunFrames, TrainingBatches


def batches(draws: EpochDraws, size: int) -> list[list[tuple[int, int]]]:
    every = [tuple(draw) for draw in draws]
    return [every[start : start + size] for start in range(0, len(every), size)]


def test_processes_see_together_what_one_would_see() -> None:
    alone = batches(EpochDraws(23, batch_size=6, seed=1), 6)
    apart = [
        batches(EpochDraws(23, batch_size=2, seed=1, rank=rank, world_size=3), 2)
        for rank in range(3)
    ]
    assert [[*a, *b, *c] for a, b, c in zip(*apart, strict=True)] == alone


def test_accumulated_batches_are_together_what_one_would_be() -> None:
    alone = batches(EpochDraws(23, batch_size=8, seed=1), 8)
    apart = [
        batches(EpochDraws(23, 2, 1, rank=rank, world_size=2, accumulate=2), 2)
        for rank in range(2)
    ]
    parts = [first + second for first, second in zip(*apart, strict=True)]
    assert [parts[i] + parts[i + 1] for i in range(0, len(parts), 2)] == alone


def test_only_whole_steps_are_drawn() -> None:
    draws = EpochDraws(23, batch_size=2, seed=1, world_size=2, accumulate=2)
    assert draws.batches == 4
    assert len(draws) == len(list(draws)) == 8


def test_every_frame_comes_at_most_once_an_epoch_and_epochs_differ() -> None:
    draws = EpochDraws(10, batch_size=2, seed=1)
    first = list(draws)
    assert sorted(draw.frame for draw in first) == list(range(10))
    draws.set_epoch(1)
    second = list(draws)
    assert [d.frame for d in first] != [d.frame for d in second]
    assert {d.seed for d in first}.isdisjoint(d.seed for d in second)


def test_an_epoch_can_be_drawn_without_those_before_it() -> None:
    through, direct = (EpochDraws(10, batch_size=2, seed=1) for _ in range(2))
    for epoch in range(3):
        through.set_epoch(epoch)
        last = list(through)
    direct.set_epoch(2)
    assert list(direct) == last
    other = EpochDraws(10, batch_size=2, seed=2)
    other.set_epoch(2)
    assert list(other) != last


def test_too_few_frames_are_told_with_the_arithmetic() -> None:
    with pytest.raises(ConfigError, match=r'7 training frames .* 2 x 2 processes .* 2 = 8'):
        EpochDraws(7, batch_size=2, seed=1, world_size=2, accumulate=2)


@pytest.fixture
def data(frames_root: Path) -> DataConfig:
    return DataConfig(
        kind='nyuv2', root=frames_root, size=(64, 64), crop=(32, 32), scales=(0.5, 1.0)
    )


def loaded(data: DataConfig, workers: int, rank: int = 0, world_size: int = 1) -> list[dict]:
    frames = RunFrames(data, seed=1, workers=workers, tell=lambda _: None)
    module = TrainingBatches(frames, StageConfig(batch_size=4 // world_size), 1, workers)
    module.trainer = SimpleNamespace(global_rank=rank, world_size=world_size)
    loader = module.train_dataloader()
    loader.sampler.set_epoch(1)
    return list(loader)


def test_loaders_ask_lightning_which_process_they_are(data: DataConfig) -> None:
    alone = loaded(data, workers=0)
    apart = [loaded(data, workers=0, rank=rank, world_size=2) for rank in range(2)]
    assert len(alone) == 4
    for whole, first, second in zip(alone, *apart, strict=True):
        assert whole['ids'] == first['ids'] + second['ids']
        for name, images in whole['images'].items():
            both = torch.cat([first['images'][name], second['images'][name]])
            torch.testing.assert_close(images, both, rtol=0, atol=0)


@pytest.mark.parametrize('workers', [0, 1])
def test_a_resumed_run_begins_with_the_frames_of_its_epoch(data: DataConfig, workers: int) -> None:
    """Lightning lets reading processes begin before it says which epoch it is."""

    def begun_in(epoch: int, until_told: int) -> list[list[str]]:
        frames = RunFrames(data, seed=1, workers=workers, tell=lambda _: None)
        module = TrainingBatches(frames, StageConfig(batch_size=4), 1, workers, 4 * epoch)
        module.trainer = SimpleNamespace(global_rank=0, world_size=1)
        loader = module.train_dataloader()
        batches = iter(loader)
        loader.sampler.set_epoch(until_told)
        return [batch['ids'] for batch in batches]

    assert begun_in(3, until_told=3) == begun_in(3, until_told=3)
    resumed, through = begun_in(3, until_told=3), begun_in(0, until_told=0)
    assert resumed != through
    if workers:
        assert begun_in(3, until_told=0) == resumed, 'what is told then is for the next epoch'


def test_batches_do_not_depend_on_who_reads_or_on_the_global_generator(data: DataConfig) -> None:
    torch.manual_seed(1)
    expected = loaded(data, workers=0)
    torch.manual_seed(2)
    found = loaded(data, workers=1)
    for ours, theirs in zip(expected, found, strict=True):
        assert ours['ids'] == theirs['ids']
        torch.testing.assert_close(ours['labels'], theirs['labels'], rtol=0, atol=0)
        torch.testing.assert_close(ours['images'], theirs['images'], rtol=0, atol=0)


def test_the_cache_is_read_once_and_changes_no_size(data: DataConfig) -> None:
    told: list[str] = []
    cached = DataConfig(**{**vars(data), 'cache': True})
    frames = RunFrames(cached, seed=1, workers=0, tell=told.append)
    samples = frames.training_samples()
    assert frames.training_samples() is samples
    assert told == ['Reading 16 frames ...']
    assert samples[0]['labels'].shape == (32, 32)
