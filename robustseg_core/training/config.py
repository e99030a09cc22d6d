"""What a training run is told; a YAML file mirrors these fields."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from robustseg_core.data.config import DataConfig
from robustseg_core.distillation.modality_dropout import Dropout
from robustseg_core.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """The network of a stage.

    Attributes:
        backbone: Encoder shared by all modalities.
        head_width: Width of the all-MLP head.
        drop_path_rate: Stochastic depth of the last block, in [0, 1).
        dropout: Chance that a channel of the head is dropped in training, in [0, 1).
        missing: How the student is trained to miss a sensor: ``drop`` or ``zero``.
        pretrained: Weights the encoder begins with: empty = random, ``imagenet`` = those that
            can be installed for ``tf_efficientnet_lite0``, or a checkpoint of the same encoder.
        freeze_norm_after: Epochs in which the statistics of the encoder's batch norms adapt to the
            data before they are frozen; None = never frozen. A convolutional encoder then
            normalises by the mixture of the modalities in the batch, which in evaluation is
            another one.
    """

    backbone: str = 'mit_b0'
    head_width: int = 256
    drop_path_rate: float = 0.1
    dropout: float = 0.1
    missing: Literal['drop', 'zero'] = 'drop'
    pretrained: str = ''
    freeze_norm_after: int | None = None


@dataclass(frozen=True, kw_only=True)
class StageConfig:
    """One stage of training.

    Attributes:
        epochs: Passes over the frames, > 0.
        batch_size: Frames that each process holds at a time, > 0.
        accumulate: Batches of each process whose gradients make one step, > 0. A step sees
            ``batch_size`` x processes x ``accumulate`` frames.
        lr: Peak learning rate of AdamW (published: 6e-5).
        weight_decay: Decoupled decay of parameters of two or more dimensions.
        warmup_epochs: Epochs of linear warm-up from a tenth of the rate.
        poly_power: Power of the polynomial decay that follows.
        decay_margin: Epochs by which the decay outlasts the stage, so that the last step's rate
            is not quite zero (published: 1); 0 = it ends at zero.
        gradient_clip: Largest gradient norm; 0 = no clipping, as published.
        ema_decay: Share of itself that the running mean of the weights keeps at each step, e.g.
            0.999; that mean is then what is scored and saved. 0 = no such mean, as published.
    """

    epochs: int = 200
    batch_size: int = 8
    accumulate: int = 1
    lr: float = 6e-5
    weight_decay: float = 0.01
    warmup_epochs: float = 10.0
    poly_power: float = 0.9
    decay_margin: float = 1.0
    gradient_clip: float = 0.0
    ema_decay: float = 0.0

    def __post_init__(self) -> None:
        for name in ('epochs', 'batch_size', 'accumulate', 'lr'):
            if (value := getattr(self, name)) <= 0:
                msg = f'{name} must be > 0, got {value}.'
                raise ConfigError(msg)
        if not 0 <= self.ema_decay < 1:
            msg = f'ema_decay must be in [0, 1), got {self.ema_decay}.'
            raise ConfigError(msg)
        if self.decay_margin < 0:
            msg = f'decay_margin must be >= 0, got {self.decay_margin}.'
            raise ConfigError(msg)
        if not 0 <= self.warmup_epochs < self.epochs:
            msg = (
                f'warmup_epochs must be at least 0 and below epochs ({self.epochs}), '
                f'got {self.warmup_epochs}.'
            )
            raise ConfigError(msg)


@dataclass(frozen=True, kw_only=True)
class DistillationConfig:
    """How the student learns from the frozen teacher (Eq 11); a weight of 0 switches a term off.

    Attributes:
        ce_weight: Weight of the cross-entropy with the labels (Eq 1; published: 1).
        logit_weight: Weight of the logit term (Eq 5; published: 50).
        prototype_weight: Weight of the prototype term (Eq 7; published: 100).
        prototype_pairing: ``hybrid`` permutes the teacher's modalities (HPDM), ``same`` does not
            (SPDM). ``index_order``, for comparison only, pairs the k-th modality shown with the
            teacher's k-th, as one of the published scripts does.
        legacy_second_division: Divide prototypes by the pixel count a second time and let absent
            classes into the softmax, as the published code does; for comparison only.
            Their "drop" script is this with ``same``, their "random" one with ``index_order``.
        entropy_weight: Weight of the regulariser (Eq 10). It is normalised by the size here, so
            that the published weight of 12 does not carry over.
        entropy_pairing: ``same`` (SRM, the paper's choice) or ``hybrid`` (HRM).
        variation_weight: Weight of intra-class feature variation.
        dropout: ``batch`` draws one subset of the modalities per step, as published; ``sample``
            one per sample; ``none`` shows the student everything.
        start_from: Whose weights the student begins with: ``fresh``, ``teacher``, or the path of
            a checkpoint of the same network.
        calibration_frames: Training frames on which, after the stage, the student's batch norm
            statistics are estimated for every subset of the modalities; 0 = all subsets are
            evaluated with those of training, as published.
    """

    ce_weight: float = 1.0
    logit_weight: float = 50.0
    prototype_weight: float = 0.0
    prototype_pairing: Literal['hybrid', 'same', 'index_order'] = 'hybrid'
    legacy_second_division: bool = False
    entropy_weight: float = 0.0
    entropy_pairing: Literal['hybrid', 'same'] = 'same'
    variation_weight: float = 0.0
    dropout: Dropout = 'batch'
    start_from: str = 'fresh'
    calibration_frames: int = 0

    def __post_init__(self) -> None:
        terms = ('ce', 'logit', 'prototype', 'entropy', 'variation')
        weights = [f'{term}_weight' for term in terms]
        for name in (*weights, 'calibration_frames'):
            if (value := getattr(self, name)) < 0:
                msg = f'distillation.{name} must be >= 0, got {value}.'
                raise ConfigError(msg)
        if not any(getattr(self, name) for name in weights):
            msg = (
                f'The student would learn nothing: of the weights in distillation, '
                f'{", ".join(weights)}, at least one must be > 0, got 0 for all.'
            )
            raise ConfigError(msg)


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """A training run.

    Attributes:
        out: Folder of the run: checkpoints, logs and scores, one folder per stage. Where several
            machines train, all must see it.
        seed: Seed of initial weights, data order, augmentation and modality dropout.
        workers: Processes that prepare batches; 0 = the training process itself.
        precision: Of the network's arithmetic in training: 32 (published), or mixed with ``bf16``
            or ``fp16`` (GPU only). Weights, losses and scores are float32.
        accelerator: What computes: ``auto`` takes a GPU where there is one.
        devices: Processes on each machine, one per GPU; ``torchrun`` decides where it started
            the command. Each normalises by its own frames (batch norm of the head), as published.
        nodes: Machines; ``torchrun`` decides likewise.
        log_every: Steps between two logged losses; at least once an epoch they are.
        validate_every: Epochs between two scores on the validation frames; 0 = only the last.
        select: Subsets of the modalities, by letters, whose mean mIoU says which epoch is the
            best, e.g. [R, RD, EL, RDEL] as published for DELIVER; empty = all subsets.
        keep: Which network becomes the stage's: the ``last``, or the ``best`` by validation.
            Both are in the stage's folder.
        samples: Validation frames that TensorBoard shows with their predictions.
        model: The network of both stages.
        teacher_model: The teacher's network, where it is another one.
        teacher_checkpoint: A teacher trained before; stage 1 then has nothing to do.
    """

    out: Path = Path('runs/default')
    seed: int = 3407
    workers: int = 0
    precision: Literal[32, 'bf16', 'fp16'] = 32
    accelerator: Literal['auto', 'cpu', 'gpu'] = 'auto'
    devices: int = 1
    nodes: int = 1
    log_every: int = 20
    validate_every: int = 1
    select: tuple[str, ...] = ()
    keep: Literal['last', 'best'] = 'last'
    samples: int = 4
    data: DataConfig = field(default_factory=DataConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    teacher_model: ModelConfig | None = None
    teacher_checkpoint: Path | None = None
    teacher: StageConfig = field(default_factory=StageConfig)
    student: StageConfig = field(default_factory=StageConfig)
    distillation: DistillationConfig = field(default_factory=DistillationConfig)

    def __post_init__(self) -> None:
        least = {'seed': 0, 'workers': 0, 'devices': 1, 'nodes': 1, 'log_every': 1}
        for name, lowest in {**least, 'validate_every': 0, 'samples': 0}.items():
            if (value := getattr(self, name)) < lowest:
                msg = f'{name} must be at least {lowest}, got {value}.'
                raise ConfigError(msg)

    def network(self, stage: str) -> ModelConfig:
        """Return the network of ``teacher`` or ``student``."""
        return (self.teacher_model or self.model) if stage == 'teacher' else self.model

    def schedule(self, stage: str) -> StageConfig:
        """Return the stage ``teacher`` or ``student``."""
        return self.teacher if stage == 'teacher' else self.student
