"""Data sets by the name of their kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from robustseg_core.data.config import DataConfig
from robustseg_core.data.deliver import Deliver
from robustseg_core.data.folders import Folders
from robustseg_core.data.frames import FrameFiles, Frames
from robustseg_core.data.mcubes import Mcubes
from robustseg_core.data.muses import Muses
from robustseg_core.data.nyuv2 import Nyuv2
from robustseg_core.data.streets import SyntheticStreets
from robustseg_core.errors import ConfigError
from robustseg_core.labels import NYU13

# Frames to score on come from seeds far from those trained on.
VALIDATION_SEED_OFFSET = 1_000_000


def open_frames(config: DataConfig, split: str, seed: int) -> Frames:
    """Return the frames of a split.

    Args:
        config: The ``data`` section.
        split: As the data set names its splits.
        seed: Of what is drawn; the frames of ``val`` share no seed with those of ``train``.

    Raises:
        ConfigError: The data set has no such split, labels or modality.
        DataError: The data set is not there, or broken.
    """
    frames = _OPENERS[config.kind](config, split, seed)
    if isinstance(frames, FrameFiles):
        frames.check()
    return frames


def _streets(config: DataConfig, split: str, seed: int) -> Frames:
    counts = {config.train_split: config.train_count, config.val_split: config.val_count}
    if split not in counts:
        msg = f'The streets have no split {split!r}; known are {list(counts)}.'
        raise ConfigError(msg)
    height, width = config.size
    offset = 0 if split == config.train_split else VALIDATION_SEED_OFFSET
    return SyntheticStreets(
        counts[split], seed + offset, width=width, height=height, modalities=config.modalities
    )


def _deliver(config: DataConfig, split: str, _seed: int) -> Frames:
    published = config.inputs == 'published'
    return Deliver(_root(config), split, modalities=config.modalities, published=published)


def _muses(config: DataConfig, split: str, _seed: int) -> Frames:
    published = config.inputs == 'published'
    return Muses(_root(config), split, config.modalities, published=published)


def _mcubes(config: DataConfig, split: str, _seed: int) -> Frames:
    return Mcubes(_root(config), split, config.modalities)


def _nyuv2(config: DataConfig, split: str, _seed: int) -> Frames:
    return Nyuv2(_root(config), split, config.labels or NYU13.name, config.modalities)


def _folders(config: DataConfig, split: str, _seed: int) -> Frames:
    if config.description is None:
        msg = 'data.description must name the YAML file of the folders, got nothing.'
        raise ConfigError(msg)
    return Folders(config.description, split, config.root, config.modalities)


def _root(config: DataConfig) -> Path:
    if config.root is None:
        msg = f'data.root must name the folder of {config.kind!r}, got nothing.'
        raise ConfigError(msg)
    return config.root


_OPENERS: Mapping[str, Callable[[DataConfig, str, int], Frames]] = {
    'streets': _streets,
    'deliver': _deliver,
    'muses': _muses,
    'mcubes': _mcubes,
    'nyuv2': _nyuv2,
    'folders': _folders,
}
