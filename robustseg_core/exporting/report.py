"""What an export found out, for people and for programs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
import json
import math
from pathlib import Path
from typing import Any

from robustseg_core.evaluation.scores import SubsetScores
from robustseg_core.exporting.agreement import BOUNDS, Agreement
from robustseg_core.exporting.formats import Target
from robustseg_core.files import replace_file

MARKDOWN_FILE, JSON_FILE = 'export.md', 'export.json'


@dataclass(frozen=True)
class Report:
    """What was made, how near it is to the checkpoint, and what it costs.

    Attributes:
        checkpoint: What was exported.
        target: What was made of it.
        backend: What ran it, with its version.
        agreements: By what was shown to both networks.
        calibrated_on: Number of frames; 0 = not int8.
        scored_on: Number of frames.
        scores: ``before`` and ``after``, as ``summary`` has them; empty if not scored.
        spared: What all of int8 lost in the mean mIoU, where sums were then left in float.
    """

    checkpoint: str
    target: Target
    backend: str
    agreements: Mapping[str, Agreement]
    calibrated_on: int = 0
    scored_on: int = 0
    scores: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    spared: float | None = None

    def markdown(self) -> str:
        """Return the report for people."""
        target = self.target
        size = 'any size' if target.size is None else f'{target.size[0]}x{target.size[1]}'
        lines = [
            f'# Export of {Path(self.checkpoint).name}',
            '',
            f'{target.format}, {target.precision}, for images of {size}; checked with '
            f'{self.backend} against torch in fp32.',
            '',
            '| shown | frames x subsets | logits differ by | same class | clear flips |',
            '|---|---|---|---|---|',
        ]
        lines += [
            f'| {name} | {each.comparisons} | {each.logits:.2g} | {each.labels:.3%} | '
            f'{each.clear_flips} |'
            for name, each in self.agreements.items()
        ]
        bound = BOUNDS[target.precision]
        wanted = f'at least {bound.labels:.1%} of the same class'
        if math.isfinite(bound.logits):
            wanted = f'logits within {bound.logits:g} of their scale, {wanted}'
        lines += [
            '',
            f'Wanted for {target.precision}: {wanted}. Logits are compared at stride 4, their '
            f'difference by the largest; a flip is clear where the best two classes were further '
            f'apart than {BOUNDS["fp32"].logits:g} of the scale.',
        ]
        return '\n'.join([*lines, *self._score_lines()]) + '\n'

    def to_json(self) -> str:
        """Return the report for programs; NaN is null."""
        content = {
            'checkpoint': self.checkpoint,
            'backend': self.backend,
            **asdict(self.target),
            'agreements': {name: each.to_dict() for name, each in self.agreements.items()},
            'calibrated_on': self.calibrated_on,
            'scored_on': self.scored_on,
            'lost_unless_spared': self.spared,
            'miou': {name: _finite(each) for name, each in self.scores.items()},
        }
        return json.dumps(content, indent=2, allow_nan=False) + '\n'

    def write(self, folder: Path) -> None:
        """Write both into ``folder``."""
        replace_file(folder / MARKDOWN_FILE, self.markdown())
        replace_file(folder / JSON_FILE, self.to_json())

    def _score_lines(self) -> list[str]:
        if not self.scores:
            return []
        before, after = self.scores['before'], self.scores['after']
        rows = [
            ('mean over all subsets', before['any_modal'], after['any_modal']),
            ('all modalities', before['all_modalities'], after['all_modalities']),
        ]
        rows += [
            (letters, value, after['by_subset'][letters])
            for letters, value in before['by_subset'].items()
        ]
        ranges = f'; ranges from {self.calibrated_on} frames of the training split'
        spared = (
            f' Sums are left in float: in int8 they brought the loss to {self.spared:.2f}.'
            if self.spared is not None
            else ''
        )
        return [
            '',
            f'mIoU in percent on {self.scored_on} frames of the validation split'
            f'{ranges if self.calibrated_on else ""}.{spared}',
            '',
            '| | before | after | change |',
            '|---|---|---|---|',
            *(f'| {name} | {old:.2f} | {new:.2f} | {new - old:+.2f} |' for name, old, new in rows),
        ]


def _finite(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: _finite(value)
        if isinstance(value, Mapping)
        else (None if math.isnan(value) else value)
        for key, value in values.items()
    }


def summary(scores: SubsetScores) -> dict[str, Any]:
    """Return the mIoU (percent): the mean over all subsets, that of all modalities, and each."""
    by_subset = scores.mean_ious()
    return {
        'any_modal': scores.average(),
        'all_modalities': by_subset[scores.modalities.letters],
        'by_subset': by_subset,
    }
