"""What the pictures of a report need, gathered in the pass that scores, within bounds.

Which frames and pixels are kept depends on the seed and the frames' names alone, not on batches.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from robustseg_core.data.sample import Batch
from robustseg_core.evaluation.trials import Subset, Trial
from robustseg_core.labels import IGNORE_ID
from robustseg_core.modalities import Modality, ModalitySet
from robustseg_core.sensors.pictures import picture

FRAMES = 4
POINTS = 2000
# Zero says 'nothing here' in many encodings, and must not be lost to rounding.
ROUNDING = 1e-4
STAGE = -2  # the last map but one, at stride 16


@dataclass
class KeptFrame:
    """A frame to be shown.

    Attributes:
        id: What the data set calls it.
        inputs: Modality name to a picture (H, W, 3) uint8.
        truth: Class ids (H, W), 255 = ignore.
        predictions: Subset to class ids (H, W).
    """

    id: str
    inputs: dict[str, NDArray[np.uint8]]
    truth: NDArray[np.uint8]
    predictions: dict[Subset, NDArray[np.uint8]] = field(default_factory=dict)


class Pixel(NamedTuple):
    """A place of a feature map: a random number that decides who stays, and what was seen there.

    Attributes:
        key: Random, in [0, 1); the smallest stay.
        features: Modality name to (C,).
    """

    key: float
    features: dict[str, NDArray[np.float32]]


class Gallery:
    """Keeps a few frames and, of every class, a few pixels' features; a ``Watcher``.

    Args:
        modalities: The network's.
        num_classes: K.
        seed: Of the choice.
        frames: Most frames kept.
        points: Most feature vectors kept: of all classes, modalities and their fusion.
        stage: Which of the four feature maps.
        zeroed: Show the subsets with the other sensors zeroed (EMM), not left out.
    """

    def __init__(
        self,
        modalities: ModalitySet,
        num_classes: int,
        seed: int,
        *,
        frames: int = FRAMES,
        points: int = POINTS,
        stage: int = STAGE,
        zeroed: bool = False,
    ) -> None:
        self._modalities = modalities
        self._seed = seed
        self._most_frames = frames
        self._stage = stage
        self._zeroed = zeroed
        self._most_pixels = max(1, points // (num_classes * (len(modalities) + 1)))
        self._frames: dict[int, KeptFrame] = {}
        self._pixels: dict[int, list[Pixel]] = {}

    def frames(self) -> list[KeptFrame]:
        """Return the frames kept, by name."""
        return sorted(self._frames.values(), key=lambda frame: frame.id)

    def pixels(self) -> tuple[NDArray[np.float32], NDArray[np.int64], list[str]]:
        """Return features (N, C), their classes (N,) and their modalities' names (N).

        Pixels of frames that have all modalities come also as what the head reads, the mean,
        under the letters of the set.
        """
        features: list[NDArray[np.float32]] = []
        class_ids: list[int] = []
        names: list[str] = []
        for class_id, pixels in sorted(self._pixels.items()):
            for pixel in pixels:
                rows = dict(pixel.features)
                if len(rows) == len(self._modalities) > 1:
                    rows[self._modalities.letters] = np.mean(list(rows.values()), axis=0)
                features += rows.values()
                names += rows
                class_ids += [class_id] * len(rows)
        matrix = np.stack(features) if features else np.zeros((0, 0), np.float32)
        return matrix, np.array(class_ids, np.int64), names

    def predicted(self, batch: Batch, trial: Trial, class_ids: Tensor) -> None:
        """Keep the prediction of the frames that are shown, of clean subsets."""
        is_shown = self._zeroed == (trial.blanks > 0) or trial.needs == self._modalities.names
        if trial.level is not None or not is_shown:
            return
        for row in range(len(batch['ids'])):
            if set(trial.needs) <= set(self._present(batch, row)):
                frame = self._kept(batch, row)
                if frame is not None:
                    frame.predictions[trial.needs] = class_ids[row].cpu().numpy()

    def features(self, batch: Batch, maps: Mapping[str, Sequence[Tensor]]) -> None:
        """Keep the features of a few pixels of every class."""
        chosen = {name: each[self._stage] for name, each in maps.items()}
        for row in range(len(batch['ids'])):
            present = [name for name in self._present(batch, row) if name in chosen]
            if present:
                self._keep_pixels(batch, row, {name: chosen[name][row] for name in present})

    def _kept(self, batch: Batch, row: int) -> KeptFrame | None:
        """Return the frame, if it is one of those to be shown as far as is known."""
        key = self._number(batch['ids'][row])
        if key not in self._frames:
            if len(self._frames) == self._most_frames:
                worst = max(self._frames)
                if key > worst:
                    return None
                del self._frames[worst]
            self._frames[key] = KeptFrame(
                batch['ids'][row],
                {
                    name: _picture(batch['images'][name][row], self._modalities[name])
                    for name in self._present(batch, row)
                },
                batch['labels'][row].numpy().astype(np.uint8),
            )
        return self._frames[key]

    def _keep_pixels(self, batch: Batch, row: int, maps: Mapping[str, Tensor]) -> None:
        height, width = next(iter(maps.values())).shape[1:]
        truth = _at_centres(batch['labels'][row].numpy(), height, width)
        keys = np.random.default_rng(self._number(batch['ids'][row])).random(height * width)
        # Those of each class with the smallest keys; more cannot stay.
        order = np.argsort(keys)
        wanted = [
            order[truth[order] == class_id][: self._most_pixels]
            for class_id in np.unique(truth[truth != IGNORE_ID])
        ]
        places = np.concatenate([np.zeros(0, np.int64), *wanted])
        features = {
            name: each.flatten(1)[:, places].T.float().cpu().numpy() for name, each in maps.items()
        }
        for index, place in enumerate(places):
            pixel = Pixel(
                float(keys[place]), {name: each[index] for name, each in features.items()}
            )
            self._pixels.setdefault(int(truth[place]), []).append(pixel)
        for pixels in self._pixels.values():
            pixels.sort(key=lambda pixel: pixel.key)
            del pixels[self._most_pixels :]

    def _present(self, batch: Batch, row: int) -> list[str]:
        names = zip(self._modalities.names, batch['availability'][row].tolist(), strict=True)
        return [name for name, is_there in names if is_there]

    def _number(self, frame_id: str) -> int:
        """Return a number that looks random and belongs to the frame and the seed."""
        digest = blake2b(f'{self._seed}\0{frame_id}'.encode(), digest_size=8).digest()
        return int.from_bytes(digest, 'little')


def _picture(image: Tensor, modality: Modality) -> NDArray[np.uint8]:
    """Return a normalised image (3, H, W) as a picture (H, W, 3) for people."""
    scale = modality.normalisation
    raw: NDArray[Any] = image.permute(1, 2, 0).cpu().numpy()
    raw = raw * np.asarray(scale.std, np.float32) + np.asarray(scale.mean, np.float32)
    raw[np.abs(raw) < ROUNDING] = 0
    if modality.encoding == 'rgb':
        raw = raw.round().clip(0, 255).astype(np.uint8)
    return picture(raw, modality.encoding)


def _at_centres(labels: NDArray[np.int64], height: int, width: int) -> NDArray[np.int64]:
    """Return the labels (H, W) at the centres of a map's cells, (height * width,)."""
    rows = ((np.arange(height) + 0.5) * labels.shape[0] / height).astype(np.int64)
    columns = ((np.arange(width) + 0.5) * labels.shape[1] / width).astype(np.int64)
    return labels[np.ix_(rows, columns)].reshape(-1)
