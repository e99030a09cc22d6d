"""What a training run is told; a YAML file mirrors these fields."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from robustseg_core.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """Where the frames come from.

    Attributes:
        kind: Data set; ``streets`` draws its frames, nothing is read from disk.
        train_count: Frames to train on.
        val_count: Frames to score on, drawn from other seeds than those trained on.
        size: Height and width of the frames, in pixels.
        crop: Height and width of what the network sees in training, in pixels.
    """

    kind: str = 'streets'
    train_count: int = 2000
    val_count: int = 200
    size: tuple[int, int] = (256, 256)
    crop: tuple[int, int] = (256, 256)

    def __post_init__(self) -> None:
        if self.kind != 'streets':
            msg = f"data.kind must be 'streets', got {self.kind!r}."
            raise ConfigError(msg)
        for name in ('train_count', 'val_count'):
            if (count := getattr(self, name)) < 1:
                msg = f'data.{name} must be at least 1, got {count}.'
                raise ConfigError(msg)


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """The network of both stages.

    Attributes:
        backbone: Encoder shared by all modalities.
        head_width: Width of the all-MLP head.
        drop_path_rate: Stochastic depth of the last block, in [0, 1).
        missing: How the student is trained to miss a sensor: ``drop`` or ``zero``.
    """

    backbone: str = 'mit_b0'
    head_width: int = 256
    drop_path_rate: float = 0.1
    missing: Literal['drop', 'zero'] = 'drop'


@dataclass(frozen=True, kw_only=True)
class StageConfig:
    """One stage of training.

    Attributes:
        epochs: Passes over the frames, > 0.
        batch_size: Frames per step, > 0.
        lr: Peak learning rate of AdamW (published: 6e-5).
        weight_decay: Decoupled decay of parameters of two or more dimensions.
        warmup_epochs: Epochs of linear warm-up from a tenth of the rate.
        poly_power: Power of the polynomial decay that follows.
        gradient_clip: Largest gradient norm; 0 = no clipping, as published.
    """

    epochs: int = 200
    batch_size: int = 8
    lr: float = 6e-5
    weight_decay: float = 0.01
    warmup_epochs: float = 10.0
    poly_power: float = 0.9
    gradient_clip: float = 0.0

    def __post_init__(self) -> None:
        for name in ('epochs', 'batch_size', 'lr'):
            if (value := getattr(self, name)) <= 0:
                msg = f'{name} must be > 0, got {value}.'
                raise ConfigError(msg)
        if not 0 <= self.warmup_epochs < self.epochs:
            msg = (
                f'warmup_epochs must be at least 0 and below epochs ({self.epochs}), '
                f'got {self.warmup_epochs}.'
            )
            raise ConfigError(msg)


@dataclass(frozen=True, kw_only=True)
class DistillationConfig:
    """How the student learns from the frozen teacher.

    Attributes:
        logit_weight: Weight of the logit term (RobustSeg's lambda, Eq 5), >= 0.
        start_from: Whose weights the student begins with: ``fresh``, ``teacher``, or the path of
            a checkpoint of the same network.
    """

    logit_weight: float = 50.0
    start_from: str = 'fresh'

    def __post_init__(self) -> None:
        if self.logit_weight < 0:
            msg = f'distillation.logit_weight must be >= 0, got {self.logit_weight}.'
            raise ConfigError(msg)


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """A training run.

    Attributes:
        out: Folder of the run: checkpoints, logs and scores, one folder per stage.
        seed: Seed of initial weights, data order, augmentation and modality dropout.
        workers: Processes that prepare batches; 0 = the training process itself.
    """

    out: Path = Path('runs/default')
    seed: int = 3407
    workers: int = 0
    data: DataConfig = field(default_factory=DataConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    teacher: StageConfig = field(default_factory=StageConfig)
    student: StageConfig = field(default_factory=StageConfig)
    distillation: DistillationConfig = field(default_factory=DistillationConfig)
