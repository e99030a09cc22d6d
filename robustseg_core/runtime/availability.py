"""Which modalities are usable right now, judged by when their messages arrive."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from robustseg_core.errors import ConfigError

Clock = Callable[[], int]  # now, in nanoseconds; it may stand still and jump back

RATE_WINDOW = 20  # arrivals


class State(Enum):
    """What is known of a modality."""

    NEVER_SEEN = 'never_seen'
    ALIVE = 'alive'
    STALE = 'stale'  # seen, but silent, or not yet back for long enough
    REFUSED = 'refused'  # messages come, but none that can be used


@dataclass(frozen=True)
class AvailabilityConfig:
    """When a modality is lost and when it is back.

    Attributes:
        timeout_ns: Silence after which it is lost, > 0.
        recovery_frames: Consecutive arrivals, none later than the timeout after the one before,
            that bring it back; >= 1. More than one keeps a stuttering sensor from switching the
            network's inputs on and off. The first arrival of all makes it alive at once.
    """

    timeout_ns: int
    recovery_frames: int = 2

    def __post_init__(self) -> None:
        if self.timeout_ns <= 0:
            msg = f'timeout_ns must be > 0, got {self.timeout_ns!r}.'
            raise ConfigError(msg)
        if self.recovery_frames < 1:
            msg = f'recovery_frames must be >= 1, got {self.recovery_frames!r}.'
            raise ConfigError(msg)


@dataclass(frozen=True)
class ModalityStatus:
    """A modality's state, for people and diagnostics.

    Attributes:
        state: What is known of it.
        reason: Why it is not alive, in words; empty if it is.
        rate_hz: Arrivals per second of the clock, of late; 0 if silent or not yet known.
        age_ns: Time since the last arrival; None if there was none.
        received: Usable messages since the start.
        refused: Unusable messages since the start.
    """

    state: State
    reason: str
    rate_hz: float
    age_ns: int | None
    received: int
    refused: int


@dataclass
class _Track:
    """What is remembered of one modality."""

    config: AvailabilityConfig
    cannot_connect: str | None = None
    received: int = 0
    refused: int = 0
    arrivals_ns: deque[int] = field(default_factory=lambda: deque(maxlen=RATE_WINDOW))
    streak: int = 0
    refused_ns: int | None = None
    refusal: str = ''
    is_refusal_newest: bool = False

    def forget(self) -> None:
        self.arrivals_ns.clear()
        self.streak = 0
        self.refused_ns = None
        self.refusal = ''
        self.is_refusal_newest = False

    def newest(self) -> list[int]:
        """Return when the last message of either kind arrived."""
        refused = [] if self.refused_ns is None else [self.refused_ns]
        return [*refused, *([self.arrivals_ns[-1]] if self.arrivals_ns else [])]

    def is_silent(self, now_ns: int) -> bool:
        return not self.arrivals_ns or now_ns - self.arrivals_ns[-1] > self.config.timeout_ns

    def is_refused(self, now_ns: int) -> bool:
        return (
            self.is_refusal_newest
            and self.refused_ns is not None
            and now_ns - self.refused_ns <= self.config.timeout_ns
        )

    def is_alive(self, now_ns: int) -> bool:
        return (
            not self.is_silent(now_ns)
            and self.streak >= self.config.recovery_frames
            and not self.is_refused(now_ns)
        )

    def rate_hz(self, now_ns: int) -> float:
        if self.is_silent(now_ns) or len(self.arrivals_ns) < 2:
            return 0.0
        span_ns = self.arrivals_ns[-1] - self.arrivals_ns[0]
        return (len(self.arrivals_ns) - 1) * 1e9 / span_ns if span_ns > 0 else 0.0


class AvailabilityMonitor:
    """The availability of every modality: gone by silence, back after a streak.

    Arrival on the clock counts, never a message's stamp: sensors' clocks differ, and a clock that
    follows a recording stands still while that is paused, so that nothing dies meanwhile.

    Args:
        configs: One per modality; ``alive`` keeps their order.
        clock: Now, in nanoseconds. If it is found to have jumped back behind an arrival, the
            monitor resets itself.
    """

    def __init__(self, configs: Mapping[str, AvailabilityConfig], clock: Clock) -> None:
        self._tracks = {name: _Track(config) for name, config in configs.items()}
        self._clock = clock

    def reset(self) -> None:
        """Forget all arrivals and refusals; the counts and what cannot connect are kept."""
        for track in self._tracks.values():
            track.forget()

    def reconfigure(self, name: str, config: AvailabilityConfig) -> None:
        """Judge ``name`` by ``config`` from now on."""
        self._track(name).config = config

    def arrived(self, name: str) -> None:
        """Record that a usable message of ``name`` arrived just now."""
        track, now_ns = self._track(name), self._now()
        if not track.arrivals_ns:
            # What was never lost need not prove that it is back.
            track.streak = track.config.recovery_frames - 1
        elif track.is_silent(now_ns):
            track.streak = 0
            track.arrivals_ns.clear()  # the outage must not count in the rate
        track.streak += 1
        track.arrivals_ns.append(now_ns)
        track.received += 1
        track.is_refusal_newest = False

    def refused(self, name: str, reason: str) -> None:
        """Record that a message of ``name`` arrived that cannot be used; it is no arrival."""
        track = self._track(name)
        track.refused_ns = self._now()
        track.refusal = reason
        track.refused += 1
        track.is_refusal_newest = True

    def cannot_connect(self, name: str, reason: str | None) -> None:
        """Say why nothing can come from the source of ``name``; None if something can.

        Only explains a silence: as long as messages arrive, they are the better evidence.
        """
        self._track(name).cannot_connect = reason

    def alive(self) -> tuple[str, ...]:
        """Return the modalities that are alive, in the order of the configs."""
        now_ns = self._now()
        return tuple(name for name, track in self._tracks.items() if track.is_alive(now_ns))

    def status(self, name: str) -> ModalityStatus:
        """Return the state of ``name`` and the reason for it."""
        track, now_ns = self._track(name), self._now()
        state, reason = _judge(track, now_ns)
        return ModalityStatus(
            state=state,
            reason=reason,
            rate_hz=track.rate_hz(now_ns),
            age_ns=now_ns - track.arrivals_ns[-1] if track.arrivals_ns else None,
            received=track.received,
            refused=track.refused,
        )

    def _track(self, name: str) -> _Track:
        if name not in self._tracks:
            msg = f'Unknown modality {name!r}; watched are {list(self._tracks)}.'
            raise ConfigError(msg)
        return self._tracks[name]

    def _now(self) -> int:
        now_ns = self._clock()
        if any(time_ns > now_ns for track in self._tracks.values() for time_ns in track.newest()):
            self.reset()
        return now_ns


def _judge(track: _Track, now_ns: int) -> tuple[State, str]:
    if track.is_alive(now_ns):
        return State.ALIVE, ''
    if track.is_refused(now_ns):
        return State.REFUSED, track.refusal
    if not track.arrivals_ns:
        last = f'no usable message yet; the last was refused: {track.refusal}'
        waiting = last if track.refusal else 'no message yet'
        return State.NEVER_SEEN, track.cannot_connect or waiting
    if not track.is_silent(now_ns):
        wanted = track.config.recovery_frames
        return State.STALE, f'coming back: {track.streak} of {wanted} timely messages'
    age_s = (now_ns - track.arrivals_ns[-1]) / 1e9
    silence = f'silent for {age_s:.1f} s (timeout {track.config.timeout_ns / 1e9:g} s)'
    cause = f'; {track.cannot_connect}' if track.cannot_connect else ''
    return State.STALE, silence + cause
