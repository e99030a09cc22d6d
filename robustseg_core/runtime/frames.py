"""Frames as values: how they are made, what they hold, what was lost on the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from robustseg_core.errors import ConfigError

Item = TypeVar('Item')


@dataclass(frozen=True, kw_only=True)
class SyncConfig:
    """How measurements become frames.

    Attributes:
        order: The modalities; the first that is alive leads.
        tolerance_ns: For each, how far its stamp may lie from the leader's, >= 0.
        offset_ns: How much later each one's stamp is than the moment it stands for, e.g. half a
            rotation of a scanner that stamps its end; it is subtracted. Absent means 0.
        max_wait_ns: How long a leader waits for the others after its arrival, >= 0.
        loop_threshold_ns: A stamp further than this behind the modality's newest one means that a
            recording starts over, where the others' stamps go back too; > 0, and more than
            messages overtake each other.
        max_pause_ns: A modality whose newest stamp is further than this behind the output does not
            lead while another one lives: output pauses at most so long where leadership moves.
        max_skew_ns: A stamp further than this from what the other modalities' say is refused; see
            ``StampJudge``. At least ``loop_threshold_ns``.
        depth: Measurements kept per modality, >= 2.
    """

    order: tuple[str, ...]
    tolerance_ns: Mapping[str, int]
    max_wait_ns: int
    offset_ns: Mapping[str, int] = field(default_factory=dict)
    loop_threshold_ns: int = 1_000_000_000
    max_skew_ns: int = 2_000_000_000
    max_pause_ns: int = 500_000_000
    depth: int = 16

    def __post_init__(self) -> None:
        if missing := [name for name in self.order if name not in self.tolerance_ns]:
            msg = f'tolerance_ns has no entry for {missing}; found {dict(self.tolerance_ns)!r}.'
            raise ConfigError(msg)
        if self.max_wait_ns < 0 or any(value < 0 for value in self.tolerance_ns.values()):
            msg = (
                f'max_wait_ns and tolerance_ns must be >= 0, '
                f'got {self.max_wait_ns!r} and {dict(self.tolerance_ns)!r}.'
            )
            raise ConfigError(msg)
        if not 0 < self.loop_threshold_ns <= self.max_skew_ns:
            msg = (
                f'loop_threshold_ns must be > 0 and at most max_skew_ns, '
                f'got {self.loop_threshold_ns!r} and {self.max_skew_ns!r}.'
            )
            raise ConfigError(msg)
        if self.depth < 2:
            msg = f'depth must be >= 2, got {self.depth!r}.'
            raise ConfigError(msg)


@dataclass(frozen=True)
class Stamped(Generic[Item]):
    """A measurement and the moment it stands for (its stamp less the offset)."""

    stamp_ns: int
    item: Item


@dataclass(frozen=True)
class FrameSet(Generic[Item]):
    """The measurements of one frame.

    Attributes:
        stamp_ns: The moment the frame stands for: that of the leader's measurement.
        leader: The modality that leads.
        items: The leader first, then the others that have a measurement within tolerance.
    """

    stamp_ns: int
    leader: str
    items: Mapping[str, Stamped[Item]]


@dataclass(frozen=True)
class Drops:
    """Measurements that came to nothing, counted since the start.

    Attributes:
        late: Of a moment that the output has passed already.
        out_of_order: The same, after a newer one of its modality.
        duplicate: Stamps that had been seen.
        superseded: The leader's, thrown away for a newer frame.
    """

    late: int = 0
    out_of_order: int = 0
    duplicate: int = 0
    superseded: int = 0

    @property
    def total(self) -> int:
        return self.late + self.out_of_order + self.duplicate + self.superseded
