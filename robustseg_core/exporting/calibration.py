"""What the ranges of int8 are measured on: the user's own frames."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robustseg_core.data.sample import Batch
from robustseg_core.exporting.walking import fusions
from robustseg_core.runtime.backend import Backend
from robustseg_core.runtime.graphs import IMAGE, MAPS, SUBSET, takes_subset

Inputs = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Calibration:
    """The inputs of both graphs, made of frames.

    Attributes:
        network: The checkpoint in float32.
        frames: Batches of one; gone through for each graph.
    """

    network: Backend
    frames: Iterable[Batch]

    def images(self) -> Iterator[Inputs]:
        """Yield every image of every modality: they share the encoder."""
        for batch in self.frames:
            for image in batch['images'].values():
                yield {IMAGE: image.numpy()}

    def maps(self) -> Iterator[Inputs]:
        """Yield the fused maps of every subset of every frame: they share the head."""
        with_subset = takes_subset(self.network.config)
        for batch in self.frames:
            for _, index, maps in fusions(self.network, batch['images']):
                inputs: Inputs = {
                    name: each.contiguous().cpu().numpy()
                    for name, each in zip(MAPS, maps, strict=True)
                }
                yield inputs | ({SUBSET: np.array([index])} if with_subset else {})
