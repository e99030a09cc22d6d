"""Scores as tables for people and as JSON for machines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from robustseg_core.evaluation.confusion import Confusion
from robustseg_core.modalities import ModalitySet


@dataclass(frozen=True)
class AnyModalScores:
    """Confusion counts of every subset of the modalities.

    Attributes:
        modalities: The sensors, which name the subsets.
        counts: Subset of modality names to its confusion counts.
        frames: Number of frames scored.
    """

    modalities: ModalitySet
    counts: Mapping[tuple[str, ...], Confusion]
    frames: int

    def mean_ious(self, *, absent_as_zero: bool = False) -> dict[str, float]:
        """Return the mIoU (percent) per subset, by letters, e.g. ``{'R': 40.1, 'RD': 52.3}``."""
        return {
            self.modalities.letters_of(subset): confusion.mean_iou(absent_as_zero=absent_as_zero)
            for subset, confusion in self.counts.items()
        }

    def to_dict(self) -> dict[str, Any]:
        return {
            'frames': self.frames,
            'miou_present_classes': self.mean_ious(),
            'miou_all_classes': self.mean_ious(absent_as_zero=True),
        }


def any_modal_table(scores: Mapping[str, AnyModalScores]) -> str:
    """Return a Markdown table: a row per model, a column per subset, then the mean.

    The mIoU averages the classes that occur (``AnyModalScores.mean_ious``), in percent.
    """
    rows = {name: score.mean_ious() for name, score in scores.items()}
    columns = list(next(iter(rows.values())))
    lines = [
        '| model | ' + ' | '.join(columns) + ' | mean |',
        '|---' * (len(columns) + 2) + '|',
    ]
    for name, row in rows.items():
        values = [row[column] for column in columns]
        cells = [f'{value:.1f}' for value in [*values, float(np.mean(values))]]
        lines.append(f'| {name} | ' + ' | '.join(cells) + ' |')
    return '\n'.join(lines)
