"""From a data set's arrays to samples: normalisation and joint augmentation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset
from torchvision import tv_tensors
from torchvision.transforms import v2

from robustseg_core.data.sample import Sample
from robustseg_core.modalities import ModalitySet
from robustseg_core.sensors.network_input import network_tensor

Arrays = Mapping[str, Any]


class ToSample:
    """Normalise every image and turn the arrays of a data set into tensors of one size."""

    def __init__(self, modalities: ModalitySet) -> None:
        self._modalities = modalities

    def __call__(self, arrays: Arrays) -> Sample:
        labels = arrays['labels']
        return Sample(
            images={
                name: tv_tensors.Image(network_tensor(image, self._modalities[name], labels.shape))
                for name, image in arrays['images'].items()
                if name in self._modalities
            },
            labels=tv_tensors.Mask(torch.from_numpy(labels.astype(np.int64))),
            id=arrays['id'],
            condition=arrays['condition'],
        )


def augmentation(crop: tuple[int, int]) -> Callable[[Sample], Sample]:
    """Return a random horizontal flip and a random crop, drawn once for all modalities.

    Args:
        crop: Height and width of what the network sees in training.
    """
    # A missing pixel's label must stay 'ignore' (255) where a small frame is padded up.
    fill = {tv_tensors.Image: 0, tv_tensors.Mask: 255}
    return v2.Compose(  # type: ignore[no-any-return]
        [
            v2.RandomHorizontalFlip(),
            v2.RandomCrop(crop, pad_if_needed=True, fill=fill),
            v2.ToPureTensor(),
        ]
    )


class Transformed(Dataset[Sample]):
    """A data set's arrays, each sent through ``steps`` when read."""

    def __init__(self, arrays: Dataset[Arrays], *steps: Callable[[Any], Any]) -> None:
        self._arrays = arrays
        self._steps = steps

    def __len__(self) -> int:
        return len(self._arrays)  # type: ignore[arg-type]

    def __getitem__(self, index: int) -> Sample:
        item: Any = self._arrays[index]
        for step in self._steps:
            item = step(item)
        return item  # type: ignore[no-any-return]
