"""What values a modality's images had in training: what an input is compared with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from robustseg_core.errors import ConfigError
from robustseg_core.quoting import quoted
from robustseg_core.typed import is_number

Triple = tuple[float, float, float]


@dataclass(frozen=True, kw_only=True)
class Seen:
    """The values of a modality's images over frames of training, for each channel.

    Values are those of ``robustseg_core.sensors.values``: of depth they are metres, whatever its
    encoding; of everything else what the network's image holds. Empty pixels (0 in all channels)
    do not count, except in ``empty``.

    Attributes:
        frames: Number of frames looked at, > 0.
        low: 1st percentile.
        high: 99th percentile.
        minimum: Smallest value.
        maximum: Largest value.
        mean: Over all pixels.
        std: Over all pixels.
        empty: Share of empty pixels, in [0, 1].
        smallest_magnitude: The magnitude of a frame is the larger one, without its sign, of its
            1st and 99th percentile; this is the smallest that a frame had.
        largest_magnitude: The largest that a frame had.
        tint: 1st and 99th percentile, over the frames, of the difference of a frame's mean red
            and mean blue (its first and third channel).
    """

    frames: int
    low: Triple
    high: Triple
    minimum: Triple
    maximum: Triple
    mean: Triple
    std: Triple
    empty: float
    smallest_magnitude: Triple
    largest_magnitude: Triple
    tint: tuple[float, float]

    def __post_init__(self) -> None:
        if isinstance(self.frames, bool) or not isinstance(self.frames, int) or self.frames < 1:
            msg = f'seen.frames must be a whole number > 0, got {quoted(self.frames)}.'
            raise ConfigError(msg)
        for each in fields(self):
            if each.name not in ('frames', 'empty'):
                length = 2 if each.name == 'tint' else 3
                object.__setattr__(self, each.name, _numbers(each.name, self, length))
        if not is_number(self.empty) or not 0 <= self.empty <= 1:
            msg = f'seen.empty must be in [0, 1], got {quoted(self.empty)}.'
            raise ConfigError(msg)

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(self).items()
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Seen:
        """Build it from what ``to_dict`` returned.

        Raises:
            ConfigError: A key is missing or unknown, or a value is refused.
        """
        wanted = [each.name for each in fields(cls)]
        if not isinstance(values, Mapping) or sorted(map(str, values)) != sorted(wanted):
            msg = f'seen must have exactly {wanted}, got {quoted(values)}.'
            raise ConfigError(msg)
        return cls(**values)


def _numbers(name: str, seen: Seen, length: int) -> tuple[float, ...]:
    value = getattr(seen, name)
    if (
        not isinstance(value, list | tuple)
        or len(value) != length
        or not all(map(is_number, value))
    ):
        msg = f'seen.{name} must be {length} finite numbers, got {quoted(value)}.'
        raise ConfigError(msg)
    return tuple(float(number) for number in value)
