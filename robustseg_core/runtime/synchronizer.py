"""Frames out of streams: which measurements belong together, and when not to wait any longer."""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from typing import Generic

from robustseg_core.errors import ConfigError
from robustseg_core.runtime.frames import Drops, FrameSet, Item, Stamped, SyncConfig
from robustseg_core.runtime.stamps import StampJudge

__all__ = ['Drops', 'FrameSet', 'FrameSynchronizer', 'Stamped', 'SyncConfig']

Clock = Callable[[], int]  # now, in nanoseconds; it may stand still and jump back

# So many messages in a row without a new stamp: the driver's stamp stands still. Fewer are
# repetitions, e.g. of a topic with two publishers.
STANDSTILL = 3


@dataclass(order=True)
class _Sample(Generic[Item]):
    stamp_ns: int
    arrival_ns: int = field(compare=False)
    item: Item = field(compare=False)


@dataclass
class _Stream(Generic[Item]):
    """What is remembered of one modality; samples are in the order of their stamps."""

    tolerance_ns: int
    samples: list[_Sample[Item]] = field(default_factory=list)
    newest_ns: int | None = None
    period_ns: int = 0  # between the two newest stamps; 0 = not known
    repeats: int = 0

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
        self._judge = StampJudge(config.max_skew_ns)
        self.dropped = Drops()
        self.restarts = 0
        self.reset()

    def reset(self) -> None:
        """Forget all measurements and stamps: time has begun again. The counts are kept."""
        self._streams: dict[str, _Stream[Item]] = {
            name: _Stream(self._config.tolerance_ns[name]) for name in self._config.order
        }
        self._leader: str | None = None
        self._emitted_ns: int | None = None
        self._emitted_at_ns = 0
        self._now_ns: int | None = None
        self._judge.reset()

    def add(self, name: str, stamp_ns: int, item: Item) -> str | None:
        """Take a measurement that arrived just now.

        A stamp far behind the modality's own newest, or behind the output, begins a new time: the
        synchronizer resets itself and counts a restart.

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
        if (reason := self._judge.complaint(name, stamp_ns, now_ns)) is not None:
            return reason
        if self._begins_again(name, stamp_ns, now_ns):
            self._restart()
        stream = self._streams[name]
        if stamp_ns == stream.newest_ns:
            stream.repeats += 1
            self._count('duplicate')
            if stream.repeats >= STANDSTILL:
                return f'stamp stands still at {stamp_ns / 1e9:.3f} s'
            return None
        if self._is_unusable(name, stamp_ns):
            return None
        insort(stream.samples, _Sample(stamp_ns, now_ns, item))
        if stream.newest_ns is None or stamp_ns > stream.newest_ns:
            stream.period_ns = 0 if stream.newest_ns is None else stamp_ns - stream.newest_ns
            stream.newest_ns = stamp_ns
            stream.repeats = 0
        if len(stream.samples) > self._config.depth:
            oldest = stream.samples.pop(0)
            if name == self._leader and not self._is_past(oldest.stamp_ns):
                self._count('superseded')
        return None

    def poll(self, alive: Collection[str]) -> FrameSet[Item] | None:
        """Return the next frame if one is due; call again until there is none.

        Args:
            alive: The modalities that may lead, be waited for and be fused.
        """
        now_ns = self._now()
        names = [name for name in self._config.order if name in alive]
        if not names:
            return None
        self._leader = names[0]
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

    def _emit(self, lead: _Sample[Item], names: list[str]) -> FrameSet[Item]:
        items = {names[0]: Stamped(lead.stamp_ns, lead.item)}
        for name in names[1:]:
            if (match := self._streams[name].nearest(lead.stamp_ns)) is not None:
                items[name] = Stamped(match.stamp_ns, match.item)
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
        self._count('out_of_order' if is_behind else 'late')
        if not is_behind:
            # It is still news of how far the sensor has come.
            stream.newest_ns = stamp_ns
        return True

    def _begins_again(self, name: str, stamp_ns: int, now_ns: int) -> bool:
        newest_ns, emitted_ns = self._streams[name].newest_ns, self._emitted_ns
        is_own = newest_ns is not None and stamp_ns < newest_ns - self._config.loop_threshold_ns
        if emitted_ns is None or stamp_ns > emitted_ns:
            return is_own
        # The output may have been led into another time by a modality that has died since. Where
        # its stamps would be by now tells a short recording that begins again, long after its end,
        # from a sensor whose clock lags.
        expected_ns = emitted_ns + now_ns - self._emitted_at_ns
        return is_own or stamp_ns < expected_ns - self._config.max_skew_ns

    def _now(self) -> int:
        """Read the clock; find out whether it jumped back."""
        now_ns, last_ns = self._clock(), self._now_ns
        if last_ns is not None and now_ns < last_ns:
            if now_ns < last_ns - self._config.loop_threshold_ns:
                self._restart()
            for stream in self._streams.values():
                for sample in stream.samples:
                    # Nothing arrives in the future: it would be waited for too long.
                    sample.arrival_ns = min(sample.arrival_ns, now_ns)
        self._now_ns = now_ns
        return now_ns

    def _restart(self) -> None:
        self._count('superseded', len(self._pending()))
        self.reset()
        self.restarts += 1

    def _count(self, kind: str, number: int = 1) -> None:
        self.dropped = replace(self.dropped, **{kind: getattr(self.dropped, kind) + number})
