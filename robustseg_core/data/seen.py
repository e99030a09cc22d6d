"""The values that a data set's images hold, measured once and kept in the checkpoint."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robustseg_core.modalities import Modality, ModalitySet
from robustseg_core.ranges import Seen
from robustseg_core.sensors.values import (
    HIGH,
    LOW,
    ValueStatistics,
    sampled,
    statistics_of,
    values_of,
)

SEEN_FRAMES = 200
DIGITS = 5  # significant ones; more would only make the file larger


def with_seen(modalities: ModalitySet, frames: Iterable[Mapping[str, Any]]) -> ModalitySet:
    """Return ``modalities`` with what their images hold in ``frames``.

    A modality that no frame has, or of which every image is empty, stays as it is.

    Args:
        modalities: Of the network.
        frames: Of a data set, as ``FrameArrays``: their images as read, not yet normalised.
    """
    measured = {each.name: _Measured(each) for each in modalities}
    for frame in frames:
        for name, image in frame['images'].items():
            if name in measured:
                measured[name].add(image)
    return ModalitySet(tuple(each.modality() for each in measured.values()))


def spread(count: int, wanted: int = SEEN_FRAMES) -> list[int]:
    """Return the numbers of ``wanted`` of ``count`` frames, or of all, spread evenly."""
    chosen = np.linspace(0, count - 1, min(wanted, count)).round().astype(int)
    return [int(number) for number in np.unique(chosen)]


class _Measured:
    """What was found of one modality."""

    def __init__(self, modality: Modality) -> None:
        self._modality = modality
        self._planes: list[NDArray[np.float32]] = []
        self._frames: list[ValueStatistics] = []
        self._empty: list[float] = []

    def add(self, image: NDArray[Any]) -> None:
        """Look at one image (H, W, 3)."""
        pixels = sampled(image)
        statistics = statistics_of(pixels, self._modality.encoding)
        self._empty.append(1.0 if statistics is None else statistics.empty)
        if statistics is not None:
            self._frames.append(statistics)
            self._planes.append(values_of(pixels, self._modality.encoding))

    def modality(self) -> Modality:
        """Return the modality with all that was looked at."""
        if not self._frames:
            return self._modality
        planes = np.concatenate(self._planes, axis=1).astype(np.float64)
        low, high = np.quantile(planes, [LOW, HIGH], axis=1)
        magnitudes = np.stack([each.magnitude for each in self._frames])
        tints = np.array([each.tint for each in self._frames])
        seen = Seen(
            frames=len(self._empty),
            low=_triple(low),
            high=_triple(high),
            minimum=_triple(planes.min(axis=1)),
            maximum=_triple(planes.max(axis=1)),
            mean=_triple(planes.mean(axis=1)),
            std=_triple(planes.std(axis=1)),
            empty=_rounded(float(np.mean(self._empty))),
            smallest_magnitude=_triple(magnitudes.min(axis=0)),
            largest_magnitude=_triple(magnitudes.max(axis=0)),
            tint=(_rounded(np.quantile(tints, LOW)), _rounded(np.quantile(tints, HIGH))),
        )
        return replace(self._modality, seen=seen)


def _triple(values: NDArray[Any]) -> tuple[float, float, float]:
    first, second, third = (_rounded(value) for value in values)
    return first, second, third


def _rounded(value: float) -> float:
    return float(f'{value:.{DIGITS}g}')
