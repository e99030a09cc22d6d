"""Lines on inputs whose values are not those of training, for commands that go through files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from robustseg_core.data.sample import Batch
from robustseg_core.modalities import Modality, ModalitySet
from robustseg_core.sensors.input_watch import RangeWatch
from robustseg_core.sensors.range_check import Finding, without_ranges, worded
from robustseg_core.sensors.values import sampled

# Of a standard deviation: what normalising and undoing it makes of zero.
_ROUNDING = 1e-4


class ValueLines:
    """Compares every image with what training saw and tells each modality's findings once.

    Args:
        modalities: Of the network.
        tell: Takes a line.
        setting: From a modality and what a finding is about to what the user sets, or ''.
    """

    def __init__(
        self,
        modalities: ModalitySet,
        tell: Callable[[str], None],
        setting: Callable[[Modality, str], str],
    ) -> None:
        self._modalities = modalities
        self._tell = tell
        self._setting = setting
        self._watches: dict[str, RangeWatch] = {}
        self._told: set[str] = set()

    def look(self, name: str, image: NDArray[Any]) -> None:
        """Take an image (H, W, 3) in the units of its encoding."""
        self._take(name, sampled(image))

    def watched(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """Hand on ``batches``, having looked at what they are made of; ends with ``end``."""
        for batch in batches:
            for column, name in enumerate(self._modalities.names):
                for row in batch['availability'][:, column].nonzero().flatten().tolist():
                    image = batch['images'][name][row]
                    self._take(name, _as_it_was(image, self._modalities[name]))
            yield batch
        self.end()

    def end(self) -> None:
        """Judge what there were too few images of, and name what could not be compared."""
        for name, watch in self._watches.items():
            self._say(name, watch.conclude())
        if unknown := without_ranges(self._modalities, self._watches):
            self._tell(unknown)

    def _take(self, name: str, pixels: NDArray[Any]) -> None:
        if name not in self._watches:
            self._watches[name] = RangeWatch(self._modalities[name], every=1)
        self._say(name, self._watches[name].look(pixels))

    def _say(self, name: str, found: tuple[Finding, ...]) -> None:
        if not found or name in self._told:
            return
        self._told.add(name)
        modality = self._modalities[name]
        self._tell(f'{name}: {worded(found, lambda what: self._setting(modality, what))}')


def _as_it_was(image: Tensor, modality: Modality) -> NDArray[np.float32]:
    """Return pixels (N, 3) of a normalised image (3, H, W) as they were before."""
    mean, std = (np.array(each, np.float32) for each in _moments(modality))
    pixels = sampled(image.permute(1, 2, 0).numpy()) * std + mean
    pixels[(np.abs(pixels) < _ROUNDING * std).all(axis=1)] = 0  # empty, as it was
    return pixels.astype(np.float32)


def _moments(modality: Modality) -> tuple[tuple[float, ...], tuple[float, ...]]:
    return modality.normalisation.mean, modality.normalisation.std
