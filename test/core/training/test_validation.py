"""Validation: when, and which network is the best."""

import math
from types import SimpleNamespace
from typing import Any

import pytest
from torch import nn

from robustseg_core.training.validation import Validation, is_due


class Files:
    def __init__(self) -> None:
        self.written: list[tuple[str, int, int]] = []

    def write(self, network: Any, which: str, epochs: int, steps: int) -> None:
        self.written.append((which, epochs, steps))


class Log:
    def __init__(self) -> None:
        self.rows: list[tuple[dict[str, float], int]] = []

    def log_metrics(self, metrics: dict[str, float], step: int) -> None:
        self.rows.append((dict(metrics), step))


def run(validation: Validation, epochs: list[int], of: int = 5, log: Log | None = None) -> None:
    module = SimpleNamespace(device='cpu', log=lambda *_, **__: None)
    for epoch in epochs:
        trainer = SimpleNamespace(
            current_epoch=epoch,
            max_epochs=of,
            global_step=10 * (epoch + 1),
            loggers=[log] if log else [],
            is_global_zero=True,
        )
        validation.on_train_epoch_end(trainer, module)


def scored(values: list[dict[str, float]]) -> Any:
    each = iter(values)
    return lambda _network, _device: SimpleNamespace(mean_ious=lambda: next(each))


@pytest.mark.parametrize(
    ('every', 'expected'), [(1, [1, 2, 3, 4, 5]), (2, [2, 4, 5]), (0, [5]), (9, [5])]
)
def test_the_last_epoch_is_always_scored(every: int, expected: list[int]) -> None:
    assert [epoch for epoch in range(1, 6) if is_due(epoch, 5, every)] == expected


def best_epochs(files: Files) -> list[int]:
    return [epochs for which, epochs, _ in files.written if which == 'best']


VALUES = [
    {'R': 10.0, 'D': 10.0, 'RD': 40.0},
    {'R': 30.0, 'D': 2.0, 'RD': 38.0},
    {'R': 20.0, 'D': 12.0, 'RD': 30.0},
]


@pytest.mark.parametrize(
    ('select', 'expected'), [([], [1, 2]), (['R', 'RD'], [1, 2]), (['D'], [1, 3]), (['RD'], [1])]
)
def test_the_best_is_that_of_the_chosen_subsets(select: list[str], expected: list[int]) -> None:
    files = Files()
    run(Validation(nn.Module(), scored(VALUES), files, 1, select), [0, 1, 2])  # type: ignore[arg-type]
    assert best_epochs(files) == expected
    last = [(epochs, steps) for which, epochs, steps in files.written if which == 'last']
    assert last == [(1, 10), (2, 20), (3, 30)]


def test_a_resumed_run_remembers_the_best() -> None:
    files = Files()
    first = Validation(nn.Module(), scored(VALUES[:1]), files, 1, ['RD'])  # type: ignore[arg-type]
    run(first, [0])
    resumed = Validation(nn.Module(), scored(VALUES[1:]), files, 1, ['RD'])  # type: ignore[arg-type]
    resumed.load_state_dict(first.state_dict())
    run(resumed, [1, 2])
    assert best_epochs(files) == [1]


def test_a_score_is_better_than_none_and_none_is_never_better() -> None:
    files = Files()
    values = [{'R': math.nan}, {'R': 3.0}, {'R': math.nan}]
    run(Validation(nn.Module(), scored(values), files, 1), [0, 1, 2])  # type: ignore[arg-type]
    assert best_epochs(files) == [1, 2]


def test_subsets_and_their_mean_are_logged_with_the_last_step() -> None:
    log = Log()
    values = [{'R': 10.0, 'D': math.nan, 'RD': 40.0}]
    run(Validation(nn.Module(), scored(values), Files(), 1), [2], log=log)  # type: ignore[arg-type]
    [(row, step)] = log.rows
    assert step == 29
    assert row['miou/mean'] == 25.0
    assert (row['miou/R'], row['miou/RD'], row['epoch']) == (10.0, 40.0, 2)
