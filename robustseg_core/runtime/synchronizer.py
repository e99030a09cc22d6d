"""Frames out of streams: which measurements belong together, and when not to wait any longer."""

from __future__ import annotations

from bisect import insort
from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from typing import Generic

from robustseg_core.errors import ConfigError
from robustseg_core.runtime.frames import Drops, FrameSet, Item, Stamped, SyncConfig
from robustseg_core.runtime.stamps import STANDSTILL, Beginning, StampJudge, Verdict

__all__ = ['Drops', 'FrameSet', 'FrameSynchronizer', 'Stamped', 'SyncConfig']

Clock = Callable[[], int]  # now, in nanoseconds; it may stand still and jump back

# So many messages in a row none of which is newer than one before: its time does not go on.
NO_PROGRESS = 5
# Frames of the past by which late measurements are recognised, and how many of these are needed.
PAST_FRAMES = 64
LATE_ENOUGH = 5


@dataclass(order=True)
class _Sample(Generic[Item]):
    stamp_ns: int
    arrival_ns: int = field(compare=False)
    item: Item = field(compare=False)


@dataclass(frozen=True)
class _Past:
    """A frame that has gone out."""

    stamp_ns: int
    arrival_ns: int  # of its leader
    names: frozenset[str]


@dataclass
class _Stream(Generic[Item]):
    """What is remembered of one modality; samples are in the order of their stamps."""

    tolerance_ns: int
    samples: list[_Sample[Item]] = field(default_factory=list)
    newest_ns: int | None = None
    period_ns: int = 0  # between the two newest stamps; 0 = not known
    repeats: int = 0
    fruitless: int = 0  # messages in a row that were of no use, being older than one before

    # By how much those that came after their frame were later than its leader.
    lateness_ns: deque[int] = field(default_factory=lambda: deque(maxlen=20))

    def nearest(self, stamp_ns: int) -> _Sample[Item] | None:
        """Return the sample nearest to ``stamp_ns`` if it is within tolerance."""
        best = min(self.samples, key=lambda s: abs(s.stamp_ns - stamp_ns), default=None)
        if best is None or abs(best.stamp_ns - stamp_ns) > self.tolerance_ns:
            return None
        return best

    def is_settled(self, stamp_ns: int) -> bool:
        """Tell whether waiting can no longer give a better match for ``stamp_ns``."""
        if self.newest_ns is None:
            return False
        # Negative where it has passed the leader: what has not come by then will not come.
        behind_ns = stamp_ns - self.newest_ns
        expects_nearer = 0 < self.period_ns < 2 * behind_ns
        return behind_ns <= self.tolerance_ns and not expects_nearer


