"""A data set held in memory, for sets that are drawn or decoded slowly and fit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from torch.utils.data import Dataset

Arrays = Mapping[str, Any]


class InMemory(Dataset[Arrays]):
    """Every item of a data set, read once; float images are kept in half precision."""

    def __init__(self, items: Iterable[Arrays]) -> None:
        self._items = [{**item, 'images': _halved(item['images'])} for item in items]

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: int) -> Arrays:
        return self._items[index]


def _halved(images: Mapping[str, np.ndarray[Any, Any]]) -> dict[str, np.ndarray[Any, Any]]:
    return {
        name: image.astype(np.float16) if image.dtype == np.float32 else image
        for name, image in images.items()
    }
