"""What is told before a stage begins."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from robustseg_core.data.config import DataConfig
from robustseg_core.data.nyuv2 import Nyuv2
from robustseg_core.training.config import DistillationConfig, StageConfig, TrainConfig
from robustseg_core.training.plan import described_data, described_stage, described_terms
from robustseg_core.training.processes import Processes


def network(count: int) -> Any:
    parameter = SimpleNamespace(numel=lambda: count)
    return SimpleNamespace(
        parameters=lambda: [parameter], config=SimpleNamespace(backbone='mit_nano')
    )


def test_frames_are_counted_and_gaps_named(mixed_root: Path) -> None:
    config = TrainConfig(data=DataConfig(kind='nyuv2', root=mixed_root))
    train, val = Nyuv2(mixed_root, 'train'), Nyuv2(mixed_root, 'val')
    lines = list(described_data(config, train, val))
    assert lines[0] == 'data: nyuv2; 13 classes of nyu13; rgb (R), depth (D)'
    assert lines[1] == '  train: 16 frames, of which 8 lack depth'
    assert str(mixed_root / 'depth') in lines[2], 'with examples'
    assert lines[3] == '  val: 3 frames'
    assert len(lines) == 4


def test_frames_without_any_of_the_sensors_are_counted_though_left_out(mixed_root: Path) -> None:
    config = TrainConfig(data=DataConfig(kind='nyuv2', root=mixed_root))
    train, val = (Nyuv2(mixed_root, each, modalities=['depth']) for each in ('train', 'val'))
    assert '  train: 8 of 16 frames, of which 8 lack depth' in described_data(config, train, val)


def test_steps_sizes_and_terms_are_told() -> None:
    config = TrainConfig(
        precision='bf16',
        student=StageConfig(
            epochs=20, batch_size=4, accumulate=2, lr=1e-3, warmup_epochs=1, ema_decay=0.99
        ),
        distillation=DistillationConfig(logit_weight=50, prototype_weight=100),
    )
    networks = {'student': network(850_000), 'teacher': network(27_400_000)}
    lines = list(described_stage('student', config, Processes(0, 4, 2), 'CPU', networks, 795))
    assert lines == [
        'student: mit_nano, 0.85 M parameters; teacher: mit_nano, 27.40 M parameters',
        # 795 // (4 * 8 * 2) = 12
        '  20 epochs of 12 steps = 240 steps of 64 frames (4 x 8 processes x 2 accumulated)',
        '  on CPU, mixed with bfloat16; AdamW at 0.001, 1 epochs of warm-up; '
        'mean of the weights with 0.99',
        '  loss = 1 ce + 50 logit_kl + 100 prototype (hybrid); modality dropout: batch',
    ]


def test_terms_that_are_off_are_not_told() -> None:
    config = DistillationConfig(
        logit_weight=0, entropy_weight=12, variation_weight=0.5, dropout='sample'
    )
    assert described_terms(config) == (
        '1 ce + 12 entropy (same) + 0.5 variation; modality dropout: sample'
    )


@pytest.mark.parametrize(
    ('changes', 'expected'),
    [
        ({}, '1 ce + 100 prototype (hybrid)'),
        ({'ce_weight': 0}, '100 prototype (hybrid)'),
        ({'ce_weight': 0.5, 'prototype_pairing': 'same'}, '0.5 ce + 100 prototype (same)'),
        ({'prototype_pairing': 'index_order'}, '1 ce + 100 prototype (index_order)'),
        (
            {'prototype_pairing': 'same', 'legacy_second_division': True},
            '1 ce + 100 prototype (same, second division)',
        ),
    ],
)
def test_terms_are_told_as_they_are_computed(changes: dict[str, Any], expected: str) -> None:
    config = DistillationConfig(logit_weight=0, prototype_weight=100, **changes)
    assert described_terms(config) == f'{expected}; modality dropout: batch'
