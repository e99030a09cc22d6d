"""Masks against the truth: the node's, and another network's on the same frames and sensors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robustseg_core.evaluation.confusion import Confusion
from robustseg_core.modalities import ModalitySet
from robustseg_core.runtime.engine import Engine

# Rounding may turn a pixel whose best two classes are on a par; another subset turns many.
SAME = 0.999
Images = Mapping[str, NDArray[Any]]
Segment = Callable[[tuple[str, ...]], NDArray[np.uint8]]


@dataclass(frozen=True)
class FrameScore:
    """One mask of the node against the truth.

    Attributes:
        stamp_ns: Of the frame.
        used: The sensors that the mask rests on.
        agreement: Share of the mask's pixels that the same network gives offline with ``used``.
        student: Confusion of the node's mask.
        teacher: Confusion of the other network's mask, from the same images.
    """

    stamp_ns: int
    used: tuple[str, ...]
    agreement: float
    student: Confusion
    teacher: Confusion


class Judge:
    """Scores frames.

    Args:
        student: The network that the node runs.
        teacher: The other one.
    """

    def __init__(self, student: Engine, teacher: Engine) -> None:
        self._student = student
        self._teacher = teacher

    def score(
        self,
        stamp_ns: int,
        images: Images,
        mask: NDArray[np.uint8],
        truth: NDArray[np.uint8],
    ) -> FrameScore:
        """Score a mask.

        Args:
            stamp_ns: Of the frame.
            images: The network images of all sensors that sent one.
            mask: (H, W) what the node published.
            truth: (H, W).
        """
        shape = (truth.shape[0], truth.shape[1])

        def student(names: tuple[str, ...]) -> NDArray[np.uint8]:
            return _segment(self._student, stamp_ns, images, names, shape)

        used, agreement = subset_behind(mask, tuple(images), student)
        predicted = _segment(self._teacher, stamp_ns, images, used, shape)
        return FrameScore(
            stamp_ns,
            used,
            agreement,
            confusion_of(mask, truth, len(self._student.labels)),
            confusion_of(predicted, truth, len(self._teacher.labels)),
        )


def subset_behind(
    mask: NDArray[np.uint8], names: Sequence[str], segment: Segment
) -> tuple[tuple[str, ...], float]:
    """Find out which sensors a mask rests on, by making it again.

    A mask does not say it, and which sensors count as alive in a frame depends on how messages
    raced. The largest subset that gives the mask is the answer; if none does, the nearest.

    Args:
        mask: (H, W) what was published.
        names: The sensors that sent something.
        segment: Gives the mask of a subset.

    Returns:
        The subset, and the share of equal pixels.
    """
    best: tuple[tuple[str, ...], float] = ((), -1.0)
    for size in range(len(names), 0, -1):
        for subset in combinations(names, size):
            agreement = float((segment(subset) == mask).mean())
            if agreement > best[1]:
                best = subset, agreement
            if agreement >= SAME:
                return best
    return best


def confusion_of(
    predicted: NDArray[np.uint8], truth: NDArray[np.uint8], classes: int
) -> Confusion:
    """Return the counts of one frame."""
    confusion = Confusion(classes)
    confusion.update(predicted, truth)
    return confusion


def pooled(confusions: Iterable[Confusion]) -> float:
    """Return the mean IoU (%) of all frames together; NaN without frames."""
    counts = [confusion.counts for confusion in confusions]
    if not counts:
        return float('nan')
    total = Confusion(len(counts[0]))
    total.counts = np.sum(counts, axis=0)
    return total.mean_iou()


def by_subset(
    scores: Iterable[FrameScore], modalities: ModalitySet
) -> dict[str, list[FrameScore]]:
    """Sort frames by the letters of the sensors in use, most sensors first."""
    groups: dict[str, list[FrameScore]] = {}
    for score in scores:
        groups.setdefault(modalities.letters_of(score.used), []).append(score)
    known = [modalities.letters_of(names) for names in reversed(modalities.subsets())]
    return {letters: groups[letters] for letters in known if letters in groups}


def _segment(
    engine: Engine, stamp_ns: int, images: Images, names: Iterable[str], shape: tuple[int, int]
) -> NDArray[np.uint8]:
    for name in names:
        engine.observe(name, images[name], stamp_ns)
    return engine.segment(dict.fromkeys(names, stamp_ns), shape).class_ids
