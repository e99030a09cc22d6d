"""The networks and stages of a run, built from its configuration."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import nn

from robustseg_core.errors import ConfigError
from robustseg_core.models.checkpoint import load_model, place_weights
from robustseg_core.models.mix_transformer import MixTransformer
from robustseg_core.models.pretrained import place_pretrained
from robustseg_core.models.segmenter import MultimodalSegmenter, SegmenterConfig
from robustseg_core.training.calibration import without_subset_statistics
from robustseg_core.training.config import TrainConfig
from robustseg_core.training.loading import RunFrames
from robustseg_core.training.stages import Stage, StudentStage, TeacherStage


class TrainingNetworks:
    """Builds what trains.

    Args:
        config: The run.
        frames: Say what classes and sensors there are.
    """

    def __init__(self, config: TrainConfig, frames: RunFrames) -> None:
        self._config = config
        self._frames = frames

    def path(self, stage: str) -> Path:
        """Return the file of a stage's network."""
        if stage == 'teacher' and self._config.teacher_checkpoint is not None:
            return self._config.teacher_checkpoint
        return self._config.out / f'{stage}.safetensors'

    def stage(self, name: str) -> Stage:
        """Build ``teacher`` or ``student``; random weights come from torch's global generator.

        Raises:
            CheckpointError: Stage 1 has left no readable network, or the one to start from is
                of another kind.
            ConfigError: The teacher is of other classes or sensors than the data.
        """
        return self._teacher() if name == 'teacher' else self._student()

    def _teacher(self) -> TeacherStage:
        config = self._config
        return TeacherStage(
            self._fresh('teacher'),
            config.teacher,
            config.seed,
            freeze_norm_after=config.network('teacher').freeze_norm_after,
        )

    def _student(self) -> StudentStage:
        config = self._config
        teacher = load_model(self.path('teacher'))
        student = self._fresh('student')
        self._check_teacher(teacher, student)
        start = config.distillation.start_from
        if start != 'fresh':
            path = self.path('teacher') if start == 'teacher' else Path(start)
            place_weights(student, without_subset_statistics(load_model(path)), path)
        return StudentStage(
            student,
            teacher,
            config.student,
            config.distillation,
            seed=config.seed,
            freeze_norm_after=config.model.freeze_norm_after,
        )

    def _fresh(self, stage: str) -> MultimodalSegmenter:
        network = self._config.network(stage)
        model = MultimodalSegmenter(
            SegmenterConfig(
                backbone=network.backbone,
                head_width=network.head_width,
                drop_path_rate=network.drop_path_rate,
                dropout=network.dropout,
                missing=network.missing,
                labels=self._frames.train.labels,
                modalities=self._frames.seen_modalities(),
                resolution=self._config.data.size,
            )
        )
        bear_blank_images(model)
        if network.pretrained:
            place_pretrained(model, network.pretrained)
        return model

    def _check_teacher(self, teacher: MultimodalSegmenter, student: MultimodalSegmenter) -> None:
        path = str(self.path('teacher'))
        ours, theirs = student.config, teacher.config
        if theirs.labels.classes != ours.labels.classes:
            msg = (
                f'The teacher {path!r} knows {len(theirs.labels)} classes of '
                f'{theirs.labels.name!r}, the data has {len(ours.labels)} of '
                f'{ours.labels.name!r}; they must be the same.'
            )
            raise ConfigError(msg)
        if theirs.modalities != ours.modalities:
            # Both read the same tensors.
            msg = (
                f'The teacher {path!r} knows the modalities {list(theirs.modalities.names)}, the '
                f'data has {list(ours.modalities.names)}; names, order, encoding and '
                f'normalisation must be the same.'
            )
            raise ConfigError(msg)


def bear_blank_images(network: MultimodalSegmenter) -> None:
    """Give the first convolution a random bias, as torch does where nobody asks for zero.

    With a bias of zero an all-zero image (a missing sensor, an event camera at rest, the padding
    of a crop) has all-zero tokens. Layer norm multiplies their gradient by a thousand, one layer
    after the other: in a fresh Mix Transformer it overflows, and all weights become NaN.
    """
    first = next(each for each in network.encoder.modules() if isinstance(each, nn.Conv2d))
    if first.bias is not None:
        bound = 1 / math.sqrt(first.weight[0].numel())
        nn.init.uniform_(first.bias, -bound, bound)


def unused_parameters(network: MultimodalSegmenter, size: tuple[int, int]) -> list[str]:
    """Return the names of the encoder's parameters that no feature map depends on.

    Args:
        network: It is not changed.
        size: Height and width of the images it is trained with.
    """
    if isinstance(network.encoder, MixTransformer):
        return []
    was_training = network.training
    names, parameters = zip(*network.encoder.named_parameters(), strict=True)
    maps = network.eval().encode(torch.zeros(1, 3, *size))
    gradients = torch.autograd.grad([each.sum() for each in maps], parameters, allow_unused=True)
    network.train(was_training)
    return [name for name, each in zip(names, gradients, strict=True) if each is None]
