"""Whether a stamp can be believed, judged by the modality's own stamps and by the others'."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from statistics import median_low

# How far ahead of the others a stamp may be where stamps are of the clock's time: a frame with it
# would leave the others' measurements in the past.
MAX_AHEAD_NS = 500_000_000
# Of a modality whose stamps jump: what a jump adds to its suspicion (each steady message takes one
# away), above what its messages are refused, above what it has no say on the others, and the most.
JUMP, SUSPECT, UNHEARD, WORST = 5, 4, 5, 10
# So many messages in a row without a new stamp: the driver's stamp stands still. Fewer are
# repetitions, e.g. of a topic with two publishers.
STANDSTILL = 3


class Beginning(Enum):
    """What has begun again with a stamp that can be believed."""

    NOTHING = 'nothing'
    STREAM = 'stream'  # that modality's own time
    ALL = 'all'  # everybody's


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What is thought of a stamp.

    Attributes:
        reason: Why it cannot be used; None if it can.
        begins: What has begun again with it.
        right_ns: By how much right stamps are ahead of the clock now (below zero: behind).
    """

    reason: str | None
    begins: Beginning = Beginning.NOTHING
    right_ns: int = 0


@dataclass
class _Seen:
    """What is remembered of one modality; leads are stamps minus the clock at their arrival."""

    now_ns: int
    stamp_ns: int
    lead_ns: int
    newest_ns: int  # the newest stamp that was believed
    highest_ns: int  # the largest lead that was believed
    suspicion: int = 0
    stood: int = 0  # messages in a row whose stamp was no later than the one before
    back_ns: int | None = None  # when its stamps were last found to have jumped back


