"""Batches of a run, the same whoever draws them and after whatever interruption."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import lightning
import torch
from torch.utils.data import DataLoader, Dataset, Sampler, Subset
from tqdm import tqdm

from robustseg_core.data.cache import InMemory
from robustseg_core.data.config import DataConfig
from robustseg_core.data.damaged import WholeFrames
from robustseg_core.data.frames import Frames
from robustseg_core.data.opening import open_frames
from robustseg_core.data.sample import Collate, Sample
from robustseg_core.data.seen import spread, with_seen
from robustseg_core.data.transforms import Augmented, Draw, Resized, ToSample, Transformed
from robustseg_core.errors import ConfigError
from robustseg_core.modalities import ModalitySet
from robustseg_core.training.config import StageConfig
from robustseg_core.training.randomness import Purpose, derived_seed


class EpochDraws(Sampler[Draw]):
    """The frames of an epoch in random order, with the seed of each one's augmentation.

    Each step's frames are cut into one batch per process and accumulated part, so that W processes
    that accumulate A batches of B see together what one process with batches of W * A * B sees.
    What is left over at the end of an epoch is dropped.

    Args:
        count: Number of frames.
        batch_size: Frames per batch and process.
        seed: Of the run.
        rank: Which of the processes this is.
        world_size: How many there are.
        accumulate: Batches of each process that make one step.

    Raises:
        ConfigError: There are fewer frames than one step takes.
    """

    def __init__(
        self,
        count: int,
        batch_size: int,
        seed: int,
        rank: int = 0,
        world_size: int = 1,
        accumulate: int = 1,
    ) -> None:
        self._stride = batch_size * world_size
        step = self._stride * accumulate
        if count < step:
            msg = (
                f'{count} training frames are fewer than one step takes: batch_size {batch_size} '
                f'x {world_size} processes x accumulate {accumulate} = {step}.'
            )
            raise ConfigError(msg)
        self.batches = count // step * accumulate
        self._count = count
        self._batch_size = batch_size
        self._seed = seed
        self._rank = rank
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Draw another order; Lightning calls it, also when a run is resumed."""
        self._epoch = epoch

    def __len__(self) -> int:
        return self.batches * self._batch_size

    def __iter__(self) -> Iterator[Draw]:
        generator = torch.Generator()
        generator.manual_seed(derived_seed(self._seed, Purpose.ORDER, self._epoch))
        order = torch.randperm(self._count, generator=generator).tolist()
        for batch in range(self.batches):
            start = batch * self._stride + self._rank * self._batch_size
            for index in order[start : start + self._batch_size]:
                where = (self._epoch, index)
                yield Draw(index, derived_seed(self._seed, Purpose.AUGMENTATION, *where))


class RunFrames:
    """The frames of a run, opened when first asked for and kept.

    Args:
        config: The ``data`` section.
        seed: Of the run.
        workers: Processes that read.
        tell: Called before what takes long.
    """

    def __init__(
        self, config: DataConfig, seed: int, workers: int, tell: Callable[[str], None]
    ) -> None:
        self._config = config
        self._seed = seed
        self._workers = workers
        self._tell = tell
        self._opened: dict[str, Frames] = {}
        self._training: Dataset[Sample] | None = None
        self._seen: ModalitySet | None = None

    @property
    def train(self) -> Frames:
        return self._open(self._config.train_split)

    @property
    def val(self) -> Frames:
        return self._open(self._config.val_split)

    def seen_modalities(self) -> ModalitySet:
        """Return the modalities of the frames to train on, with the values that these hold.

        Looks at some frames, spread over all; they are the same whenever it is asked, and nothing
        is drawn for it.
        """
        if self._seen is None:
            frames: Any = self._whole_train()
            chosen = spread(len(frames))
            self._tell(f'Looking at the values of {len(chosen)} training frames ...')
            with torch.random.fork_rng(devices=[]):  # a loader draws a seed for its workers
                some = _loader(Subset(frames, chosen), self._workers)
                self._seen = with_seen(self.train.modalities, some)
        return self._seen

    def training_samples(self) -> Dataset[Sample]:
        """Return the augmented frames to train on; read into memory first where so configured."""
        if self._training is None:
            frames: Any = self._whole_train()
            modalities = self.train.modalities
            if self._config.cache:
                self._tell(f'Reading {len(frames)} frames ...')
                # As large as they are needed, not as large as the camera made them.
                scale = max(1.0, self._config.scales[1])
                height, width = (round(side * scale) for side in self._config.size)
                whole = Resized(modalities, (height, width), self._config.fit)
                frames = InMemory(whole(item) for item in _read(frames, self._workers))
            self._training = Transformed(frames, Augmented(modalities, self._config))
        return self._training

    def validation_samples(self, modalities: ModalitySet) -> Dataset[Sample]:
        """Return the frames to score on, as ``modalities`` normalise them."""
        return self._plain_samples(self.val, modalities)

    def calibration_samples(self, modalities: ModalitySet) -> Dataset[Sample]:
        """Return the frames to train on without augmentation, as those to score on."""
        return self._plain_samples(self._whole_train(), modalities)

    def _whole_train(self) -> Any:
        """Return the frames to train on, those that are damaged replaced where so configured."""
        return WholeFrames(self.train) if self._config.on_damaged == 'skip' else self.train

    def _plain_samples(self, frames: Any, modalities: ModalitySet) -> Dataset[Sample]:
        to_sample = ToSample(modalities, self._config.size, self._config.fit)
        return Transformed(frames, to_sample)

    def _open(self, split: str) -> Frames:
        if split not in self._opened:
            self._opened[split] = open_frames(self._config, split, self._seed)
        return self._opened[split]


class TrainingBatches(lightning.LightningDataModule):
    """The batches of this process, known only once Lightning has said which process it is.

    Args:
        frames: Of the run.
        stage: Says how many of them make a batch and a step.
        seed: Of the run.
        workers: Processes that read.
        first_step: Steps that were done before the run was interrupted, at the end of an epoch.
    """

    def __init__(
        self,
        frames: RunFrames,
        stage: StageConfig,
        seed: int,
        workers: int,
        first_step: int = 0,
    ) -> None:
        super().__init__()
        self._first_step = first_step
        self._frames = frames
        self._stage = stage
        self._seed = seed
        self._workers = workers

    def train_dataloader(self) -> DataLoader[Any]:
        samples = self._frames.training_samples()
        draws = EpochDraws(
            len(samples),  # type: ignore[arg-type]
            self._stage.batch_size,
            self._seed,
            self.trainer.global_rank,
            self.trainer.world_size,
            self._stage.accumulate,
        )
        # Where processes read, they begin before Lightning knows which epoch it is.
        draws.set_epoch(self._first_step // (draws.batches // self._stage.accumulate))
        return DataLoader(
            samples,
            batch_size=self._stage.batch_size,
            sampler=draws,
            num_workers=self._workers,
            persistent_workers=self._workers > 0,
            collate_fn=Collate(self._frames.train.modalities),
            # Where there is a GPU, copies to it then overlap with its work.
            pin_memory=torch.cuda.is_available(),
        )


def _read(frames: Any, workers: int) -> Iterable[Any]:
    """Return the frames as they are, read by ``workers`` processes, with a progress bar."""
    loader = _loader(frames, workers)
    return tqdm(loader, desc='reading', unit='frame', mininterval=5)  # type: ignore[no-any-return]


def _loader(frames: Any, workers: int) -> DataLoader[Any]:
    return DataLoader(frames, batch_size=None, num_workers=workers, collate_fn=_unchanged)


def _unchanged(item: Any) -> Any:
    return item
