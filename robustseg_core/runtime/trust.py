"""What a mask is worth: what it rests on, and how much; how sure it is, how old its inputs are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Trust:
    """What is known about one mask.

    Attributes:
        subset: Letters of the inputs it rests on.
        missing: Names of the network's modalities that it does without.
        ages_ms: Of each input, how old its measurement was when the mask was published: that
            moment less the measurement's corrected stamp.
        confidence: Mean probability of the class of a pixel, in (0, 1]; see ``Segmentation``.
        expected_miou: In percent, what the checkpoint scored with these inputs; None = not known.
        expected_on: Data set and split of that score.
        shares: Of each input, its part in the mask, summing up to one (see ``shares``); empty
            until they are measured.
    """

    subset: str
    missing: tuple[str, ...]
    ages_ms: Mapping[str, float]
    confidence: float
    expected_miou: float | None
    expected_on: str
    shares: Mapping[str, float]

    def values(self) -> dict[str, str]:
        """Return everything as texts, for a status; what is not known is empty."""
        expected = self.expected_miou
        values = {
            'expected_miou': '' if expected is None else f'{expected:.1f}',
            'expected_on': self.expected_on,
            'confidence': f'{self.confidence:.2f}',
        }
        for name, age_ms in self.ages_ms.items():
            values[f'age_ms_{name}'] = f'{age_ms:.1f}'
            values[f'share_{name}'] = f'{self.shares[name]:.2f}' if name in self.shares else ''
        return values


def shares(changes: Mapping[str, float]) -> dict[str, float]:
    """Return the share of each input in a mask.

    The share of an input is how much the class probabilities change without it
    (``Engine.change_without``), divided by the sum of these changes over all inputs of the mask:
    shares sum up to one. An input without which nothing changes has none; where that is true of
    all, since each makes up for the other, they are alike. It tells what the mask rests on, not
    whether that is good.

    Args:
        changes: Input to the change without it, >= 0.
    """
    total = sum(changes.values())
    if total <= 0:
        return dict.fromkeys(changes, 1 / len(changes)) if changes else {}
    return {name: change / total for name, change in changes.items()}


class ShareMeter:
    """Measures now and then what the masks would be without one of their inputs.

    One input after one mask, so that no mask waits for more than one head: with other inputs than
    before as soon as possible, then each of them again at ``rate_hz``.

    Args:
        timer: A steady time in seconds.
    """

    def __init__(self, timer: Callable[[], float]) -> None:
        self._timer = timer
        self._changes: dict[str, float] = {}
        self._present: tuple[str, ...] = ()
        self._next = 0
        self._due_s = 0.0

    def reset(self) -> None:
        """Forget what was measured."""
        self._changes.clear()
        self._present = ()

    def shares(self, present: tuple[str, ...]) -> dict[str, float]:
        """Return the shares of a mask of these inputs; empty while one is not measured."""
        if present != self._present or len(self._changes) < len(present):
            return {}
        return shares(self._changes)

    def measure(
        self,
        present: tuple[str, ...],
        change_without: Callable[[str], float],
        rate_hz: float,
    ) -> None:
        """Measure an input of the last mask, if it is time.

        Args:
            present: Names of the inputs that the mask rests on.
            change_without: Returns how much the mask changes without one; costs a head.
            rate_hz: How often each input is measured; 0 = never.
        """
        if rate_hz <= 0:
            self.reset()
            return
        if present != self._present:
            self._present, self._changes, self._next = present, {}, 0
            self._due_s = self._timer()
        now_s = self._timer()
        is_known = len(self._changes) == len(present)
        if is_known and now_s < self._due_s:
            return
        name = present[self._next % len(present)]
        self._changes[name] = change_without(name)
        self._next += 1
        self._due_s = now_s + 1 / (rate_hz * len(present))
