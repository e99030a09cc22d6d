"""Whether a stamp can be believed, judged by the other modalities' stamps."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class _Seen:
    now_ns: int
    lead_ns: int  # the stamp minus the clock at its arrival


class StampJudge:
    """Tells a stamp that belongs to another time from the stamps of the others.

    A recording's stamps may be years away from the clock, and a device may count from its own
    start, so a stamp is never held against the clock. What counts is whether the modalities
    agree: on one robot, stamp minus arrival is nearly the same for all. Where they disagree, the
    larger camp is right; of two equal ones, the one nearer to the clock. A modality without
    recent company is believed.

    Args:
        max_skew_ns: Disagreement that is tolerated; also how long an arrival is called recent.
    """

    def __init__(self, max_skew_ns: int) -> None:
        self._max_skew_ns = max_skew_ns
        self._seen: dict[str, _Seen] = {}

    def reset(self) -> None:
        """Forget everything: time has begun again."""
        self._seen.clear()

    def complaint(self, name: str, stamp_ns: int, now_ns: int) -> str | None:
        """Record an arrival; return why its stamp cannot be used, None if it can."""
        self._seen[name] = _Seen(now_ns, stamp_ns - now_ns)
        leads = [
            seen.lead_ns
            for seen in self._seen.values()
            if abs(now_ns - seen.now_ns) <= self._max_skew_ns
        ]
        right = max(leads, key=lambda lead: (self._company(lead, leads), -abs(lead)))
        error_ns = stamp_ns - now_ns - right
        if abs(error_ns) <= self._max_skew_ns:
            return None
        side = 'ahead of' if error_ns > 0 else 'behind'
        return (
            f'stamp {stamp_ns / 1e9:.3f} s is {abs(error_ns) / 1e9:.1f} s {side} the other '
            f'inputs; wanted at most {self._max_skew_ns / 1e9:g} s'
        )

    def _company(self, lead_ns: int, leads: list[int]) -> int:
        return sum(abs(lead_ns - other) <= self._max_skew_ns for other in leads)
