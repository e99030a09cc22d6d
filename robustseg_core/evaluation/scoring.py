"""One pass over the frames that scores any number of trials; every image is encoded once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor

from robustseg_core.data.corruption import Level, corrupted
from robustseg_core.data.sample import Batch
from robustseg_core.errors import DataError
from robustseg_core.evaluation.confusion import Confusion, pixel_counts
from robustseg_core.evaluation.trials import Source, Trial
from robustseg_core.labels import IGNORE_ID
from robustseg_core.models.all_mlp_head import resize
from robustseg_core.models.segmenter import mean_of
from robustseg_core.runtime.backend import Backend


class Watcher(Protocol):
    """Sees what is computed on the way."""

    def features(self, batch: Batch, maps: Mapping[str, Sequence[Tensor]]) -> None:
        """See the four feature maps (B, C_i, h_i, w_i) of each clean modality of a batch."""

    def predicted(self, batch: Batch, trial: Trial, class_ids: Tensor) -> None:
        """See the class ids (B, H, W) uint8; rows of frames that lack a sensor mean nothing."""


@dataclass
class Tally:
    """Confusion counts and number of frames of one trial, by condition."""

    num_classes: int
    by_condition: dict[str, Confusion] = field(default_factory=dict)
    frames: dict[str, int] = field(default_factory=dict)

    def add(self, condition: str, counts: NDArray[np.int64]) -> None:
        """Add the counts (K, K + 1) of one frame."""
        confusion = self.by_condition.setdefault(condition, Confusion(self.num_classes))
        confusion.counts += counts
        self.frames[condition] = self.frames.get(condition, 0) + 1

    def total(self, word: str | None = None) -> Confusion:
        """Return the counts of the conditions that hold ``word``, or of all."""
        total = Confusion(self.num_classes)
        for condition, confusion in self.by_condition.items():
            if word is None or word in words(condition):
                total.counts += confusion.counts
        return total

    def count(self, word: str | None = None) -> int:
        """Return the number of frames of the conditions that hold ``word``, or of all."""
        return sum(
            count
            for condition, count in self.frames.items()
            if word is None or word in words(condition)
        )


@dataclass(frozen=True)
class Tallies:
    """What a pass found.

    Attributes:
        of: Tally of each trial.
        frames: Number of frames seen, by condition.
    """

    of: Mapping[Trial, Tally]
    frames: dict[str, int] = field(default_factory=dict)


def words(condition: str) -> list[str]:
    """Return the weather and the faults of a condition such as ``night+motionblur``."""
    return [word for word in condition.split('+') if word]


@torch.inference_mode()
def score(
    network: Backend,
    batches: Iterable[Batch],
    trials: Sequence[Trial],
    *,
    seed: int = 0,
    watcher: Watcher | None = None,
) -> Tallies:
    """Score ``trials`` on every frame that has what they need.

    Memory: one batch, the features of its clean modalities and of one corruption.

    Args:
        network: What computes.
        batches: The frames.
        trials: In an order in which those of one corruption follow each other.
        seed: Of the corruption.
        watcher: Sees the clean features and every prediction.

    Raises:
        DataError: There is no frame, or a label is no class of the network.
    """
    num_classes = len(network.config.labels)
    tallies = Tallies({trial: Tally(num_classes) for trial in trials})
    blank = _BlankFeatures(network)
    for batch in batches:
        _check_labels(batch, num_classes)
        for condition in batch['conditions']:
            tallies.frames[condition] = tallies.frames.get(condition, 0) + 1
        truth = batch['labels'].to(network.device)
        bench = _Bench(network, batch, blank, seed)
        for level, group in groupby(trials, key=lambda trial: trial.level):
            for trial, rows in bench.possible(group):
                class_ids = bench.class_ids(trial)
                counts = pixel_counts(class_ids, truth, num_classes)
                for row in rows:
                    tallies.of[trial].add(batch['conditions'][row], counts[row])
                if watcher is not None:
                    watcher.predicted(batch, trial, class_ids)
            if watcher is not None and level is None:
                watcher.features(batch, bench.encoded())
            bench.forget(level)
    if not tallies.frames:
        msg = 'There is no frame to score; at least one is needed.'
        raise DataError(msg)
    return tallies


class _BlankFeatures:
    """The features of the all-zero image, encoded once for each size of image."""

    def __init__(self, network: Backend) -> None:
        self._network = network
        self._size: tuple[int, ...] = ()
        self._maps: list[Tensor] = []

    def of(self, batch: int, size: tuple[int, ...]) -> list[Tensor]:
        """Return the four maps (B, C_i, h_i, w_i) for images of ``size`` (H, W)."""
        if size != self._size:
            zeros = torch.zeros(1, 3, *size, device=self._network.device)
            self._maps = self._network.encode(zeros)
            self._size = size
        return [maps.expand(batch, -1, -1, -1) for maps in self._maps]


class _Bench:
    """One batch and the features made of it so far."""

    def __init__(self, network: Backend, batch: Batch, blank: _BlankFeatures, seed: int) -> None:
        self._network = network
        self._batch = batch
        self._blank = blank
        self._seed = seed
        self._features: dict[Source, list[Tensor]] = {}

    def possible(self, trials: Iterable[Trial]) -> Iterator[tuple[Trial, list[int]]]:
        """Yield the trials for which frames have the sensors, with the rows of those frames."""
        names = self._network.config.modalities.names
        for trial in trials:
            columns = [names.index(name) for name in trial.needs]
            rows = self._batch['availability'][:, columns].all(dim=1).nonzero()[:, 0].tolist()
            if rows:
                yield trial, rows

    def class_ids(self, trial: Trial) -> Tensor:
        """Return what the network sees in a trial, (B, H, W) uint8."""
        maps = [self._encoded(source) for source in trial.sources]
        shape = self._batch['labels'].shape
        size = (shape[1], shape[2])
        if trial.blanks:
            maps += [self._blank.of(shape[0], size)] * trial.blanks
        config = self._network.config
        subset = config.modalities.subset_index(trial.seen(config))
        logits = resize(self._network.head(mean_of(maps), subset), size)
        return logits.argmax(dim=1).to(torch.uint8)

    def encoded(self) -> dict[str, list[Tensor]]:
        """Return the features of the clean images."""
        return {
            source.modality: maps
            for source, maps in self._features.items()
            if source.level is None
        }

    def forget(self, level: Level | None) -> None:
        """Free the features of a corruption; those of the clean images stay."""
        if level is not None:
            for source in [each for each in self._features if each.level == level]:
                del self._features[source]

    def _encoded(self, source: Source) -> list[Tensor]:
        if source not in self._features:
            name, level = source
            image = self._batch['images'][name]
            if level is not None:
                frames = zip(image, self._batch['ids'], strict=True)
                image = torch.stack(
                    [corrupted(each, name, level, id_, self._seed) for each, id_ in frames]
                )
            self._features[source] = self._network.encode(image.to(self._network.device))
        return self._features[source]


def _check_labels(batch: Batch, num_classes: int) -> None:
    labels = batch['labels']
    strange = torch.unique(
        labels[(labels != IGNORE_ID) & ((labels < 0) | (labels >= num_classes))]
    )
    if strange.numel():
        msg = (
            f'Labels of the frames {batch["ids"]} hold the ids {strange.tolist()}; '
            f'wanted 0..{num_classes - 1} or {IGNORE_ID}.'
        )
        raise DataError(msg)
