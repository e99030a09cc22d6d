"""What a stage is about to do, told before it costs anything."""

from __future__ import annotations

from collections.abc import Iterator

from robustseg_core.data.frames import Frames
from robustseg_core.models.segmenter import MultimodalSegmenter
from robustseg_core.training.config import DistillationConfig, StageConfig, TrainConfig
from robustseg_core.training.loading import EpochDraws
from robustseg_core.training.processes import Processes

PRECISIONS = {32: 'float32', 'bf16': 'mixed with bfloat16', 'fp16': 'mixed with float16'}


def described_data(config: TrainConfig, train: Frames, val: Frames) -> Iterator[str]:
    """Yield lines on the frames: how many, of what, and what they lack."""
    data = config.data
    letters = ', '.join(f'{each.name} ({each.letter})' for each in train.modalities)
    yield f'data: {data.kind}; {len(train.labels)} classes of {train.labels.name}; {letters}'
    for split, frames in ((data.train_split, train), (data.val_split, val)):
        lacks = ', '.join(f'{n} lack {kind}' for kind, n in frames.missing.counts.items())
        # Those that lack every sensor are left out.
        of = f' of {frames.missing.frames}' if len(frames) < frames.missing.frames else ''
        yield f'  {split}: {len(frames)}{of} frames' + (f', of which {lacks}' if lacks else '')
        yield from (f'    {line}' for line in frames.missing.lines())


def described_stage(
    stage: str,
    config: TrainConfig,
    processes: Processes,
    device: str,
    networks: dict[str, MultimodalSegmenter],
    frames: int,
) -> Iterator[str]:
    """Yield lines on a stage: networks, steps, device and terms.

    Args:
        stage: ``teacher`` or ``student``.
        config: Of the run.
        processes: That train together.
        device: Kind of what computes.
        networks: Name to each network that takes part, the one that learns first.
        frames: To train on.

    Raises:
        ConfigError: There are fewer frames than one step takes.
    """
    schedule = config.schedule(stage)
    draws = EpochDraws(
        frames, schedule.batch_size, 0, 0, processes.count, accumulate=schedule.accumulate
    )
    yield '; '.join(
        f'{name}: {each.config.backbone}, {_millions(each)} M parameters'
        for name, each in networks.items()
    )
    steps = draws.batches // schedule.accumulate
    yield (
        f'  {schedule.epochs} epochs of {steps} steps = {schedule.epochs * steps} steps of '
        f'{step_frames(schedule, processes)} frames ({schedule.batch_size} x {processes.count} '
        f'processes x {schedule.accumulate} accumulated)'
    )
    yield (
        f'  on {device}, {PRECISIONS[config.precision]}; AdamW at {schedule.lr:g}, '
        f'{schedule.warmup_epochs:g} epochs of warm-up'
        + (f'; mean of the weights with {schedule.ema_decay:g}' if schedule.ema_decay else '')
    )
    terms = described_terms(config.distillation) if stage == 'student' else '1 ce'
    yield f'  loss = {terms}'


def described_terms(distillation: DistillationConfig) -> str:
    """Return e.g. ``1 ce + 50 logit_kl + 100 prototype (hybrid)``."""
    divided = ', second division' if distillation.legacy_second_division else ''
    prototype = f'prototype ({distillation.prototype_pairing}{divided})'
    terms = {
        'ce': distillation.ce_weight,
        'logit_kl': distillation.logit_weight,
        prototype: distillation.prototype_weight,
        f'entropy ({distillation.entropy_pairing})': distillation.entropy_weight,
        'variation': distillation.variation_weight,
    }
    parts = [f'{weight:g} {name}' for name, weight in terms.items() if weight]
    return ' + '.join(parts) + f'; modality dropout: {distillation.dropout}'


def step_frames(schedule: StageConfig, processes: Processes) -> int:
    """Return how many frames all processes together take per step."""
    return schedule.batch_size * processes.count * schedule.accumulate


def _millions(network: MultimodalSegmenter) -> str:
    return f'{sum(p.numel() for p in network.parameters()) / 1e6:.2f}'
