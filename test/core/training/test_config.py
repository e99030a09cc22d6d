"""Settings that cannot be are refused by name."""

from pathlib import Path
from typing import Any

import pytest

from robustseg_core.errors import ConfigError
from robustseg_core.train import _parse
from robustseg_core.training.config import (
    DistillationConfig,
    ModelConfig,
    StageConfig,
    TrainConfig,
)

FILES = sorted((Path(__file__).parents[3] / 'config/train').glob('*.yaml'))


@pytest.mark.parametrize('path', FILES, ids=lambda path: path.stem)
def test_the_files_that_come_along_are_valid(path: Path) -> None:
    config = _parse(['--config', str(path), 'precision=32'])[2]
    assert config.out == Path('runs') / path.stem
    assert config.precision == 32


@pytest.mark.parametrize(
    ('make', 'changes', 'message'),
    [
        (StageConfig, {'epochs': 0}, 'epochs must be > 0, got 0'),
        (StageConfig, {'accumulate': 0}, 'accumulate must be > 0, got 0'),
        (StageConfig, {'lr': -1.0}, 'lr must be > 0, got -1.0'),
        (StageConfig, {'ema_decay': 1.0}, r'ema_decay must be in \[0, 1\), got 1.0'),
        (StageConfig, {'warmup_epochs': 200}, 'warmup_epochs .* below epochs'),
        (StageConfig, {'decay_margin': -1.0}, 'decay_margin must be >= 0, got -1.0'),
        (DistillationConfig, {'ce_weight': -1}, 'distillation.ce_weight must be >= 0, got -1'),
        (DistillationConfig, {'logit_weight': -1}, 'distillation.logit_weight must be >= 0'),
        (DistillationConfig, {'ce_weight': 0, 'logit_weight': 0}, 'would learn nothing.*got 0'),
        (TrainConfig, {'devices': 0}, 'devices must be at least 1, got 0'),
        (TrainConfig, {'validate_every': -1}, 'validate_every must be at least 0, got -1'),
        (TrainConfig, {'log_every': 0}, 'log_every must be at least 1, got 0'),
    ],
)
def test_what_cannot_be_is_refused(make: Any, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make(**changes)


@pytest.mark.parametrize('term', ['ce', 'logit', 'prototype', 'entropy', 'variation'])
def test_any_one_term_is_enough(term: str) -> None:
    DistillationConfig(**{'ce_weight': 0, 'logit_weight': 0, f'{term}_weight': 1})


def test_the_published_drop_script_can_be_asked_for() -> None:
    """It pairs the same modalities and divides twice; both are settings of a file."""
    words = ['prototype_weight=100', 'prototype_pairing=same', 'legacy_second_division=true']
    found = _parse([f'distillation.{word}' for word in words])[2].distillation
    assert found == DistillationConfig(
        prototype_weight=100, prototype_pairing='same', legacy_second_division=True
    )


def test_each_stage_has_its_network_and_schedule() -> None:
    small, large = ModelConfig(backbone='mit_nano'), ModelConfig(backbone='mit_b2')
    first, second = StageConfig(epochs=100), StageConfig(epochs=50)
    config = TrainConfig(model=small, teacher_model=large, teacher=first, student=second)
    assert (config.network('teacher'), config.network('student')) == (large, small)
    assert (config.schedule('teacher'), config.schedule('student')) == (first, second)
    assert TrainConfig(model=small).network('teacher') == small
