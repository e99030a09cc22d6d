"""A data set held in memory, for sets that are drawn or decoded slowly and fit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from torch.utils.data import Dataset

Arrays = Mapping[str, Any]


class InMemory(Dataset[Arrays]):
    """Every item of a data set, read once; images of small floats are kept in half precision."""

    def __init__(self, items: Iterable[Arrays]) -> None:
        self._items = [{**item, 'images': _halved(item['images'])} for item in items]

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: int) -> Arrays:
        return self._items[index]


def _halved(images: Mapping[str, np.ndarray[Any, Any]]) -> dict[str, np.ndarray[Any, Any]]:
    return {
        name: image.astype(np.float16) if _fits_half(image) else image
        for name, image in images.items()
    }


def _fits_half(image: np.ndarray[Any, Any]) -> bool:
    # Up to 256 the steps are an eighth at most; kelvin or raw counts would lose what they tell.
    return image.dtype == np.float32 and bool(np.abs(image).max(initial=0) <= 256)
