"""Which data set, which part of it, and at what size: the ``data`` section of a YAML file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from robustseg_core.errors import ConfigError
from robustseg_core.models.importers.protocols import PROTOCOLS

Kind = Literal['streets', 'deliver', 'muses', 'mcubes', 'nyuv2', 'folders']


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """Where the frames come from.

    Attributes:
        kind: Data set; ``streets`` draws its frames, the others read them.
        root: Folder of the data set; ``streets`` has none.
        description: The YAML file that describes a data set of kind ``folders``.
        labels: Label set, where the data set has several: ``nyu13`` or ``nyu40``.
        modalities: Names of the sensors used, empty = all that the data set has.
        inputs: How sensors become images: ``dataset`` by the encodings and statistics that suit
            the data set; ``published`` as the published networks were fed, so that their
            checkpoints can be scored, distilled and trained on (DELIVER, MUSES and MCubeS).
        train_split: Frames to train on.
        val_split: Frames to score on.
        size: Height and width, in pixels, to which frames are brought, each a multiple of 32
            where the checkpoint shall run at exactly this size.
        fit: How: ``squash`` brings both sides to ``size``, ``crop`` keeps the aspect, brings the
            frame to cover ``size`` and cuts its centre.
        crop: Height and width of what the network sees in training, in pixels.
        scales: Lowest and highest factor on ``size`` that a training frame is scaled by before
            it is cropped; published: 0.5 to 2.
        photometric: Chance of colour jitter and of a blur on RGB in training; published: 0.2.
        depth_holes: Chance that a depth image in training gets holes such as depth cameras have
            on dark, shiny and far surfaces; for data sets that had theirs filled.
        on_damaged: What becomes of a frame to train on whose files cannot be read: ``stop`` ends
            the run, ``skip`` has the next whole frame stand in for it, and tells and counts it.
            Frames to score on must be whole: without one, a score would be another one.
        cache: Hold the decoded training frames in memory.
        train_count: Number of training frames that ``streets`` draws.
        val_count: Number of frames to score on that ``streets`` draws.
    """

    kind: Kind = 'streets'
    root: Path | None = None
    description: Path | None = None
    labels: str = ''
    modalities: tuple[str, ...] = ()
    inputs: Literal['dataset', 'published'] = 'dataset'
    train_split: str = 'train'
    val_split: str = 'val'
    size: tuple[int, int] = (256, 256)
    fit: Literal['squash', 'crop'] = 'squash'
    crop: tuple[int, int] = (256, 256)
    scales: tuple[float, float] = (1.0, 1.0)
    photometric: float = 0.0
    depth_holes: float = 0.0
    on_damaged: Literal['stop', 'skip'] = 'stop'
    cache: bool = False
    train_count: int = 2000
    val_count: int = 200

    def __post_init__(self) -> None:
        self._check_kind()
        for name in ('train_count', 'val_count'):
            if (count := getattr(self, name)) < 1:
                msg = f'data.{name} must be at least 1, got {count}.'
                raise ConfigError(msg)
        for name in ('size', 'crop'):
            if min(sides := getattr(self, name)) < 32:
                msg = f'data.{name} must be at least 32 x 32, got {sides!r}.'
                raise ConfigError(msg)
        low, high = self.scales
        if not 0 < low <= high:
            msg = f'data.scales must be 0 < lowest <= highest, got {self.scales!r}.'
            raise ConfigError(msg)
        for name in ('photometric', 'depth_holes'):
            if not 0 <= (chance := getattr(self, name)) <= 1:
                msg = f'data.{name} must be in [0, 1], got {chance!r}.'
                raise ConfigError(msg)

    def _check_kind(self) -> None:
        if self.kind != 'streets' and self.root is None and self.description is None:
            msg = f'data.root must name the folder of {self.kind!r}, got nothing.'
            raise ConfigError(msg)
        if (self.kind == 'folders') != (self.description is not None):
            msg = (
                "data.description belongs to data.kind 'folders' and to no other, "
                f'got kind {self.kind!r} and description {self.description!r}.'
            )
            raise ConfigError(msg)
        if self.inputs == 'published' and self.kind not in PROTOCOLS:
            msg = f"data.inputs 'published' belongs to {sorted(PROTOCOLS)}, got {self.kind!r}."
            raise ConfigError(msg)