class FrameSynchronizer(Generic[Item]):
    """One frame per measurement of the leading modality, as soon as nothing better can come.

    The first living modality of the order leads. The others are matched to its stamp, the nearest
    within tolerance; what has none within tolerance is absent from the frame. A frame goes out
    once every living modality has its match or has passed the leader's stamp, at the latest
    ``max_wait_ns`` after the leader arrived on the clock. The newest complete frame wins; older
    ones are dropped, so that output catches up after a slow moment. Stamps of frames strictly
    increase until ``reset``: where leadership moves to a modality whose clock lags, its
    measurements of the past are dropped, and the output pauses by as much.

    No thread and no timer: feed it with ``add``, ask with ``poll`` after each ``add`` and when
    ``next_deadline_ns`` is reached.

    Args:
        config: The rules.
        clock: Now, in nanoseconds.

    Attributes:
        dropped: What came to nothing.
        restarts: How often the stamps or the clock were found to have begun again.
    """

    def __init__(self, config: SyncConfig, clock: Clock) -> None:
        self._config = config
        self._clock = clock
        self._judge = StampJudge(config.max_skew_ns, config.loop_threshold_ns)
        self.dropped = Drops()
        self.restarts = 0
        self.reset()

    def reset(self) -> None:
        """Forget all measurements and stamps: time has begun again. The counts are kept."""
        self._judge.reset()
        self._forget()

    def reconfigure(self, config: SyncConfig) -> None:
        """Go on by other rules, of the same order; stamps of frames go on increasing.

        With other offsets all stamps are other ones: everything but the counts is forgotten.
        """
        is_another_time = dict(config.offset_ns) != dict(self._config.offset_ns)
        self._config = config
        if is_another_time:
            self.reset()
        for name, stream in self._streams.items():
            stream.tolerance_ns = config.tolerance_ns[name]

    def _forget(self) -> None:
        self._streams: dict[str, _Stream[Item]] = {
            name: _Stream(self._config.tolerance_ns[name]) for name in self._config.order
        }
        self._past: deque[_Past] = deque(maxlen=PAST_FRAMES)
        self._leader: str | None = None
        self._emitted_ns: int | None = None
        self._emitted_at_ns = 0
        self._now_ns: int | None = None

    def add(self, name: str, stamp_ns: int, item: Item) -> str | None:
        """Take a measurement that arrived just now.

        Where the stamps of most modalities go far back, or the output is in a time that none is in
        any more, a new time begins: the synchronizer resets itself and counts a restart. Where
        those of one modality do, it alone is refused, and begins anew once they are steady.

        Args:
            name: Its modality.
            stamp_ns: Its stamp, as the sensor gave it.
            item: Whatever ``poll`` shall hand back.

        Returns:
            Why the stamp cannot be believed, or None if it can. What is only late, out of order or
            a duplicate is counted in ``dropped``, and no reason to call the sensor broken.

        Raises:
            ConfigError: ``name`` is not in the order.
        """
        if name not in self._streams:
            msg = f'Unknown modality {name!r}; the order has {list(self._config.order)}.'
            raise ConfigError(msg)
        now_ns = self._now()
        stamp_ns -= self._config.offset_ns.get(name, 0)
        verdict = self._judge.judge(name, stamp_ns, now_ns)
        if verdict.reason is not None:
            return verdict.reason
        if verdict.begins is Beginning.ALL or self._is_output_stray(stamp_ns, verdict):
            self._restart()
        elif verdict.begins is Beginning.STREAM:
            self._streams[name] = _Stream(self._config.tolerance_ns[name])
        self._note_lateness(name, stamp_ns, now_ns)
        return self._take(name, _Sample(stamp_ns, now_ns, item))

    def poll(self, alive: Collection[str]) -> FrameSet[Item] | None:
        """Return the next frame if one is due; call again until there is none.

        Args:
            alive: The modalities that may lead, be waited for and be fused.
        """
        now_ns = self._now()
        names = [name for name in self._config.order if name in alive]
        if not names:
            return None
        self._leader = next((name for name in names if self._can_lead(name)), names[0])
        names = [self._leader, *(name for name in names if name != self._leader)]
        pending = self._pending()
        complete = [
            sample
            for sample in pending
            if all(self._streams[name].is_settled(sample.stamp_ns) for name in names[1:])
        ]
        due = [sample for sample in pending if now_ns >= self._deadline_ns(sample, pending)]
        if not complete and not due:
            return None
        # A complete frame first: one lost measurement must not cost the frame before it.
        return self._emit((complete or due)[-1], names)

    def next_deadline_ns(self) -> int | None:
        """Return when, on the clock, waiting ends for a frame; None if none is pending.

        Leadership is that of the last ``poll``.
        """
        self._now()
        pending = self._pending()
        return min((self._deadline_ns(sample, pending) for sample in pending), default=None)

    def _take(self, name: str, sample: _Sample[Item]) -> str | None:
        """Keep a measurement whose stamp is believed; return why none of its kind can be used."""
        stream, stamp_ns = self._streams[name], sample.stamp_ns
        if stamp_ns == stream.newest_ns:
            stream.repeats += 1
            self._count('duplicate')
            if stream.repeats >= STANDSTILL:
                return f'stamp stands still at {stamp_ns / 1e9:.3f} s'
            return None
        is_newest = stream.newest_ns is None or stamp_ns > stream.newest_ns
        if is_newest:
            stream.fruitless = 0
        if self._is_unusable(name, stamp_ns):
            if stream.fruitless < NO_PROGRESS:
                return None
            return f'stamps do not go on: none of {stream.fruitless} is newer than one before'
        insort(stream.samples, sample)
        if is_newest:
            stream.period_ns = 0 if stream.newest_ns is None else stamp_ns - stream.newest_ns
            stream.newest_ns = stamp_ns
            stream.repeats = 0
        if len(stream.samples) > self._config.depth:
            oldest = stream.samples.pop(0)
            if name == self._leader and not self._is_past(oldest.stamp_ns):
                self._count('superseded')
        return None

    def lateness_ns(self, name: str) -> int | None:
        """Return by how much a modality comes too late for its frames; None if it does not.

        That is how much later than the leader's measurement the last ones came that would have
        been within tolerance: the ``max_wait_ns`` that they would have needed.
        """
        lateness_ns = self._streams[name].lateness_ns
        return max(lateness_ns) if len(lateness_ns) >= LATE_ENOUGH else None

    def _emit(self, lead: _Sample[Item], names: list[str]) -> FrameSet[Item]:
        items = {names[0]: Stamped(lead.stamp_ns, lead.item)}
        for name in names[1:]:
            if (match := self._streams[name].nearest(lead.stamp_ns)) is not None:
                items[name] = Stamped(match.stamp_ns, match.item)
                self._streams[name].lateness_ns.clear()
        self._past.append(_Past(lead.stamp_ns, lead.arrival_ns, frozenset(items)))
        older = sum(sample.stamp_ns < lead.stamp_ns for sample in self._pending())
        self._count('superseded', older)
        self._emitted_ns, self._emitted_at_ns = lead.stamp_ns, self._now_ns or 0
        for stream in self._streams.values():
            # Frames to come are later than this one, so what ends here can match none of them.
            oldest_ns = lead.stamp_ns - stream.tolerance_ns
            stream.samples = [s for s in stream.samples if s.stamp_ns > oldest_ns]
        return FrameSet(lead.stamp_ns, names[0], items)

    def _pending(self) -> list[_Sample[Item]]:
        """Return the leader's samples that could still become frames, oldest first."""
        if self._leader is None:
            return []
        samples = self._streams[self._leader].samples
        return [sample for sample in samples if not self._is_past(sample.stamp_ns)]

    def _deadline_ns(self, sample: _Sample[Item], pending: list[_Sample[Item]]) -> int:
        """Return when waiting for companions of ``sample``, one of ``pending``, ends."""
        is_frozen = sample.arrival_ns == self._now_ns
        if is_frozen and pending[-1].stamp_ns - sample.stamp_ns > self._config.max_wait_ns:
            # The leader's stream goes on while the clock stands: it would wait for ever.
            return sample.arrival_ns
        return sample.arrival_ns + self._config.max_wait_ns

    def _note_lateness(self, name: str, stamp_ns: int, now_ns: int) -> None:
        """Remember by how much a measurement came too late, if it did."""
        stream = self._streams[name]
        past = min(self._past, key=lambda each: abs(each.stamp_ns - stamp_ns), default=None)
        if past is None or name in past.names:
            return
        if abs(past.stamp_ns - stamp_ns) <= stream.tolerance_ns:
            stream.lateness_ns.append(now_ns - past.arrival_ns)

    def _is_past(self, stamp_ns: int) -> bool:
        return self._emitted_ns is not None and stamp_ns <= self._emitted_ns

    def _is_unusable(self, name: str, stamp_ns: int) -> bool:
        """Tell whether a sample can neither lead nor match any more, and count it if so."""
        stream = self._streams[name]
        if any(sample.stamp_ns == stamp_ns for sample in stream.samples):
            self._count('duplicate')
            return True
        reach_ns = 0 if name == self._leader else stream.tolerance_ns
        if not self._is_past(stamp_ns + reach_ns):
            return False
        is_behind = stream.newest_ns is not None and stamp_ns < stream.newest_ns
        stream.fruitless += is_behind
        self._count('out_of_order' if is_behind else 'late')
        if not is_behind:
            # It is still news of how far the sensor has come.
            stream.newest_ns = stamp_ns
        return True

    def _can_lead(self, name: str) -> bool:
        """Tell whether the output would go on, or soon, if a modality led it."""
        stream, emitted_ns = self._streams[name], self._emitted_ns
        if stream.newest_ns is None or emitted_ns is None:
            return True
        return stream.newest_ns >= emitted_ns - self._config.max_pause_ns

    def _is_output_stray(self, stamp_ns: int, verdict: Verdict) -> bool:
        """Tell whether a stamp that is right lies far behind an output that is not.

        It may have been led into another time by a modality that has died since. Where its stamps
        would be by now tells a short recording that begins again, long after its end, from a
        sensor whose clock lags.
        """
        if not self._is_past(stamp_ns) or self._emitted_ns is None:
            return False
        lead_ns = self._emitted_ns - self._emitted_at_ns
        return verdict.right_ns < lead_ns - self._config.max_skew_ns

    def _now(self) -> int:
        """Read the clock; find out whether it jumped back."""
        now_ns, last_ns = self._clock(), self._now_ns
        if last_ns is not None and now_ns < last_ns:
            if now_ns < last_ns - self._config.loop_threshold_ns:
                self._judge.reset()
                self._restart()
            for stream in self._streams.values():
                for sample in stream.samples:
                    # Nothing arrives in the future: it would be waited for too long.
                    sample.arrival_ns = min(sample.arrival_ns, now_ns)
        self._now_ns = now_ns
        return now_ns

    def _restart(self) -> None:
        self._count('superseded', len(self._pending()))
        self._forget()
        self.restarts += 1

    def _count(self, kind: str, number: int = 1) -> None:
        self.dropped = replace(self.dropped, **{kind: getattr(self.dropped, kind) + number})
