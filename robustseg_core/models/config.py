"""What a segmenter is, as data: everything needed to build it and to feed it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from robustseg_core.errors import ConfigError
from robustseg_core.labels import LabelSet
from robustseg_core.modalities import ModalitySet
from robustseg_core.quoting import shown
from robustseg_core.typed import is_name, is_number, is_whole

MOST_WIDTH = 1 << 14
MOST_SIDE = 1 << 13  # pixels: four times the largest camera's that anybody trains at


@dataclass(frozen=True, kw_only=True)
class SegmenterConfig:
    """The network, its classes and its sensors.

    Attributes:
        backbone: Name of the shared encoder: ``mit_nano``, ``mit_b0`` to ``mit_b5``, or a timm
            model with levels at strides 4 to 32.
        head_width: Channels inside the head, > 0; the paper's is 768, SegFormer's 256 or 768.
        labels: The classes of the logits.
        modalities: The sensors it may be given; their order is that of availability columns.
        resolution: (height, width) in pixels that it was trained for, each at least 32.
        missing: How a missing modality was trained: ``drop`` takes the mean over those present,
            ``zero`` encodes a black image and takes the mean over all.
        norm_statistics: Whether the head's batch norm evaluates all subsets of the modalities
            with ``shared`` statistics, as published, or each ``subset`` with its own.
        dropout: Chance that a channel of the head is dropped in training, in [0, 1).
        drop_path_rate: Chance that the encoder's last block is skipped in training, in [0, 1).
    """

    labels: LabelSet
    modalities: ModalitySet
    backbone: str = 'mit_b0'
    head_width: int = 256
    resolution: tuple[int, int] = (512, 512)
    missing: Literal['drop', 'zero'] = 'drop'
    norm_statistics: Literal['shared', 'subset'] = 'shared'
    dropout: float = 0.1
    drop_path_rate: float = 0.1

    def __post_init__(self) -> None:
        if not is_name(self.backbone):
            msg = f'backbone must be a name, got {shown(self.backbone)}.'
            raise ConfigError(msg)
        if not is_whole(self.head_width, 1, MOST_WIDTH):
            msg = f'head_width must be in 1..{MOST_WIDTH}, got {shown(self.head_width)}.'
            raise ConfigError(msg)
        sides = self.resolution
        if (
            not isinstance(sides, list | tuple)
            or len(sides) != 2
            or not all(is_whole(side, 32, MOST_SIDE) for side in sides)
        ):
            msg = (
                f'resolution must be (height, width), each in 32..{MOST_SIDE}, got {shown(sides)}.'
            )
            raise ConfigError(msg)
        object.__setattr__(self, 'resolution', tuple(sides))
        for name, choices in (
            ('missing', ('drop', 'zero')),
            ('norm_statistics', ('shared', 'subset')),
        ):
            if (value := getattr(self, name)) not in choices:
                msg = f'{name} must be {choices[0]!r} or {choices[1]!r}, got {shown(value)}.'
                raise ConfigError(msg)
        for name in ('dropout', 'drop_path_rate'):
            if not is_number(rate := getattr(self, name), 0, 1) or rate == 1:
                msg = f'{name} must be in [0, 1), got {shown(rate)}.'
                raise ConfigError(msg)

    def to_dict(self) -> dict[str, Any]:
        """Return the config as what JSON can hold."""
        return {
            **asdict(self),
            'labels': self.labels.to_dict(),
            'modalities': self.modalities.to_list(),
            'resolution': list(self.resolution),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> SegmenterConfig:
        """Build the config from what ``to_dict`` returned.

        Raises:
            ConfigError: A key is missing or unknown, or a value is refused.
        """
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(values) - known):
            msg = f'Segmenter config: unknown keys {shown(unknown)}; known are {sorted(known)}.'
            raise ConfigError(msg)
        try:
            return cls(
                **{
                    **values,
                    'labels': LabelSet.from_dict(values['labels']),
                    'modalities': ModalitySet.from_list(values['modalities']),
                }
            )
        except (AttributeError, KeyError, TypeError) as error:
            wrong = shown(error)
            msg = f'Segmenter config: a value is missing or of the wrong type: {wrong}.'
            raise ConfigError(msg) from error
