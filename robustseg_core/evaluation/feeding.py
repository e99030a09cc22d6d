"""From a data set's frames to batches as a checkpoint wants them, or a refusal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from torch.utils.data import DataLoader, Dataset

from robustseg_core.data.config import DataConfig
from robustseg_core.data.frames import Frames
from robustseg_core.data.sample import Batch, Collate
from robustseg_core.data.transforms import Arrays, ToSample, Transformed
from robustseg_core.errors import ConfigError, DataError
from robustseg_core.labels import LabelSet
from robustseg_core.models.config import SegmenterConfig
from robustseg_core.sensors.sizes import STRIDE


def check_fit(network: SegmenterConfig, frames: Frames) -> None:
    """Refuse frames whose scores with this network would mean nothing.

    A network scored against other classes gives numbers all the same, and they are near zero.

    Raises:
        DataError: The classes differ, there is no frame, or none of the network's sensors.
        ConfigError: A sensor's images are made in another way than the network knows.
    """
    if network.labels.classes != frames.labels.classes:
        msg = (
            f'The checkpoint knows {_described(network.labels)}, the frames are labelled with '
            f'{_described(frames.labels)}; {_first_difference(network.labels, frames.labels)}. '
            f'They must be the same.'
        )
        raise DataError(msg)
    if not len(frames):
        msg = 'The data set has no frame to score; at least one is needed.'
        raise DataError(msg)
    shared = [each for each in network.modalities if each.name in frames.modalities]
    if not shared:
        msg = (
            f'The frames have the modalities {list(frames.modalities.names)}, the checkpoint '
            f'knows {list(network.modalities.names)}; at least one must be the same.'
        )
        raise DataError(msg)
    for modality in shared:
        if (found := frames.modalities[modality.name].encoding) != modality.encoding:
            msg = (
                f'The checkpoint wants {modality.name!r} encoded as {modality.encoding!r}, the '
                f'frames have it as {found!r}.'
            )
            raise ConfigError(msg)


def check_sides(config: DataConfig) -> None:
    """Refuse a size that exported networks cannot take.

    Raises:
        ConfigError: Height or width is no multiple of 32.
    """
    height, width = config.size
    if height % STRIDE or width % STRIDE:
        msg = f'data.size must be multiples of {STRIDE} here, got {height}x{width}.'
        raise ConfigError(msg)


def batches(
    network: SegmenterConfig,
    frames: Frames,
    config: DataConfig,
    batch_size: int,
    workers: int,
    *steps: Callable[[Arrays], Arrays],
) -> DataLoader[Batch]:
    """Return the frames in order as batches, with the network's sensors and normalisation.

    Args:
        network: Names the sensors.
        frames: What is scored.
        config: Says to which size frames are brought, and how.
        batch_size: Frames at a time, > 0.
        workers: Processes that read; 0 = this one.
        steps: What else is done to a frame first.

    Raises:
        ConfigError: A number is out of range.
    """
    for name, value, least in (('batch_size', batch_size, 1), ('workers', workers, 0)):
        if value < least:
            msg = f'{name} must be at least {least}, got {value}.'
            raise ConfigError(msg)
    to_sample = ToSample(network.modalities, config.size, config.fit)
    samples = Transformed(cast('Dataset[Any]', frames), *steps, to_sample)
    loader: DataLoader[Any] = DataLoader(
        samples,
        batch_size=batch_size,
        num_workers=workers,
        collate_fn=Collate(network.modalities),
    )
    return loader


def _described(labels: LabelSet) -> str:
    return f'{len(labels)} classes of {labels.name!r}'


def _first_difference(ours: LabelSet, theirs: LabelSet) -> str:
    pairs = list(zip(ours.classes, theirs.classes, strict=False))
    for index, (our, their) in enumerate(pairs):
        if our != their:
            return f'class {index} is {our!r} to the one, {their!r} to the others'
    return f'the first {len(pairs)} are the same'
