"""From a data set's arrays to samples: size, normalisation and joint augmentation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Any, Literal, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
import torch
from torch.nn import functional as F
from torch.utils.data import Dataset
from torchvision import tv_tensors
from torchvision.transforms import v2

from robustseg_core.data.config import DataConfig
from robustseg_core.data.sample import Sample
from robustseg_core.modalities import ModalitySet
from robustseg_core.sensors.network_input import network_tensor, resized

DEPTH_ENCODINGS = ('inverse_log_depth', 'linear_depth')  # both write 0 where depth is unknown
HOLE_GRAINS = (8, 24, 64)  # pixels
LARGEST_HOLES = 0.4

Arrays = Mapping[str, Any]
Size = tuple[int, int]
Fit = Literal['squash', 'crop']


class Draw(NamedTuple):
    """A frame and the seed of everything random that is done to it."""

    frame: int
    seed: int


class Resized:
    """Bring the arrays of a data set to about one size, each by its own rule.

    Args:
        modalities: Say how each image is resized; others are left out.
        size: Height and width wanted, in pixels.
        fit: ``squash`` gives exactly ``size``; ``crop`` keeps the aspect and covers ``size``.
    """

    def __init__(self, modalities: ModalitySet, size: Size, fit: Fit = 'squash') -> None:
        self._modalities = modalities
        self._size = size
        self._fit = fit

    def __call__(self, arrays: Arrays) -> Arrays:
        labels = arrays['labels']
        size = covering(labels.shape, self._size) if self._fit == 'crop' else self._size
        return {
            **arrays,
            'images': {
                name: resized(image, self._modalities[name], size)
                for name, image in arrays['images'].items()
                if name in self._modalities
            },
            'labels': _resized_labels(labels, size),
        }


class ToSample:
    """Normalise every image and turn the arrays of a data set into tensors of one size.

    Args:
        modalities: Those of the sample, with their normalisation; others are left out.
        size: Height and width of the sample, in pixels; None = that of the labels.
        fit: ``squash`` ignores the aspect; ``crop`` keeps it, covers ``size`` and cuts the centre.
    """

    def __init__(
        self, modalities: ModalitySet, size: Size | None = None, fit: Fit = 'squash'
    ) -> None:
        self._modalities = modalities
        self._size = size
        self._fit = fit

    def __call__(self, arrays: Arrays) -> Sample:
        labels = arrays['labels']
        size = self._size or labels.shape
        whole = covering(labels.shape, size) if self._fit == 'crop' else size
        top, left = (whole[0] - size[0]) // 2, (whole[1] - size[1]) // 2
        window = (slice(top, top + size[0]), slice(left, left + size[1]))
        ids = _resized_labels(labels, whole)[window]
        sample = Sample(
            images={
                name: tv_tensors.Image(
                    network_tensor(image, self._modalities[name], whole)[:, window[0], window[1]]
                )
                for name, image in arrays['images'].items()
                if name in self._modalities
            },
            labels=tv_tensors.Mask(torch.from_numpy(ids.astype(np.int64))),
            id=arrays['id'],
            condition=arrays['condition'],
        )
        if 'damaged' in arrays:
            sample['damaged'] = arrays['damaged']
        return sample


class Augmented:
    """Arrays of a data set to training samples: scaled, cropped and flipped alike in all sensors.

    Colour jitter and blur touch RGB alone, holes depth alone. The published recipe (of DELIVER):
    jitter and blur with a chance of 0.2, flip 0.5, scale 0.5 to 2.

    Randomness is torch's global generator.
    """

    def __init__(self, modalities: ModalitySet, config: DataConfig) -> None:
        self._modalities = modalities
        self._config = config
        chance = config.photometric
        self._photometric = v2.Compose(
            [
                v2.RandomApply([v2.ColorJitter(0.5, 0.5, 0.5)], p=chance),
                v2.RandomApply([v2.GaussianBlur(3)], p=chance),
            ]
        )
        # A missing pixel's label must stay 'ignore' (255) where a small frame is padded up.
        fill = {tv_tensors.Image: 0, tv_tensors.Mask: 255}
        self._geometric = v2.Compose(
            [
                v2.RandomHorizontalFlip(),
                v2.RandomCrop(config.crop, pad_if_needed=True, fill=fill),
                v2.ToPureTensor(),
            ]
        )

    def __call__(self, arrays: Arrays) -> Sample:
        low, high = self._config.scales
        scale = low + (high - low) * float(torch.rand(()))
        height, width = (round(side * scale) for side in self._config.size)
        size = (height, width)
        if self._config.fit == 'crop':
            size = covering(arrays['labels'].shape, size)
        images = {name: self._altered(name, image) for name, image in arrays['images'].items()}
        sample = ToSample(self._modalities, size)({**arrays, 'images': images})
        return self._geometric(sample)  # type: ignore[no-any-return]

    def _altered(self, name: str, image: NDArray[Any]) -> NDArray[Any]:
        encoding = self._modalities[name].encoding if name in self._modalities else ''
        if encoding == 'rgb':
            planes = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)
            return np.asarray(self._photometric(planes).permute(1, 2, 0).numpy())
        if encoding in DEPTH_ENCODINGS and float(torch.rand(())) < self._config.depth_holes:
            return _with_holes(image)
        return image


class DepthHoles:
    """Make holes in every depth image, as ``DataConfig.depth_holes`` does in training.

    Args:
        modalities: Say which images are depth.
        seed: With the frame's id it decides where the holes are.
    """

    def __init__(self, modalities: ModalitySet, seed: int) -> None:
        self._names = {each.name for each in modalities if each.encoding in DEPTH_ENCODINGS}
        self._seed = seed

    def __call__(self, arrays: Arrays) -> Arrays:
        digest = blake2b(f'{self._seed}\0{arrays["id"]}'.encode(), digest_size=8).digest()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int.from_bytes(digest, 'little'))
            images = {
                name: _with_holes(image) if name in self._names else image
                for name, image in arrays['images'].items()
            }
        return {**arrays, 'images': images}


class Transformed(Dataset[Sample]):
    """A data set's arrays, each sent through ``steps`` when read.

    Read by index, what is random in the steps draws from torch's generator; read by ``Draw``, the
    result depends on that draw alone, whoever reads it, when and in which process.
    """

    def __init__(self, arrays: Dataset[Arrays], *steps: Callable[[Any], Any]) -> None:
        self._arrays = arrays
        self._steps = steps

    def __len__(self) -> int:
        return len(self._arrays)  # type: ignore[arg-type]

    def __getitem__(self, key: int | Draw) -> Sample:
        if isinstance(key, Draw):
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(key.seed)
                return self._read(key.frame)
        return self._read(key)

    def _read(self, index: int) -> Sample:
        item: Any = self._arrays[index]
        for step in self._steps:
            item = step(item)
        return item  # type: ignore[no-any-return]


def covering(shape: Size, size: Size) -> Size:
    """Return the smallest size of the aspect of ``shape`` (height, width) that covers ``size``."""
    scale = max(size[0] / shape[0], size[1] / shape[1])
    return max(size[0], round(shape[0] * scale)), max(size[1], round(shape[1] * scale))


def _resized_labels(labels: NDArray[np.uint8], size: Size) -> NDArray[np.uint8]:
    if labels.shape == size:
        return labels
    # EXACT samples at pixel centres, as the images are resized.
    result = cv2.resize(labels, size[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
    return np.asarray(result, np.uint8)


def _with_holes(image: NDArray[Any]) -> NDArray[Any]:
    """Return a depth image (H, W, 3) with up to two fifths of it unknown, in blotches."""
    height, width = image.shape[:2]
    grain = HOLE_GRAINS[int(torch.randint(len(HOLE_GRAINS), ()))]
    coarse = torch.rand(1, 1, -(-height // grain) + 1, -(-width // grain) + 1)
    noise = F.interpolate(coarse, (height, width), mode='bicubic', align_corners=True)[0, 0]
    share = LARGEST_HOLES * float(torch.rand(()))
    hole = noise < torch.quantile(noise.flatten()[::16], share)
    return np.where(hole.numpy()[..., None], 0, image).astype(image.dtype)
