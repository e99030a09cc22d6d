"""Run the stages of a training configuration and score what they made."""

from __future__ import annotations

from collections.abc import Callable, Iterable
import json
from pathlib import Path
from typing import Any

import lightning
from lightning.pytorch.callbacks import ModelCheckpoint, TQDMProgressBar
from lightning.pytorch.loggers import CSVLogger
import torch
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from robustseg_core.data.cache import InMemory
from robustseg_core.data.sample import Collate, Sample
from robustseg_core.data.streets import STREET_MODALITIES, SyntheticStreets
from robustseg_core.data.transforms import ToSample, Transformed, augmentation
from robustseg_core.evaluation.protocols import any_modal
from robustseg_core.evaluation.report import AnyModalScores
from robustseg_core.labels import DELIVER
from robustseg_core.models.checkpoint import load_model, place_weights, save_model
from robustseg_core.models.segmenter import MultimodalSegmenter, SegmenterConfig
from robustseg_core.training.config import DataConfig, StageConfig, TrainConfig
from robustseg_core.training.stages import Stage, StudentStage, TeacherStage

# Frames to score on come from seeds far from those trained on.
VALIDATION_SEED_OFFSET = 1_000_000

Progress = Callable[[str], None]


def street_frames(config: DataConfig, seed: int, split: str) -> SyntheticStreets:
    """Return the frames of a split; those of ``val`` share no seed with those of ``train``."""
    height, width = config.size
    count = config.train_count if split == 'train' else config.val_count
    offset = 0 if split == 'train' else VALIDATION_SEED_OFFSET
    return SyntheticStreets(count, seed + offset, width=width, height=height)


def _drawn(frames: SyntheticStreets, workers: int) -> Iterable[Any]:
    """Return the frames as they are, drawn by ``workers`` processes, with a progress bar."""
    loader: DataLoader[Any] = DataLoader(
        frames, batch_size=None, num_workers=workers, collate_fn=_unchanged
    )
    return tqdm(loader, desc='drawing', unit='frame', mininterval=5)  # type: ignore[no-any-return]


def _unchanged(item: Any) -> Any:
    return item


class TrainingRun:
    """The two stages of one configuration, each leaving its network in its own folder."""

    def __init__(self, config: TrainConfig, tell: Progress) -> None:
        self._config = config
        self._tell = tell
        self._train_data: Dataset[Sample] | None = None

    def checkpoint(self, stage: str) -> Path:
        return self._config.out / f'{stage}.safetensors'

    def teacher(self) -> Path:
        """Train stage 1 and return its checkpoint."""
        lightning.seed_everything(self._config.seed, workers=True)
        stage = TeacherStage(self._fresh_model(), self._config.teacher)
        return self._fit('teacher', stage, self._config.teacher)

    def student(self) -> Path:
        """Train stage 2 from the teacher's checkpoint and return the student's.

        Raises:
            CheckpointError: Stage 1 has left no readable checkpoint, or the one to start from
                is of another network.
        """
        lightning.seed_everything(self._config.seed, workers=True)
        teacher = load_model(self.checkpoint('teacher'))
        student = self._fresh_model()
        start = self._config.distillation.start_from
        if start != 'fresh':
            path = self.checkpoint('teacher') if start == 'teacher' else Path(start)
            place_weights(student, load_model(path).state_dict(), path)
        stage = StudentStage(
            student,
            teacher,
            self._config.student,
            self._config.distillation,
            seed=self._config.seed,
        )
        return self._fit('student', stage, self._config.student)

    def score(self, stage: str) -> AnyModalScores:
        """Score a stage's network on every subset of the validation frames.

        The scores are written into its checkpoint and, as JSON, beside it.
        """
        config = self._config
        model = load_model(self.checkpoint(stage))
        frames = street_frames(config.data, config.seed, 'val')
        samples = Transformed(frames, ToSample(model.config.modalities))
        loader = DataLoader(
            samples,
            batch_size=8,
            num_workers=config.workers,
            collate_fn=Collate(model.config.modalities),
        )
        scores = any_modal(model, loader)
        model.provenance['evaluated_on'] = {
            'data': f'{config.data.kind}, seed {config.seed + VALIDATION_SEED_OFFSET}',
            **scores.to_dict(),
        }
        save_model(model, self.checkpoint(stage), half=True)
        report = json.dumps(scores.to_dict(), indent=2)
        self.checkpoint(stage).with_suffix('.json').write_text(report + '\n')
        return scores

    def _fresh_model(self) -> MultimodalSegmenter:
        model = self._config.model
        return MultimodalSegmenter(
            SegmenterConfig(
                backbone=model.backbone,
                head_width=model.head_width,
                drop_path_rate=model.drop_path_rate,
                missing=model.missing,
                labels=DELIVER,
                modalities=STREET_MODALITIES,
                resolution=self._config.data.size,
            )
        )

    def _samples(self) -> Dataset[Sample]:
        if self._train_data is None:
            config = self._config
            frames = street_frames(config.data, config.seed, 'train')
            self._tell(f'Drawing {len(frames)} frames ...')
            self._train_data = Transformed(
                InMemory(_drawn(frames, config.workers)),
                ToSample(STREET_MODALITIES),
                augmentation(config.data.crop),
            )
        return self._train_data

    def _fit(self, name: str, stage: Stage, config: StageConfig) -> Path:
        folder = self._config.out / name
        samples = self._samples()
        loader: DataLoader[Any] = DataLoader(
            samples,
            batch_size=config.batch_size,
            shuffle=True,
            drop_last=True,
            num_workers=self._config.workers,
            persistent_workers=self._config.workers > 0,
            collate_fn=Collate(stage.segmenter.config.modalities),
        )
        parameters = sum(p.numel() for p in stage.segmenter.parameters())
        self._tell(
            f'{name}: {parameters / 1e6:.2f} M parameters, {config.epochs} epochs of '
            f'{len(loader)} steps, {config.batch_size} frames each.'
        )
        trainer = lightning.Trainer(
            max_epochs=config.epochs,
            gradient_clip_val=config.gradient_clip or None,
            logger=CSVLogger(folder, name='', version=''),
            callbacks=[
                TQDMProgressBar(refresh_rate=20),
                ModelCheckpoint(folder, save_last=True, save_top_k=0),
            ],
            log_every_n_steps=20,
            enable_model_summary=False,
        )
        trainer.fit(stage, loader)
        path = self.checkpoint(name)
        model = stage.segmenter.to('cpu').eval()
        model.provenance['trained_on'] = {
            'stage': name,
            'data': f'{self._config.data.kind}, {self._config.data.train_count} frames',
            'seed': self._config.seed,
            'steps': trainer.global_step,
            'torch': torch.__version__,
        }
        save_model(model, path, half=True)
        return path
