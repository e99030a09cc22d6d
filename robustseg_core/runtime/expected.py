"""What a checkpoint says that its masks are worth, for each subset of the sensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
import math
from typing import Any


@dataclass(frozen=True, kw_only=True)
class ExpectedScores:
    """The scores that a checkpoint's own evaluation wrote into it.

    Attributes:
        data: Data set and split they were measured on; empty = the checkpoint has no scores.
        frames: Number of frames scored.
        mean_ious: Letters of a subset to its mIoU in percent, over the classes that occur; a
            subset that was not scored is absent.
    """

    data: str = ''
    frames: int = 0
    mean_ious: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, provenance: Mapping[str, Any]) -> ExpectedScores:
        """Read a checkpoint's provenance; what is not as it should be counts as not there."""
        noted = provenance.get('evaluated_on')
        if not isinstance(noted, Mapping):
            return cls()
        values = noted.get('miou_present_classes')
        frames = noted.get('frames')
        return cls(
            data=str(noted.get('data', '')),
            frames=frames if isinstance(frames, int) else 0,
            mean_ious={
                str(letters): float(value)
                for letters, value in (values.items() if isinstance(values, Mapping) else ())
                if isinstance(value, int | float) and math.isfinite(value)
            },
        )

    def mean_iou(self, letters: str) -> float | None:
        """Return the mIoU (percent) of the subset ``letters``, or None where it is not known."""
        return self.mean_ious.get(letters)
