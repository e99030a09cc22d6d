"""What the network makes of a few validation frames, for TensorBoard."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import cv2
import lightning
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import TensorBoardLogger
import numpy as np
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset, Subset

from robustseg_core.data.sample import Collate, Sample
from robustseg_core.evaluation.gallery import Gallery, KeptFrame
from robustseg_core.evaluation.protocols import evaluate, shows_zeroed, use_of
from robustseg_core.labels import LabelSet
from robustseg_core.modalities import ModalitySet
from robustseg_core.models.segmenter import MultimodalSegmenter
from robustseg_core.runtime.torch_backend import TorchBackend
from robustseg_core.training.validation import is_due

COLUMNS = 8
TILE_WIDTH = 160  # pixels
TITLE_HEIGHT = 16

Pixels = NDArray[np.uint8]


class SamplePictures(Callback):
    """Logs, whenever the network is scored, the same frames: inputs, truth, every prediction.

    Args:
        network: What predicts.
        samples: The validation frames, of which some are taken evenly.
        count: How many.
        every: Epochs between two scores; 0 = only the last.
    """

    def __init__(
        self, network: MultimodalSegmenter, samples: Dataset[Sample], count: int, every: int
    ) -> None:
        self._network = network
        total = len(samples)  # type: ignore[arg-type]
        chosen = np.unique(np.linspace(0, total - 1, min(count, total)).round().astype(int))
        self._batches: DataLoader[Any] = DataLoader(
            Subset(samples, chosen.tolist()),
            batch_size=1,
            collate_fn=Collate(network.config.modalities),
        )
        self._count = len(chosen)
        self._every = every

    def on_train_epoch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        epoch = trainer.current_epoch + 1
        due = self._count and is_due(epoch, trainer.max_epochs or 0, self._every)
        if not due or not trainer.is_global_zero:
            return
        config = self._network.config
        protocols = (use_of(config),)  # what the scores are of
        gallery = Gallery(
            config.modalities,
            len(config.labels),
            seed=0,
            frames=self._count,
            points=0,
            zeroed=shows_zeroed(config, protocols),
        )
        evaluate(
            TorchBackend(self._network, str(pl_module.device)),
            self._batches,
            protocols,
            watcher=gallery,
        )
        for logger in trainer.loggers:
            if isinstance(logger, TensorBoardLogger):
                for frame in gallery.frames():
                    logger.experiment.add_image(
                        f'samples/{frame.id}',
                        tiled(frame, config.labels, config.modalities),
                        trainer.global_step - 1,
                        dataformats='HWC',
                    )


def tiled(frame: KeptFrame, labels: LabelSet, modalities: ModalitySet) -> Pixels:
    """Return a picture (H, W, 3): inputs and truth, then the mask of each subset, all titled."""
    first = [*frame.inputs.items(), ('truth', labels.colourise(frame.truth))]
    masks = [
        (modalities.letters_of(subset), labels.colourise(class_ids))
        for subset, class_ids in frame.predictions.items()
    ]
    lines = [first, *(masks[start : start + COLUMNS] for start in range(0, len(masks), COLUMNS))]
    if len(first) + len(masks) <= COLUMNS:
        lines = [[*first, *masks]]
    columns = max(len(line) for line in lines)
    return np.vstack([_line(line, columns) for line in lines])


def _line(tiles: Iterable[tuple[str, Pixels]], columns: int) -> Pixels:
    shown = [_tile(title, pixels) for title, pixels in tiles]
    blank = np.zeros_like(shown[0])
    return np.hstack([*shown, *[blank] * (columns - len(shown))])


def _tile(title: str, pixels: Pixels) -> Pixels:
    height = max(1, round(TILE_WIDTH * pixels.shape[0] / pixels.shape[1]))
    small = cv2.resize(pixels, (TILE_WIDTH, height), interpolation=cv2.INTER_NEAREST_EXACT)
    head = np.zeros((TITLE_HEIGHT, TILE_WIDTH, 3), np.uint8)
    cv2.putText(head, title, (3, 12), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (255, 255, 255))
    return np.vstack([head, np.asarray(small, np.uint8)])
