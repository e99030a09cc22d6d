"""Scores as typed values, and as what JSON can hold."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
import math
from typing import Any

from robustseg_core.evaluation.confusion import Confusion
from robustseg_core.evaluation.trials import Subset
from robustseg_core.labels import LabelSet
from robustseg_core.modalities import ModalitySet

# Chance of a sensor to fail, for the expectation over what is left.
FAILURE_CHANCES = (0.05, 0.1, 0.2)


@dataclass(frozen=True)
class SubsetScores:
    """Confusion counts of every subset of the modalities.

    Attributes:
        modalities: The sensors, which name the subsets.
        counts: Subset of modality names to its confusion counts.
        frames: Number of frames seen.
        scored: Subset to the number of frames that have its sensors, and were scored.
    """

    modalities: ModalitySet
    counts: Mapping[Subset, Confusion]
    frames: int
    scored: Mapping[Subset, int]

    def mean_ious(self, *, absent_as_zero: bool = False) -> dict[str, float]:
        """Return the mIoU (percent) per subset, by letters, e.g. ``{'R': 40.1, 'RD': 52.3}``.

        A subset that no frame has the sensors for has NaN.
        """
        return self.by_letters(partial(Confusion.mean_iou, absent_as_zero=absent_as_zero))

    def by_letters(self, measure: Callable[[Confusion], float]) -> dict[str, float]:
        """Return ``measure`` of each subset's counts, NaN where no frame was scored."""
        return {
            self.modalities.letters_of(subset): measure(confusion)
            if self.scored[subset]
            else math.nan
            for subset, confusion in self.counts.items()
        }

    def average(self, *, absent_as_zero: bool = False) -> float:
        """Return the plain mean of the subsets' mIoU (E_avg, Eq 12), over those scored."""
        return mean_of_scored(self.mean_ious(absent_as_zero=absent_as_zero).values())

    def expected(self, chance: float, *, absent_as_zero: bool = False) -> float:
        """Return the mIoU expected where each sensor fails with ``chance`` (E_exp, Eq 13).

        A subset that lacks n of M sensors weighs chance**n * (1 - chance)**(M - n); that none is
        left is excluded, and so are subsets that no frame was scored for.
        """
        total = weights = 0.0
        for letters, value in self.mean_ious(absent_as_zero=absent_as_zero).items():
            if not math.isnan(value):
                kept = len(letters)
                weight = chance ** (len(self.modalities) - kept) * (1 - chance) ** kept
                total += weight * value
                weights += weight
        return total / weights if weights else math.nan

    def missed(self) -> dict[str, int]:
        """Return for each subset how many frames lack a sensor of it, where any does."""
        return {
            self.modalities.letters_of(subset): self.frames - count
            for subset, count in self.scored.items()
            if count < self.frames
        }

    def to_dict(self) -> dict[str, Any]:
        """Return the number of frames and the mIoUs."""
        return {
            'frames': self.frames,
            'miou_present_classes': finite(self.mean_ious()),
            'miou_all_classes': finite(self.mean_ious(absent_as_zero=True)),
        }

    def to_full_dict(self) -> dict[str, Any]:
        """Return everything but the counts."""
        result = self.to_dict()
        result['frames_lacking_a_sensor'] = self.missed()
        for suffix, absent_as_zero in (('present_classes', False), ('all_classes', True)):
            accuracy = partial(Confusion.mean_accuracy, absent_as_zero=absent_as_zero)
            f1 = partial(Confusion.mean_f1, absent_as_zero=absent_as_zero)
            result[f'macc_{suffix}'] = finite(self.by_letters(accuracy))
            result[f'mf1_{suffix}'] = finite(self.by_letters(f1))
            result[f'average_{suffix}'] = _number(self.average(absent_as_zero=absent_as_zero))
            result[f'expected_{suffix}'] = {
                f'{chance:g}': _number(self.expected(chance, absent_as_zero=absent_as_zero))
                for chance in FAILURE_CHANCES
            }
        result['class_iou'] = {
            self.modalities.letters_of(subset): [_number(100 * v) for v in confusion.class_iou()]
            for subset, confusion in self.counts.items()
        }
        return result


@dataclass(frozen=True)
class Evaluation:
    """The scores of one network on one set of frames; None or empty: not wanted.

    Attributes:
        modalities: The network's sensors.
        labels: Its classes.
        frames: Number of frames seen.
        any_modal: Subsets with the other sensors left out.
        emm: Subsets with the other sensors zeroed (entire-missing).
        rmm: By rate, subsets with the other sensors partly zeroed (random-missing).
        nm: By level, all sensors with noise.
        conditions: By weather or fault, as ``any_modal``, over the frames that have it.
    """

    modalities: ModalitySet
    labels: LabelSet
    frames: int
    any_modal: SubsetScores | None
    emm: SubsetScores | None
    rmm: Mapping[float, SubsetScores]
    nm: Mapping[str, Confusion]
    conditions: Mapping[str, SubsetScores]

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the counts, as what JSON can hold; NaN is None."""
        result: dict[str, Any] = {
            'frames': self.frames,
            'modalities': list(self.modalities.names),
            'classes': list(self.labels.classes),
        }
        if self.any_modal is not None:
            result['any_modal'] = self.any_modal.to_full_dict()
        if self.emm is not None:
            result['emm'] = self.emm.to_full_dict()
        if self.rmm:
            result['rmm'] = {f'{rate:g}': each.to_full_dict() for rate, each in self.rmm.items()}
        if self.nm:
            result['nm'] = {level: _noise_dict(each) for level, each in self.nm.items()}
        if self.conditions:
            result['conditions'] = {
                word: each.to_full_dict() for word, each in self.conditions.items()
            }
        return result


def _noise_dict(confusion: Confusion) -> dict[str, Any]:
    return {
        'miou_present_classes': _number(confusion.mean_iou()),
        'miou_all_classes': _number(confusion.mean_iou(absent_as_zero=True)),
        'macc_present_classes': _number(confusion.mean_accuracy()),
        'macc_all_classes': _number(confusion.mean_accuracy(absent_as_zero=True)),
        'mf1_present_classes': _number(confusion.mean_f1()),
        'mf1_all_classes': _number(confusion.mean_f1(absent_as_zero=True)),
        'class_iou': [_number(100 * value) for value in confusion.class_iou()],
    }


def mean_of_scored(values: Iterable[float]) -> float:
    """Return the mean without NaN; NaN where nothing was scored."""
    scored = [value for value in values if not math.isnan(value)]
    return sum(scored) / len(scored) if scored else math.nan


def finite(values: Mapping[str, float]) -> dict[str, float | None]:
    """Return ``values`` with None for NaN, which JSON does not know."""
    return {key: _number(value) for key, value in values.items()}


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
