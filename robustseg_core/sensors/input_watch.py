"""What the images of one input say of themselves, at next to no cost."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robustseg_core.modalities import Modality
from robustseg_core.sensors.content import ContentWatch
from robustseg_core.sensors.range_check import Finding, findings
from robustseg_core.sensors.values import ValueStatistics, sampled, statistics_of

EVERY = 10  # images, once there is a first judgement
LEAST = 5  # images before there is one
KEPT = 9  # whose median is judged: one image alone proves nothing


class RangeWatch:
    """Compares the values of an input with what training saw, over several images.

    Args:
        modality: Says what training saw.
        every: Look at every so many images, once ``LEAST`` were looked at.
    """

    def __init__(self, modality: Modality, every: int = EVERY) -> None:
        self._modality = modality
        self._every = every
        self._count = 0
        self._recent: deque[ValueStatistics] = deque(maxlen=KEPT)
        self._findings: tuple[Finding, ...] = ()

    def look(self, pixels: NDArray[Any]) -> tuple[Finding, ...]:
        """Take the pixels (N, 3) of the next image; return what is known so far.

        As long as the causes stay the same, the findings stay those that were first made.
        """
        if self._modality.seen is None:
            return ()
        self._count += 1
        if self._count > LEAST and self._count % self._every:
            return self._findings
        statistics = statistics_of(pixels, self._modality.encoding)
        if statistics is not None:
            self._recent.append(statistics)
        if len(self._recent) >= LEAST:
            self._judge()
        return self._findings

    def conclude(self) -> tuple[Finding, ...]:
        """Return what is known at the end, of however few images."""
        if self._recent:
            self._judge()
        return self._findings

    def _judge(self) -> None:
        found = findings(_median(self._recent), self._modality)
        if [(each.what, each.cause) for each in found] != [
            (each.what, each.cause) for each in self._findings
        ]:
            self._findings = found


def _median(statistics: deque[ValueStatistics]) -> ValueStatistics:
    # The one in the middle, by sorting: numpy's median takes several times as long.
    middle = len(statistics) // 2

    def of(name: str) -> Any:
        return np.sort(np.stack([getattr(each, name) for each in statistics]), axis=0)[middle]

    return ValueStatistics(**{each.name: of(each.name) for each in fields(ValueStatistics)})


@dataclass(frozen=True)
class Noticed:
    """What is to be said of an input.

    Attributes:
        problem: Why its newest image says nothing, or empty.
        lasts: Whether that is so for some images already.
        findings: In what its values are far from those of training.
    """

    problem: str = ''
    lasts: bool = False
    findings: tuple[Finding, ...] = ()


class InputWatch:
    """Watches content and values of one input; for a stream of images in their order."""

    def __init__(self, modality: Modality) -> None:
        self._content = ContentWatch(modality)
        self._range = RangeWatch(modality)

    def look(self, image: NDArray[Any]) -> Noticed:
        """Take the next image (H, W, 3), in the units of the modality's encoding."""
        pixels = sampled(image)
        problem = self._content.look(image, pixels)
        # What has no content is none of training's either; one complaint is enough.
        found = () if problem else self._range.look(pixels)
        return Noticed(problem, self._content.lasts, found)
