"""Pace."""

from types import SimpleNamespace

import pytest

from robustseg_core.training.progress import MEASURED, SKIPPED, Pace, duration


def run(seconds: list[float], per_epoch: int, epochs: int, pause: float = 0.0) -> list[str]:
    """Return what is told when batches take ``seconds`` each, with a pause between epochs."""
    told: list[str] = []
    now = 0.0
    pace = Pace('teacher', told.append, clock=lambda: now)
    for number, each in enumerate(seconds):
        epoch, index = divmod(number, per_epoch)
        trainer = SimpleNamespace(
            num_training_batches=per_epoch, max_epochs=epochs, current_epoch=epoch
        )
        if index == 0:
            now += pause
            pace.on_train_epoch_start(trainer, None)
        now += each
        pace.on_train_batch_end(trainer, None, None, None, index)  # type: ignore[arg-type]
    return told


def test_the_first_batches_do_not_count() -> None:
    told = run([100.0] * SKIPPED + [2.0] * (MEASURED + 30), per_epoch=100, epochs=10)
    left = 1000 - SKIPPED - MEASURED
    minutes = round(left * 2 / 60)
    assert told == [
        f'teacher: 2.00 s per batch; the {left} left take about {minutes} min, besides validation.'
    ]


def test_what_lies_between_epochs_does_not_count() -> None:
    told = run([1.0] * 80, per_epoch=8, epochs=10, pause=1000.0)
    assert len(told) == 1
    assert '1.00 s per batch' in told[0]


def test_a_short_stage_is_over_before_it_is_measured() -> None:
    assert run([1.0] * 10, per_epoch=5, epochs=2) == []


@pytest.mark.parametrize(
    ('seconds', 'expected'),
    [
        (12.4, 'about 12 s'),
        (100, 'about 2 min'),
        (3600, 'about 1 h 0 min'),
        (12_000, 'about 3 h 20 min'),
    ],
)
def test_durations_read_like_speech(seconds: float, expected: str) -> None:
    assert duration(seconds) == expected