class StampJudge:
    """Tells a stamp that belongs to another time from the stamps of the others.

    A recording's stamps may be years away from the clock, and a device may count from its own
    start, so a stamp is never held against the clock alone. What counts is whether the modalities
    agree: on one robot, stamp minus arrival is nearly the same for all. Where they disagree, the
    larger camp is right; of two equal ones, the one of the clock's time or, if neither is, the one
    that was right before. A modality without recent company is believed, and the first of two
    that disagree from the start in a recording: nothing tells who is right until a third is heard.
    One whose stamps stand or fall is not heard on the others: it would draw the truth along.

    A modality whose stamps jump, back or ahead, is believed where that brings it nearer to the
    others: in a recording that starts over, once half of them have jumped. Else the jump is
    refused, and all it sends while it jumps again and again; its new time is accepted once its
    stamps have been steady for a few messages.

    Args:
        max_skew_ns: Disagreement that is tolerated; also how long an arrival is called recent.
        jump_ns: A stamp so far behind the newest one, or ahead of where it should be, has jumped.
    """

    def __init__(self, max_skew_ns: int, jump_ns: int) -> None:
        self._max_skew_ns = max_skew_ns
        self._jump_ns = jump_ns
        self._seen: dict[str, _Seen] = {}
        self._right_ns: int | None = None
        # When time last began again for all, and the lead it has since.
        self._begun: tuple[int, int] | None = None

    def reset(self) -> None:
        """Forget everything: time has begun again."""
        self._seen.clear()
        self._right_ns = None
        self._begun = None

    def judge(self, name: str, stamp_ns: int, now_ns: int) -> Verdict:
        """Record an arrival and return what is thought of its stamp."""
        company = [
            seen
            for other, seen in self._seen.items()
            if other != name
            and abs(now_ns - seen.now_ns) <= self._max_skew_ns
            and seen.suspicion <= UNHEARD
            and seen.stood < STANDSTILL
        ]
        lead_ns = stamp_ns - now_ns
        own = self._seen.setdefault(
            name, _Seen(now_ns, stamp_ns, lead_ns, newest_ns=stamp_ns, highest_ns=lead_ns)
        )
        if now_ns - own.now_ns > self._max_skew_ns:
            own.highest_ns = lead_ns  # after an outage nobody knows where it should be
        right_ns = self._right([lead_ns, *(seen.lead_ns for seen in company)])
        stray = self._stray(stamp_ns, lead_ns, right_ns) or self._straggler(
            stamp_ns, lead_ns, company, now_ns
        )
        is_back = stamp_ns < own.newest_ns - self._jump_ns
        jumped = self._jump(own.newest_ns, own.highest_ns, stamp_ns, lead_ns, company)
        moved_ns = max(own.stamp_ns - stamp_ns, lead_ns - own.lead_ns)
        switched = self._jump(own.stamp_ns, own.lead_ns, stamp_ns, lead_ns, company)
        if switched or (stray and moved_ns > self._jump_ns):
            own.suspicion = min(own.suspicion + JUMP, WORST)
        else:
            own.suspicion = max(own.suspicion - 1, 0)
        own.stood = 0 if stamp_ns > own.stamp_ns else own.stood + 1
        if is_back and own.stamp_ns - stamp_ns > self._jump_ns:
            own.back_ns = now_ns
        own.now_ns, own.stamp_ns, own.lead_ns = now_ns, stamp_ns, lead_ns
        reason = stray or switched or (jumped if own.suspicion else None)
        if reason is None and own.suspicion > SUSPECT:
            reason = 'its stamps jump to and fro: refused until a few in a row are steady'
        if reason is not None:
            return Verdict(reason=reason, right_ns=right_ns)
        own.newest_ns = stamp_ns if is_back else max(own.newest_ns, stamp_ns)
        own.highest_ns = lead_ns if is_back else max(own.highest_ns, lead_ns)
        begins = self._beginning(company, now_ns) if is_back else Beginning.NOTHING
        if begins is Beginning.ALL:
            # Of what nobody else sent lately nothing is still on its way.
            self._begun = (now_ns, lead_ns) if company else None
            self._begin(lead_ns)
        return Verdict(reason=None, begins=begins, right_ns=right_ns)

    def _right(self, leads: Sequence[int]) -> int:
        def merit(lead_ns: int) -> tuple[int, bool, int]:
            company = sum(abs(lead_ns - other) <= self._max_skew_ns for other in leads)
            is_of_the_clock = abs(lead_ns) <= self._max_skew_ns
            before_ns = 0 if is_of_the_clock or self._right_ns is None else self._right_ns
            return company, is_of_the_clock, -abs(lead_ns - before_ns)

        self._right_ns = max(leads, key=merit)
        return self._right_ns

    def _stray(self, stamp_ns: int, lead_ns: int, right_ns: int) -> str | None:
        """Return that a stamp is too far from where right ones are, if it is."""
        error_ns = lead_ns - right_ns
        is_of_the_clock = abs(right_ns) <= self._max_skew_ns
        limit_ns = MAX_AHEAD_NS if error_ns > 0 and is_of_the_clock else self._max_skew_ns
        if abs(error_ns) <= limit_ns:
            return None
        side = 'ahead of' if error_ns > 0 else 'behind'
        return (
            f'stamp {stamp_ns / 1e9:.3f} s is {abs(error_ns) / 1e9:.1f} s {side} the other '
            f'inputs; wanted at most {limit_ns / 1e9:g} s'
        )

    def _jump(
        self,
        before_ns: int,
        before_lead_ns: int,
        stamp_ns: int,
        lead_ns: int,
        company: Sequence[_Seen],
    ) -> str | None:
        """Return that a stamp has jumped, and away from the others, if it has."""
        back_ns = before_ns - stamp_ns
        ahead_ns = lead_ns - before_lead_ns
        if not company or max(back_ns, ahead_ns) <= self._jump_ns:
            return None
        others_ns = median_low(seen.lead_ns for seen in company)
        if abs(lead_ns - others_ns) <= abs(before_lead_ns - others_ns):
            return None
        way = f'back by {back_ns / 1e9:.1f}' if back_ns > 0 else f'ahead by {ahead_ns / 1e9:.1f}'
        return f'stamp {stamp_ns / 1e9:.3f} s jumps {way} s, and those of the other inputs do not'

    def _straggler(
        self, stamp_ns: int, lead_ns: int, company: Sequence[_Seen], now_ns: int
    ) -> str | None:
        """Return that a stamp is of the time before all began again, if it is."""
        if not company or self._begun is None:
            return None
        begun_at_ns, begun_lead_ns = self._begun
        if now_ns - begun_at_ns > self._max_skew_ns or lead_ns <= begun_lead_ns + self._jump_ns:
            return None
        return f'stamp {stamp_ns / 1e9:.3f} s is of the time before stamps began again'

    def _begin(self, lead_ns: int) -> None:
        """Forget everybody but those whose stamps are of the new time already."""
        self._right_ns = lead_ns
        self._seen = {
            name: replace(
                seen,
                newest_ns=seen.stamp_ns,
                highest_ns=seen.lead_ns,
                suspicion=0,
                back_ns=None,
            )
            for name, seen in self._seen.items()
            if seen.lead_ns <= lead_ns + self._jump_ns
        }

    def _beginning(self, company: Sequence[_Seen], now_ns: int) -> Beginning:
        followed = sum(
            seen.back_ns is not None and now_ns - seen.back_ns <= self._max_skew_ns
            for seen in company
        )
        return Beginning.ALL if 2 * followed >= len(company) else Beginning.STREAM
