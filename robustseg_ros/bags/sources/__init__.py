"""What bags are made from, one file for each kind of source."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from robustseg_core.errors import DataError

if TYPE_CHECKING:
    from robustseg_ros.bags.channels import Record

# Recordings without a date get this one; a stamp of 0 means "not set" to ROS.
EPOCH_NS = 1_700_000_000 * 10**9


class Source(Protocol):
    """A sequence of moments, each of which is a few records.

    Attributes:
        summary: One line that says what this is.
        notes: Lines on what is missing or assumed.
    """

    summary: str
    notes: list[str]

    def __len__(self) -> int:
        """Return the number of moments."""
        ...

    def records(self, index: int) -> Iterator[Record]:
        """Yield the records of one moment in the order of time.

        Raises:
            RobustSegError: A file cannot be read.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class SourceOptions:
    """What a user may choose; each source takes what concerns it.

    Attributes:
        rate_hz: Moments a second; None for the source's own.
        limit: At most this many moments; None for all.
        seed: Of the synthetic streets.
        seconds: Length of the synthetic streets.
        size: Width and height of the synthetic streets in pixels.
        conditions: Weather and light: the stretches of the synthetic streets in this order, or
            those wanted of DELIVER; empty for all.
        split: Of DELIVER and MUSES.
        scene: Text that the scene's name must contain, of DELIVER and MUSES.
        fov_deg: Horizontal field of view of DELIVER's camera, which is not published.
    """

    rate_hz: float | None = None
    limit: int | None = None
    seed: int = 0
    seconds: float = 20.0
    size: int = 256
    conditions: tuple[str, ...] = ()
    split: str = 'val'
    scene: str = ''
    fov_deg: float = 91.0

    def __post_init__(self) -> None:
        for name in ('rate_hz', 'limit', 'seconds', 'size', 'fov_deg'):
            value = getattr(self, name)
            if value is not None and value <= 0:
                msg = f'{name} is {value!r}; wanted > 0.'
                raise DataError(msg)
